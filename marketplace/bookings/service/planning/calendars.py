"""Calendars of visits: of a person, of a provider, of a worker; a week or a month, drawn and as a table."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.models import Booking
from marketplace.bookings.repository_visits import VisitReader, VisitRow
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import instant, local, week_start
from marketplace.core.errors import NotFound
from marketplace.core.formats import uk_time

MOST = 1_500
"""Visits of a calendar page at most; a provider with more looks at one worker or one week."""
HOUR_PIXELS = 30
SHORTEST_BLOCK = 16


class Block(NamedTuple):
    """A visit, or its part on one day, as a box of the drawing."""

    column: int
    """0 is Monday."""
    lane: int
    lanes: int
    top: int
    height: int
    words: str


class Day(NamedTuple):
    """A day of a calendar with its visits."""

    day: date
    visits: list[VisitRow]


class CalendarPage(msgspec.Struct, frozen=True, kw_only=True):
    """A week or a month."""

    view: str
    """ "week" or "month"."""
    first: date
    until: date
    before: date
    after: date
    days: list[Day]
    blocks: list[Block]
    hours: list[tuple[int, str]]
    """Lines of the drawing: (pixels from the top, "9am")."""
    height: int
    visits: int
    minutes: int
    is_cut: bool
    """Whether there are more visits than the page shows."""

    @property
    def weeks(self) -> list[list[Day]]:
        """The days by week."""
        return [self.days[step : step + 7] for step in range(0, len(self.days), 7)]


def period(view: str, day: date) -> tuple[date, date]:
    """Return the days [first, until) of a page: a week, or the whole weeks that hold a month."""
    if view != "month":
        return week_start(day), week_start(day) + timedelta(days=7)
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return week_start(first), week_start(following - timedelta(days=1)) + timedelta(days=7)


class Calendars:
    """Reads calendars."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.visits = VisitReader(db)

    async def page(self, principal: Principal, view: str, day: date, *, worker_id: UUID | None = None) -> CalendarPage:
        """Return the week or month of a day, for who asks: their own, their organisation's, or one worker's of it.

        Raises:
            NotFound: Who asks has no visits of any kind.
        """
        first, until = period(view, day)
        question = self.of(principal, instant(first, time(0)), instant(until, time(0)), worker_id=worker_id)
        rows = await self.visits.rows(question, MOST + 1)
        return draw(view, day, first, until, rows[:MOST], is_cut=len(rows) > MOST)

    def of(
        self, principal: Principal, from_at: datetime, until_at: datetime, *, worker_id: UUID | None = None
    ) -> Select[Booking]:
        """Start the question for who asks."""
        question = self.visits.of_calendar(from_at, until_at)
        if principal.person_id is not None:
            principal.require(Permission.BOOKINGS_OWN)
            return question.where(Booking.council_id == principal.council_id, Booking.person_id == principal.person_id)
        organisation_id = principal.need_organisation()
        question = question.where(
            Booking.council_id.in_(principal.councils),
            Booking.organisation_id == organisation_id,
            Booking.status != BookingStatus.AWAITING_PAYMENT,
        )
        if principal.worker_id is not None:
            principal.require(Permission.VISITS_DELIVER)
            return self.visits.of_worker(question, principal.worker_id)
        if not principal.may(Permission.BOOKINGS_ANSWER):
            raise NotFound
        return question if worker_id is None else self.visits.of_worker(question, worker_id)


def draw(view: str, day: date, first: date, until: date, rows: Sequence[VisitRow], *, is_cut: bool) -> CalendarPage:
    """Lay visits out by day, and for a week as boxes."""
    days = [Day(first + timedelta(days=step), []) for step in range((until - first).days)]
    for row in rows:
        days[(local(row.booking.starts_at).date() - first).days].visits.append(row)
    month = day.replace(day=1)
    before = month - timedelta(days=1) if view == "month" else first - timedelta(days=7)
    after = (month + timedelta(days=32)).replace(day=1) if view == "month" else until
    parts = _parts(rows, first, until) if view == "week" else []
    from_hour = min((part[1] // 60 for part in parts), default=8)
    to_hour = max((-(-part[2] // 60) for part in parts), default=18)
    return CalendarPage(
        view=view,
        first=first,
        until=until,
        before=before,
        after=after,
        days=days,
        blocks=_blocks(parts, from_hour),
        hours=[
            ((hour - from_hour) * HOUR_PIXELS, uk_time(time(hour % 24)))
            for hour in range(from_hour, to_hour + 1, 2 if to_hour - from_hour > 12 else 1)
        ],
        height=(to_hour - from_hour) * HOUR_PIXELS,
        visits=len(rows),
        minutes=sum(row.booking.minutes for row in rows),
        is_cut=is_cut,
    )


def _parts(rows: Sequence[VisitRow], first: date, until: date) -> list[tuple[int, int, int, str]]:
    """Cut visits at midnight: (column, from minute, to minute, words), by column and start."""
    found = []
    for row in rows:
        start, end = local(row.booking.starts_at), local(row.booking.ends_at)
        words = uk_time(row.booking.starts_at)
        column = (start.date() - first).days
        from_minute = start.hour * 60 + start.minute
        if end.date() == start.date():
            found.append((column, from_minute, max(end.hour * 60 + end.minute, from_minute + 15), words))
            continue
        found.append((column, from_minute, 24 * 60, words))
        last = end.hour * 60 + end.minute
        if last and end.date() < until:
            found.append((column + 1, 0, last, ""))
    return sorted(found)


def _blocks(parts: Sequence[tuple[int, int, int, str]], from_hour: int) -> list[Block]:
    """Put boxes that overlap beside each other."""
    found: list[Block] = []
    for column in range(7):
        group: list[tuple[int, int, int, str, int]] = []
        ends: list[int] = []
        for _, start, end, words in (part for part in parts if part[0] == column):
            if group and start >= max(ends):
                found += _finished(group, len(ends), from_hour)
                group, ends = [], []
            lane = next((index for index, one in enumerate(ends) if one <= start), len(ends))
            ends[lane : lane + 1] = [end]
            group.append((column, start, end, words, lane))
        found += _finished(group, len(ends), from_hour)
    return found


def _finished(group: Sequence[tuple[int, int, int, str, int]], lanes: int, from_hour: int) -> list[Block]:
    return [
        Block(
            column,
            lane,
            lanes,
            (start - from_hour * 60) * HOUR_PIXELS // 60,
            max((end - start) * HOUR_PIXELS // 60, SHORTEST_BLOCK),
            words if lanes <= 2 else "",
        )
        for column, start, end, words, lane in group
    ]
