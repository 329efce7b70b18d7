"""Pages of frameworks: public, and the council's under /accreditation."""

from marketplace.providers.routes.frameworks.council import CouncilFrameworkController
from marketplace.providers.routes.frameworks.engagement import EngagementController
from marketplace.providers.routes.frameworks.parts import CriterionController, LotController
from marketplace.providers.routes.frameworks.public import PublicFrameworkController
from marketplace.providers.routes.frameworks.questions import QuestionController
from marketplace.providers.routes.frameworks.rounds import NewRoundController, RoundController
from marketplace.providers.routes.frameworks.versions import VersionController

FRAMEWORKS = [
    PublicFrameworkController,
    CouncilFrameworkController,
    VersionController,
    LotController,
    CriterionController,
    NewRoundController,
    RoundController,
    QuestionController,
    EngagementController,
]
