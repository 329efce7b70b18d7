"""Rules of a booking beyond the role: when it may be asked for, cancelled, confirmed, and what that costs."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.states import TO_COME, BookingStatus
from marketplace.core.money import Pence, visit_cost
from marketplace.providers.models import CATEGORY_SERVICE, Listing, ListingCategory, PriceUnit, ServiceLine

LEAST_NOTICE = timedelta(hours=2)
FURTHEST_AHEAD = timedelta(weeks=26)
LEAST_CARD_PENCE = 30
"""Stripe takes no smaller payment in pounds."""

FEEDBACK_WITHIN = timedelta(days=180)
"""How long after a visit somebody may say how it was; later nobody remembers well."""

SHOWS_ADDRESS = frozenset(
    {
        BookingStatus.PLANNED,
        BookingStatus.ACCEPTED,
        BookingStatus.IN_PROGRESS,
        BookingStatus.CLAIMED,
        BookingStatus.DISPUTED,
    }
)
"""States in which the provider needs to know where to go and whom to call."""


def price(listing: Listing, rate_pence: int, minutes: int) -> Pence:
    """Return what a visit costs: by the hour, or fixed for the visit or session.

    `rate_pence` is the listing's price on the day the visit starts (`providers.service.rates.price_on`).
    """
    if listing.price_unit is PriceUnit.HOUR:
        return visit_cost(Pence(rate_pence), minutes)
    return Pence(0 if listing.price_unit is PriceUnit.FREE else rate_pence)


def service_of(category: ListingCategory) -> ServiceLine:
    """Return the accreditation that council money needs for a category."""
    return CATEGORY_SERVICE.get(category) or ServiceLine.COMMUNITY_SUPPORT


def affordable_minutes(listing: Listing, rate_pence: int, free_pence: int, most: int) -> int:
    """Return the longest visit, in steps of 15 minutes and shorter than `most`, that an amount pays; 0 when none.

    `rate_pence` is the listing's price on the day the visit starts.
    """
    if listing.price_unit is not PriceUnit.HOUR:
        return 0
    least = max(15, listing.least_minutes)
    rate = Pence(rate_pence)
    return max((minutes for minutes in range(least, most, 15) if visit_cost(rate, minutes) <= free_pence), default=0)


class Cancelling(StrEnum):
    """What cancelling means now."""

    FREE = "free"
    LATE_CARD = "late_card"
    """The visit ends, and the card payment stays with the provider."""
    LATE_DIRECT_PAYMENT = "late_direct_payment"
    """The provider is told; the visit stays agreed and is owed unless the provider lets it go."""
    LATE_AGREED = "late_agreed"
    """The visit does not take place, and the part of its price that both sides agreed on is owed."""
    TOO_LATE = "too_late"
    """The visit has begun: it is approved or disputed instead."""
    NOT_POSSIBLE = "not_possible"


class CancelTerms(msgspec.Struct, frozen=True):
    """What cancelling means, and until when it is free."""

    kind: Cancelling
    free_until: datetime
    refund_pence: int
    owed_pence: int = 0
    """What stays owed, where both sides agreed on it (`LATE_AGREED`)."""

    @property
    def shown(self) -> str:
        """What a page tells, in short: the form sends it back, so that nobody cancels on other terms unseen."""
        return f"{self.kind}-{self.owed_pence}"


def cancel_terms(booking: Booking, now: datetime, free_hours: int) -> CancelTerms:
    """Say what it means if the person cancels now.

    Before the provider has accepted, and until `free_hours` before the start, cancelling costs nothing.
    """
    free_until = booking.starts_at - timedelta(hours=free_hours)
    if booking.status not in {BookingStatus.AWAITING_PAYMENT, BookingStatus.REQUESTED, BookingStatus.ACCEPTED}:
        return CancelTerms(Cancelling.NOT_POSSIBLE, free_until, 0)
    by_card = booking.cost_pence if booking.funding is Funding.CARD else booking.top_up_pence
    refund = by_card if booking.status is not BookingStatus.AWAITING_PAYMENT else 0
    if booking.status is not BookingStatus.ACCEPTED:
        return CancelTerms(Cancelling.FREE, free_until, refund)
    if now >= booking.starts_at:
        return CancelTerms(Cancelling.TOO_LATE, free_until, 0)
    if now <= free_until:
        return CancelTerms(Cancelling.FREE, free_until, refund)
    kind = Cancelling.LATE_CARD if booking.funding is Funding.CARD else Cancelling.LATE_DIRECT_PAYMENT
    return CancelTerms(kind, free_until, 0)


def agreed_cancel_terms(booking: Booking, now: datetime, free_hours: int, owed_pence: int) -> CancelTerms:
    """Say the same for a visit of an agreement, whose own terms count: what is owed of it now is `owed_pence`."""
    free_until = booking.starts_at - timedelta(hours=free_hours)
    waits = {BookingStatus.AWAITING_PAYMENT, BookingStatus.REQUESTED}
    if booking.called_off_at is not None or booking.status not in TO_COME | waits:
        return CancelTerms(Cancelling.NOT_POSSIBLE, free_until, 0)
    if booking.status in waits or (now < booking.starts_at and not owed_pence):
        is_paid = booking.status is not BookingStatus.AWAITING_PAYMENT
        return CancelTerms(Cancelling.FREE, free_until, booking.top_up_pence if is_paid else 0)
    if now >= booking.starts_at:
        return CancelTerms(Cancelling.TOO_LATE, free_until, 0)
    return CancelTerms(Cancelling.LATE_AGREED, free_until, 0, owed_pence)


def may_confirm(booking: Booking, now: datetime) -> bool:
    """Whether the person may say how a visit went: it was agreed and its time is over."""
    return now >= booking.ends_at and booking.status in CONFIRMABLE


def may_claim(booking: Booking, now: datetime) -> bool:
    """Whether the provider may say that a visit took place: it was agreed and has begun."""
    return booking.status in CLAIMABLE and now >= booking.starts_at


CLAIMABLE = frozenset({BookingStatus.PLANNED, BookingStatus.ACCEPTED, BookingStatus.IN_PROGRESS})
"""States in which a provider may say that a visit took place, from its start on."""

CONFIRMABLE = CLAIMABLE | {BookingStatus.CLAIMED, BookingStatus.DISPUTED}
"""States in which a person may say how a visit went, once its time is over."""
