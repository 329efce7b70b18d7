"""Pages of matching, one module a noun."""

from marketplace.matching.routes.alerts import AlertController, HandBackController
from marketplace.matching.routes.offers import OfferController
from marketplace.matching.routes.people import PersonController
from marketplace.matching.routes.proposals import ProposalController
from marketplace.matching.routes.referrals import ReferralController
from marketplace.matching.routes.runs import RunController
from marketplace.matching.routes.shortlists import ShortlistController

ROUTES = [
    ReferralController,
    ShortlistController,
    OfferController,
    PersonController,
    RunController,
    ProposalController,
    AlertController,
    HandBackController,
]
