"""Life cycles of plan versions and reviews."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class PlanStatus(StrEnum):
    """Where a version of a plan is."""

    DRAFT = "draft"
    IN_QUALITY_CHECK = "in_quality_check"
    RETURNED = "returned"
    AWAITING_AGREEMENT = "awaiting_agreement"
    AWAITING_SIGN_OFF = "awaiting_sign_off"
    SIGNED_OFF = "signed_off"
    SUPERSEDED = "superseded"


PLAN = Lifecycle(
    "plan_version",
    "plan_versions",
    {
        PlanStatus.DRAFT: frozenset({PlanStatus.IN_QUALITY_CHECK}),
        PlanStatus.IN_QUALITY_CHECK: frozenset({PlanStatus.RETURNED, PlanStatus.AWAITING_AGREEMENT}),
        PlanStatus.RETURNED: frozenset({PlanStatus.IN_QUALITY_CHECK}),
        PlanStatus.AWAITING_AGREEMENT: frozenset({PlanStatus.AWAITING_SIGN_OFF, PlanStatus.RETURNED}),
        PlanStatus.AWAITING_SIGN_OFF: frozenset({PlanStatus.SIGNED_OFF, PlanStatus.RETURNED}),
        PlanStatus.SIGNED_OFF: frozenset({PlanStatus.SUPERSEDED}),
        PlanStatus.SUPERSEDED: frozenset(),
    },
)


EDITABLE = (PlanStatus.DRAFT, PlanStatus.RETURNED)
"""States in which the planner writes."""

SHOWN_TO_PERSON = (PlanStatus.AWAITING_AGREEMENT, PlanStatus.AWAITING_SIGN_OFF, PlanStatus.SIGNED_OFF)
"""States in which the person reads a version, the most urgent first."""


class ReviewStatus(StrEnum):
    """Where a review is. Overdue is worked out from its dates, not stored."""

    DUE = "due"
    BOOKED = "booked"
    HELD = "held"
    CANCELLED = "cancelled"


REVIEW = Lifecycle(
    "review",
    "reviews",
    {
        ReviewStatus.DUE: frozenset({ReviewStatus.BOOKED, ReviewStatus.CANCELLED}),
        ReviewStatus.BOOKED: frozenset({ReviewStatus.BOOKED, ReviewStatus.HELD, ReviewStatus.CANCELLED}),
        ReviewStatus.HELD: frozenset(),
        ReviewStatus.CANCELLED: frozenset(),
    },
)
