"""What the sandbox needs to know, and its refusal to run beside a live key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

DEFAULT_API_KEY = "sk_test_sandbox_no_money_moves"
LIVE_PREFIXES = ("sk_live", "rk_live")


class SandboxRefused(Exception):
    """The sandbox must not start with this configuration."""


class SandboxConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How one sandbox behaves."""

    public_base_url: str
    """Where a browser reaches the test payment page, without a closing slash."""
    api_key: str = DEFAULT_API_KEY
    """The only key that calls may carry; starts with sk_test_."""
    webhook_url: str | None = None
    """Where events are posted; without it they are only kept for `/v1/events`."""
    webhook_secret: str = ""
    """Signs the events; needed with `webhook_url`."""
    state_file: Path | None = None
    """SQLite file that survives a restart; without it everything is forgotten."""
    retry_seconds: tuple[float, ...] = (1, 5, 30, 120, 600, 3600, 3600, 3600)
    """Pauses before each further attempt to deliver an event."""
    webhook_timeout_seconds: float = 10
    fee_basis_points: int = 150
    """Hundredths of a per cent of each payment."""
    fee_fixed_pence: int = 20
    """Added to each payment's fee."""


def check_config(config: SandboxConfig) -> None:
    """Refuse a configuration that is unsafe or cannot work.

    Raises:
        SandboxRefused: A live key, a key that is no test key, an address
            that is no http address, or a webhook without its secret.
    """
    if config.api_key.startswith(LIVE_PREFIXES):
        raise SandboxRefused("The sandbox does not run with a live key.")
    if not config.api_key.startswith("sk_test_"):
        raise SandboxRefused("The sandbox's API key must start with sk_test_.")
    for address in (config.public_base_url, config.webhook_url):
        if address is not None and not is_web_address(address):
            raise SandboxRefused("The public address and the webhook address must start with http:// or https://.")
    if config.webhook_url is not None and not config.webhook_secret:
        raise SandboxRefused("Events cannot be signed without a webhook secret.")


def config_from_environment(environ: Mapping[str, str], *, host: str, port: int) -> SandboxConfig:
    """Read the `SANDBOX_*` variables.

    Args:
        environ: Usually `os.environ`. Every value is looked at: a live key
            under any name stops the sandbox, also one in the file that
            `STRIPE_SECRET_KEY_FILE` names.
        host: Used for the public address when `SANDBOX_PUBLIC_URL` is absent.
        port: As `host`.

    Raises:
        SandboxRefused: As `check_config`.
    """
    values = list(environ.values())
    key_file = environ.get("STRIPE_SECRET_KEY_FILE")
    if key_file and Path(key_file).is_file():
        values.append(Path(key_file).read_text(encoding="utf-8", errors="replace"))
    if any(value.strip().startswith(LIVE_PREFIXES) for value in values):
        raise SandboxRefused("The sandbox does not run where a live Stripe key is set.")
    state_file = environ.get("SANDBOX_STATE_FILE")
    config = SandboxConfig(
        public_base_url=(environ.get("SANDBOX_PUBLIC_URL") or f"http://{host}:{port}").rstrip("/"),
        api_key=environ.get("SANDBOX_API_KEY") or DEFAULT_API_KEY,
        webhook_url=environ.get("SANDBOX_WEBHOOK_URL") or None,
        webhook_secret=environ.get("SANDBOX_WEBHOOK_SECRET", ""),
        state_file=Path(state_file) if state_file else None,
    )
    check_config(config)
    return config


def is_web_address(text: str) -> bool:
    """Whether a text is an absolute http or https address with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
