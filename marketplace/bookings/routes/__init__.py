"""Pages of bookings."""

from marketplace.bookings.routes import approvals, backups, board, day, estate, patterns, photos, places
from marketplace.bookings.routes.agreements import AgreementController
from marketplace.bookings.routes.calendar import CalendarController
from marketplace.bookings.routes.employer import EmployerController, employer_help
from marketplace.bookings.routes.employer_cost import calculator
from marketplace.bookings.routes.employer_timesheets import TimesheetController
from marketplace.bookings.routes.family_exceptions import FamilyExceptionController
from marketplace.bookings.routes.person import BookingController
from marketplace.bookings.routes.provider import ProviderBookingController
from marketplace.bookings.routes.provider_agreements import ClientController
from marketplace.bookings.routes.reported_talk import ReportedTalkController
from marketplace.bookings.routes.review_asks import ClientReviewController
from marketplace.bookings.routes.talk import ClientTalkController, OwnTalkController, TalkListController

ROUTES = [
    BookingController,
    ProviderBookingController,
    TalkListController,
    OwnTalkController,
    ClientTalkController,
    ReportedTalkController,
    AgreementController,
    ClientController,
    ClientReviewController,
    calculator,
    employer_help,
    EmployerController,
    TimesheetController,
    FamilyExceptionController,
    *day.HANDLERS,
    *board.HANDLERS,
    *approvals.HANDLERS,
    *estate.HANDLERS,
    *backups.HANDLERS,
    *places.HANDLERS,
    *photos.HANDLERS,
    *patterns.HANDLERS,
    CalendarController,
]
