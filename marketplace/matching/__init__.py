"""Referrals, candidate rules, scores with reasons, shortlists and offers.

A tour: `ReferralService` records what somebody needs; `ShortlistService` asks the engine who is best placed and stores
what was acted on; `OfferService` offers a referral to one planner, who accepts or declines. `engine` knows no tables.
The repositories answer questions of packages above.
"""

from marketplace.matching.repository import OfferRepository, ReferralRepository, ShortlistRepository
from marketplace.matching.service import OfferService, ReferralService, ShortlistService

__all__ = [
    "OfferRepository",
    "OfferService",
    "ReferralRepository",
    "ReferralService",
    "ShortlistRepository",
    "ShortlistService",
]
