"""The verbs of bookings: `requests` up to the request, `visits` from the answer on, `purse` for what is left."""

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.service.purse import Purse, purse_of, purses_of, weeks_of
from marketplace.bookings.service.requests import FreeTimes, Offer, Quote, RequestSteps
from marketplace.bookings.service.visits import VisitSteps

__all__ = ["BookingService", "FreeTimes", "Offer", "Purse", "Quote", "purse_of", "purses_of", "weeks_of"]


class BookingService(RequestSteps, VisitSteps):
    """Everything that may be done with a booking."""

    def __init__(self, db: AsyncSession) -> None:
        RequestSteps.__init__(self, db)
        VisitSteps.__init__(self, db)
