"""Setting the reviews of a plan, booking and holding them."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import uk_date
from marketplace.core.outbox import publish
from marketplace.plans.dates import OPEN, ReviewDates, annual_review, first_review
from marketplace.plans.errors import ReviewNotOpen
from marketplace.plans.events import ReviewSigned
from marketplace.plans.models import Plan, Review, ReviewKind
from marketplace.plans.policies import planner_scope
from marketplace.plans.repository import ReviewRepository
from marketplace.plans.schemas import BookForm, HoldForm
from marketplace.plans.states import REVIEW, ReviewStatus


class ReviewService:
    """Reviews from the sign-off on."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.reviews = ReviewRepository(db)

    async def schedule(self, plan: Plan, in_place_on: date, *, by: UUID | None) -> None:
        """Set the first and the annual review of a plan that was just signed off, for the planner who made it (L16).

        Reviews of an earlier version that are still open are cancelled: the changed plan gets its own (S11).
        """
        days: Mapping[str, int] = await setting(self.db, plan.council_id, "plans.first_review_days", in_place_on)
        wanted = {(ReviewKind.WELFARE_CHECK, dates.due_on): dates for dates in (first_review(in_place_on, days),)} | {
            (ReviewKind.ANNUAL, dates.due_on): dates for dates in (annual_review(in_place_on),)
        }
        for review in await self.reviews.open_of_plan(plan.id):
            if wanted.pop((review.kind, review.due_on), None) is None:
                REVIEW.move(self.db, review, ReviewStatus.CANCELLED, by=by, why="The plan was changed")
        for (kind, _), dates in wanted.items():
            await self._add(plan, kind, in_place_on, dates, by)

    async def warning_day(self, council_id: UUID) -> int:
        """Return the day after which a first review is later than national guidance says."""
        day: int = await setting(self.db, council_id, "plans.review_warning_day", today(self.clock))
        return day

    async def book(self, principal: Principal, review_id: UUID, form: BookForm) -> None:
        """Book a day for a review.

        Raises:
            InvalidInput: The day is over, or outside the window without a reason.
            ReviewNotOpen: It has been held or cancelled.
        """
        review = await self._open(principal, review_id)
        if form.booked_on < today(self.clock):
            raise InvalidInput({"booked_on": "The date of the review must be today or later"})
        if not review.window_starts_on <= form.booked_on <= review.window_ends_on and not form.why:
            window = f"{uk_date(review.window_starts_on)} to {uk_date(review.window_ends_on)}"
            raise InvalidInput({"why": f"Enter a reason, because the date is not within {window}"})
        before = {"booked_on": review.booked_on}
        review.booked_on = form.booked_on
        REVIEW.move(self.db, review, ReviewStatus.BOOKED, by=principal.user_id, why=form.why)
        await self.db.flush()
        self._audit(
            principal, review, "plans.book_review", before=before, after={"booked_on": form.booked_on}, why=form.why
        )

    async def hold(self, principal: Principal, review_id: UUID, form: HoldForm) -> None:
        """Record what a review found; an annual one sets the next.

        Raises:
            InvalidInput: The day is in the future or before the plan was in place.
            ReviewNotOpen: It has been held or cancelled.
            StepRefused: No day was booked yet.
        """
        review = await self._open(principal, review_id)
        if form.held_on > today(self.clock):
            raise InvalidInput({"held_on": "The date you met must be today or in the past"})
        if form.held_on < review.plan_in_place_on:
            began = uk_date(review.plan_in_place_on)
            raise InvalidInput({"held_on": f"The date you met must be {began} or later, when the plan began"})
        REVIEW.move(self.db, review, ReviewStatus.HELD, by=principal.user_id)
        review.held_on, review.working, review.not_working = form.held_on, form.working, form.not_working
        await self.db.flush()
        self._audit(principal, review, "plans.hold_review", after={"held_on": form.held_on})
        publish(
            self.db,
            ReviewSigned(
                council_id=review.council_id,
                review_id=review.id,
                plan_id=review.plan_id,
                person_id=review.person_id,
                worker_id=review.facilitator_id,
                organisation_id=await self.reviews.organisation_of(review.facilitator_id),
                held_on=form.held_on,
            ),
        )
        if review.kind is ReviewKind.ANNUAL:
            await self._add(review, ReviewKind.ANNUAL, form.held_on, annual_review(form.held_on), principal.user_id)

    async def _open(self, principal: Principal, review_id: UUID) -> Review:
        review = await self.reviews.locked(planner_scope(principal), review_id)
        if review.status not in OPEN:
            raise ReviewNotOpen("It has been held or cancelled already.")
        return review

    async def _add(
        self, like: Plan | Review, kind: ReviewKind, in_place_on: date, dates: ReviewDates, by: UUID | None
    ) -> None:
        """Add a review for the planner of a plan, or for the facilitator of the review before."""
        of_plan = isinstance(like, Plan)
        review = Review(
            council_id=like.council_id,
            plan_id=like.id if isinstance(like, Plan) else like.plan_id,
            person_id=like.person_id,
            kind=kind,
            status=ReviewStatus.DUE,
            facilitator_id=like.worker_id if isinstance(like, Plan) else like.facilitator_id,
            plan_in_place_on=in_place_on if isinstance(like, Plan) else like.plan_in_place_on,
            window_starts_on=dates.starts_on,
            due_on=dates.due_on,
            window_ends_on=dates.ends_on,
            created_at=self.clock.now(),
        )
        self.db.add(review)
        await self.db.flush()
        why = "The plan was signed off" if of_plan else "The review before was held"
        REVIEW.begin(self.db, review, by=by, why=why)
        await self.db.flush()

    def _audit(self, principal: Principal | None, review: Review, action: str, **given: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=review.council_id,
            subject_kind="review",
            subject_id=review.id,
            **given,
        )
