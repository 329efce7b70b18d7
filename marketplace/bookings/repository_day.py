"""Questions about the day itself: who is held for a visit, what was recorded, what went wrong, who is asked then."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, Select, and_, exists, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import (
    AgreementRate,
    AgreementTerms,
    AlertContact,
    AlertKind,
    ApprovalRule,
    BackUp,
    Booking,
    RecordKind,
    SupportAgreement,
    VisitAlert,
    VisitPlace,
    VisitRecord,
    VisitWorker,
)
from marketplace.bookings.states import HOLDING, BookingStatus
from marketplace.core.models import Step
from marketplace.matching.models import Requirement
from marketplace.people.models import Person
from marketplace.providers.models import Listing, ListingHours, Organisation, Worker

RECORDS_WITHIN = timedelta(days=28)
"""An organisation whose workers pressed "start" in this time is watched for visits that begin late."""


class DayRepository:
    """Rows around the visits of a day."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def crew(self, booking_ids: Iterable[UUID]) -> dict[UUID, list[tuple[VisitWorker, Worker]]]:
        """Return who is held for visits, the first worker first: `crew[booking_id]`."""
        rows = await self.db.execute(
            select(VisitWorker, Worker)
            .join(Worker, Worker.id == VisitWorker.worker_id)
            .where(VisitWorker.booking_id.in_(list(booking_ids)))
            .order_by(VisitWorker.booking_id, VisitWorker.position)
            .execution_options(populate_existing=True)
        )
        found: dict[UUID, list[tuple[VisitWorker, Worker]]] = {}
        for held, worker in rows:
            found.setdefault(held.booking_id, []).append((held, worker))
        return found

    async def holds(self, booking_id: UUID) -> Sequence[VisitWorker]:
        """Return the rows that hold workers for a visit, locked, the first first."""
        return (
            await self.db.scalars(
                select(VisitWorker)
                .where(VisitWorker.booking_id == booking_id)
                .order_by(VisitWorker.position)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).all()

    async def confirm_holds(self, booking_id: UUID, now: datetime) -> None:
        """Note that the provider said who comes."""
        await self.db.execute(
            update(VisitWorker)
            .where(VisitWorker.booking_id == booking_id, VisitWorker.confirmed_at.is_(None))
            .values(confirmed_at=now)
        )

    async def neighbours(self, worker_id: UUID, booking: Booking) -> tuple[Booking | None, Booking | None]:
        """Return a worker's visits just before and just after one, within twelve hours, in the councils in reach."""
        near = timedelta(hours=12)
        mine = (
            select(Booking)
            .join(VisitWorker, VisitWorker.booking_id == Booking.id)
            .where(VisitWorker.worker_id == worker_id, VisitWorker.is_holding, Booking.id != booking.id)
        )
        before = await self.db.scalar(
            mine.where(Booking.ends_at <= booking.starts_at, Booking.ends_at > booking.starts_at - near)
            .order_by(Booking.ends_at.desc())
            .limit(1)
        )
        after = await self.db.scalar(
            mine.where(Booking.starts_at >= booking.ends_at, Booking.starts_at < booking.ends_at + near)
            .order_by(Booking.starts_at)
            .limit(1)
        )
        return before, after

    def of_worker(self, councils: Sequence[UUID], worker_id: UUID) -> Select[Booking]:
        """Start a question about the visits that hold one worker, as the first or the second of two."""
        held = exists().where(VisitWorker.booking_id == Booking.id, VisitWorker.worker_id == worker_id)
        return select(Booking).where(Booking.council_id.in_(councils), held)

    async def visits_of_day(
        self, question: Select[Booking], from_at: datetime, until_at: datetime
    ) -> Sequence[Row[Booking, Person, str]]:
        """Return visits that touch [from_at, until_at) with the person and the offer's title, by start."""
        shown = (
            BookingStatus.PLANNED,
            BookingStatus.ACCEPTED,
            BookingStatus.IN_PROGRESS,
            BookingStatus.CLAIMED,
            BookingStatus.APPROVED,
            BookingStatus.PART_APPROVED,
        )
        return (
            await self.db.execute(
                question.join(Person, Person.id == Booking.person_id)
                .join(Listing, Listing.id == Booking.listing_id)
                .add_columns(Person, Listing.title)
                .where(
                    Booking.status.in_(shown),
                    Booking.called_off_at.is_(None),
                    Booking.workers_needed > 0,
                    Booking.starts_at < until_at,
                    Booking.ends_at > from_at,
                )
                .order_by(Booking.starts_at, Booking.id)
                .limit(200)
            )
        ).all()

    async def records(self, booking_ids: Iterable[UUID]) -> Sequence[VisitRecord]:
        """Return what was pressed at the door of some visits, in order."""
        return (
            await self.db.scalars(
                select(VisitRecord)
                .where(VisitRecord.booking_id.in_(list(booking_ids)))
                .order_by(VisitRecord.happened_at, VisitRecord.id)
            )
        ).all()

    async def record_of_key(self, client_key: UUID) -> VisitRecord | None:
        """Return the record that was sent with a key."""
        found: VisitRecord | None = await self.db.scalar(
            select(VisitRecord).where(VisitRecord.client_key == client_key)
        )
        return found

    async def terms(self, booking: Booking) -> tuple[Sequence[AgreementTerms], Sequence[AgreementRate]]:
        """Return all versions of the terms that a visit's agreement has, with their rates; nothing without one."""
        if booking.agreement_id is None:
            return (), ()
        terms = (
            await self.db.scalars(select(AgreementTerms).where(AgreementTerms.agreement_id == booking.agreement_id))
        ).all()
        rates = await self.db.scalars(
            select(AgreementRate).where(AgreementRate.terms_id.in_([row.id for row in terms]))
        )
        return terms, rates.all()

    async def agreement(self, booking: Booking) -> SupportAgreement | None:
        """Return the agreement a visit belongs to."""
        return await self.db.get(SupportAgreement, booking.agreement_id) if booking.agreement_id else None

    async def wishes(self, council_id: UUID, person_ids: Iterable[UUID]) -> dict[UUID, tuple[str, list[str]]]:
        """Return (gender wished for or "", skills needed) by person, from the last requirement the council wrote."""
        rows = await self.db.execute(
            select(Requirement.person_id, Requirement.required_gender, Requirement.required_skills)
            .where(Requirement.council_id == council_id, Requirement.person_id.in_(list(person_ids)))
            .order_by(Requirement.id)
        )
        return {person_id: (gender or "", list(skills)) for person_id, gender, skills in rows}

    async def people(self, person_ids: Iterable[UUID]) -> dict[UUID, Person]:
        """Return people by id."""
        rows = await self.db.scalars(select(Person).where(Person.id.in_(list(person_ids))))
        return {row.id: row for row in rows}

    async def workers_by_id(self, worker_ids: Iterable[UUID]) -> dict[UUID, Worker]:
        """Return workers by id."""
        rows = await self.db.scalars(select(Worker).where(Worker.id.in_(list(worker_ids))))
        return {row.id: row for row in rows}

    async def claimed_at(self, booking: Booking) -> datetime | None:
        """Return when the provider last said that a visit took place."""
        found: datetime | None = await self.db.scalar(
            select(func.max(Step.at)).where(
                Step.council_id == booking.council_id,
                Step.subject_kind == "booking",
                Step.subject_id == booking.id,
                Step.to_status == BookingStatus.CLAIMED,
            )
        )
        return found

    async def rule(self, council_id: UUID, person_id: UUID, *, locked: bool = False) -> ApprovalRule | None:
        """Return a person's rule for silence."""
        question = select(ApprovalRule).where(
            ApprovalRule.council_id == council_id, ApprovalRule.person_id == person_id
        )
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found: ApprovalRule | None = await self.db.scalar(question)
        return found

    async def ask_sooner(self, council_id: UUID, person_id: UUID, at: datetime) -> None:
        """Let the visits that wait for a person be looked at by an instant, if they would be later."""
        await self.db.execute(
            update(Booking)
            .where(
                Booking.council_id == council_id,
                Booking.person_id == person_id,
                Booking.status == BookingStatus.CLAIMED,
                or_(Booking.ask_again_at.is_(None), Booking.ask_again_at > at),
            )
            .values(ask_again_at=at)
            .execution_options(synchronize_session=False)
        )

    async def silent(self, now: datetime, limit: int) -> Sequence[Row[UUID, UUID]]:
        """Return (council, booking) of claimed visits whose person is due to be asked again."""
        return (
            await self.db.execute(
                select(Booking.council_id, Booking.id)
                .where(Booking.status == BookingStatus.CLAIMED, Booking.ask_again_at <= now)
                .order_by(Booking.ask_again_at)
                .limit(limit)
            )
        ).all()

    async def councils_with_visits(self, from_at: datetime, until_at: datetime) -> Sequence[UUID]:
        """Return the councils that have visits to watch between two instants."""
        return (
            await self.db.scalars(
                select(Booking.council_id)
                .where(
                    Booking.status.in_((BookingStatus.PLANNED, BookingStatus.ACCEPTED)),
                    Booking.starts_at >= from_at,
                    Booking.starts_at < until_at,
                )
                .distinct()
            )
        ).all()

    async def to_alert(
        self,
        council_id: UUID,
        kind: AlertKind,
        from_at: datetime,
        until_at: datetime,
        limit: int = 200,
        *,
        only: UUID | None = None,
    ) -> Sequence[UUID]:
        """Return visits that start in [from_at, until_at) and deserve an alert of a kind that they have not had.

        `NO_WORKER`: nobody is confirmed. `LATE`, `MISSED`: nobody pressed "start", where the visit belongs to an
        agreement or the organisation's workers use the page at the door; where nobody does, silence says nothing.
        """
        is_told = exists().where(VisitAlert.booking_id == Booking.id, VisitAlert.kind == kind)
        question = select(Booking.id).where(
            Booking.council_id == council_id,
            Booking.called_off_at.is_(None),
            Booking.workers_needed > 0,
            Booking.starts_at >= from_at,
            Booking.starts_at < until_at,
            ~is_told,
        )
        if only is not None:
            question = question.where(Booking.id == only)
        if kind is AlertKind.NO_WORKER:
            question = question.where(Booking.status == BookingStatus.PLANNED)
        else:
            used = (
                select(VisitRecord.id)
                .join(Worker, Worker.id == VisitRecord.worker_id)
                .where(
                    Worker.organisation_id == Booking.organisation_id,
                    VisitRecord.happened_at >= from_at - RECORDS_WITHIN,
                )
            )
            begun = exists().where(VisitRecord.booking_id == Booking.id, VisitRecord.kind == RecordKind.START)
            question = question.where(
                Booking.status.in_((BookingStatus.PLANNED, BookingStatus.ACCEPTED)),
                or_(Booking.agreement_id.is_not(None), used.exists()),
                ~begun,
            )
        return (await self.db.scalars(question.order_by(Booking.starts_at).limit(limit))).all()

    async def open_alerts(self, booking_id: UUID) -> Sequence[VisitAlert]:
        """Return the alerts of a visit that nobody has settled."""
        return (
            await self.db.scalars(
                select(VisitAlert).where(VisitAlert.booking_id == booking_id, VisitAlert.settled_at.is_(None))
            )
        ).all()

    async def alerts(
        self, question: Select[Booking], since: datetime, limit: int = 100
    ) -> Sequence[Row[VisitAlert, Booking, str]]:
        """Return alerts with visit and person's name: open ones, then those raised since an instant, newest first."""
        visits = question.subquery()
        return (
            await self.db.execute(
                select(VisitAlert, Booking, func.concat(Person.given_name, " ", Person.family_name))
                .join(visits, visits.c.id == VisitAlert.booking_id)
                .join(Booking, Booking.id == VisitAlert.booking_id)
                .join(Person, Person.id == Booking.person_id)
                .where(or_(VisitAlert.settled_at.is_(None), VisitAlert.raised_at >= since))
                .order_by(VisitAlert.settled_at.is_not(None), VisitAlert.raised_at.desc())
                .limit(limit)
            )
        ).all()

    async def contacts(self, council_id: UUID, person_id: UUID) -> Sequence[AlertContact]:
        """Return whom a person wants told, the first named first."""
        return (
            await self.db.scalars(
                select(AlertContact)
                .where(AlertContact.council_id == council_id, AlertContact.person_id == person_id)
                .order_by(AlertContact.created_at, AlertContact.id)
            )
        ).all()

    async def back_ups(
        self, council_id: UUID, person_id: UUID, *, locked: bool = False
    ) -> Sequence[Row[BackUp, Listing, Organisation]]:
        """Return whom a person would ask, in their order, with the offer where there is one (else None)."""
        question = (
            select(BackUp, Listing, Organisation)
            .outerjoin(Listing, Listing.id == BackUp.listing_id)
            .outerjoin(Organisation, Organisation.id == Listing.organisation_id)
            .where(BackUp.council_id == council_id, BackUp.person_id == person_id)
            .order_by(BackUp.position)
        )
        if locked:
            question = question.with_for_update(of=BackUp).execution_options(populate_existing=True)
        return (await self.db.execute(question)).all()

    async def hold_person(self, person_id: UUID) -> None:
        """Let nobody else change this person's list until the transaction ends."""
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('back-ups'), hashtext(:person))"), {"person": str(person_id)}
        )

    async def session_hours(self, listing_id: UUID) -> Sequence[ListingHours]:
        """Return when an activity takes place, in order of the week."""
        return (
            await self.db.scalars(
                select(ListingHours)
                .where(ListingHours.listing_id == listing_id)
                .order_by(ListingHours.weekday, ListingHours.starts_local)
            )
        ).all()

    async def places_taken(self, listing_id: UUID, from_at: datetime, until_at: datetime) -> dict[datetime, set[int]]:
        """Return which places of an activity's sessions are held in this council: `taken[starts_at]`."""
        rows = await self.db.execute(
            select(VisitPlace.starts_at, VisitPlace.place).where(
                VisitPlace.listing_id == listing_id,
                VisitPlace.is_holding,
                VisitPlace.starts_at >= from_at,
                VisitPlace.starts_at < until_at,
            )
        )
        found: dict[datetime, set[int]] = {}
        for starts_at, place in rows:
            found.setdefault(starts_at, set()).add(place)
        return found

    async def has_place(self, person_id: UUID, listing_id: UUID, starts_at: datetime) -> bool:
        """Whether a person has a place in a session already."""
        question = select(Booking.id).where(
            Booking.person_id == person_id,
            Booking.listing_id == listing_id,
            Booking.starts_at == starts_at,
            Booking.status.in_(HOLDING),
            Booking.called_off_at.is_(None),
        )
        return await self.db.scalar(question.limit(1)) is not None

    def to_crew(self, question: Select[Booking], from_at: datetime, until_at: datetime) -> Select[Booking]:
        """Narrow a question to visits in [from_at, until_at) for which somebody has to be named, by start."""
        return (
            question.where(
                and_(Booking.starts_at >= from_at, Booking.starts_at < until_at),
                Booking.status.in_((BookingStatus.PLANNED, BookingStatus.ACCEPTED)),
                Booking.called_off_at.is_(None),
                Booking.workers_needed > 0,
            )
            .order_by(Booking.starts_at, Booking.id)
            .limit(120)
        )

    async def person(self, person_id: UUID) -> Person:
        """Return a person."""
        return await self.db.get_one(Person, person_id)

    async def organisation(self, organisation_id: UUID) -> Organisation:
        """Return an organisation."""
        return await self.db.get_one(Organisation, organisation_id)

    async def workers_on(self, organisation_id: UUID, on: date) -> Sequence[Worker]:
        """Return who works for an organisation on a day, by name."""
        return (
            await self.db.scalars(
                select(Worker)
                .where(
                    Worker.organisation_id == organisation_id,
                    Worker.starts_on <= on,
                    or_(Worker.ends_on.is_(None), Worker.ends_on > on),
                )
                .order_by(Worker.name, Worker.id)
                .limit(100)
            )
        ).all()
