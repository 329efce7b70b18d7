"""The installation that a command works on: settings, running services, a schema that fits, sessions."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from marketplace.core.settings import Settings, read_settings
from marketplace.web.cli.console import CommandFailed, say
from marketplace.web.services import ensure_services
from marketplace.web.urls import plain_url

T = TypeVar("T")

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations" / "versions"

MIGRATION_LOCK = 0x6D6967726174  # "migrat": one command brings the schema up to date, others wait.


class Installation:
    """Settings with the addresses of services that run."""

    def __init__(self, settings: Settings, *, is_embedded: bool) -> None:
        self.settings = settings
        self.is_embedded = is_embedded

    @property
    def database_url(self) -> str:
        """Address of the database, for its owner."""
        return self.settings.database_url or ""

    def run(self, work: Callable[..., Awaitable[T]]) -> T:
        """Run `work(maker)` with sessions of the role that row-level security binds."""
        from marketplace.core.database import make_engine, make_session_maker, use_session_maker

        async def whole() -> T:
            engine = make_engine(self.database_url, pool_size=2)
            maker = make_session_maker(engine)
            use_session_maker(maker)
            try:
                return await work(maker)
            finally:
                use_session_maker(None)
                await engine.dispose()

        return asyncio.run(whole())

    def export(self) -> None:
        """Tell processes started from here where the services are."""
        os.environ.update(service_environment(self.settings))


def service_environment(settings: Settings) -> dict[str, str]:
    """Variables that lead another process to the same services and the same data directory."""
    return {
        "MARKETPLACE_DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url or "",
        "DATABASE_URL_FILE": "",
        "REDIS_URL": settings.redis_url or "",
        "REDIS_URL_FILE": "",
    }


@contextmanager
def installation(*, with_schema: bool = True) -> Generator[Installation, None, None]:
    """Work with the services of the settings, or with embedded ones, started and stopped as needed.

    Args:
        with_schema: The command needs the tables. An embedded database gets what is missing; a server of one's own
            is changed by `marketplace migrate` and `marketplace serve` alone.

    Raises:
        CommandFailed: The schema is older or newer than this release.
    """
    settings = read_settings()
    quiet_logs()
    with ensure_services(settings) as running:
        resolved = msgspec.structs.replace(settings, database_url=running.database_url, redis_url=running.redis_url)
        place = Installation(resolved, is_embedded=not settings.database_url)
        if with_schema:
            _check_schema(place)
        yield place


def quiet_logs() -> None:
    """Send log lines of a command to standard error, and only those that matter: its output may be JSON."""
    from marketplace.core import log

    log.configure(level=logging.WARNING)


def newest_revision() -> str:
    """Number of the newest migration of this release. Reading file names spares a second of imports."""
    return max(path.name.partition("_")[0] for path in MIGRATIONS.glob("[0-9]*.py"))


async def ask(database_url: str, statement: str) -> Any:
    """Ask the database for one value as its owner, with the driver alone: importing more would take a second."""
    import asyncpg

    connection = await asyncpg.connect(plain_url(database_url), timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def revision_of(database_url: str) -> str | None:
    """Number of the migration a database is at; None when it has no tables of ours."""
    if await ask(database_url, "SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await ask(database_url, "SELECT version_num FROM alembic_version")
    return found


def migrate(database_url: str) -> bool:
    """Bring the schema up to date. Returns whether there was anything to do.

    Raises:
        CommandFailed: The database belongs to a newer release.
    """

    if asyncio.run(revision_of(database_url)) == newest_revision():
        return False

    async def whole() -> bool:
        import asyncpg

        from marketplace.core.migrate import upgrade

        connection = await asyncpg.connect(plain_url(database_url), timeout=5)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
            before = await revision_of(database_url)
            if before == newest_revision():
                return False
            if before is not None and before > newest_revision():
                raise CommandFailed(f"The database is at revision {before}, which this release does not know.")
            await asyncio.to_thread(upgrade, database_url)  # alembic runs an event loop of its own.
            return True
        finally:
            await connection.close()

    return asyncio.run(whole())


def _check_schema(place: Installation) -> None:
    found, newest = asyncio.run(revision_of(place.database_url)), newest_revision()
    if found == newest:
        return
    if place.is_embedded:
        say("Bringing the database up to date.")
        migrate(place.database_url)
    elif found is None or found < newest:
        raise CommandFailed("The database is not up to date. Run: marketplace migrate")
    else:
        raise CommandFailed(f"The database is at revision {found}, which this release does not know.")
