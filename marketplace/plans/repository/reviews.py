"""Questions about reviews and their calendar."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, Select, and_, exists, func, literal, select, tuple_

from marketplace.accounts.models import AuditEntry
from marketplace.core.errors import NotFound
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.matching.models import Referral
from marketplace.people.models import Person
from marketplace.plans.dates import OPEN, REMINDER, SOON
from marketplace.plans.models import Plan, Review
from marketplace.plans.schemas import Scope
from marketplace.plans.states import ReviewStatus
from marketplace.providers.models import Worker


class ReviewShow(StrEnum):
    """Which reviews a list shows."""

    OPEN = "open"
    SOON = "soon"
    OVERDUE = "overdue"
    BOOKED = "booked"
    HELD = "held"


class ReviewLine(NamedTuple):
    """A review in a list or on its page."""

    review: Review
    person_name: str
    reference: str
    facilitator_name: str
    planner_id: UUID
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

    async def detail(self, scope: Scope, review_id: UUID) -> ReviewLine:
        """Return one review with the names its page shows.

        Raises:
            NotFound: There is none in the scope.
        """
        found = await self._lines(_joined(scope).where(Review.id == review_id))
        if not found:
            raise NotFound
        return found[0]

    async def lines(
        self, scope: Scope, show: ReviewShow, today: date, *, after: tuple[date, UUID] | None, limit: int
    ) -> list[ReviewLine]:
        """Return reviews by the day they are due, from a key on."""
        question = _joined(scope).where(_shown(show, today)).order_by(Review.due_on, Review.id).limit(limit)
        if after is not None:
            question = question.where(tuple_(Review.due_on, Review.id) > tuple_(literal(after[0]), literal(after[1])))
        return await self._lines(question)

    async def counts(self, scope: Scope, today: date) -> dict[ReviewShow, int]:
        """Count reviews by list; a review stands in more than one."""
        shown = list(ReviewShow)
        row = (
            await self.db.execute(
                select(*(func.count().filter(_shown(show, today)) for show in shown)).where(*_inside(scope))
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

    async def _lines(self, question: Select[Review, str, str, str, str, UUID]) -> list[ReviewLine]:
        rows = await self.db.execute(question)
        return [
            ReviewLine(
                review=row[0],
                person_name=f"{row[1]} {row[2]}".strip(),
                reference=row[3],
                facilitator_name=row[4],
                planner_id=row[5],
            )
            for row in rows
        ]


def _joined(scope: Scope) -> Select[Review, str, str, str, str, UUID]:
    return (
        select(Review, Person.given_name, Person.family_name, Referral.reference, Worker.name, Plan.worker_id)
        .join(Plan, Plan.id == Review.plan_id)
        .join(Person, Person.id == Review.person_id)
        .join(Referral, Referral.id == Plan.referral_id)
        .join(Worker, Worker.id == Review.facilitator_id)
        .where(*_inside(scope))
    )


def _inside(scope: Scope) -> list[Any]:
    conditions: list[Any] = [Review.council_id.in_(scope.council_ids)]
    if scope.worker_id is not None:
        conditions.append(Review.facilitator_id == scope.worker_id)
    return conditions


def _shown(show: ReviewShow, today: date) -> Any:
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
    }[show]
