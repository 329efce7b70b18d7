"""Taking written visits away: free of charge, or kept with what the terms say is owed. Never silently."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.events import BookingCancelled
from marketplace.bookings.models import Booking, CalledOffBy, CallOffReason, Funding
from marketplace.bookings.service.top_ups import lower_top_up
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.core import outbox
from marketplace.core.database import clock_of

NOT_AGREED = frozenset({BookingStatus.AWAITING_PAYMENT, BookingStatus.REQUESTED})
"""Nothing is owed for a visit that nobody said yes to."""


class CalledOff(NamedTuple):
    """What calling visits off came to."""

    free: int
    charged: int
    owed_pence: int


def call_off(
    db: AsyncSession,
    visits: Sequence[tuple[Booking, int]],
    *,
    by: CalledOffBy,
    user_id: UUID | None,
    reason: CallOffReason,
    words: str,
    keep_key: bool = False,
    at: datetime | None = None,
) -> CalledOff:
    """Call visits off that have not begun; the caller has locked them.

    Args:
        db: The transaction.
        visits: Each with what is owed for it, in pence. One that is owed stays, so that the person still says yes or no
            to its payment; one that is free ends, and so does one that was not agreed yet.
        by: Which side.
        user_id: Who; None for the platform.
        reason: Code, for counting.
        words: What people read.
        at: When it counts; now when left out. A pause gives its own instant, by which its end finds what it kept.
        keep_key: Keep a free visit as the pattern's visit of that day, so that planning does not write it again.
    """
    now = at or clock_of(db).now()
    free = charged = owed = 0
    for visit, pence in visits:
        visit.called_off_at, visit.called_off_by, visit.call_off_reason = now, by, reason
        visit.reason = words
        if pence and visit.status not in NOT_AGREED:
            lower_top_up(db, visit, pence)
            charged, owed = charged + 1, owed + pence
            continue
        end(db, visit, user_id=user_id, keep_key=keep_key)
        free += 1
    return CalledOff(free, charged, owed)


def end(db: AsyncSession, visit: Booking, *, user_id: UUID | None, keep_key: bool) -> None:
    """Cancel a visit that nothing is owed for. A top-up that was paid by card is given back."""
    is_paid = visit.status is not BookingStatus.AWAITING_PAYMENT
    # A visit outside any agreement that is paid by card was paid beforehand; those of an agreement are paid afterwards.
    by_card = visit.cost_pence if visit.funding is Funding.CARD and visit.agreement_id is None else visit.top_up_pence
    paid_by_card = by_card if is_paid else 0
    BOOKING.move(db, visit, BookingStatus.CANCELLED, by=user_id)
    if not keep_key:
        visit.pattern_id = visit.pattern_on = None
    if paid_by_card:
        outbox.publish(
            db,
            BookingCancelled(
                council_id=visit.council_id,
                booking_id=visit.id,
                person_id=visit.person_id,
                organisation_id=visit.organisation_id,
                worker_id=visit.worker_id,
                refund_pence=paid_by_card,
            ),
        )
