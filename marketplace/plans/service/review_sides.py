"""The person's side of a review: who comes, what works and what does not, and asking for one."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.outbox import publish
from marketplace.plans.dates import OPEN, asked_review
from marketplace.plans.errors import ReviewNotOpen
from marketplace.plans.events import ReviewAsked, ReviewHandedOn
from marketplace.plans.models import AskedBy, Plan, Review, ReviewInvite, ReviewKind, ReviewNote
from marketplace.plans.policies import is_facilitator, plans_scope, reviews_scope
from marketplace.plans.repository import PlanRepository, ReviewRepository
from marketplace.plans.repository.review_holders import HolderRepository
from marketplace.plans.review_forms import AskForm, HandOnForm, InviteForm, NoteForm
from marketplace.plans.service.review_rows import add_review, compare, note, touch

MOST_INVITES = 12
MOST_NOTES = 100
CLOSED = "It was held or cancelled already."


class MyReviewService:
    """What a person, or who acts for them, does for a review before it is held."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.reviews = ReviewRepository(db)

    async def invite(self, principal: Principal, review_id: UUID, form: InviteForm) -> None:
        """Add somebody whom the person wants there (T15).

        Raises:
            InvalidInput: They are on the list, or it is full.
            NotFound: The review is somebody else's.
            ReviewNotOpen: It was held or cancelled.
        """
        review = await self._open(principal, review_id)
        invites = await self.reviews.invites(review.id)
        if len(invites) >= MOST_INVITES:
            raise InvalidInput({"name": f"You can ask up to {MOST_INVITES} people"})
        if any((row.name.lower(), row.email) == (form.name.lower(), form.email) for row in invites):
            raise InvalidInput({"name": f"{form.name} is on your list already"})
        row = ReviewInvite(
            council_id=review.council_id,
            review_id=review.id,
            name=form.name,
            relation=form.relation,
            email=form.email,
            created_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        note(self.db, principal, review, "plans.invite_to_review", after={"invite_id": row.id})

    async def uninvite(self, principal: Principal, review_id: UUID, invite_id: UUID) -> None:
        """Take somebody off the list.

        Raises:
            NotFound: The review is somebody else's, or nobody is on the list by this id.
            ReviewNotOpen: It was held or cancelled.
        """
        review = await self._open(principal, review_id)
        row = next((row for row in await self.reviews.invites(review.id) if row.id == invite_id), None)
        if row is None:
            raise NotFound
        await self.db.delete(row)
        await self.db.flush()
        note(self.db, principal, review, "plans.uninvite_from_review", before={"invite_id": invite_id})

    async def write(self, principal: Principal, review_id: UUID, form: NoteForm) -> None:
        """Add a line to a list. Lines are never overwritten: of two people who write at once, both are kept.

        Raises:
            InvalidInput: There are too many.
            NotFound: The review is somebody else's.
            ReviewNotOpen: It was held or cancelled.
        """
        await write_note(self.db, principal, await self._open(principal, review_id), form)

    async def take_back(self, principal: Principal, review_id: UUID, note_id: UUID) -> None:
        """Take back a line that one wrote oneself.

        Raises:
            NotFound: The review is somebody else's, or the line is not theirs.
            ReviewNotOpen: It was held or cancelled.
        """
        review = await self._open(principal, review_id)
        rows = await self.reviews.notes(review.id)
        row = next((row for row in rows if row.id == note_id and row.by_user_id == principal.user_id), None)
        if row is None:
            raise NotFound
        await self.db.delete(row)
        await self.db.flush()
        note(self.db, principal, review, "plans.take_back_review_note", before={"note_id": note_id})

    async def send(self, principal: Principal, review_id: UUID) -> None:
        """Send one's own answers ahead (T14): from now on the facilitator reads them.

        Raises:
            InvalidInput: Nothing was written.
            NotFound: The review is somebody else's.
            ReviewNotOpen: It was held or cancelled.
        """
        review = await self._open(principal, review_id)
        if not await self.reviews.notes(review.id):
            raise InvalidInput({"words": "Write at least one thing before you send it"})
        if review.self_review_at is None:
            review.self_review_at = self.clock.now()
            await self.db.flush()
            note(self.db, principal, review, "plans.send_self_review")

    async def ask(self, principal: Principal, form: AskForm) -> UUID:
        """Ask for a review out of turn, of one's own plan.

        Returns:
            The review.

        Raises:
            Conflict: One that was asked for is still to be held.
            NotFound: There is no plan in place yet.
        """
        principal.require(Permission.PLANS_AGREE)
        plan = await self.reviews.plan_in_place(principal.council_id, principal.need_person())
        if plan is None:
            raise NotFound
        by = AskedBy.FAMILY if principal.role is Role.REPRESENTATIVE else AskedBy.PERSON
        return (await ask_for_review(self.db, principal, plan, AskForm(form.reason, by))).id

    async def _open(self, principal: Principal, review_id: UUID) -> Review:
        principal.require(Permission.PLANS_AGREE)
        review = await self.reviews.own(principal.council_id, principal.need_person(), review_id, locked=True)
        if review.status not in OPEN:
            raise ReviewNotOpen(CLOSED)
        return review


class ReviewDeskService:
    """What staff do beside holding: asking for a review, handing one on, writing for somebody else."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.reviews = ReviewRepository(db)

    async def write(self, principal: Principal, review_id: UUID, form: NoteForm) -> None:
        """Add a line that somebody said, as the facilitator.

        Raises:
            NotFound: It is no review of theirs.
            ReviewNotOpen: It was held or cancelled.
        """
        review = await self.reviews.locked(reviews_scope(principal), review_id)
        if not is_facilitator(principal, review):
            raise NotFound
        if review.status not in OPEN:
            raise ReviewNotOpen(CLOSED)
        await write_note(self.db, principal, review, form)

    async def ask(self, principal: Principal, plan_id: UUID, form: AskForm) -> UUID:
        """Write down that somebody asked for a review of a plan that is in place.

        Returns:
            The review.

        Raises:
            Conflict: One that was asked for is still to be held, or no version is in place.
            NotFound: No such plan within reach.
        """
        if not principal.may(Permission.PLANS_WRITE):
            principal.require(Permission.REVIEWS_HOLD)
        plan, _ = await PlanRepository(self.db).locked(plans_scope(principal), plan_id)
        return (await ask_for_review(self.db, principal, plan, form)).id

    async def hand_on(self, principal: Principal, review_id: UUID, form: HandOnForm) -> None:
        """Give a review to somebody else, or to nobody. If it is not who made the plan, the reason is kept (L16).

        Raises:
            InvalidInput: The reason is missing, or they may not hold reviews here.
            ReviewChanged: The page showed another state of it.
            ReviewNotOpen: It was held or cancelled.
        """
        principal.require(Permission.REVIEWS_HOLD)
        review = await self.reviews.locked(reviews_scope(principal), review_id)
        if review.status not in OPEN:
            raise ReviewNotOpen(CLOSED)
        compare(review, form.expected)
        plan = await self.reviews.plan(review.council_id, review.plan_id)
        is_planner = form.worker_id is not None and form.worker_id == plan.worker_id
        if plan.worker_id is not None and not is_planner and not form.why:
            raise InvalidInput({"reason": "Enter the reason, because the planner made this plan with the person"})
        if form.worker_id is not None or form.user_id is not None:
            value = f"worker:{form.worker_id}" if form.worker_id else f"user:{form.user_id}"
            choices = await HolderRepository(self.db).may_hold(review.council_id, today(self.clock))
            if value not in {choice.value for choice in choices}:
                raise InvalidInput({"to": "Select who holds the review"})
        before = {"worker_id": review.facilitator_id, "user_id": review.facilitator_user_id}
        review.facilitator_id, review.facilitator_user_id = form.worker_id, form.user_id
        review.facilitator_reason = "" if is_planner else form.why
        touch(review)
        await self.db.flush()
        after = {"worker_id": review.facilitator_id, "user_id": review.facilitator_user_id}
        note(self.db, principal, review, "plans.hand_on_review", before=before, after=after)
        publish(self.db, ReviewHandedOn(council_id=review.council_id, review_id=review.id, person_id=review.person_id))


async def write_note(db: AsyncSession, principal: Principal, review: Review, form: NoteForm) -> None:
    """Add a line to a review that the caller has locked."""
    reviews = ReviewRepository(db)
    if len(await reviews.notes(review.id)) >= MOST_NOTES:
        raise InvalidInput({"words": f"There is room for {MOST_NOTES} lines. Take one back first"})
    row = ReviewNote(
        council_id=review.council_id,
        review_id=review.id,
        kind=form.kind,
        words=form.words,
        by_name=form.by_name or principal.name,
        by_user_id=principal.user_id,
        written_at=clock_of(db).now(),
    )
    db.add(row)
    await db.flush()
    note(db, principal, review, "plans.write_review_note", after={"note_id": row.id})


async def ask_as_supporter(
    db: AsyncSession, principal: Principal, council_id: UUID, person_id: UUID, form: AskForm
) -> UUID:
    """Ask for a review as an organisation that supports a person: a part of services that have seen that it does.

    Returns:
        The review.

    Raises:
        Conflict: One that was asked for is still to be held, or no version is in place.
    """
    principal.need_organisation()
    plan = await ReviewRepository(db).plan_in_place(council_id, person_id)
    if plan is None:
        raise Conflict("No plan is in place for this person yet, so there is nothing to review.")
    return (await ask_for_review(db, principal, plan, form)).id


async def ask_for_review(db: AsyncSession, principal: Principal, plan: Plan, form: AskForm) -> Review:
    """Add a review that somebody asked for, if none such is open."""
    reviews, day = ReviewRepository(db), today(clock_of(db))
    await reviews.hold_plan(plan.id)
    in_place_on = await reviews.in_place_on(plan.id)
    if in_place_on is None:
        raise Conflict("This plan is not in place yet, so there is nothing to review.")
    if any(review.kind is ReviewKind.UNSCHEDULED for review in await reviews.open_of_plan(plan.id)):
        raise Conflict("A review was asked for already. It will look at this, too.")
    review = await add_review(
        db,
        plan,
        ReviewKind.UNSCHEDULED,
        asked_review(day),
        in_place_on=in_place_on,
        by=principal.user_id,
        why="Asked for",
        reason=form.reason,
        asked_by=form.asked_by,
    )
    note(db, principal, review, "plans.ask_for_review", after={"asked_by": form.asked_by.value})
    publish(db, ReviewAsked(council_id=review.council_id, review_id=review.id, person_id=review.person_id))
    return review
