"""Pages and JSON of providers: the market, organisations, availability and own listings."""

from marketplace.providers.routes.api import search_listings
from marketplace.providers.routes.availability import AvailabilityController
from marketplace.providers.routes.demand import ROUTES as DEMAND
from marketplace.providers.routes.listings import DraftController, ListingCheckController, OwnListingController
from marketplace.providers.routes.market import (
    listing_page,
    market_page,
    market_places,
    market_suggestions,
    register_page,
)
from marketplace.providers.routes.organisations import AccreditationController, OrganisationController
from marketplace.providers.routes.search_words import SearchWordsController

ROUTES = [
    market_page,
    market_suggestions,
    market_places,
    register_page,
    listing_page,
    search_listings,
    OrganisationController,
    AccreditationController,
    AvailabilityController,
    OwnListingController,
    SearchWordsController,
    *DEMAND,
    DraftController,
    ListingCheckController,
]
