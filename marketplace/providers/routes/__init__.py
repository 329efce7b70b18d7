"""Pages and JSON of providers: the market, organisations, availability and own listings."""

from marketplace.providers.routes.api import search_listings
from marketplace.providers.routes.applications import APPLICATIONS
from marketplace.providers.routes.assisted import AssistedController
from marketplace.providers.routes.availability import AvailabilityController
from marketplace.providers.routes.choosing import CHOOSING
from marketplace.providers.routes.demand import ROUTES as DEMAND
from marketplace.providers.routes.enquiries import EnquiryController
from marketplace.providers.routes.evaluation import EVALUATION
from marketplace.providers.routes.evidence import EvidenceController, OwnEvidenceController
from marketplace.providers.routes.evidence_files import EvidenceFileController, OwnEvidenceFileController
from marketplace.providers.routes.frameworks import FRAMEWORKS
from marketplace.providers.routes.invitations import InvitationController
from marketplace.providers.routes.join_requests import JoinRequestController
from marketplace.providers.routes.joining import JoinController
from marketplace.providers.routes.listing_page import listing_page, register_page
from marketplace.providers.routes.listings import DraftController, ListingCheckController, OwnListingController
from marketplace.providers.routes.market import market_page, market_places, market_suggestions
from marketplace.providers.routes.merges import MergeController
from marketplace.providers.routes.open_data import OPEN_DATA_ROUTES
from marketplace.providers.routes.open_referral import OpenReferralController
from marketplace.providers.routes.organisations import AccreditationController, OrganisationController
from marketplace.providers.routes.passports import PASSPORT_ROUTES
from marketplace.providers.routes.people import OwnDetailsController, OwnPeopleController
from marketplace.providers.routes.provider_enquiries import ProviderEnquiryController
from marketplace.providers.routes.registration import RegistrationController, RegulatorLinkController
from marketplace.providers.routes.reported_enquiries import ReportedEnquiryController
from marketplace.providers.routes.search_words import SearchWordsController
from marketplace.providers.routes.standing import (
    AccreditationDecisionController,
    OwnStandingController,
    RegisterOfDayController,
)
from marketplace.providers.routes.status_tests import StatusTestController
from marketplace.providers.routes.workforce import WORKFORCE

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
    *DEMAND,
    DraftController,
    ListingCheckController,
    JoinController,
    JoinRequestController,
    InvitationController,
    OwnPeopleController,
    OwnDetailsController,
    AssistedController,
    MergeController,
    OwnEvidenceController,
    EvidenceController,
    OwnEvidenceFileController,
    EvidenceFileController,
    RegistrationController,
    RegulatorLinkController,
    StatusTestController,
    EnquiryController,
    ProviderEnquiryController,
    ReportedEnquiryController,
    *CHOOSING,
    *EVALUATION,
    OpenReferralController,
    *OPEN_DATA_ROUTES,
    SearchWordsController,
    AccreditationDecisionController,
    OwnStandingController,
    RegisterOfDayController,
    *APPLICATIONS,
    *PASSPORT_ROUTES,
    *FRAMEWORKS,
    *WORKFORCE,
]
