"""Whose plans and reviews somebody reaches, and what may be done with one in its present state."""

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import NotFound
from marketplace.plans.errors import NotFacilitator
from marketplace.plans.models import Plan, PlanVersion, Review
from marketplace.plans.schemas import Scope
from marketplace.plans.states import EDITABLE, PlanStatus, ReviewStatus


def planner_scope(principal: Principal) -> Scope:
    """Return the scope of a planner: own work, in every council they serve.

    Raises:
        Forbidden: The role writes no plans.
        NotFound: The user is not linked to a planner.
    """
    principal.require(Permission.PLANS_WRITE)
    if principal.worker_id is None:
        raise NotFound
    return Scope(principal.councils, principal.worker_id)


def plans_scope(principal: Principal) -> Scope:
    """Return whose plans somebody reads: a planner their own, council staff those of their council.

    Raises:
        Forbidden: The role reads no plans.
    """
    principal.require(Permission.PLANS_READ)
    if principal.may(Permission.PLANS_WRITE):
        return planner_scope(principal)
    return Scope((principal.council_id,), None)


def reviews_scope(principal: Principal) -> Scope:
    """Return whose reviews somebody reads.

    Raises:
        Forbidden: The role reads no reviews.
    """
    principal.require(Permission.REVIEWS_READ)
    if principal.may(Permission.PLANS_WRITE):
        return planner_scope(principal)
    return Scope((principal.council_id,), None, principal.user_id)


def may_write(principal: Principal, plan: Plan, version: PlanVersion) -> bool:
    """Whether this is the planner and the version is theirs to write now."""
    return is_planner(principal, plan) and version.status in EDITABLE


def is_planner(principal: Principal, plan: Plan) -> bool:
    """Whether somebody is the planner of a plan."""
    return principal.may(Permission.PLANS_WRITE) and plan.worker_id == principal.worker_id


def may_read_content(principal: Principal, plan: Plan, version: PlanVersion) -> bool:
    """Whether the text may be read: a first draft belongs to the person and the planner until it is submitted (P3)."""
    return is_planner(principal, plan) or version.submitted_at is not None


def may_check(principal: Principal, version: PlanVersion) -> bool:
    """Whether somebody may check a version: not one that they submitted."""
    return (
        principal.may(Permission.PLANS_CHECK)
        and version.status is PlanStatus.IN_QUALITY_CHECK
        and version.submitted_by_user_id != principal.user_id
    )


def may_sign_off(principal: Principal, version: PlanVersion) -> bool:
    """Whether somebody may sign a version off now."""
    return principal.may(Permission.PLANS_SIGN_OFF) and version.status is PlanStatus.AWAITING_SIGN_OFF


def is_facilitator(principal: Principal, review: Review) -> bool:
    """Whether somebody holds a review: the planner, or somebody of the council."""
    if principal.may(Permission.PLANS_WRITE):
        return review.facilitator_id is not None and principal.worker_id == review.facilitator_id
    return principal.may(Permission.REVIEWS_HOLD) and principal.user_id == review.facilitator_user_id


def need_facilitator(principal: Principal, review: Review) -> None:
    """Refuse whoever does not hold a review.

    Raises:
        NotFacilitator: They do not.
    """
    if not is_facilitator(principal, review):
        raise NotFacilitator("Take this review first, or ask the person who holds it.")


def may_facilitate(principal: Principal, review: Review) -> bool:
    """Whether somebody may book and hold a review: its facilitator, while it is open."""
    return is_facilitator(principal, review) and review.status in (ReviewStatus.DUE, ReviewStatus.BOOKED)
