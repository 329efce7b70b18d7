"""A database with the demo in it, loaded once for all tests of this folder."""

import asyncio
from collections.abc import AsyncGenerator, Generator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.core.clock import FixedClock
from marketplace.core.database import make_engine, make_session_maker
from marketplace.reporting.demo import DemoReport, load_demo
from tests.conftest import NOW, admin, clone_database


class Loaded:
    """The demo's database and what the load reported."""

    def __init__(self, url: str, report: DemoReport) -> None:
        self.url, self.report = url, report


@pytest.fixture(scope="package")
def demo(worker_id: str) -> Generator[Loaded, None, None]:
    """Load the demo into a database of its own."""
    name = f"test_demo_{worker_id}"

    async def load() -> Loaded:
        url = await clone_database(name)
        engine = make_engine(url, pool_size=1)
        try:
            return Loaded(url, await load_demo(make_session_maker(engine, FixedClock(NOW)), FixedClock(NOW)))
        finally:
            await engine.dispose()

    yield asyncio.run(load())
    asyncio.run(admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture
async def engine(demo: Loaded) -> AsyncGenerator[AsyncEngine, None]:
    """Connections to the demo's database, in place of the empty one of other tests."""
    made = make_engine(demo.url, pool_size=2)
    yield made
    await made.dispose()
