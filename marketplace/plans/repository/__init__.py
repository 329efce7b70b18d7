"""Questions about plans and reviews."""

from marketplace.plans.repository.plans import PlanDetail, PlanLine, PlanRepository
from marketplace.plans.repository.reviews import ReviewLine, ReviewRepository

__all__ = ["PlanDetail", "PlanLine", "PlanRepository", "ReviewLine", "ReviewRepository"]
