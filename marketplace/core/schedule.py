"""Work that recurs: jobs register here and the scheduler runs those that are due."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.core.models import ScheduledRun


class Job(NamedTuple):
    """A recurring piece of work."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[None]]


JOBS: dict[str, Job] = {}


class Attempts:
    """Work of a job in pieces of their own: one that fails leaves the others, and the job still counts as failed.

    `with attempts.one():` around each piece and its transaction, and `attempts.done()` at the end.
    """

    def __init__(self) -> None:
        self._failed: list[Exception] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """Keep what goes wrong inside for later."""
        try:
            yield
        except Exception as error:
            self._failed.append(error)

    def done(self) -> None:
        """Raise what went wrong, if anything did.

        Raises:
            ExceptionGroup: Every failure.
        """
        if self._failed:
            raise ExceptionGroup(f"{len(self._failed)} pieces of a job failed", self._failed)


def every(interval: timedelta, name: str) -> Callable[[Callable[[], Awaitable[None]]], Callable[[], Awaitable[None]]]:
    """Register a job. It opens its own transactions and may run again after a crash, so it is repeatable."""

    def register(function: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        JOBS[name] = Job(name, interval, function)
        return function

    return register


async def due(db: AsyncSession) -> list[Job]:
    """Return the jobs whose interval has passed since they last started."""
    now = clock_of(db).now()
    last = {row.name: row.started_at for row in (await db.execute(select(ScheduledRun.name, ScheduledRun.started_at)))}
    return [job for job in JOBS.values() if job.name not in last or last[job.name] <= now - job.every]


async def note_start(db: AsyncSession, job: Job) -> None:
    """Write down that a job starts."""
    now = clock_of(db).now()
    await db.execute(
        insert(ScheduledRun)
        .values(name=job.name, started_at=now)
        .on_conflict_do_update(index_elements=["name"], set_={"started_at": now, "finished_at": None, "outcome": None})
    )


async def note_end(db: AsyncSession, job: Job, outcome: str) -> None:
    """Write down how a job ended."""
    now = clock_of(db).now()
    await db.execute(
        insert(ScheduledRun)
        .values(name=job.name, started_at=now, finished_at=now, outcome=outcome)
        .on_conflict_do_update(index_elements=["name"], set_={"finished_at": now, "outcome": outcome})
    )
