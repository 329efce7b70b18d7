"""Setting the reviews of a plan, booking and holding them, and both signatures."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.formats import uk_date
from marketplace.core.outbox import publish
from marketplace.plans.dates import OPEN, annual_review, direct_payment_review, first_review
from marketplace.plans.errors import AlreadySigned, ReviewNotOpen, SignsForBoth
from marketplace.plans.events import ReviewBooked, ReviewHeld, ReviewQuestioned, ReviewSettled, ReviewSigned
from marketplace.plans.models import Plan, Review, ReviewKind, ReviewOutcome
from marketplace.plans.policies import is_facilitator, need_facilitator, reviews_scope
from marketplace.plans.repository import ReviewRepository
from marketplace.plans.review_forms import BookForm, HoldForm
from marketplace.plans.service.review_rows import add_review, compare, note, touch
from marketplace.plans.states import REVIEW, ReviewStatus


class ReviewService:
    """Reviews from the sign-off on."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.reviews = ReviewRepository(db)

    async def schedule(self, plan: Plan, in_place_on: date, *, by: UUID | None) -> None:
        """Set the first and the annual review of a plan that was just signed off, for the planner who made it (L16).

        Those of an earlier version that are still open are cancelled: the changed plan gets its own (S11). What was
        asked for, and what a direct payment needs, stays.
        """
        days: Mapping[str, int] = await setting(self.db, plan.council_id, "plans.first_review_days", in_place_on)
        wanted = {(ReviewKind.WELFARE_CHECK, dates.due_on): dates for dates in (first_review(in_place_on, days),)} | {
            (ReviewKind.ANNUAL, dates.due_on): dates for dates in (annual_review(in_place_on),)
        }
        for review in await self.reviews.open_of_plan(plan.id):
            if review.kind in (ReviewKind.DIRECT_PAYMENT, ReviewKind.UNSCHEDULED):
                continue
            if wanted.pop((review.kind, review.due_on), None) is None:
                REVIEW.move(self.db, review, ReviewStatus.CANCELLED, by=by, why="The plan was changed")
        await self.db.flush()
        for (kind, _), dates in wanted.items():
            await add_review(self.db, plan, kind, dates, in_place_on=in_place_on, by=by, why="The plan was signed off")

    async def warning_day(self, council_id: UUID) -> int:
        """Return the day after which a first review is later than national guidance says."""
        day: int = await setting(self.db, council_id, "plans.review_warning_day", today(self.clock))
        return day

    async def book(self, principal: Principal, review_id: UUID, form: BookForm) -> None:
        """Book a day for a review.

        Raises:
            InvalidInput: The day is over, or outside the window without a reason.
            NotFacilitator: Somebody else holds it.
            ReviewNotOpen: It has been held or cancelled.
        """
        review = await self._mine(principal, review_id)
        if review.status not in OPEN:
            raise ReviewNotOpen("It has been held or cancelled already.")
        if form.booked_on < today(self.clock):
            raise InvalidInput({"booked_on": "The date of the review must be today or later"})
        if not review.window_starts_on <= form.booked_on <= review.window_ends_on and not form.why:
            window = f"{uk_date(review.window_starts_on)} to {uk_date(review.window_ends_on)}"
            raise InvalidInput({"why": f"Enter a reason, because the date is not within {window}"})
        before = {"booked_on": review.booked_on}
        review.booked_on, review.booked_at_time, review.place = form.booked_on, form.at_time, form.place
        REVIEW.move(self.db, review, ReviewStatus.BOOKED, by=principal.user_id, why=form.why)
        await self.db.flush()
        after = {"booked_on": form.booked_on}
        note(self.db, principal, review, "plans.book_review", before=before, after=after, why=form.why)
        publish(
            self.db,
            ReviewBooked(
                council_id=review.council_id,
                review_id=review.id,
                person_id=review.person_id,
                booked_on=form.booked_on,
            ),
        )

    async def hold(self, principal: Principal, review_id: UUID, form: HoldForm) -> None:
        """Record what a review found, or put the record right while it is not signed by both sides.

        An annual one, and one of a direct payment, sets the next: a signature that is long in coming cannot make it
        forgotten. Signatures under an earlier record do not count for a new one.

        Raises:
            InvalidInput: The day is in the future or before the plan was in place.
            NotFacilitator: Somebody else holds it.
            ReviewChanged: The page showed another state of it.
            ReviewNotOpen: It has been signed or cancelled.
            StepRefused: No day was booked yet.
        """
        review = await self._mine(principal, review_id)
        if review.status not in (*OPEN, ReviewStatus.HELD):
            raise ReviewNotOpen("It has been signed or cancelled already.")
        compare(review, form.expected)
        if form.held_on > today(self.clock):
            raise InvalidInput({"held_on": "The date you met must be today or in the past"})
        if form.held_on < review.plan_in_place_on:
            began = uk_date(review.plan_in_place_on)
            raise InvalidInput({"held_on": f"The date you met must be {began} or later, when the plan began"})
        is_first = review.status is not ReviewStatus.HELD
        REVIEW.move(self.db, review, ReviewStatus.HELD, by=principal.user_id, why="" if is_first else "Put right")
        review.held_on, review.working, review.not_working = form.held_on, form.working, form.not_working
        review.outcome, review.changes, review.changes_from = form.outcome, form.changes, form.changes_from
        _unsign(review)
        await self.reviews.replace_results(review, form.results)
        await self.reviews.set_came(review.id, form.came)
        touch(review)
        await self.db.flush()
        after = {"held_on": form.held_on, "outcome": form.outcome.value}
        note(self.db, principal, review, "plans.hold_review", after=after)
        publish(self.db, ReviewHeld(council_id=review.council_id, review_id=review.id, person_id=review.person_id))
        if is_first:
            await self._set_next(review, form.held_on, principal.user_id)

    async def sign(self, principal: Principal, review_id: UUID, expected: int) -> None:
        """Sign for the council: the facilitator, or somebody of the council who may hold reviews.

        Raises:
            AlreadySigned: This side has signed.
            NotFacilitator: Somebody else holds it.
            ReviewChanged: The page showed another state of it.
            SignsForBoth: They signed for the person.
            StepRefused: It is not written down yet.
        """
        review = await self.reviews.locked(reviews_scope(principal), review_id)
        if not is_facilitator(principal, review):
            principal.require(Permission.REVIEWS_HOLD)
        self._signable(review, expected, has_signed=review.signed_at is not None)
        if review.person_signed_by_user_id == principal.user_id:
            raise SignsForBoth("You signed for the person, so somebody else has to sign for the council.")
        review.signed_at, review.signed_by_user_id = self.clock.now(), principal.user_id
        await self._signed(principal, review, "plans.sign_review", "")

    async def sign_for_person(self, principal: Principal, review_id: UUID, why: str, expected: int) -> None:
        """Record that the person signed on paper, or why nobody can sign for them.

        Raises:
            AlreadySigned: This side has signed.
            ReviewChanged: The page showed another state of it.
            SignsForBoth: They signed for the council.
            StepRefused: It is not written down yet.
        """
        principal.require(Permission.REVIEWS_HOLD)
        review = await self.reviews.locked(reviews_scope(principal), review_id)
        self._signable(review, expected, has_signed=review.person_signed_at is not None)
        if principal.user_id == review.signed_by_user_id or is_facilitator(principal, review):
            raise SignsForBoth("A colleague has to record the person’s signature.")
        review.person_signed_at, review.person_signed_by_user_id = self.clock.now(), principal.user_id
        await self._signed(principal, review, "plans.record_review_signature", why)

    async def sign_own(self, principal: Principal, review_id: UUID, expected: int) -> None:
        """Sign one's own review; a representative's signature is recorded with both names.

        Raises:
            AlreadySigned: This side has signed.
            NotFound: It is somebody else's.
            ReviewChanged: The page showed another state of it.
            SignsForBoth: They signed for the council.
            StepRefused: It is not written down yet.
        """
        review = await self._own(principal, review_id)
        self._signable(review, expected, has_signed=review.person_signed_at is not None)
        if review.signed_by_user_id == principal.user_id:
            raise SignsForBoth("You signed for the council, so somebody else has to sign for the person.")
        review.person_signed_at, review.person_signed_by_user_id = self.clock.now(), principal.user_id
        await self._signed(principal, review, "plans.sign_own_review", "")

    async def question(self, principal: Principal, review_id: UUID, words: str, expected: int) -> None:
        """Say that the record is not right: signatures fall, and the facilitator puts it right.

        Raises:
            NotFound: It is somebody else's.
            ReviewChanged: The page showed another state of it.
            StepRefused: It is not written down yet, or both sides signed.
        """
        review = await self._own(principal, review_id)
        self._signable(review, expected, has_signed=False)
        REVIEW.move(self.db, review, ReviewStatus.HELD, by=principal.user_id, why=words)
        _unsign(review)
        touch(review)
        await self.db.flush()
        note(self.db, principal, review, "plans.question_review")
        publish(
            self.db, ReviewQuestioned(council_id=review.council_id, review_id=review.id, person_id=review.person_id)
        )

    async def _mine(self, principal: Principal, review_id: UUID) -> Review:
        """Return a review that somebody facilitates, locked."""
        if not principal.may(Permission.PLANS_WRITE):
            principal.require(Permission.REVIEWS_HOLD)
        review = await self.reviews.locked(reviews_scope(principal), review_id)
        need_facilitator(principal, review)
        return review

    async def _own(self, principal: Principal, review_id: UUID) -> Review:
        principal.require(Permission.PLANS_AGREE)
        return await self.reviews.own(principal.council_id, principal.need_person(), review_id, locked=True)

    def _signable(self, review: Review, expected: int, *, has_signed: bool) -> None:
        if has_signed:
            raise AlreadySigned("There is nothing more to sign here.")
        if review.status is not ReviewStatus.HELD:
            raise StepRefused("This review does not wait for a signature.")
        compare(review, expected)

    async def _signed(self, principal: Principal, review: Review, action: str, why: str) -> None:
        """Note a signature; with the second one the review is complete."""
        await self.db.flush()
        note(self.db, principal, review, action, after={"held_on": review.held_on}, why=why)
        if review.signed_at is None or review.person_signed_at is None or review.held_on is None:
            return
        REVIEW.move(self.db, review, ReviewStatus.SIGNED, by=principal.user_id, why=why)
        await self.db.flush()
        publish(
            self.db,
            ReviewSettled(
                council_id=review.council_id,
                review_id=review.id,
                plan_id=review.plan_id,
                person_id=review.person_id,
                outcome=review.outcome.value if review.outcome else "",
                changes_from=review.changes_from,
            ),
        )
        if review.facilitator_id is not None:
            publish(
                self.db,
                ReviewSigned(
                    council_id=review.council_id,
                    review_id=review.id,
                    plan_id=review.plan_id,
                    person_id=review.person_id,
                    worker_id=review.facilitator_id,
                    organisation_id=await self.reviews.organisation_of(review.facilitator_id),
                    held_on=review.held_on,
                ),
            )
        if review.outcome is ReviewOutcome.END:
            for other in await self.reviews.open_of_plan(review.plan_id):
                REVIEW.move(self.db, other, ReviewStatus.CANCELLED, by=principal.user_id, why="The support ends")
            await self.db.flush()

    async def _set_next(self, review: Review, held_on: date, by: UUID) -> None:
        if review.kind is ReviewKind.ANNUAL:
            dates = annual_review(held_on)
        elif review.kind is ReviewKind.DIRECT_PAYMENT:
            months: Mapping[str, int] = await setting(
                self.db, review.council_id, "plans.direct_payment_review_months", held_on
            )
            dates = direct_payment_review(review.plan_in_place_on, held_on, months, today(self.clock))
        else:
            return
        plan = await self.reviews.plan(review.council_id, review.plan_id)
        why = "The review before was held"
        await add_review(self.db, plan, review.kind, dates, in_place_on=review.plan_in_place_on, by=by, why=why)


def _unsign(review: Review) -> None:
    review.signed_at = review.signed_by_user_id = None
    review.person_signed_at = review.person_signed_by_user_id = None
