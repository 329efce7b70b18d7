"""How long a worker is held after a visit, to get to the next person.

Nothing between two visits to one person, else the council's setting. The exclusion constraint on who is held counts
that time, so a visit that leaves no time to travel is refused like one that overlaps.
"""

from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import setting
from marketplace.bookings.models import Booking
from marketplace.bookings.repository_day import DayRepository
from marketplace.core.errors import broken_constraint

WORKER_TAKEN = "ex_visit_workers_time"


async def give_way(db: AsyncSession, booking: Booking, worker_ids: list[UUID]) -> None:
    """Take the travel time off the visits just before to the same person, so that this one may follow at once."""
    for worker_id in worker_ids:
        before, _ = await DayRepository(db).neighbours(worker_id, booking)
        if before is not None and before.person_id == booking.person_id and before.travel_minutes:
            before.travel_minutes = 0
    await db.flush()


async def keep_travel(db: AsyncSession, booking: Booking, worker_ids: list[UUID]) -> None:
    """Write the travel time after a visit and after those just before it, by who comes next.

    Flushes: where the time is not there, the database refuses.
    """
    usual = int(await setting(db, booking.council_id, "bookings.travel_minutes", booking.visit_on))
    own = 0
    for worker_id in worker_ids:
        before, after = await DayRepository(db).neighbours(worker_id, booking)
        own = max(own, 0 if after is not None and after.person_id == booking.person_id else usual)
        if before is not None:
            before.travel_minutes = 0 if before.person_id == booking.person_id else usual
    booking.travel_minutes = own
    await db.flush()


async def try_travel(db: AsyncSession, booking: Booking, worker_ids: list[UUID]) -> None:
    """Do the same for a visit that was agreed before; where the time is not there, nothing changes."""
    try:
        async with db.begin_nested():
            await keep_travel(db, booking, worker_ids)
    except IntegrityError as error:
        if broken_constraint(error) != WORKER_TAKEN:
            raise
