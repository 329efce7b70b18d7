"""Pages of matching, one module a noun."""

from marketplace.matching.routes.care import CARE
from marketplace.matching.routes.offers import OfferController
from marketplace.matching.routes.people import PersonController
from marketplace.matching.routes.referrals import ReferralController
from marketplace.matching.routes.shortlists import ShortlistController

ROUTES = [ReferralController, ShortlistController, OfferController, PersonController, *CARE]
