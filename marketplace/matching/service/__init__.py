"""The verbs of matching, one module a noun."""

from marketplace.matching.service.offers import OfferService
from marketplace.matching.service.referrals import ReferralService
from marketplace.matching.service.shortlists import Shortlisted, ShortlistService

__all__ = ["OfferService", "ReferralService", "ShortlistService", "Shortlisted"]
