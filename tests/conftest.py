"""Fixtures of all tests: a real PostgreSQL, one clone of a template a worker, one rolled-back transaction a test."""

import asyncio
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker

from marketplace.accounts.service import use_hasher
from marketplace.core import tables  # noqa: F401 - every table is known to every test
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, scope_to, use_session_maker
from marketplace.core.migrate import upgrade
from marketplace.core.settings import Settings
from marketplace.messaging import delivery
from tests.compiled_templates import FOLDER as TEMPLATES

TESTS = Path(__file__).parent
SOCKETS = "MARKETPLACE_TEST_SOCKETS"
TEMPLATE = "test_template"
NOW = datetime(2027, 3, 3, 10, 0, tzinfo=UTC)
"""Wednesday 3 March 2027, ten in the morning: where the tests' clock stands."""

FIRST = (
    "journeys/test_reviews_and_starts.py",
    "journeys/test_contact_to_review.py",
    "journeys/test_payments_with_others.py",
    "journeys/test_bookings.py",
    "journeys/test_own_plan.py",
    "journeys/test_points_and_budgets.py",
    "journeys/test_moving.py",
    "journeys/test_providers.py",
    "web/test_permissions.py",
    "journeys/test_market.py",
    "journeys/test_accreditation.py",
    "journeys/test_money_own.py",
    "journeys/test_money_people.py",
    "journeys/test_paying.py",
    "journeys/test_paying_suppliers.py",
    "journeys/test_paying_exceptions.py",
    "journeys/test_bank_details.py",
    "journeys/test_stories.py",
    "journeys/test_council_settings.py",
    "journeys/test_matching.py",
    "journeys/test_standing.py",
    "journeys/test_care_requirements.py",
    "web/test_cli.py",
    "web/test_cli_exchange.py",
    "bookings/test_visit_pages.py",
    "web/test_pages_gallery.py",
    "core/test_places.py",
    "web/test_embedded_postgres.py",
)
"""The files that take longest. Of the journeys on one shared site, the one that moves its clock comes last."""

# The same examples on every machine and every run; a busy machine is no failure.
hypothesis_settings.register_profile(
    "suite", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("suite")

# Password hashing is slow by design; tests hash often and keep no secrets.
use_hasher(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

_server: Any = None
_server_dir: Path | None = None


def url_of(database: str, sockets: str | None = None) -> str:
    """Address of a database of the tests' server."""
    return f"postgresql+asyncpg://postgres@/{database}?{urlencode({'host': sockets or os.environ[SOCKETS]})}"


def pytest_configure(config: pytest.Config) -> None:
    """Start one server for all workers, with a migrated template."""
    global _server, _server_dir
    if hasattr(config, "workerinput") or os.environ.get(SOCKETS):
        return
    from marketplace.web.embedded import EmbeddedPostgres

    _server_dir = Path(tempfile.mkdtemp(prefix="mkt-tests-"))
    _server = EmbeddedPostgres(_server_dir, durable=False, database=TEMPLATE)
    _server.start()
    os.environ[SOCKETS] = str(_server.socket_dir)
    (_server_dir / "templates").mkdir()
    os.environ[TEMPLATES] = str(_server_dir / "templates")
    upgrade(url_of(TEMPLATE))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that no worker is left with one of them at the end."""
    ranks = {TESTS / name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(FIRST)))


def pytest_collection_finish() -> None:
    """Keep what was imported out of the collector's rounds: half a million objects that stay until the end anyway.

    By itself it would go round after every 700 new ones, many times a page.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and remove its data."""
    if _server is not None and not hasattr(config, "workerinput"):
        _server.stop()
        os.environ.pop(SOCKETS, None)
        os.environ.pop(TEMPLATES, None)
        if _server_dir is not None:
            shutil.rmtree(_server_dir, ignore_errors=True)


async def admin(statement: str, database: str = "postgres") -> None:
    """Run a statement outside any transaction."""
    engine = make_engine(url_of(database), app_role=False, pool_size=1)
    try:
        async with engine.connect() as connection:
            await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text(statement))
    finally:
        await engine.dispose()


async def clone_database(name: str, template: str = TEMPLATE) -> str:
    """Copy a template, the migrated one if no other is named; returns the address of the copy."""
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
    return url_of(name)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Tests run on asyncio with the loop of the server."""
    return "asyncio", {"use_uvloop": sys.platform != "win32"}


@pytest.fixture(scope="session")
def database_url(worker_id: str) -> Generator[str, None, None]:
    """A clone of the template for this worker."""
    name = f"test_{worker_id}"
    yield asyncio.run(clone_database(name))
    asyncio.run(admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Name of the xdist worker, or "main"."""
    return getattr(request.config, "workerinput", {}).get("workerid", "main")


@pytest.fixture(scope="session")
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine, None]:
    """Connections that work as the role row-level security binds."""
    made = make_engine(database_url, pool_size=2)
    yield made
    await made.dispose()


@pytest.fixture
def clock() -> FixedClock:
    """A clock at ten o'clock on Wednesday 3 March 2027."""
    return FixedClock(NOW)


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection, None]:
    """A connection in a transaction that is rolled back at the end."""
    async with engine.connect() as made:
        outer = await made.begin()

        def defer_again(connection: Any, _: str) -> None:
            # A request ends by checking what was deferred; the next one starts afresh, as after a real commit. Past the
            # engine's events, so that it does not count as a query of a page.
            cursor = connection.connection.cursor()
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.close()

        event.listen(made.sync_connection, "savepoint", defer_again)
        yield made
        if outer.is_active:
            await outer.rollback()


class Mailbox:
    """Takes every message; looks at nothing and sends nothing."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def send(self, envelope: Any) -> None:
        """Keep a message."""
        self.envelopes.append(envelope)


@pytest.fixture
def mailbox(settings: Settings) -> Generator[Mailbox, None, None]:
    """What was sent."""
    made = Mailbox()
    delivery.use_settings(settings, made)
    yield made
    delivery.use_settings(None)


@pytest.fixture
async def maker(connection: AsyncConnection, clock: FixedClock, mailbox: Mailbox) -> AsyncGenerator[SessionMaker, None]:
    """Sessions on the test's connection: what a request rolls back goes to its savepoint, nothing more."""
    made = async_sessionmaker(
        bind=connection,
        expire_on_commit=False,
        join_transaction_mode="create_savepoint",
        info={"clock": clock},
    )
    use_session_maker(made)
    yield made
    use_session_maker(None)


@pytest.fixture
async def db(maker: SessionMaker) -> AsyncGenerator[AsyncSession, None]:
    """A session that reaches every council, for factories and for looking at what happened."""
    async with maker() as session:
        await scope_to(session, "every")
        yield session


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a test installation."""
    return Settings(
        data_dir=tmp_path,
        secret_key="a test secret that is long enough to sign with",
        public_url="http://testserver",
        stripe_secret_key="sk_test_marketplace",
        stripe_webhook_secret="whsec_test",
    )


@pytest.fixture
async def browser(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock, settings: Settings
) -> AsyncGenerator[Any, None]:
    """A person's browser without JavaScript, on the application in this process."""
    from tests.browser import Browser, application

    app, litestar = application(settings, maker, clock)
    async with Browser(app, litestar, db, settings) as made:
        yield made
