"""Visits agreed between a person and a provider, from request to approval.

`BookingService` holds the verbs, `purse_of` what is left of a direct payment, `use_card_desk` lets `payments` take
cards. Money moves in one place: `BookingService.approve` posts what a direct payment pays; cards are paid before the
provider is asked. The exclusion constraint `ex_visit_workers_time` keeps a worker's visits apart.
"""

from marketplace.bookings.desk import CardDesk, card_desk, use_card_desk
from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.policies import FEEDBACK_WITHIN
from marketplace.bookings.repository import BookingRepository
from marketplace.bookings.schemas import BookingForm
from marketplace.bookings.service import BookingService, Purse, purse_of, purses_of, weeks_of
from marketplace.bookings.states import BookingStatus

__all__ = [
    "FEEDBACK_WITHIN",
    "Booking",
    "BookingForm",
    "BookingRepository",
    "BookingService",
    "BookingStatus",
    "CardDesk",
    "Funding",
    "Purse",
    "card_desk",
    "purse_of",
    "purses_of",
    "use_card_desk",
    "weeks_of",
]
