"""Pages of bookings."""

from marketplace.bookings.routes.calendar import CalendarController
from marketplace.bookings.routes.patterns import AgreementVisits, ClientVisits
from marketplace.bookings.routes.person import BookingController
from marketplace.bookings.routes.provider import ProviderBookingController

ROUTES = [BookingController, ProviderBookingController, AgreementVisits, ClientVisits, CalendarController]
