"""Pages of bookings."""

from marketplace.bookings.routes.person import BookingController
from marketplace.bookings.routes.provider import ProviderBookingController
from marketplace.bookings.routes.reported_talk import ReportedTalkController
from marketplace.bookings.routes.talk import ClientTalkController, OwnTalkController, TalkListController

ROUTES = [
    BookingController,
    ProviderBookingController,
    TalkListController,
    OwnTalkController,
    ClientTalkController,
    ReportedTalkController,
]
