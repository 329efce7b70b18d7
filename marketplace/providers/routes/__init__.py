"""Pages and JSON of providers: the market, organisations, availability and own listings."""

from marketplace.providers.routes.api import search_listings
from marketplace.providers.routes.availability import AvailabilityController
from marketplace.providers.routes.listing_page import listing_page, register_page
from marketplace.providers.routes.listings import OwnListingController
from marketplace.providers.routes.market import market_page
from marketplace.providers.routes.open_data import OPEN_DATA_ROUTES
from marketplace.providers.routes.open_referral import OpenReferralController
from marketplace.providers.routes.organisations import AccreditationController, OrganisationController

ROUTES = [
    market_page,
    register_page,
    listing_page,
    search_listings,
    OrganisationController,
    AccreditationController,
    AvailabilityController,
    OwnListingController,
    OpenReferralController,
    *OPEN_DATA_ROUTES,
]
