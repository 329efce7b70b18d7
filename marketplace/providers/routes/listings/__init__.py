"""Pages of listings: the builder, the provider's own listings, the council's checks."""

from marketplace.providers.routes.listings.checks import ListingCheckController
from marketplace.providers.routes.listings.drafts import DraftController
from marketplace.providers.routes.listings.own import OwnListingController

__all__ = ["DraftController", "ListingCheckController", "OwnListingController"]
