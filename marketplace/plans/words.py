"""States and steps of plans and reviews in plain words, and the colour group of each (see `status_tag`)."""

from datetime import date

from marketplace.core.formats import plural, uk_date
from marketplace.plans.dates import is_due_soon, is_overdue
from marketplace.plans.models import AskedBy, NoteKind, Progress, Review, ReviewKind, ReviewOutcome
from marketplace.plans.states import PlanStatus, ReviewStatus

PLAN_LABELS: dict[PlanStatus, str] = {
    PlanStatus.DRAFT: "Draft",
    PlanStatus.RETURNED: "Sent back",
    PlanStatus.IN_QUALITY_CHECK: "In quality check",
    PlanStatus.AWAITING_AGREEMENT: "With the person",
    PlanStatus.AWAITING_SIGN_OFF: "Waiting for sign-off",
    PlanStatus.SIGNED_OFF: "Signed off",
    PlanStatus.SUPERSEDED: "Replaced",
}

PLAN_COLOURS: dict[PlanStatus, str] = {
    PlanStatus.DRAFT: "draft",
    PlanStatus.RETURNED: "declined",
    PlanStatus.IN_QUALITY_CHECK: "in_review",
    PlanStatus.AWAITING_AGREEMENT: "waiting",
    PlanStatus.AWAITING_SIGN_OFF: "waiting",
    PlanStatus.SIGNED_OFF: "signed_off",
    PlanStatus.SUPERSEDED: "superseded",
}

STEP_TITLES: dict[str, str] = {
    PlanStatus.DRAFT: "Plan started",
    PlanStatus.IN_QUALITY_CHECK: "Sent for the quality check",
    PlanStatus.RETURNED: "Sent back to the planner",
    PlanStatus.AWAITING_AGREEMENT: "Passed the quality check",
    PlanStatus.AWAITING_SIGN_OFF: "Agreed",
    PlanStatus.SIGNED_OFF: "Signed off",
    PlanStatus.SUPERSEDED: "Replaced by a newer version",
}

REVIEW_LABELS: dict[ReviewKind, str] = {
    ReviewKind.WELFARE_CHECK: "First review (welfare check)",
    ReviewKind.ANNUAL: "Annual review",
    ReviewKind.DIRECT_PAYMENT: "Review of the direct payment",
    ReviewKind.UNSCHEDULED: "Review that was asked for",
}

OUTCOME_LABELS: dict[ReviewOutcome, str] = {
    ReviewOutcome.GO_ON: "The plan goes on as it is",
    ReviewOutcome.CHANGE_PLAN: "The plan changes",
    ReviewOutcome.REASSESS: "Ask for a new assessment",
    ReviewOutcome.END: "The person wants the support to end",
}

PROGRESS_LABELS: dict[Progress, str] = {
    Progress.REACHED: "Reached",
    Progress.PARTLY: "Partly reached",
    Progress.NOT_YET: "Not yet",
    Progress.NO_LONGER: "Not wanted any more",
}

ASKED_BY_LABELS: dict[AskedBy, str] = {
    AskedBy.PERSON: "The person",
    AskedBy.FAMILY: "Family or friends",
    AskedBy.PROVIDER: "A provider",
    AskedBy.COUNCIL: "The council",
    AskedBy.PLANNER: "The planner",
}

NOTE_LABELS: dict[NoteKind, str] = {
    NoteKind.WORKING: "What is working",
    NoteKind.NOT_WORKING: "What is not working",
    NoteKind.WISH: "What I would like",
}


def review_state(review: Review, today: date) -> tuple[str, str, str]:
    """Return a review's state on a day as colour group, tag and what follows: ("overdue", "Overdue", "by 3 days")."""
    if is_overdue(review, today):
        return "overdue", "Overdue", f"by {plural((today - review.window_ends_on).days, 'day')}"
    if review.status is ReviewStatus.BOOKED and review.booked_on is not None:
        return "scheduled", "Booked", f"for {uk_date(review.booked_on)}"
    if review.status is ReviewStatus.HELD and review.held_on is not None:
        return "waiting", "Waiting to be signed", f"held on {uk_date(review.held_on)}"
    if review.status is ReviewStatus.SIGNED and review.held_on is not None:
        return "completed", "Signed", f"held on {uk_date(review.held_on)}"
    if review.status is ReviewStatus.CANCELLED:
        return "cancelled", "Cancelled", ""
    return ("due", "Due soon", "") if is_due_soon(review, today) else ("not_started", "Not due yet", "")
