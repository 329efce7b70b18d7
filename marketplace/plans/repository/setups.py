"""Questions about the way to a direct payment and about early starts."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, case, literal, or_, select, tuple_

from marketplace.accounts.models import Representation
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.repository import Repository
from marketplace.people.models import DirectPaymentArrangement, Person
from marketplace.plans.models import DirectPaymentSetup, EarlyStart, Frequency, Plan, PlanVersion
from marketplace.plans.states import PlanStatus, SetupStatus
from marketplace.providers.models import Organisation, ServiceLine
from marketplace.providers.repository.accreditations import is_accredited


class EarlyLine(NamedTuple):
    """An early start with the person and the plan it waits for."""

    row: EarlyStart
    person: Person
    status: PlanStatus | None
    """Where the plan is; None: nobody has begun one."""


class SetupRepository(Repository[DirectPaymentSetup]):
    """Set-ups of direct payments."""

    model_type = DirectPaymentSetup

    async def open_of(self, council_id: UUID, person_id: UUID) -> Sequence[DirectPaymentSetup]:
        """Return a person's set-ups that are on their way or run, locked: one by the week, one paid once beside it."""
        question = self.of(council_id).where(DirectPaymentSetup.person_id == person_id, _is_open())
        question = question.order_by(DirectPaymentSetup.created_at, DirectPaymentSetup.id)
        return await self.every(question.with_for_update().execution_options(populate_existing=True))

    async def on_its_way(self, council_id: UUID, person_id: UUID) -> DirectPaymentSetup | None:
        """Return a person's set-up that was begun and is neither started nor refused."""
        return await self.maybe(self.of(council_id).where(DirectPaymentSetup.person_id == person_id, _is_on_its_way()))

    async def running(self, council_id: UUID, person_id: UUID) -> DirectPaymentSetup | None:
        """Return a person's payment by the week that was started and not stopped."""
        return await self.maybe(self.of(council_id).where(DirectPaymentSetup.person_id == person_id, _runs()))

    async def to_person(self, council_id: UUID, person_id: UUID) -> DirectPaymentSetup | None:
        """Return the set-up that concerns a person most: what lies before them, what runs, else the newest.

        A draft is not for them to see before it was offered once.
        """
        is_hidden = and_(DirectPaymentSetup.status == SetupStatus.DRAFT, DirectPaymentSetup.reason == "")
        question = self.of(council_id).where(DirectPaymentSetup.person_id == person_id, ~is_hidden)
        order = case((_is_on_its_way(), 0), (_runs(), 1), else_=2)
        newest = (DirectPaymentSetup.created_at.desc(), DirectPaymentSetup.id.desc())
        return await self.maybe(question.order_by(order, *newest))

    async def once_beside(self, row: DirectPaymentSetup) -> DirectPaymentSetup | None:
        """Return the newest sum paid once that was decided while a payment by the week ran."""
        question = self.of(row.council_id).where(
            DirectPaymentSetup.person_id == row.person_id,
            DirectPaymentSetup.frequency == Frequency.ONCE,
            DirectPaymentSetup.status.in_((SetupStatus.STARTED, SetupStatus.REFUSED)),
            DirectPaymentSetup.id != row.id,
            DirectPaymentSetup.created_at >= row.created_at,
        )
        return await self.maybe(question.order_by(DirectPaymentSetup.created_at.desc(), DirectPaymentSetup.id.desc()))

    async def coming_on(self, person_id: UUID, on: date) -> date | None:
        """Return the first day of a payment that was started and begins after a day."""
        found: date | None = await self.db.scalar(
            select(DirectPaymentSetup.starts_on)
            .where(
                DirectPaymentSetup.person_id == person_id,
                DirectPaymentSetup.status == SetupStatus.STARTED,
                DirectPaymentSetup.starts_on > on,
            )
            .order_by(DirectPaymentSetup.starts_on)
            .limit(1)
        )
        return found

    async def lines(
        self, council_id: UUID, *, is_open: bool, after: DirectPaymentSetup | None, limit: int
    ) -> Sequence[Row[DirectPaymentSetup, Person]]:
        """Return set-ups that wait for something, or those that run or are over; the oldest first."""
        waiting = (SetupStatus.DRAFT, SetupStatus.OFFERED, SetupStatus.AGREED)
        question = (
            select(DirectPaymentSetup, Person)
            .join(Person, Person.id == DirectPaymentSetup.person_id)
            .where(DirectPaymentSetup.council_id == council_id)
        )
        found = DirectPaymentSetup.status.in_(waiting)
        question = question.where(found if is_open else ~found)
        key = tuple_(DirectPaymentSetup.created_at, DirectPaymentSetup.id)
        if after is not None:
            question = question.where(key > tuple_(literal(after.created_at), literal(after.id)))
        rows = await self.db.execute(
            question.order_by(DirectPaymentSetup.created_at, DirectPaymentSetup.id).limit(limit)
        )
        return rows.all()

    async def managers(self, council_id: UUID, person_id: UUID) -> Sequence[Representation]:
        """Return who may act for a person now."""
        question = (
            select(Representation)
            .where(
                Representation.council_id == council_id,
                Representation.person_id == person_id,
                Representation.status == RepresentationStatus.LIVE,
            )
            .order_by(Representation.name, Representation.id)
        )
        return (await self.db.scalars(question)).all()

    async def manager(self, council_id: UUID, representation_id: UUID) -> Representation | None:
        """Return who manages the payment."""
        found: Representation | None = await self.db.scalar(
            select(Representation).where(
                Representation.council_id == council_id, Representation.id == representation_id
            )
        )
        return found

    async def managed_by(self, representation_id: UUID) -> DirectPaymentSetup | None:
        """Return the open set-up that somebody manages, locked."""
        question = select(DirectPaymentSetup).where(
            DirectPaymentSetup.representation_id == representation_id, _is_open()
        )
        return await self.maybe(question.order_by(DirectPaymentSetup.created_at), locked=True)

    async def fund_managers(self, council_id: UUID, on: date) -> Sequence[Organisation]:
        """Return organisations that may hold Individual Service Funds: accredited for money management."""
        question = select(Organisation).where(
            is_accredited(Organisation.id, council_id, ServiceLine.MONEY_MANAGEMENT, on)
        )
        return (await self.db.scalars(question.order_by(Organisation.name, Organisation.id).limit(500))).all()

    async def organisation_name(self, organisation_id: UUID | None) -> str:
        """Return the name of an organisation; nothing where there is none."""
        if organisation_id is None:
            return ""
        return str(await self.db.scalar(select(Organisation.name).where(Organisation.id == organisation_id)) or "")

    async def ended_by_death(self, council_id: UUID, person_id: UUID, why: str) -> Sequence[DirectPaymentSetup]:
        """Return the set-ups that a death had closed, locked: at most one that ran and one that was on its way."""
        question = self.of(council_id).where(
            DirectPaymentSetup.person_id == person_id,
            DirectPaymentSetup.status.in_((SetupStatus.REFUSED, SetupStatus.STOPPED)),
            DirectPaymentSetup.reason == why,
        )
        question = question.order_by(DirectPaymentSetup.created_at, DirectPaymentSetup.id)
        rows = await self.every(question.with_for_update().execution_options(populate_existing=True))
        return list({row.status: row for row in rows}.values())

    async def plan(self, council_id: UUID, person_id: UUID, *, is_signed: bool) -> Plan | None:
        """Return the newest plan of a person; with `is_signed` only one of which a version is in place."""
        question = select(Plan).where(Plan.council_id == council_id, Plan.person_id == person_id)
        if is_signed:
            signed = select(PlanVersion.plan_id).where(PlanVersion.status == PlanStatus.SIGNED_OFF)
            question = question.where(Plan.id.in_(signed))
        found: Plan | None = await self.db.scalar(question.order_by(Plan.created_at.desc()).limit(1))
        return found

    async def arrangement(self, council_id: UUID, person_id: UUID) -> DirectPaymentArrangement | None:
        """Return how the person's money is held, by the newest arrangement, locked."""
        found: DirectPaymentArrangement | None = await self.db.scalar(
            select(DirectPaymentArrangement)
            .where(DirectPaymentArrangement.council_id == council_id, DirectPaymentArrangement.person_id == person_id)
            .order_by(DirectPaymentArrangement.starts_on.desc())
            .limit(1)
            .with_for_update()
        )
        return found


def _is_on_its_way() -> ColumnElement[bool]:
    return DirectPaymentSetup.status.in_((SetupStatus.DRAFT, SetupStatus.OFFERED, SetupStatus.AGREED))


def _runs() -> ColumnElement[bool]:
    """Condition: it is paid by the week and was started. What was paid once is over with its start."""
    return and_(DirectPaymentSetup.status == SetupStatus.STARTED, DirectPaymentSetup.frequency != Frequency.ONCE)


def _is_open() -> ColumnElement[bool]:
    return or_(_is_on_its_way(), _runs())


class EarlyStartRepository(Repository[EarlyStart]):
    """Direct payments that started before the plan was signed."""

    model_type = EarlyStart

    async def open_of(self, council_id: UUID, person_id: UUID, *, locked: bool = False) -> EarlyStart | None:
        """Return a person's early start whose plan is not signed yet."""
        question = self.of(council_id).where(EarlyStart.person_id == person_id, EarlyStart.ended_at.is_(None))
        return await self.maybe(question, locked=locked)

    async def ended_by_death(self, council_id: UUID, person_id: UUID) -> EarlyStart | None:
        """Return the early start that a death had ended, locked."""
        question = self.of(council_id).where(EarlyStart.person_id == person_id, EarlyStart.ended_how == "died")
        return await self.maybe(question.order_by(EarlyStart.ended_at.desc()).limit(1), locked=True)

    async def lines(self, council_id: UUID, limit: int = 200) -> list[EarlyLine]:
        """Return a council's open early starts with where the plan is, the earliest deadline first."""
        newest = (
            select(PlanVersion.status)
            .join(Plan, Plan.id == PlanVersion.plan_id)
            .where(Plan.person_id == EarlyStart.person_id)
            .order_by(PlanVersion.updated_at.desc())
            .limit(1)
            .correlate(EarlyStart)
            .scalar_subquery()
        )
        rows = await self.db.execute(
            select(EarlyStart, Person, newest)
            .join(Person, Person.id == EarlyStart.person_id)
            .where(EarlyStart.council_id == council_id, EarlyStart.ended_at.is_(None))
            .order_by(EarlyStart.sign_off_by, EarlyStart.id)
            .limit(limit)
        )
        return [EarlyLine(row[0], row[1], PlanStatus(row[2]) if row[2] else None) for row in rows]

    async def due(self, until: date) -> Sequence[Row[UUID, UUID]]:
        """Return (council, id) of open early starts of all councils whose deadline is at most so far ahead."""
        question = select(EarlyStart.council_id, EarlyStart.id).where(
            EarlyStart.ended_at.is_(None), EarlyStart.sign_off_by <= until
        )
        return (await self.db.execute(question.order_by(EarlyStart.sign_off_by, EarlyStart.id))).all()
