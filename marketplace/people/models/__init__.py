"""Rows of people."""

from marketplace.people.models.assessments import (
    AssessedNeed,
    Assessment,
    AssessmentKind,
    FinancialAssessment,
    MetBy,
)
from marketplace.people.models.contacts import (
    ContactAsker,
    ContactChannel,
    ContactOutcome,
    Crisis,
    FrontDoorContact,
    PersonStage,
)
from marketplace.people.models.person import (
    Budget,
    BudgetChallenge,
    BudgetKind,
    BudgetPart,
    BudgetStatus,
    ChallengeStatus,
    DirectPaymentArrangement,
    FundingRoute,
    Holding,
    Person,
)
from marketplace.people.models.profile import (
    PartOfDay,
    ProfileEntry,
    ProfileTool,
    RecordView,
)
from marketplace.people.models.ras import (
    Protection,
    RasCase,
    RasMonth,
    RasVersion,
    SliceOrder,
    WeeksOfYear,
)

__all__ = [
    "AssessedNeed",
    "Assessment",
    "AssessmentKind",
    "Budget",
    "BudgetChallenge",
    "BudgetKind",
    "BudgetPart",
    "BudgetStatus",
    "ChallengeStatus",
    "ContactAsker",
    "ContactChannel",
    "ContactOutcome",
    "Crisis",
    "DirectPaymentArrangement",
    "FinancialAssessment",
    "FrontDoorContact",
    "FundingRoute",
    "Holding",
    "MetBy",
    "PartOfDay",
    "Person",
    "PersonStage",
    "ProfileEntry",
    "ProfileTool",
    "Protection",
    "RasCase",
    "RasMonth",
    "RasVersion",
    "RecordView",
    "SliceOrder",
    "WeeksOfYear",
]
