"""The card desk: what bookings asks of `payments`, which stands above it and registers itself here.

Bookings may not import payments (the arrows point down), but a request by a self-funder opens a card payment in its own
transaction, and the page offers cards only where the provider takes them.
"""

from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.bookings.models import Booking


class CardDesk(Protocol):
    """Takes cards for bookings."""

    async def takes_cards(self, db: AsyncSession, organisation_id: UUID) -> bool:
        """Whether an organisation can be paid by card now."""
        ...

    async def open_payment(self, db: AsyncSession, principal: Principal, booking: Booking) -> str:
        """Write the row of a payment for a booking; returns the address that leads the browser to the card page."""
        ...


_desk: CardDesk | None = None


def use_card_desk(desk: CardDesk | None) -> None:
    """Set the card desk of this process."""
    global _desk
    _desk = desk


def card_desk() -> CardDesk | None:
    """Return the card desk; None where no cards are taken."""
    return _desk
