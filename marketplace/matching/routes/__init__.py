"""Pages of matching, one module a noun."""

from marketplace.matching.routes.alerts import AlertController, HandBackController
from marketplace.matching.routes.care import CARE
from marketplace.matching.routes.conflicts import ConflictController
from marketplace.matching.routes.contests import ContestController
from marketplace.matching.routes.following import FollowingController
from marketplace.matching.routes.my_care import MyCareController
from marketplace.matching.routes.my_match import MyMatchController
from marketplace.matching.routes.offers import OfferController
from marketplace.matching.routes.people import PersonController
from marketplace.matching.routes.proposals import ProposalController
from marketplace.matching.routes.public import how_we_match, shared_shortlist
from marketplace.matching.routes.referrals import REFERRALS
from marketplace.matching.routes.runs import RunController
from marketplace.matching.routes.shortlists import ShortlistController
from marketplace.matching.routes.thinking import ThinkingController
from marketplace.matching.routes.weights import WeightController

ROUTES = [
    *REFERRALS,
    ShortlistController,
    OfferController,
    PersonController,
    RunController,
    ProposalController,
    AlertController,
    HandBackController,
    ThinkingController,
    WeightController,
    ConflictController,
    FollowingController,
    MyCareController,
    MyMatchController,
    ContestController,
    how_we_match,
    shared_shortlist,
    *CARE,
]
