"""Pages and JSON of providers: the market, organisations, availability and own listings."""

from marketplace.providers.routes.api import search_listings
from marketplace.providers.routes.availability import AvailabilityController
from marketplace.providers.routes.choosing import CHOOSING
from marketplace.providers.routes.demand import ROUTES as DEMAND
from marketplace.providers.routes.evidence import EvidenceController, OwnEvidenceController
from marketplace.providers.routes.joining import JoinController
from marketplace.providers.routes.listings import DraftController, ListingCheckController, OwnListingController
from marketplace.providers.routes.market import listing_page, market_page, register_page
from marketplace.providers.routes.organisations import AccreditationController, OrganisationController
from marketplace.providers.routes.registration import RegistrationController, RegulatorLinkController

ROUTES = [
    market_page,
    register_page,
    listing_page,
    search_listings,
    OrganisationController,
    AccreditationController,
    AvailabilityController,
    OwnListingController,
    *CHOOSING,
    *DEMAND,
    DraftController,
    ListingCheckController,
    JoinController,
    OwnEvidenceController,
    EvidenceController,
    RegistrationController,
    RegulatorLinkController,
]
