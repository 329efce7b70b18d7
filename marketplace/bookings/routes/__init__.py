"""Pages of bookings."""

from marketplace.bookings.routes.new import NewBookingController
from marketplace.bookings.routes.person import BookingController
from marketplace.bookings.routes.provider import ProviderBookingController

ROUTES = [NewBookingController, BookingController, ProviderBookingController]
