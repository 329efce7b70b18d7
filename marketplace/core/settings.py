"""Settings: one frozen struct, read at start-up from the environment (`NAME` or `NAME_FILE`)."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an installation may set; without any of it the site runs on embedded services."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = "http://localhost:8000"
    web_workers: int = 1
    secret_key: str
    database_url: str | None = None
    redis_url: str | None = None
    meilisearch_url: str | None = None
    meilisearch_api_key: str | None = None
    stripe_secret_key: str | None = None
    stripe_webhook_secret: str | None = None
    stripe_api_base: str | None = None
    card_pages_url: str | None = None
    """Where the hosted card pages are when they are not Stripe's own: people's browsers are sent there."""
    notify_api_key: str | None = None
    smtp_url: str | None = None
    directory_file: str | None = None
    """A path, a folder or a pattern: the newest file that fits is read into the register by night."""
    directory_is_complete: bool = False
    """The file lists every registered location: what it lacks is closed."""
    clamd_url: str | None = None
    """A virus scanner that looks at every file people send: tcp://host:port or unix:///path."""
    demo: bool = False

    @property
    def is_https(self) -> bool:
        """Whether people reach the site over TLS, so that cookies may be marked Secure."""
        return self.public_url.startswith("https://")


class SettingsError(ValueError):
    """The environment holds something that cannot be used."""


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Each name may be given as `NAME` or, for secrets mounted as files, as `NAME_FILE`.

    Raises:
        SettingsError: A number that is none, both forms of one name, or a file that cannot be read.
    """
    env = os.environ if environ is None else environ

    def value(name: str) -> str | None:
        return _value(env, name)

    def number(name: str, default: int, largest: int) -> int:
        text = value(name)
        if text is None:
            return default
        if not text.isdecimal() or not 1 <= int(text) <= largest:
            raise SettingsError(f"{name} must be a whole number from 1 to {largest}")
        return int(text)

    data_dir = Path(value("MARKETPLACE_DATA_DIR") or "var").absolute()
    port = number("PORT", 8000, 65535)
    return Settings(
        data_dir=data_dir,
        host=value("HOST") or "127.0.0.1",
        port=port,
        public_url=(value("PUBLIC_URL") or f"http://localhost:{port}").rstrip("/"),
        web_workers=number("WEB_WORKERS", 1, 64),
        secret_key=value("SECRET_KEY") or _stored_secret(data_dir),
        database_url=_for_driver(value("DATABASE_URL")),
        redis_url=value("REDIS_URL"),
        meilisearch_url=value("MEILISEARCH_URL"),
        meilisearch_api_key=value("MEILISEARCH_API_KEY"),
        stripe_secret_key=value("STRIPE_SECRET_KEY"),
        stripe_webhook_secret=value("STRIPE_WEBHOOK_SECRET"),
        stripe_api_base=value("STRIPE_API_BASE"),
        card_pages_url=value("CARD_PAGES_URL"),
        notify_api_key=value("NOTIFY_API_KEY"),
        smtp_url=value("SMTP_URL"),
        directory_file=value("DIRECTORY_FILE"),
        directory_is_complete=(value("DIRECTORY_COMPLETE") or "") == "1",
        clamd_url=value("CLAMD_URL"),
        demo=(value("MARKETPLACE_DEMO") or "") == "1",
    )


def _for_driver(database_url: str | None) -> str | None:
    """Name our driver in an address as hosting services give it: `postgres://…` or `postgresql://…`.

    Raises:
        SettingsError: Another kind of database.
    """
    if database_url is None:
        return None
    scheme, _, rest = database_url.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise SettingsError("DATABASE_URL must start with postgresql://")
    return f"postgresql+asyncpg://{rest}"


def _value(env: Mapping[str, str], name: str) -> str | None:
    """Return what `NAME` or the file of `NAME_FILE` holds; None when neither is set."""
    direct, path = env.get(name) or None, env.get(f"{name}_FILE") or None
    if direct and path:
        raise SettingsError(f"Set {name} or {name}_FILE, not both")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip() or None
        except OSError as error:
            raise SettingsError(f"{name}_FILE cannot be read: {error.strerror}") from error
    return direct


def site_address(environ: Mapping[str, str] | None = None) -> str:
    """Return the address people reach the site at, without a slash at its end: for links in messages."""
    env = os.environ if environ is None else environ
    return (_value(env, "PUBLIC_URL") or f"http://localhost:{_value(env, 'PORT') or 8000}").rstrip("/")


def modulus_folder(environ: Mapping[str, str] | None = None) -> str | None:
    """Return the folder with the banks' tables for checking account numbers; None where there is none."""
    return _value(os.environ if environ is None else environ, "MODULUS_TABLES")


def _stored_secret(data_dir: Path) -> str:
    """Make a secret once per data directory, readable by the owner alone."""
    path = data_dir / "secret_key"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text(encoding="utf-8").strip()
