"""Pages of requirements for care: the broker's and the provider's."""

from marketplace.matching.routes.care.awards import AwardController
from marketplace.matching.routes.care.fit import FitController, TogetherController
from marketplace.matching.routes.care.hours import CareHoursController
from marketplace.matching.routes.care.offers import ComparisonController
from marketplace.matching.routes.care.providers import ProviderRequirementController
from marketplace.matching.routes.care.ranking import RankingController
from marketplace.matching.routes.care.requirements import RequirementController
from marketplace.matching.routes.care.rounds import RoundController
from marketplace.matching.routes.care.unmet import UnmetController

CARE = [
    UnmetController,
    RequirementController,
    RoundController,
    RankingController,
    ComparisonController,
    AwardController,
    ProviderRequirementController,
    CareHoursController,
    FitController,
    TogetherController,
]
