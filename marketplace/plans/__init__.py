"""The living plan: written by a planner, checked, agreed by the person, signed off, and reviewed.

`PlanService` holds the verbs, `PlanRepository` the questions. A version moves draft → quality check → agreement →
sign-off (`states.PLAN`) and comes back from each of them with comments. `PlanSignedOff` is published once a version:
it is what earns the tariff. `ReviewService` books and holds the reviews that a sign-off sets.
"""

from marketplace.plans.events import PlanReadyToAgree, PlanReturned, PlanSignedOff, PlanSubmitted
from marketplace.plans.repository import PlanRepository, ReviewRepository
from marketplace.plans.service import PlanService, ReviewService

__all__ = [
    "PlanReadyToAgree",
    "PlanRepository",
    "PlanReturned",
    "PlanService",
    "PlanSignedOff",
    "PlanSubmitted",
    "ReviewRepository",
    "ReviewService",
]
