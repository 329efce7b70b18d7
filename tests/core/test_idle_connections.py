"""Connections that died in the pool are replaced before a page asks through them."""

from collections.abc import AsyncGenerator
from unittest.mock import patch

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.core.database import make_engine
from tests.conftest import admin, url_of

END_OF = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid = {}"


@pytest.fixture
async def engine() -> AsyncGenerator[AsyncEngine, None]:
    made = make_engine(url_of("postgres"), app_role=False, pool_size=1)
    yield made
    await made.dispose()


async def _backend(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def test_a_connection_that_the_server_closed_is_replaced_unseen(engine: AsyncEngine) -> None:
    first = await _backend(engine)
    await admin(END_OF.format(first))
    assert await _backend(engine) != first


async def test_a_connection_that_lay_idle_is_asked_and_replaced_when_it_does_not_answer(engine: AsyncEngine) -> None:
    first = await _backend(engine)
    pings = []

    def refuse(connection: object) -> None:
        pings.append(connection)
        raise ConnectionError("lost without a word")

    module = "sqlalchemy.dialects.postgresql.asyncpg.AsyncAdapt_asyncpg_connection.ping"
    with patch("marketplace.core.idle_connections.IDLE_SECONDS", -1.0), patch(module, refuse):
        assert await _backend(engine) != first
    assert len(pings) == 1


async def test_a_connection_that_worked_a_moment_ago_is_taken_without_a_question(engine: AsyncEngine) -> None:
    first = await _backend(engine)
    asked: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    with patch("sqlalchemy.dialects.postgresql.asyncpg.AsyncAdapt_asyncpg_connection.ping", side_effect=AssertionError):
        assert await _backend(engine) == first
    assert asked == ["SELECT pg_backend_pid()"]
