"""Questions about requirements for care, who was asked, offers, awards and unmet need."""

from marketplace.matching.repository.care.awards import AwardRepository
from marketplace.matching.repository.care.invitations import InvitationRepository
from marketplace.matching.repository.care.offers import LIVE_OFFERS, CareOfferRepository
from marketplace.matching.repository.care.requirements import RequirementRepository
from marketplace.matching.repository.care.unmet import UnmetRepository

__all__ = [
    "LIVE_OFFERS",
    "AwardRepository",
    "CareOfferRepository",
    "InvitationRepository",
    "RequirementRepository",
    "UnmetRepository",
]
