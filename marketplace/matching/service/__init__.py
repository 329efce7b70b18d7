"""The verbs of matching, one module a noun."""

from marketplace.matching.service.conflicts import ConflictService
from marketplace.matching.service.contests import ContestService
from marketplace.matching.service.offers import OfferService
from marketplace.matching.service.preferences import PreferenceService
from marketplace.matching.service.referrals import ReferralService
from marketplace.matching.service.self_planning import SelfPlanningService
from marketplace.matching.service.shortlists import Shortlisted, ShortlistService
from marketplace.matching.service.weights import WeightService

__all__ = [
    "ConflictService",
    "ContestService",
    "OfferService",
    "PreferenceService",
    "ReferralService",
    "SelfPlanningService",
    "ShortlistService",
    "Shortlisted",
    "WeightService",
]
