"""A worker takes a delivery from a real queue, handles it, and ends cleanly when it is asked to."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.core.queue import make_broker, send
from marketplace.core.settings import Settings
from marketplace.messaging import MessagingService
from marketplace.web import tasks, worker
from marketplace.web.embedded import EmbeddedValkey
from tests.conftest import NOW, admin, clone_database
from tests.factories import make_council, make_member
from tests.web.processes import ROOT, ended, eventually, fetch

pytestmark = pytest.mark.slow


@pytest.fixture
def database(worker_id: str) -> Generator[str, None, None]:
    name = f"worker_{worker_id}"
    yield asyncio.run(clone_database(name))
    asyncio.run(admin(f"DROP DATABASE {name} WITH (FORCE)"))


async def _queue_message(database: str) -> list[outbox.Delivery]:
    engine = make_engine(database, pool_size=1)
    try:
        async with transaction(make_session_maker(engine, FixedClock(NOW)), "every") as db:
            member = await make_member(db, Role.BROKER, await make_council(db))
            context = {"forgotten_link": "http://localhost/forgotten-password"}
            await MessagingService(db).tell(member.council.id, "password_changed", context, user_id=member.user.id)
        async with transaction(make_session_maker(engine, FixedClock(NOW))) as db:
            return await outbox.relay(db)
    finally:
        await engine.dispose()


def test_a_worker_handles_what_the_queue_brings_and_stops_when_asked(database: str, tmp_path: Path) -> None:
    tasks.import_tasks()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": database, "STRIPE_SECRET_KEY": ""}
    with EmbeddedValkey(tmp_path, durable=False) as valkey:
        environment |= {"REDIS_URL": valkey.url(), "MARKETPLACE_DATA_DIR": str(tmp_path)}
        process = subprocess.Popen([sys.executable, "-m", "marketplace.web.cli", "worker"], env=environment, text=True)
        with ended(process):
            [delivery] = asyncio.run(_queue_message(database))
            broker = make_broker(valkey.url())
            send(broker, delivery)
            handled = "SELECT count(*) FROM outbox_deliveries WHERE handled_at IS NOT NULL"
            assert eventually(lambda: process.poll() is not None or fetch(database, handled) == 1, 90)
            assert process.poll() is None
            assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1
            assert fetch(database, "SELECT status FROM messages") == "sent"
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        broker.close()


async def test_parts_are_closed_whether_or_not_closing_waits() -> None:
    closed: list[str] = []

    class Quick:
        def close(self) -> None:
            closed.append("quick")

    class Slow:
        async def close(self) -> None:
            closed.append("slow")

    await worker.close_parts({"quick": Quick(), "slow": Slow(), "nothing": None, "plain": object()})
    assert closed == ["quick", "slow"]


def test_a_worker_without_a_database_says_so(settings: Settings) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL and REDIS_URL"):
        worker.run(settings)
