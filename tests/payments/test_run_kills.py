"""A process that is killed while a run is released or its file written: nothing half-done, and it can be done again."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction
from marketplace.core.ids import new_id
from marketplace.ledger import Purpose
from marketplace.payments.checks_runs import CHECKS
from marketplace.payments.schemas import FileFormat
from marketplace.payments.service.run_files import sha256_of
from marketplace.payments.service.runs import PaymentRunService
from marketplace.web.cli.payments import write_private
from tests.browser import count
from tests.conftest import NOW, admin, clone_database
from tests.factories_payments import balance, make_money
from tests.payments.bacs_reader import read_bacs18

RELEASE = """
import asyncio, sys, time
from datetime import datetime
from uuid import UUID
import msgspec
from marketplace.accounts import Principal
from marketplace.core.clock import FixedClock
from marketplace.core import tables
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.payments.service import runs

def stop_here(content):
    print("rendered", len(content), flush=True)
    time.sleep(60)

runs.sha256_of = stop_here

async def main():
    url, who, run_id, now = sys.argv[1:]
    principal = msgspec.json.decode(who, type=Principal)
    maker = make_session_maker(make_engine(url, pool_size=1), FixedClock(datetime.fromisoformat(now)))
    async with transaction(maker, [principal.council_id]) as db:
        await runs.PaymentRunService(db).release(principal, UUID(run_id))

asyncio.run(main())
"""
WRITE = """
import os, sys, time
from pathlib import Path
from marketplace.web.cli import payments

def stop_here(*_):
    print("written", flush=True)
    time.sleep(60)

os.replace = stop_here
payments.write_private(Path(sys.argv[1]), b"SORT CODES AND ACCOUNTS" * 1000)
"""


async def killed(script: str, *words: str) -> str:
    """Run a script until it says something, then kill it as `kill -9` does; returns what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        said = await asyncio.wait_for(process.stdout.readline(), 60)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        _, errors = await process.communicate()
    assert said, errors.decode()
    return said.decode().strip()


@pytest.fixture
async def real(clock: FixedClock) -> AsyncGenerator[tuple[SessionMaker, str], None]:
    """Sessions that really commit, and the address of their database."""
    name = f"test_kills_{new_id().hex[-8:]}"
    url = await clone_database(name)
    engine = make_engine(url, pool_size=2)
    yield make_session_maker(engine, clock), url
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def test_a_release_that_is_killed_while_its_file_is_made_has_not_happened(
    real: tuple[SessionMaker, str],
) -> None:
    maker, url = real
    async with transaction(maker, "every") as db:
        money = await make_money(db)
        run = await money.run(db)
    who = msgspec.json.encode(money.checker.principal).decode()
    assert (await killed(RELEASE, url, who, str(run.id), NOW.isoformat())).startswith("rendered ")
    async with transaction(maker, "every") as db:
        assert await count(db, "payment_runs", "status = 'made' AND file_sha256 IS NULL AND released_at IS NULL") == 1
        assert await count(db, "payables", "status = 'in_run'") == await count(db, "invoices", "status = 'in_run'") == 1
        assert await balance(db, money.council.id, Purpose.BANK_CLEARING) == 0
        assert await count(db, "outbox_messages", "event = 'PaymentRunReleased'") == 0
        assert [fact.name for fact in [await check(db) for check in CHECKS] if not fact.ok] == []
    async with transaction(maker, [money.council.id]) as db:
        released = await PaymentRunService(db).release(money.checker.principal, run.id)
    async with transaction(maker, [money.council.id]) as db:
        content = await PaymentRunService(db).file_bytes(run.id, FileFormat.BACS)
    assert sha256_of(content) == released.file_sha256
    assert read_bacs18(content).contra.amount_pence == 7_500


async def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "PR-000001.txt"
    assert await killed(WRITE, str(path)) == "written"
    assert not path.exists()
    write_private(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["PR-000001.txt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
