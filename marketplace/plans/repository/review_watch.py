"""Questions that the daily look at reviews asks: whose review is missing, whose facilitator is gone."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import aliased

from marketplace.accounts.models import Membership, User
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.people.models import DirectPaymentArrangement, Person
from marketplace.plans.dates import OPEN
from marketplace.plans.models import Plan, Review, ReviewKind
from marketplace.plans.states import ReviewStatus
from marketplace.providers.models import Worker


class PaidPerson(NamedTuple):
    """Somebody with a direct payment."""

    plan: Plan
    """Their newest."""
    started_on: date
    """First day on which they had one."""
    last_held_on: date | None
    """Day of its last review."""


class ReviewWatchRepository(Repository[Review]):
    """Reviews that have to be set, freed or cancelled."""

    model_type = Review

    async def paid_without_review(self, on: date, limit: int) -> list[PaidPerson]:
        """Return people with a direct payment on a day and no review of it to come."""
        earlier, newer = aliased(DirectPaymentArrangement), aliased(Plan)
        started_on = (
            select(func.min(earlier.starts_on)).where(earlier.person_id == Plan.person_id).correlate(Plan)
        ).scalar_subquery()
        of_payment = and_(Review.person_id == Plan.person_id, Review.kind == ReviewKind.DIRECT_PAYMENT)
        last = select(func.max(Review.held_on)).where(of_payment).correlate(Plan).scalar_subquery()
        has_next = select(Review.id).where(of_payment, Review.status.in_(OPEN)).correlate(Plan).exists()
        question = (
            select(Plan, started_on, last)
            .join(Person, Person.id == Plan.person_id)
            .where(_is_paid(Plan.person_id, on), ~has_next, Person.died_on.is_(None))
            .where(~select(newer.id).where(newer.person_id == Plan.person_id, newer.id > Plan.id).exists())
            .order_by(Plan.id)
            .limit(limit)
        )
        return [PaidPerson._make(row) for row in await self.db.execute(question)]

    async def without_payment(self, on: date, limit: int) -> Sequence[Review]:
        """Return reviews to come of direct payments that have ended, locked."""
        question = (
            select(Review)
            .where(Review.kind == ReviewKind.DIRECT_PAYMENT, Review.status.in_(OPEN), ~_is_paid(Review.person_id, on))
            .order_by(Review.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self.db.scalars(question)).all()

    async def held_by_leavers(self, on: date, limit: int) -> list[tuple[Review, str]]:
        """Return reviews to come whose facilitator left by a day, with their name, locked.

        A worker has left when their work or every role they had in the council ended; without any role recorded they
        work without an account, which is no reason to take a review from them.
        """
        of_worker = and_(Membership.worker_id == Review.facilitator_id, Membership.council_id == Review.council_id)
        of_user = and_(Membership.user_id == Review.facilitator_user_id, Membership.council_id == Review.council_id)
        gone = or_(
            and_(Review.facilitator_id.is_not(None), or_(Worker.ends_on <= on, _all_ended(of_worker, on))),
            and_(Review.facilitator_user_id.is_not(None), or_(~User.is_active, _all_ended(of_user, on))),
        )
        question = (
            select(Review, func.coalesce(Worker.name, User.name))
            .outerjoin(Worker, Worker.id == Review.facilitator_id)
            .outerjoin(User, User.id == Review.facilitator_user_id)
            .where(Review.status.in_(OPEN), gone)
            .order_by(Review.id)
            .limit(limit)
            .with_for_update(of=Review, skip_locked=True)
        )
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def open_of_person(self, council_id: UUID, person_id: UUID) -> Sequence[Review]:
        """Return the reviews to come of a person, locked."""
        question = self.of(council_id).where(Review.person_id == person_id, Review.status.in_(OPEN))
        return (await self.db.scalars(question.order_by(Review.id).with_for_update())).all()

    async def cancelled_of_person(self, council_id: UUID, person_id: UUID, why: str) -> Sequence[Review]:
        """Return the reviews of a person that were cancelled for a reason, locked."""
        for_it = (
            select(Step.id)
            .where(
                Step.subject_kind == "review",
                Step.subject_id == Review.id,
                Step.to_status == ReviewStatus.CANCELLED,
                Step.why == why,
            )
            .correlate(Review)
            .exists()
        )
        question = self.of(council_id).where(
            Review.person_id == person_id, Review.status == ReviewStatus.CANCELLED, for_it
        )
        return (await self.db.scalars(question.order_by(Review.id).with_for_update())).all()


def _is_paid(person_id: Any, on: date) -> ColumnElement[bool]:
    return (
        select(DirectPaymentArrangement.id)
        .where(
            DirectPaymentArrangement.person_id == person_id,
            DirectPaymentArrangement.starts_on <= on,
            or_(DirectPaymentArrangement.ends_on.is_(None), DirectPaymentArrangement.ends_on > on),
        )
        .exists()
    )


def _all_ended(theirs: ColumnElement[bool], on: date) -> ColumnElement[bool]:
    ended = Membership.ends_on <= on
    has = select(Membership.id).where(theirs).correlate(Review).exists()
    runs = select(Membership.id).where(theirs, or_(Membership.ends_on.is_(None), ~ended)).correlate(Review).exists()
    return and_(has, ~runs)
