"""What happens on a listing: how often it was looked at, asked about, saved and booked. Counts by day, never people."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today, week_start
from marketplace.core.database import clock_of
from marketplace.providers.repository.figures import FigureRepository

WEEKS_SHOWN = 12
_WEEK = timedelta(weeks=1)


class WeekFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one week."""

    monday: date
    views: int = 0
    saves: int = 0
    questions: int = 0
    bookings: int = 0


async def note(
    db: AsyncSession, listing_id: UUID, *, views: int = 0, questions: int = 0, bookings: int = 0, saves: int = 0
) -> None:
    """Add to a listing's counts of today. The listing must exist."""
    given = {"views": views, "questions": questions, "bookings": bookings, "saves": saves}
    counts = {name: number for name, number in given.items() if number}
    if counts:
        await FigureRepository(db).add(listing_id, today(clock_of(db)), counts)


async def figures_of(db: AsyncSession, listing_id: UUID, weeks: int = WEEKS_SHOWN) -> list[WeekFigures]:
    """Return the counts of the last weeks, oldest first; the week of today is the last, as far as it has come."""
    last = week_start(today(clock_of(db)))
    first = last - (weeks - 1) * _WEEK
    mondays = [first + step * _WEEK for step in range(weeks)]
    sums = {monday: {"views": 0, "saves": 0, "questions": 0, "bookings": 0} for monday in mondays}
    for row in await FigureRepository(db).days([listing_id], first, last + _WEEK):
        for name in sums[week_start(row.day)]:
            sums[week_start(row.day)][name] += getattr(row, name)
    return [WeekFigures(monday=monday, **sums[monday]) for monday in mondays]
