"""What a provider asks for after a visit: by the times at the door and the agreement's pay basis, else the plan.

The length that counts is what a wall would show: on a night on which the clocks change, the planned visit lasts an hour
more or less than its promised length, and somebody who stays from the promised start to the promised end worked as
planned. So what the clock change added is taken off again before lengths are compared.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import setting
from marketplace.bookings.models import Booking, RecordKind, VisitRecord
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.service.agreements.prices import TermsView, claim_of, terms_on
from marketplace.core.clock import today
from marketplace.core.database import clock_of


class Times(NamedTuple):
    """When somebody was there; a part is None while nobody said so."""

    starts_at: datetime | None
    ends_at: datetime | None


class Claim(NamedTuple):
    """What a provider asks for."""

    minutes: int
    pence: int


def times_of(records: Sequence[VisitRecord]) -> Times:
    """Return from when to when anybody was at a visit, from what was pressed in whatever order it arrived.

    The first start counts, and the last finish after it: pressing again does no harm.
    """
    starts = [record.happened_at for record in records if record.kind is RecordKind.START]
    first = min(starts, default=None)
    ends = [
        record.happened_at
        for record in records
        if record.kind is RecordKind.FINISH and first is not None and record.happened_at > first
    ]
    return Times(first, max(ends, default=None))


def wall_minutes(booking: Booking, starts_at: datetime, ends_at: datetime) -> int:
    """Return how long a visit lasted, in whole minutes, half a minute rounded up; clock changes in the plan taken off.

    Never less than nothing.
    """
    added = (booking.ends_at - booking.starts_at) - timedelta(minutes=booking.minutes)
    return max(0, int(((ends_at - starts_at - added).total_seconds() + 30) // 60))


def claim_for(booking: Booking, view: TermsView | None, actual: Times) -> Claim:
    """Return what is asked for a visit.

    Without an agreement, or where nobody recorded both times, that is the plan. Nothing is asked beyond the price of a
    visit that was called off. By actual minutes it may be more than the plan; then the person decides.
    """
    if actual.starts_at is None or actual.ends_at is None or booking.called_off_at is not None:
        return Claim(booking.minutes, booking.cost_pence)
    minutes = wall_minutes(booking, actual.starts_at, actual.ends_at)
    if view is None:
        return Claim(minutes, booking.cost_pence)
    pence = claim_of(
        view, booking.visit_on, booking.minutes, minutes, booking.workers_needed, is_sleep_in=booking.is_sleep_in
    )
    return Claim(minutes, pence)


def part_for(booking: Booking, minutes: int) -> int:
    """Return what a visit of so many minutes would come to in proportion, in pence, half a penny rounded up.

    A suggestion to the person for a visit that was shorter than planned, never more than its price.
    """
    share = (booking.cost_pence * minutes * 2 + booking.minutes) // (booking.minutes * 2)
    return max(0, min(booking.cost_pence, share))


async def terms_of(db: AsyncSession, booking: Booking) -> TermsView | None:
    """Return the agreed terms that count on a visit's day; None without an agreement."""
    terms, rates = await DayRepository(db).terms(booking)
    return terms_on([TermsView.of(row, rates) for row in terms], booking.visit_on)


async def write_claim(db: AsyncSession, booking: Booking) -> None:
    """Write what is asked for a visit that becomes claimed, and when its person is asked again.

    Its times at the door stand on it already. The person's rule for silence is read when that day comes.
    """
    claim = claim_for(booking, await terms_of(db, booking), Times(booking.actual_starts_at, booking.actual_ends_at))
    booking.claimed_minutes, booking.claimed_pence = claim
    clock = clock_of(db)
    rule = await DayRepository(db).rule(booking.council_id, booking.person_id)
    days = (
        rule.remind_days if rule else int(await setting(db, booking.council_id, "bookings.remind_days", today(clock)))
    )
    booking.reminders, booking.ask_again_at = 0, clock.now() + timedelta(days=days)


def asked_pence(booking: Booking) -> int:
    """Return what approving a visit in full means, in pence."""
    return booking.cost_pence if booking.claimed_pence is None else booking.claimed_pence
