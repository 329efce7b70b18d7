"""The scheduler: hands outbox messages to the queue, runs recurring jobs, seals the audit log.

Any number may run; a lock in PostgreSQL lets one of them work while the others wait to take over. It holds nothing
that a crash could lose: what it was about to do still stands in the database.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import select, text

from marketplace.accounts import audit
from marketplace.core import log as logs
from marketplace.core import outbox, queue, schedule
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction, use_session_maker
from marketplace.core.models import ScheduledRun
from marketplace.core.queue import make_broker
from marketplace.core.settings import Settings, SettingsError
from marketplace.messaging import delivery
from marketplace.web.parts import open_parts
from marketplace.web.supervisor import ENDS_WITH_PARENT, exit_when_orphaned
from marketplace.web.tasks import import_tasks
from marketplace.web.urls import plain_url
from marketplace.web.worker import close_parts

log = structlog.get_logger(__name__)

LOCK = 0x6D61726B6574  # "market": the advisory lock of the one scheduler that works.
POLL_SECONDS = 1.0
"""Longest wait between two looks at the outbox; a notification ends it early."""
SWEEP_SECONDS = 5.0
JOBS_SECONDS = 5.0
SEAL_SECONDS = 5.0
SEAL_EVERYTHING_PASSES = 12
"""Each so many passes every council is sealed, not only those whose log grew."""
PROBE_SECONDS = 5.0
PAUSE_SECONDS = 2.0
"""Before trying again to lead, and after an error in a loop."""
SEND_SECONDS = 20.0
CHANNEL = "outbox"


class Scheduler:
    """The recurring work of an installation."""

    def __init__(self, maker: SessionMaker, broker: RedisBroker) -> None:
        self.maker = maker
        self.broker = broker
        self.wake = asyncio.Event()
        self.running: dict[str, asyncio.Task[None]] = {}
        self._sealed_up_to: dict[UUID, int] = {}
        self._seal_passes = 0

    async def work(self) -> None:
        """Run all loops until cancelled. Only the one that leads calls this."""
        self._sealed_up_to.clear()
        self._seal_passes = 0
        await self.resume_jobs()
        loops = [
            asyncio.create_task(self._repeat("relay", self._relay_and_wait, 0)),
            asyncio.create_task(self._repeat("sweep", self.sweep, SWEEP_SECONDS)),
            asyncio.create_task(self._repeat("jobs", self.start_due_jobs, JOBS_SECONDS)),
            asyncio.create_task(self._repeat("seal", self.seal, SEAL_SECONDS)),
        ]
        try:
            await asyncio.wait(loops)
        finally:
            await end_all([*loops, *self.running.values()])
            self.running.clear()

    async def relay(self) -> int:
        """Hand waiting messages to the queue. Returns how many deliveries there were."""
        async with transaction(self.maker) as db:
            deliveries = await outbox.relay(db)
        await self._send(deliveries)
        return len(deliveries)

    async def sweep(self) -> None:
        """Hand out again what stayed unhandled."""
        while True:
            async with transaction(self.maker) as db:
                deliveries = await outbox.sweep(db)
            if deliveries:
                log.warning("deliveries-sent-again", count=len(deliveries))
            await self._send(deliveries)
            if len(deliveries) < outbox.RELAY_BATCH:
                return

    async def resume_jobs(self) -> None:
        """Start again the jobs that a scheduler before this one did not finish."""
        async with transaction(self.maker) as db:
            cut_off = set(await db.scalars(select(ScheduledRun.name).where(ScheduledRun.finished_at.is_(None))))
        for name in sorted(cut_off & schedule.JOBS.keys()):
            self._start(schedule.JOBS[name])

    async def start_due_jobs(self) -> None:
        """Start the jobs whose time has come, each beside the others and never twice at once."""
        async with transaction(self.maker) as db:
            due = await schedule.due(db)
        for job in due:
            self._start(job)

    async def seal(self) -> None:
        """Seal the audit log of each council that has new entries."""
        async with transaction(self.maker, "every") as db:
            found = await db.execute(
                # One look at the end of an index for each council, however long the logs are.
                text("SELECT c.id, (SELECT max(number) FROM audit_entries WHERE council_id = c.id) FROM councils c")
            )
            newest: dict[UUID, int] = {council_id: number for council_id, number in found if number is not None}
        # An entry that was numbered early and committed late is behind the newest: a full pass finds it.
        everything = self._seal_passes % SEAL_EVERYTHING_PASSES == 0
        self._seal_passes += 1
        for council_id, number in newest.items():
            if everything or self._sealed_up_to.get(council_id) != number:
                while True:
                    async with transaction(self.maker, [council_id]) as db:
                        sealed = await audit.seal(db, council_id)
                    if sealed < audit.SEAL_BATCH:
                        break
                self._sealed_up_to[council_id] = number

    async def _relay_and_wait(self) -> None:
        self.wake.clear()
        if await self.relay() == 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self.wake.wait()

    async def _send(self, deliveries: Sequence[outbox.Delivery]) -> None:
        """Hand over after the commit. If the queue is down, the sweep hands out the rest later: nothing is lost."""
        if not deliveries:
            return

        def send_all() -> None:
            for item in deliveries:
                queue.send(self.broker, item)

        try:
            async with asyncio.timeout(SEND_SECONDS):
                await asyncio.to_thread(send_all)
        except Exception as error:
            # The client's family of errors is wide (its own, the system's, dramatiq's) and all mean the same here.
            log.warning("queue-unavailable", cause=type(error).__name__, count=len(deliveries))

    def _start(self, job: schedule.Job) -> None:
        if job.name not in self.running:
            task = asyncio.create_task(self.run_job(job))
            self.running[job.name] = task
            task.add_done_callback(lambda _: self.running.pop(job.name, None))

    async def run_job(self, job: schedule.Job) -> None:
        """Run a job and write down when it started and how it ended."""
        try:
            async with transaction(self.maker) as db:
                await schedule.note_start(db, job)
            outcome = "ok"
            try:
                await job.run()
            except Exception as error:
                log.exception("job-failed", job=job.name)
                outcome = f"failed: {type(error).__name__}"
            async with transaction(self.maker) as db:
                await schedule.note_end(db, job, outcome)
        except Exception:
            log.exception("job-not-noted", job=job.name)

    async def _repeat(self, name: str, step: Callable[[], Awaitable[None]], pause: float) -> None:
        """Do a step again and again; an error ends one round and not the loop."""
        while True:
            try:
                await step()
                await asyncio.sleep(pause)
            except Exception as error:
                log.warning("scheduler-step-failed", step=name, cause=type(error).__name__, exc_info=True)
                await asyncio.sleep(PAUSE_SECONDS)


async def end_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until all have ended. Once is not enough: a library may lose a cancellation that meets a result."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.5)


@contextlib.asynccontextmanager
async def leading(database_url: str, wake: asyncio.Event) -> AsyncGenerator[asyncpg.Connection | None, None]:
    """Try to become the scheduler that works: a connection that holds the lock, or None while another one has it.

    The connection also listens, so that a new outbox message sets `wake`. The lock ends with the connection.
    """
    connection = await asyncpg.connect(plain_url(database_url), timeout=3, command_timeout=10)
    try:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):

            def heard(*_: Any) -> None:
                wake.set()

            await connection.add_listener(CHANNEL, heard)
            yield connection
        else:
            yield None
    finally:
        # Without closing politely: the server may be the one that does not answer.
        connection.terminate()


async def _probe(connection: Any) -> None:
    """Return when the connection, and with it the lock, is lost."""
    try:
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            await connection.fetchval("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.warning("lead-lost", cause=type(error).__name__)


async def _lead(scheduler: Scheduler, database_url: str) -> None:
    """Lead whenever possible, until cancelled."""
    was_waiting = False
    while True:
        try:
            async with leading(database_url, scheduler.wake) as connection:
                if connection is not None:
                    log.info("scheduler-leads")
                    was_waiting = False
                    work = asyncio.create_task(scheduler.work())
                    probe = asyncio.create_task(_probe(connection))
                    try:
                        await asyncio.wait({work, probe}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        await end_all([work, probe])
                    for task in (work, probe):
                        if not task.cancelled() and (error := task.exception()) is not None:
                            raise error
                elif not was_waiting:
                    log.info("scheduler-waits", reason="another one leads")
                    was_waiting = True
        except Exception as error:
            log.warning("scheduler-has-no-database", cause=type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)


async def _main(settings: Settings, database_url: str, redis_url: str) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    engine = make_engine(database_url, pool_size=5)
    maker = make_session_maker(engine)
    use_session_maker(maker)
    parts = open_parts(settings)
    lead = asyncio.create_task(_lead(Scheduler(maker, make_broker(redis_url)), database_url))
    try:
        await stopping.wait()
    finally:
        await end_all([lead])
        await engine.dispose()
        await close_parts(parts)
        log.info("scheduler-stopped")


def run(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT.

    Raises:
        SettingsError: The settings name no database or queue, or something that cannot be used.
    """
    if not settings.database_url or not settings.redis_url:
        raise SettingsError("The scheduler needs DATABASE_URL and REDIS_URL")
    logs.configure()
    if os.environ.get(ENDS_WITH_PARENT) == "1":
        exit_when_orphaned()
    import_tasks()
    delivery.use_settings(settings)  # Jobs may write messages with links.
    asyncio.run(_main(settings, settings.database_url, settings.redis_url))
    return 0
