"""Pages of bookings."""

from marketplace.bookings.routes import approvals, backups, board, day, places
from marketplace.bookings.routes.person import BookingController
from marketplace.bookings.routes.provider import ProviderBookingController

ROUTES = [
    BookingController,
    ProviderBookingController,
    *day.HANDLERS,
    *board.HANDLERS,
    *approvals.HANDLERS,
    *backups.HANDLERS,
    *places.HANDLERS,
]
