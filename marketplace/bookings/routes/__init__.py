"""Pages of bookings."""

from marketplace.bookings.routes.person import BookingController
from marketplace.bookings.routes.provider import ProviderBookingController

ROUTES = [BookingController, ProviderBookingController]
