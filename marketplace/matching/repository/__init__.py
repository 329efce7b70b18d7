"""Questions about the tables of matching, one module a noun."""

from marketplace.matching.repository.decisions import (
    ConflictRepository,
    ContestRepository,
    DecisionRepository,
    FactRepository,
    PreferenceRepository,
)
from marketplace.matching.repository.referrals import OfferRepository, ReferralRepository, ShortlistRepository
from marketplace.matching.repository.weights import WeightRepository

__all__ = [
    "ConflictRepository",
    "ContestRepository",
    "DecisionRepository",
    "FactRepository",
    "OfferRepository",
    "PreferenceRepository",
    "ReferralRepository",
    "ShortlistRepository",
    "WeightRepository",
]
