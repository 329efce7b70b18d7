"""`marketplace serve`: everything on one machine, in one command."""

import argparse
import asyncio
import hashlib
import hmac
import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from marketplace.core.settings import Settings, read_settings
from marketplace.web.cli.console import CommandFailed, say
from marketplace.web.cli.installation import Installation, ask, migrate, quiet_logs, service_environment
from marketplace.web.supervisor import (
    ENDS_WITH_PARENT,
    Child,
    Supervisor,
    claim_serving,
    ensure_services,
    http_ready,
)

SANDBOX_PORT = 8420
SANDBOX_HEALTH = "/sandbox/health"
WORKER_STOP_SECONDS = 32.0


def serve(options: argparse.Namespace) -> int:
    """Start what is needed, prepare the data, then run all parts until Ctrl-C or SIGTERM."""
    started = time.monotonic()
    settings = read_settings()
    if options.demo:
        settings = msgspec.structs.replace(settings, demo=True)
    quiet_logs()
    _refuse_what_cannot_work(settings)
    with claim_serving(settings.data_dir, settings.public_url):
        _refuse_taken_port(settings)
        with ensure_services(settings) as running:
            settings = msgspec.structs.replace(settings, database_url=running.database_url, redis_url=running.redis_url)
            _prepare(Installation(settings, is_embedded=True), with_postcodes=not options.no_postcodes)
            sandbox = None if settings.stripe_secret_key else _sandbox(settings)
            children = _children(settings, sandbox)

            def announce() -> None:
                print(_announcement(settings, sandbox, time.monotonic() - started), flush=True)

            return Supervisor(children, on_ready=announce, heartbeat=running.ensure).run()


def _refuse_what_cannot_work(settings: Settings) -> None:
    """Find wrong settings now: a child that ends at its start tells less clearly."""
    if settings.smtp_url or settings.notify_api_key:
        from marketplace.messaging.delivery import open_carrier

        open_carrier(settings)


def _refuse_taken_port(settings: Settings) -> None:
    from marketplace.web.serve_web import check_address

    problem = check_address(settings.host, settings.port)
    if problem is not None:
        raise CommandFailed(problem)


def _prepare(place: Installation, *, with_postcodes: bool) -> None:
    """Bring schema and data to where the parts can start. Each step is done once and repeated harmlessly.

    What a step needs is imported when there is something to do: a usual start is a second shorter so.
    """
    if migrate(place.database_url):
        say("The database is up to date.")
    if with_postcodes and not asyncio.run(ask(place.database_url, "SELECT EXISTS (SELECT FROM postcodes)")):
        from marketplace.web.cli.imports import load_postcodes_once

        place.run(load_postcodes_once)
    if place.settings.demo and not asyncio.run(
        ask(place.database_url, "SELECT EXISTS (SELECT FROM users WHERE is_demo)")
    ):
        from marketplace.web.cli.demo import load_with_index

        if place.run(lambda maker: load_with_index(maker, place.settings)).created:
            say("Loaded the demo councils.")


class Sandbox(msgspec.Struct, frozen=True):
    """Where and with which secrets the card sandbox runs."""

    host: str
    port: int
    public_url: str
    api_key: str
    webhook_secret: str


def _sandbox(settings: Settings) -> Sandbox:
    """Choose address and secrets. They follow from the installation's secret, so that a restart changes nothing."""

    def secret(purpose: str) -> str:
        return hmac.new(settings.secret_key.encode(), purpose.encode(), hashlib.sha256).hexdigest()[:32]

    # People's browsers go to the sandbox's page: it must be reachable from where the site is.
    host = settings.host
    wanted = os.environ.get("SANDBOX_PORT") or ""
    if wanted and not (wanted.isdecimal() and 1 <= int(wanted) <= 65535):
        raise CommandFailed("SANDBOX_PORT must be a whole number from 1 to 65535.")
    port = int(wanted) if wanted else _free_port(host, SANDBOX_PORT)
    name = urlsplit(settings.public_url).hostname or "localhost"
    return Sandbox(
        host=host,
        port=port,
        public_url=os.environ.get("SANDBOX_PUBLIC_URL") or f"http://{name}:{port}",
        api_key=f"sk_test_{secret('sandbox-api-key')}",
        webhook_secret=f"whsec_{secret('sandbox-webhook')}",
    )


def _free_port(host: str, preferred: int) -> int:
    """The usual port, or any free one: links to a payment page then die with a restart, which a sandbox may."""
    from marketplace.web.serve_web import check_address

    if check_address(host, preferred) is None:
        return preferred
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _children(settings: Settings, sandbox: Sandbox | None) -> list[Child]:
    """The parts in the order of their start; they stop in the reverse order, so the web server is last here."""
    environment = {**service_environment(settings), ENDS_WITH_PARENT: "1"}
    if settings.demo:
        environment["MARKETPLACE_DEMO"] = "1"
    children = []
    if sandbox is not None:
        loopback = _own_address(settings)
        children.append(
            Child(
                "sandbox",
                [sys.executable, "-m", "marketplace.payments.sandbox"],
                env={
                    ENDS_WITH_PARENT: "1",
                    "SANDBOX_HOST": sandbox.host,
                    "SANDBOX_PORT": str(sandbox.port),
                    "SANDBOX_PUBLIC_URL": sandbox.public_url,
                    "SANDBOX_API_KEY": sandbox.api_key,
                    "SANDBOX_WEBHOOK_URL": f"{loopback}/webhooks/stripe",
                    "SANDBOX_WEBHOOK_SECRET": sandbox.webhook_secret,
                    "SANDBOX_STATE_FILE": str(settings.data_dir / "sandbox.sqlite"),
                },
                ready=http_ready(sandbox.host, sandbox.port, SANDBOX_HEALTH),
                is_essential=False,
            )
        )
        environment |= {
            "STRIPE_SECRET_KEY": sandbox.api_key,
            "STRIPE_SECRET_KEY_FILE": "",
            "STRIPE_WEBHOOK_SECRET": sandbox.webhook_secret,
            "STRIPE_WEBHOOK_SECRET_FILE": "",
            "STRIPE_API_BASE": f"http://{_reachable(sandbox.host)}:{sandbox.port}",
            "STRIPE_API_BASE_FILE": "",
            "CARD_PAGES_URL": sandbox.public_url,
            "CARD_PAGES_URL_FILE": "",
        }
    part = [sys.executable, "-m", "marketplace.web.cli"]
    children.append(Child("scheduler", [*part, "scheduler"], env=environment))
    children.append(Child("worker", [*part, "worker"], env=environment, stop_seconds=WORKER_STOP_SECONDS))
    address = ["--host", settings.host, "--port", str(settings.port), "--workers", str(settings.web_workers)]
    children.append(
        Child(
            "web",
            [sys.executable, "-m", "marketplace.web.serve_web", *address],
            env=environment,
            ready=http_ready(settings.host, settings.port),
        )
    )
    return children


def _reachable(host: str) -> str:
    """An address of this machine under which something that listens on `host` is reached from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104 - replaced, not bound


def _own_address(settings: Settings) -> str:
    return f"http://{_reachable(settings.host)}:{settings.port}"


def _announcement(settings: Settings, sandbox: Sandbox | None, seconds: float) -> str:
    lines = [
        "",
        f"  The marketplace is ready ({seconds:.1f} s).",
        "",
        f"  Address      {settings.public_url}",
        f"  Sign in      {settings.public_url}/sign-in",
    ]
    if settings.demo:
        lines.append("  Demo         accounts and their password are shown on the sign-in page")
    if sandbox is not None:
        lines.append(f"  Card pages   {sandbox.public_url} (a sandbox: no money moves)")
    if not settings.smtp_url:
        lines.append(f"  Messages     files in {_short(settings.data_dir / 'outbox')}")
    lines += [f"  Data         {_short(settings.data_dir)}", "  Stop         Ctrl-C", ""]
    return "\n".join(lines)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
