"""The scheduler hands over, sweeps, runs jobs once and seals; only one leads; a queue that is down costs a delay."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core import outbox, queue, schedule
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, scope_to, transaction
from marketplace.core.ids import new_id
from marketplace.core.models import IdempotencyKey, OutboxMessage, ScheduledRun
from marketplace.messaging.events import MessageQueued
from marketplace.web import tasks
from marketplace.web.scheduler import Scheduler, end_all, leading
from tests.browser import count
from tests.conftest import admin, clone_database
from tests.factories import make_council

tasks.import_tasks()


class Queue:
    """Stands in for the broker: keeps what is sent, or is down."""

    def __init__(self) -> None:
        self.sent: list[UUID] = []
        self.is_down = False


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue()

    def send(_: Any, delivery: outbox.Delivery) -> None:
        if made.is_down:
            raise ConnectionError("no queue")
        made.sent.append(delivery.message_id)

    monkeypatch.setattr(queue, "send", send)
    return made


@pytest.fixture
def scheduler(maker: SessionMaker, carried: Queue) -> Scheduler:
    return Scheduler(maker, None)  # type: ignore[arg-type]


async def _publish(db: AsyncSession) -> UUID:
    council = await make_council(db)
    message_id = outbox.publish(db, MessageQueued(council_id=council.id, message_id=new_id()))
    await db.flush()
    return message_id


async def test_waiting_messages_are_handed_to_the_queue_once(
    db: AsyncSession, scheduler: Scheduler, carried: Queue
) -> None:
    message_id = await _publish(db)
    assert await scheduler.relay() == 1
    assert await scheduler.relay() == 0
    assert carried.sent == [message_id]


async def test_what_a_dead_queue_did_not_take_is_handed_out_by_the_sweep(
    db: AsyncSession, scheduler: Scheduler, carried: Queue, clock: FixedClock
) -> None:
    message_id = await _publish(db)
    carried.is_down = True
    await scheduler.relay()
    assert carried.sent == []
    carried.is_down = False
    await scheduler.sweep()
    assert carried.sent == []
    clock.advance(outbox.RETRY_AFTER + timedelta(seconds=1))
    await scheduler.sweep()
    assert carried.sent == [message_id]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two jobs instead of the real ones: a good one and a failing one. Returns what ran."""
    ran: list[str] = []

    async def good() -> None:
        ran.append("good")

    async def bad() -> None:
        ran.append("bad")
        raise RuntimeError("no")

    hour = timedelta(hours=1)
    made = {"good": schedule.Job("good", hour, good), "bad": schedule.Job("bad", hour, bad)}
    monkeypatch.setattr(schedule, "JOBS", made)
    return ran


async def test_jobs_run_when_due_and_a_failing_one_stops_nobody(
    db: AsyncSession, scheduler: Scheduler, jobs: list[str], clock: FixedClock
) -> None:
    for expected in (["bad", "good"], []):
        jobs.clear()
        # One connection serves all transactions of a test, so the jobs go one after another here.
        for name in list(schedule.JOBS):
            if schedule.JOBS[name] in await schedule.due(db):
                await scheduler.run_job(schedule.JOBS[name])
        assert sorted(jobs) == expected
    rows = {row.name: row.outcome for row in await db.scalars(select(ScheduledRun))}
    assert rows == {"good": "ok", "bad": "failed: RuntimeError"}
    clock.advance(timedelta(hours=1))
    assert {job.name for job in await schedule.due(db)} == {"good", "bad"}


async def test_a_job_that_a_crash_cut_off_starts_again_at_once(
    db: AsyncSession, scheduler: Scheduler, jobs: list[str]
) -> None:
    await scheduler.run_job(schedule.JOBS["bad"])
    await schedule.note_start(db, schedule.JOBS["good"])
    await db.flush()
    assert await schedule.due(db) == []
    jobs.clear()
    await scheduler.resume_jobs()
    await asyncio.gather(*scheduler.running.values())
    assert jobs == ["good"]


async def test_a_running_job_is_not_started_a_second_time(scheduler: Scheduler) -> None:
    release = asyncio.Event()

    async def slow() -> None:
        await release.wait()

    job = schedule.Job("slow", timedelta(hours=1), slow)
    scheduler._start(job)
    task = scheduler.running["slow"]
    scheduler._start(job)
    assert scheduler.running == {"slow": task}
    release.set()
    await task


async def test_the_audit_log_of_every_council_is_sealed(db: AsyncSession, scheduler: Scheduler) -> None:
    councils = [await make_council(db), await make_council(db)]
    for council in councils:
        audit.record(db, None, "tests.do", council_id=council.id, subject_kind="lamp", subject_id=new_id())
    await db.flush()
    await scheduler.seal()
    await scope_to(db, "every")
    assert await count(db, "audit_seals") == 2
    audit.record(db, None, "tests.do", council_id=councils[0].id, subject_kind="lamp", subject_id=new_id())
    await db.flush()
    await scheduler.seal()
    await scope_to(db, "every")
    assert await count(db, "audit_seals") == 3


async def test_old_keys_and_handled_messages_are_forgotten_and_open_ones_kept(
    db: AsyncSession, scheduler: Scheduler, clock: FixedClock
) -> None:
    db.add(IdempotencyKey(actor="a", key="old", fingerprint="", created_at=clock.now()))
    handled, still_open = await _publish(db), await _publish(db)
    await scheduler.relay()
    for listener in outbox.LISTENERS.values():
        if listener.event == "MessageQueued":
            await outbox.first_time(db, listener.name, handled)
    clock.advance(tasks.MESSAGES_KEPT + timedelta(days=1))
    db.add(IdempotencyKey(actor="a", key="new", fingerprint="", created_at=clock.now()))
    await db.flush()
    await tasks.forget_idempotency_keys()
    await tasks.forget_outbox()
    await scope_to(db, "every")
    assert list(await db.scalars(select(IdempotencyKey.key))) == ["new"]
    assert list(await db.scalars(select(OutboxMessage.id))) == [still_open]


@pytest.fixture
async def own_database(worker_id: str) -> AsyncGenerator[str, None]:
    name = f"scheduler_{worker_id}"
    yield await clone_database(name)
    await admin(f"DROP DATABASE {name} WITH (FORCE)")


async def test_one_leads_hears_of_new_messages_and_the_next_takes_over(own_database: str) -> None:
    engine = make_engine(own_database, pool_size=1)
    wake = asyncio.Event()
    async with leading(own_database, wake) as first:
        assert first is not None
        async with leading(own_database, asyncio.Event()) as second:
            assert second is None
        async with transaction(make_session_maker(engine), "every") as db:
            await _publish(db)
        await asyncio.wait_for(wake.wait(), 5)
    # The server frees the lock when it notices the closed connection.
    for _ in range(100):
        async with leading(own_database, asyncio.Event()) as third:
            if third is not None:
                break
        await asyncio.sleep(0.02)
    assert third is not None
    await engine.dispose()


async def test_the_loops_work_until_they_are_cancelled(own_database: str, carried: Queue) -> None:
    engine = make_engine(own_database, pool_size=3)
    maker = make_session_maker(engine)
    scheduler = Scheduler(maker, None)  # type: ignore[arg-type]
    async with transaction(maker, "every") as db:
        message_id = await _publish(db)
    work = asyncio.create_task(scheduler.work())
    for _ in range(200):
        if carried.sent:
            break
        await asyncio.sleep(0.02)
    await end_all([work])
    assert carried.sent == [message_id]
    assert work.cancelled()
    await engine.dispose()
