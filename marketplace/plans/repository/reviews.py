"""Questions about reviews and their calendar."""

from collections.abc import Collection, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, Select, and_, delete, exists, func, literal, select, tuple_

from marketplace.accounts.models import AuditEntry, User
from marketplace.core.clock import local
from marketplace.core.errors import NotFound
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.matching.models import Referral
from marketplace.people.models import Person
from marketplace.plans.dates import OPEN, REMINDER, SOON, UNSIGNED
from marketplace.plans.models import (
    OutcomeResult,
    Plan,
    PlanItem,
    PlanVersion,
    Review,
    ReviewInvite,
    ReviewKind,
    ReviewNote,
)
from marketplace.plans.review_forms import Result
from marketplace.plans.schemas import Scope
from marketplace.plans.states import PlanStatus, ReviewStatus
from marketplace.providers.models import Worker


class ReviewShow(StrEnum):
    """Which reviews a list shows."""

    OPEN = "open"
    SOON = "soon"
    OVERDUE = "overdue"
    BOOKED = "booked"
    HELD = "held"
    SIGNED = "signed"
    MINE = "mine"
    """Open, and held by the reader, who works for the council."""
    NOBODY = "nobody"
    """Open, and nobody holds it yet."""


class ReviewLine(NamedTuple):
    """A review in a list or on its page."""

    review: Review
    person_name: str
    reference: str
    facilitator_name: str
    """Empty: nobody holds it yet."""
    planner_id: UUID | None
    """The worker who holds the plan: the same as the facilitator unless an exception was recorded (L16)."""


class ReviewRepository(Repository[Review]):
    """Reviews."""

    model_type = Review

    async def locked(self, scope: Scope, review_id: UUID) -> Review:
        """Return a review of a scope, locked.

        Raises:
            NotFound: There is none in the scope.
        """
        return await self.one(select(Review).where(Review.id == review_id, *_inside(scope)), locked=True)

    async def organisation_of(self, worker_id: UUID) -> UUID:
        """Return the organisation that a facilitator works for: it has earned what the review earns."""
        return (await self.db.scalars(select(Worker.organisation_id).where(Worker.id == worker_id))).one()

    async def own(self, council_id: UUID, person_id: UUID, review_id: UUID, *, locked: bool = False) -> Review:
        """Return a review of a person.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        question = self.of(council_id).where(Review.person_id == person_id, Review.id == review_id)
        return await self.one(question, locked=locked)

    async def of_person(self, council_id: UUID, person_id: UUID) -> list[ReviewLine]:
        """Return the reviews of a person, but for cancelled ones: those to come first, then the latest."""
        question = (
            _joined(Scope((council_id,), None))
            .where(Review.person_id == person_id, Review.status != ReviewStatus.CANCELLED)
            .order_by(Review.due_on.desc(), Review.id)
            .limit(60)
        )
        return await self._lines(question)

    async def of_person_one(self, council_id: UUID, person_id: UUID, review_id: UUID) -> ReviewLine:
        """Return one review of a person with the names its page shows.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        question = _joined(Scope((council_id,), None)).where(Review.person_id == person_id, Review.id == review_id)
        found = await self._lines(question)
        if not found:
            raise NotFound
        return found[0]

    async def plan(self, council_id: UUID, plan_id: UUID) -> Plan:
        """Return the plan of a review."""
        return (await self.db.scalars(select(Plan).where(Plan.council_id == council_id, Plan.id == plan_id))).one()

    async def plan_in_place(self, council_id: UUID, person_id: UUID) -> Plan | None:
        """Return the plan of a person of which a version is signed off, the newest."""
        signed = (
            select(PlanVersion.id)
            .where(PlanVersion.plan_id == Plan.id, PlanVersion.status == PlanStatus.SIGNED_OFF)
            .correlate(Plan)
            .exists()
        )
        question = select(Plan).where(Plan.council_id == council_id, Plan.person_id == person_id, signed)
        return await self.db.scalar(question.order_by(Plan.id.desc()).limit(1))

    async def hold_plan(self, plan_id: UUID) -> None:
        """Lock a plan, so that two who ask for a review of it at once come one after the other."""
        await self.db.execute(select(Plan.id).where(Plan.id == plan_id).with_for_update())

    async def in_place_on(self, plan_id: UUID) -> date | None:
        """Return the day on which the version in place was signed off."""
        at = await self.db.scalar(
            select(PlanVersion.signed_off_at).where(
                PlanVersion.plan_id == plan_id, PlanVersion.status == PlanStatus.SIGNED_OFF
            )
        )
        return local(at).date() if at else None

    async def days_of(self, plan_id: UUID, kind: ReviewKind) -> frozenset[date]:
        """Return the days on which reviews of a kind stand for a plan, in any state."""
        found = await self.db.scalars(select(Review.due_on).where(Review.plan_id == plan_id, Review.kind == kind))
        return frozenset(found)

    async def outcomes(self, plan_id: UUID) -> dict[int, str]:
        """Return the outcomes of the version in place, by position; none where none is signed."""
        rows = await self.db.execute(
            select(PlanItem.position, PlanItem.outcome)
            .join(PlanVersion, PlanVersion.id == PlanItem.plan_version_id)
            .where(PlanVersion.plan_id == plan_id, PlanVersion.status == PlanStatus.SIGNED_OFF)
            .order_by(PlanItem.position)
        )
        return {row[0]: row[1] for row in rows}

    async def results(self, review_id: UUID) -> Sequence[OutcomeResult]:
        """Return how far each outcome was reached, in the plan's order."""
        question = select(OutcomeResult).where(OutcomeResult.review_id == review_id).order_by(OutcomeResult.position)
        return (await self.db.scalars(question)).all()

    async def replace_results(self, review: Review, results: Sequence[Result]) -> None:
        """Put what a record says of the outcomes in the place of what an earlier one said."""
        await self.db.execute(delete(OutcomeResult).where(OutcomeResult.review_id == review.id))
        self.db.add_all(
            OutcomeResult(
                council_id=review.council_id,
                review_id=review.id,
                position=result.position,
                outcome=result.outcome,
                progress=result.progress,
                words=result.words,
            )
            for result in results
        )

    async def invites(self, review_id: UUID) -> Sequence[ReviewInvite]:
        """Return whom the person wants at a review, in the order they were named."""
        question = select(ReviewInvite).where(ReviewInvite.review_id == review_id).order_by(ReviewInvite.id)
        return (await self.db.scalars(question)).all()

    async def set_came(self, review_id: UUID, came: Collection[UUID]) -> None:
        """Note which of those invited were there."""
        for invite in await self.invites(review_id):
            invite.came = invite.id in came

    async def notes(self, review_id: UUID) -> Sequence[ReviewNote]:
        """Return what was written for a review, in the order it was written."""
        question = select(ReviewNote).where(ReviewNote.review_id == review_id).order_by(ReviewNote.id)
        return (await self.db.scalars(question)).all()

    async def detail(self, scope: Scope, review_id: UUID) -> ReviewLine:
        """Return one review with the names its page shows.

        Raises:
            NotFound: There is none in the scope.
        """
        found = await self._lines(_joined(scope).where(Review.id == review_id))
        if not found:
            raise NotFound
        return found[0]

    async def reference(self, review: Review) -> str:
        """Return the referral's reference: how messages name a review."""
        question = (
            select(Referral.reference).join(Plan, Plan.referral_id == Referral.id).where(Plan.id == review.plan_id)
        )
        return (await self.db.scalars(question)).one()

    async def lines(
        self, scope: Scope, show: ReviewShow, today: date, *, after: tuple[date, UUID] | None, limit: int
    ) -> list[ReviewLine]:
        """Return reviews by the day they are due, from a key on."""
        question = _joined(scope).where(_shown(show, today, scope)).order_by(Review.due_on, Review.id).limit(limit)
        if after is not None:
            question = question.where(tuple_(Review.due_on, Review.id) > tuple_(literal(after[0]), literal(after[1])))
        return await self._lines(question)

    async def counts(self, scope: Scope, today: date) -> dict[ReviewShow, int]:
        """Count reviews by list; a review stands in more than one."""
        shown = list(ReviewShow)
        row = (
            await self.db.execute(
                select(*(func.count().filter(_shown(show, today, scope)) for show in shown)).where(*_inside(scope))
            )
        ).one()
        return dict(zip(shown, row, strict=True))

    async def of_month(self, scope: Scope, first: date, after: date, limit: int) -> list[ReviewLine]:
        """Return the reviews of a month by their day: the booked one, else the day they are due."""
        day = func.coalesce(Review.booked_on, Review.due_on)
        question = (
            _joined(scope)
            .where(day >= first, day < after, Review.status != ReviewStatus.CANCELLED)
            .order_by(day, Review.id)
            .limit(limit)
        )
        return await self._lines(question)

    async def of_plan(self, plan_id: UUID) -> Sequence[Review]:
        """Return the reviews of a plan by their day."""
        question = select(Review).where(Review.plan_id == plan_id).order_by(Review.due_on, Review.id).limit(50)
        return (await self.db.scalars(question)).all()

    async def open_of_plan(self, plan_id: UUID) -> Sequence[Review]:
        """Return the reviews of a plan that are still to be held, locked."""
        question = (
            select(Review)
            .where(Review.plan_id == plan_id, Review.status.in_(OPEN))
            .order_by(Review.id)
            .with_for_update()
        )
        return (await self.db.scalars(question)).all()

    async def timeline(self, review_id: UUID) -> Sequence[Step]:
        """Return the steps of a review, newest first."""
        question = (
            select(Step)
            .where(Step.subject_kind == "review", Step.subject_id == review_id)
            .order_by(Step.at.desc(), Step.id.desc())
            .limit(100)
        )
        return (await self.db.scalars(question)).all()

    async def to_remind(self, today: date, mark: str, limit: int) -> Sequence[Row[Review, str]]:
        """Return reviews without a date whose window soon ends, each with its reference, locked.

        Args:
            today: The day in London.
            mark: Action of the audit row that says a review was done before.
            limit: Most rows.
        """
        near = and_(
            Review.status == ReviewStatus.DUE,
            Review.window_ends_on >= today,
            Review.window_ends_on <= today + REMINDER,
        )
        return await self._unmarked(near, mark, limit)

    async def to_flag(self, today: date, mark: str, limit: int) -> Sequence[Row[Review, str]]:
        """Return reviews whose window is over and that were not held, each with its reference, locked."""
        return await self._unmarked(and_(Review.status.in_(OPEN), Review.window_ends_on < today), mark, limit)

    async def to_sign(self, today: date, mark: str, limit: int) -> Sequence[Row[Review, str]]:
        """Return reviews that were held some time ago and lack a signature, each with its reference, locked."""
        late = and_(Review.status == ReviewStatus.HELD, Review.held_on <= today - UNSIGNED)
        return await self._unmarked(late, mark, limit)

    async def person_name(self, review: Review) -> str:
        """Return whose review it is."""
        question = select(Person.given_name, Person.family_name).where(Person.id == review.person_id)
        return " ".join((await self.db.execute(question)).one()).strip()

    async def _unmarked(self, condition: Any, mark: str, limit: int) -> Sequence[Row[Review, str]]:
        marked = exists().where(
            AuditEntry.subject_kind == "review", AuditEntry.subject_id == Review.id, AuditEntry.action == mark
        )
        question = (
            select(Review, Referral.reference)
            .join(Plan, Plan.id == Review.plan_id)
            .join(Referral, Referral.id == Plan.referral_id)
            .where(condition, ~marked)
            .order_by(Review.id)
            .limit(limit)
            .with_for_update(of=Review, skip_locked=True)
        )
        return (await self.db.execute(question)).all()

    async def _lines(
        self, question: Select[Review, str, str, str, str | None, str | None, UUID | None]
    ) -> list[ReviewLine]:
        rows = await self.db.execute(question)
        return [
            ReviewLine(
                review=row[0],
                person_name=f"{row[1]} {row[2]}".strip(),
                reference=row[3],
                facilitator_name=row[4] or row[5] or "",
                planner_id=row[6],
            )
            for row in rows
        ]


def _joined(scope: Scope) -> Select[Review, str, str, str, str | None, str | None, UUID | None]:
    return (
        select(
            Review,
            Person.given_name,
            Person.family_name,
            Referral.reference,
            Worker.name,
            User.name,
            Plan.worker_id,
        )
        .join(Plan, Plan.id == Review.plan_id)
        .join(Person, Person.id == Review.person_id)
        .join(Referral, Referral.id == Plan.referral_id)
        .outerjoin(Worker, Worker.id == Review.facilitator_id)
        .outerjoin(User, User.id == Review.facilitator_user_id)
        .where(*_inside(scope))
    )


def _inside(scope: Scope) -> list[Any]:
    conditions: list[Any] = [Review.council_id.in_(scope.council_ids)]
    if scope.worker_id is not None:
        conditions.append(Review.facilitator_id == scope.worker_id)
    return conditions


def _shown(show: ReviewShow, today: date, scope: Scope) -> Any:
    is_open = Review.status.in_(OPEN)
    overdue = and_(is_open, Review.window_ends_on < today)
    return {
        ReviewShow.OPEN: is_open,
        ReviewShow.SOON: and_(
            Review.status == ReviewStatus.DUE, Review.window_ends_on >= today, Review.due_on <= today + SOON
        ),
        ReviewShow.OVERDUE: overdue,
        ReviewShow.BOOKED: Review.status == ReviewStatus.BOOKED,
        ReviewShow.HELD: Review.status == ReviewStatus.HELD,
        ReviewShow.SIGNED: Review.status == ReviewStatus.SIGNED,
        ReviewShow.MINE: and_(is_open, Review.facilitator_user_id == scope.user_id),
        ReviewShow.NOBODY: and_(is_open, Review.facilitator_id.is_(None), Review.facilitator_user_id.is_(None)),
    }[show]
