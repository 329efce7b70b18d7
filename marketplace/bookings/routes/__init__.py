"""Pages of bookings."""

from marketplace.bookings.routes.agreements import AgreementController
from marketplace.bookings.routes.calendar import CalendarController
from marketplace.bookings.routes.patterns import AgreementVisits, ClientVisits
from marketplace.bookings.routes.person import BookingController
from marketplace.bookings.routes.provider import ProviderBookingController
from marketplace.bookings.routes.provider_agreements import ClientController

ROUTES = [
    BookingController,
    ProviderBookingController,
    AgreementController,
    ClientController,
    AgreementVisits,
    ClientVisits,
    CalendarController,
]
