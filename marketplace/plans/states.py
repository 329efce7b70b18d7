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
    """Written down; not yet signed by both sides. Putting it right is a step from here to here."""
    SIGNED = "signed"
    CANCELLED = "cancelled"


REVIEW = Lifecycle(
    "review",
    "reviews",
    {
        ReviewStatus.DUE: frozenset({ReviewStatus.BOOKED, ReviewStatus.CANCELLED}),
        ReviewStatus.BOOKED: frozenset({ReviewStatus.BOOKED, ReviewStatus.HELD, ReviewStatus.CANCELLED}),
        ReviewStatus.HELD: frozenset({ReviewStatus.HELD, ReviewStatus.SIGNED}),
        ReviewStatus.SIGNED: frozenset(),
        # Back from a death that was recorded by mistake.
        ReviewStatus.CANCELLED: frozenset({ReviewStatus.DUE}),
    },
)


class PanelStatus(StrEnum):
    """Where a case of the risk panel is."""

    ASKED = "asked"
    LISTED = "listed"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


PANEL = Lifecycle(
    "panel_case",
    "panel_cases",
    {
        PanelStatus.ASKED: frozenset({PanelStatus.LISTED, PanelStatus.DECIDED, PanelStatus.WITHDRAWN}),
        PanelStatus.LISTED: frozenset({PanelStatus.LISTED, PanelStatus.DECIDED, PanelStatus.WITHDRAWN}),
        PanelStatus.DECIDED: frozenset(),
        PanelStatus.WITHDRAWN: frozenset(),
    },
)


class SetupStatus(StrEnum):
    """Where the way to a direct payment is."""

    DRAFT = "draft"
    OFFERED = "offered"
    """The conditions are met: terms, amount and frequency lie before the person."""
    AGREED = "agreed"
    STARTED = "started"
    REFUSED = "refused"
    STOPPED = "stopped"


SETUP = Lifecycle(
    "direct_payment_setup",
    "direct_payment_setups",
    {
        SetupStatus.DRAFT: frozenset({SetupStatus.OFFERED, SetupStatus.REFUSED}),
        SetupStatus.OFFERED: frozenset({SetupStatus.DRAFT, SetupStatus.AGREED, SetupStatus.REFUSED}),
        # Back to a draft when something changed before the start: capacity, the budget, who manages it.
        SetupStatus.AGREED: frozenset({SetupStatus.DRAFT, SetupStatus.STARTED, SetupStatus.REFUSED}),
        SetupStatus.STARTED: frozenset({SetupStatus.STOPPED}),
        # Back from a death that was recorded by mistake; nothing else opens them again.
        SetupStatus.REFUSED: frozenset({SetupStatus.DRAFT}),
        SetupStatus.STOPPED: frozenset({SetupStatus.STARTED}),
    },
)
