"""Pages of bookings."""

from marketplace.bookings.routes.employer import EmployerController, employer_help
from marketplace.bookings.routes.employer_cost import calculator
from marketplace.bookings.routes.employer_timesheets import TimesheetController
from marketplace.bookings.routes.family_exceptions import FamilyExceptionController
from marketplace.bookings.routes.person import BookingController
from marketplace.bookings.routes.provider import ProviderBookingController

ROUTES = [
    BookingController,
    ProviderBookingController,
    calculator,
    employer_help,
    EmployerController,
    TimesheetController,
    FamilyExceptionController,
]
