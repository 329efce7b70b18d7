"""What all verbs of reviews share: adding one, whose task it is, comparing what a page showed, the audit row."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.plans.dates import ReviewDates
from marketplace.plans.errors import ReviewChanged
from marketplace.plans.models import AskedBy, Plan, Responsible, Review, ReviewKind
from marketplace.plans.repository import ReviewRepository
from marketplace.plans.repository.review_holders import HolderRepository
from marketplace.plans.states import REVIEW, ReviewStatus

COUNCIL_HOLDS = "The council holds reviews of this kind"
OWN_PLAN = "The person wrote the plan without a planner"


async def responsible_for(db: AsyncSession, plan: Plan, kind: ReviewKind, on: date) -> Responsible:
    """Return whose task a review is: a matter of the council's dated setting, not of this code (L18).

    A plan that the person wrote has no planner: its reviews are the council's. The first look at a plan, and one that
    was asked for, are the planner's who made it (L16).
    """
    if plan.worker_id is None:
        return Responsible.COUNCIL
    if kind in (ReviewKind.WELFARE_CHECK, ReviewKind.UNSCHEDULED):
        return Responsible.PLANNER
    return Responsible(await setting(db, plan.council_id, "plans.annual_reviews_by", on))


async def add_review(
    db: AsyncSession,
    plan: Plan,
    kind: ReviewKind,
    dates: ReviewDates,
    *,
    in_place_on: date,
    by: UUID | None,
    why: str,
    reason: str = "",
    asked_by: AskedBy | None = None,
) -> Review:
    """Add a review for whom it falls to: the planner of the plan, or who held the council's last one (L16).

    Where an earlier review of the kind, done or cancelled, stands on the day already, the new one follows a day later.
    """
    reviews, clock = ReviewRepository(db), clock_of(db)
    responsible = await responsible_for(db, plan, kind, dates.due_on)
    is_council = responsible is Responsible.COUNCIL
    due_on = dates.due_on
    taken = await reviews.days_of(plan.id, kind)
    while due_on in taken:
        due_on += timedelta(days=1)
    review = Review(
        council_id=plan.council_id,
        plan_id=plan.id,
        person_id=plan.person_id,
        kind=kind,
        status=ReviewStatus.DUE,
        responsible=responsible,
        facilitator_id=None if is_council else plan.worker_id,
        facilitator_user_id=await HolderRepository(db).last_facilitator(plan.id, today(clock)) if is_council else None,
        facilitator_reason=(OWN_PLAN if plan.worker_id is None else COUNCIL_HOLDS) if is_council else "",
        plan_in_place_on=in_place_on,
        window_starts_on=dates.starts_on,
        due_on=due_on,
        window_ends_on=max(dates.ends_on, due_on),
        reason=reason,
        asked_by=asked_by,
        asked_by_user_id=by if kind is ReviewKind.UNSCHEDULED else None,
        created_at=clock.now(),
    )
    db.add(review)
    await db.flush()
    REVIEW.begin(db, review, by=by, why=why)
    await db.flush()
    return review


def compare(review: Review, expected: int) -> None:
    """Refuse to act on a page that showed another state of the review.

    Raises:
        ReviewChanged: It did.
    """
    if review.version != expected:
        raise ReviewChanged("Load the page again to see what it says now.")


def touch(review: Review) -> None:
    """Count the row's version up even where no column changes, so that pages opened before are found out."""
    flag_modified(review, "plan_in_place_on")


def note(db: AsyncSession, principal: Principal | None, review: Review, action: str, **given: Any) -> None:
    """Write the audit row of a verb; never with the words of a person."""
    audit.record(
        db, principal, action, council_id=review.council_id, subject_kind="review", subject_id=review.id, **given
    )
