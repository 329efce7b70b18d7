"""The part of a visit that a card paid, when the visit becomes cheaper."""

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.events import TopUpLowered
from marketplace.bookings.models import Booking
from marketplace.bookings.service.steps import ids_of
from marketplace.bookings.states import BookingStatus
from marketplace.core import outbox


def lower_top_up(db: AsyncSession, visit: Booking, cost_pence: int) -> None:
    """Set a locked visit's price and keep its top-up within it; what the card paid beyond that goes back to the card.

    Args:
        db: The transaction.
        visit: The visit.
        cost_pence: The new price, 0 or more. A dearer visit leaves the top-up as it is.
    """
    visit.cost_pence = cost_pence
    if visit.top_up_pence <= cost_pence:
        return
    visit.top_up_pence = cost_pence
    if visit.status is not BookingStatus.AWAITING_PAYMENT:
        outbox.publish(db, TopUpLowered(**ids_of(visit), keep_pence=cost_pence))
