"""Requirements for care from draft to award.

`RequirementService` writes, opens and ends them; `CareRankingService` says who could deliver; `CareOfferService` is the
provider's side; `AwardService` compares and awards; `TakingBackService` ends an award whose winner falls through.
"""

from marketplace.matching.service.care.awards import AwardService, Comparison
from marketplace.matching.service.care.candidates import CareRankingService
from marketplace.matching.service.care.offers import CareOfferService
from marketplace.matching.service.care.ranking import RankedProviders
from marketplace.matching.service.care.requirements import RequirementService
from marketplace.matching.service.care.taking_back import TakingBackService

__all__ = [
    "AwardService",
    "CareOfferService",
    "CareRankingService",
    "Comparison",
    "RankedProviders",
    "RequirementService",
    "TakingBackService",
]
