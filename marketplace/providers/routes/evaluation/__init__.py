"""Pages of evaluation: the council's desk, scoring, moderation, decisions, appeals and agreements."""

from marketplace.providers.routes.evaluation.agreements import AgreementController
from marketplace.providers.routes.evaluation.appeals import AppealController
from marketplace.providers.routes.evaluation.desk import ApplicationDeskController
from marketplace.providers.routes.evaluation.judging import JudgingController
from marketplace.providers.routes.evaluation.own_agreements import OwnAgreementController
from marketplace.providers.routes.evaluation.scoring import ScoringController

EVALUATION = [
    ApplicationDeskController,
    JudgingController,
    ScoringController,
    AppealController,
    AgreementController,
    OwnAgreementController,
]

__all__ = ["EVALUATION"]
