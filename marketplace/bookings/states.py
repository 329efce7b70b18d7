"""Life cycle of a booking."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class BookingStatus(StrEnum):
    """Where a booked visit is."""

    AWAITING_PAYMENT = "awaiting_payment"
    """A self-funder is at the card page; the slot is held."""
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    CLAIMED = "claimed"
    """The provider says the visit took place."""
    APPROVED = "approved"
    DISPUTED = "disputed"
    DECLINED = "declined"
    CANCELLED = "cancelled"


HOLDING = frozenset(
    {
        BookingStatus.AWAITING_PAYMENT,
        BookingStatus.REQUESTED,
        BookingStatus.ACCEPTED,
        BookingStatus.CLAIMED,
        BookingStatus.APPROVED,
        BookingStatus.DISPUTED,
    }
)
"""States in which the worker's time is taken."""

COMMITTED = frozenset({BookingStatus.REQUESTED, BookingStatus.ACCEPTED, BookingStatus.CLAIMED, BookingStatus.DISPUTED})
"""States in which the money is promised but not yet moved."""

BOOKING = Lifecycle(
    "booking",
    "bookings",
    {
        BookingStatus.AWAITING_PAYMENT: frozenset({BookingStatus.REQUESTED, BookingStatus.CANCELLED}),
        BookingStatus.REQUESTED: frozenset({BookingStatus.ACCEPTED, BookingStatus.DECLINED, BookingStatus.CANCELLED}),
        BookingStatus.ACCEPTED: frozenset(
            {BookingStatus.CLAIMED, BookingStatus.APPROVED, BookingStatus.DISPUTED, BookingStatus.CANCELLED}
        ),
        BookingStatus.CLAIMED: frozenset({BookingStatus.APPROVED, BookingStatus.DISPUTED}),
        BookingStatus.APPROVED: frozenset(),
        BookingStatus.DISPUTED: frozenset({BookingStatus.APPROVED, BookingStatus.CANCELLED}),
        BookingStatus.DECLINED: frozenset(),
        BookingStatus.CANCELLED: frozenset(),
    },
)
