"""The verbs of plans and reviews."""

from marketplace.plans.service.plans import PlanService
from marketplace.plans.service.review_sides import MyReviewService, ReviewDeskService
from marketplace.plans.service.reviews import ReviewService

__all__ = ["MyReviewService", "PlanService", "ReviewDeskService", "ReviewService"]
