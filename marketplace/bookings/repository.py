"""Questions about bookings, and about what a booking needs to know of listings, workers, people and budgets."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, not_, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.calendar import Away, Hours, Span, WorkerCalendar
from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.states import COMMITTED, BookingStatus
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.people.models import Budget, BudgetStatus, DirectPaymentArrangement, FundingRoute, Person
from marketplace.providers.models import (
    Listing,
    ListingCategory,
    Organisation,
    Worker,
    WorkerAbsence,
    WorkerHours,
    WorkerKind,
)
from marketplace.providers.repository.accreditations import is_accredited
from marketplace.providers.repository.market import listing_service, takes_new_work

_ENDED = (
    BookingStatus.APPROVED,
    BookingStatus.PART_APPROVED,
    BookingStatus.DECLINED,
    BookingStatus.CANCELLED,
    BookingStatus.NO_SHOW,
)
_TO_CONFIRM = (
    BookingStatus.PLANNED,
    BookingStatus.ACCEPTED,
    BookingStatus.IN_PROGRESS,
    BookingStatus.CLAIMED,
    BookingStatus.DISPUTED,
)
_WAITING = (
    BookingStatus.AWAITING_PAYMENT,
    BookingStatus.REQUESTED,
    BookingStatus.PLANNED,
    BookingStatus.ACCEPTED,
    BookingStatus.IN_PROGRESS,
)

NOBODY_YET = "Not said yet"
"""Stands where the name of who comes will be; a place at an activity needs none."""

_PLANNERS = frozenset({ListingCategory.SUPPORT_PLANNING, ListingCategory.MONEY_MANAGEMENT})
MOST_WORKERS = 60
"""Workers of one organisation whose calendars are looked through for a visit."""


def _kinds(listing: Listing) -> tuple[WorkerKind, ...]:
    """Return which workers do the work of a listing that names nobody."""
    return (WorkerKind.PLANNER,) if listing.category in _PLANNERS else (WorkerKind.CARE_WORKER, WorkerKind.PA)


def _could_do(listing: Listing) -> ColumnElement[bool]:
    """Which workers could do a listing's visits, as a condition."""
    if listing.worker_id is not None:
        return Worker.id == listing.worker_id
    return and_(Worker.organisation_id == listing.organisation_id, Worker.kind.in_(_kinds(listing)))


def _may_do(worker: Worker, listing: Listing) -> bool:
    """The same of a worker at hand."""
    if listing.worker_id is not None:
        return worker.id == listing.worker_id
    return worker.organisation_id == listing.organisation_id and worker.kind in _kinds(listing)


class BookingView(NamedTuple):
    """A booking with the names that stand beside it."""

    booking: Booking
    listing_title: str
    organisation: Organisation
    worker_name: str


class BookingRepository(Repository[Booking]):
    """Bookings."""

    model_type = Booking

    def of_person(self, council_id: UUID, person_id: UUID) -> Select[Booking]:
        """Start a question about one person's bookings."""
        return self.of(council_id).where(Booking.person_id == person_id)

    def of_organisation(self, councils: Sequence[UUID], organisation_id: UUID) -> Select[Booking]:
        """Start a question about an organisation's bookings in the councils it serves.

        A card payment that is still open is nothing the provider should see or answer.
        """
        return select(Booking).where(
            Booking.council_id.in_(councils),
            Booking.organisation_id == organisation_id,
            Booking.status != BookingStatus.AWAITING_PAYMENT,
        )

    async def locked(self, booking_id: UUID) -> Booking | None:
        """Return a booking of any council in reach, locked."""
        return await self.maybe(select(Booking).where(Booking.id == booking_id), locked=True)

    async def page(
        self, question: Select[Booking], *, after: Booking | None, limit: int, newest_first: bool = False
    ) -> list[BookingView]:
        """Return bookings with their names, by start, from behind a booking on."""
        place = tuple_(Booking.starts_at, Booking.id)
        if after is not None:
            mark = tuple_(after.starts_at, after.id)
            question = question.where(place < mark if newest_first else place > mark)
        order = (Booking.starts_at.desc(), Booking.id.desc()) if newest_first else (Booking.starts_at.asc(), Booking.id)
        rows = await self.db.execute(_with_names(question.order_by(*order).limit(limit)))
        return [BookingView(*row) for row in rows]

    async def view(self, question: Select[Booking]) -> BookingView | None:
        """Return one booking with its names."""
        row = (await self.db.execute(_with_names(question.limit(1)))).first()
        return BookingView(*row) if row else None

    def upcoming(self, question: Select[Booking], now: datetime) -> Select[Booking]:
        """Visits still to come."""
        return question.where(Booking.status.in_(_WAITING), Booking.ends_at > now)

    def to_confirm(self, question: Select[Booking], now: datetime) -> Select[Booking]:
        """Visits whose time is over and whose approval is open, disputes among them."""
        return question.where(Booking.status.in_(_TO_CONFIRM), Booking.ends_at <= now)

    def past(self, question: Select[Booking], now: datetime) -> Select[Booking]:
        """Visits that are done with, one way or the other."""
        return question.where(
            or_(Booking.status.in_(_ENDED), and_(Booking.status.in_(_WAITING[:2]), Booking.ends_at <= now))
        )

    def between(self, question: Select[Booking], from_at: datetime, until_at: datetime) -> Select[Booking]:
        """Visits that start in [from_at, until_at) and were not called off."""
        gone = (BookingStatus.DECLINED, BookingStatus.CANCELLED)
        return question.where(Booking.starts_at >= from_at, Booking.starts_at < until_at, Booking.status.not_in(gone))

    def requested(self, question: Select[Booking]) -> Select[Booking]:
        """Requests that wait for an answer."""
        return question.where(Booking.status == BookingStatus.REQUESTED)

    def agreed(self, question: Select[Booking]) -> Select[Booking]:
        """Visits that a provider has agreed to and that are not settled."""
        return question.where(Booking.status.in_(_TO_CONFIRM))

    def over(self, question: Select[Booking], now: datetime) -> Select[Booking]:
        """A provider's visits that are settled, and requests whose time went by."""
        return question.where(
            or_(
                Booking.status.in_(_ENDED),
                and_(Booking.status == BookingStatus.REQUESTED, Booking.ends_at <= now),
            )
        )

    async def promises(self, council_id: UUID, person_id: UUID) -> list[tuple[date, int]]:
        """Return what a person's direct payment has promised and not yet paid: (day, pence), by day."""
        return (await self.promises_of(council_id, [person_id])).get(person_id, [])

    async def promises_of(self, council_id: UUID, person_ids: Sequence[UUID]) -> dict[UUID, list[tuple[date, int]]]:
        """Return the same for many people: `promises[person_id]` is (day, pence), by day."""
        rows = await self.db.execute(
            select(Booking.person_id, Booking.visit_on, func.sum(Booking.cost_pence - Booking.top_up_pence))
            .where(Booking.council_id == council_id, Booking.person_id.in_(person_ids), _is_commitment())
            .group_by(Booking.person_id, Booking.visit_on)
            .order_by(Booking.visit_on)
        )
        found: dict[UUID, list[tuple[date, int]]] = {}
        for person_id, day, pence in rows:
            found.setdefault(person_id, []).append((day, int(pence)))
        return found

    async def unanswered(self, now: datetime, limit: int) -> Sequence[Row[UUID, UUID]]:
        """Return (council, booking) of requests whose start has come without an answer."""
        return (
            await self.db.execute(
                select(Booking.council_id, Booking.id)
                .where(Booking.status == BookingStatus.REQUESTED, Booking.starts_at <= now)
                .order_by(Booking.starts_at)
                .limit(limit)
            )
        ).all()

    async def stopped(
        self, on: date, organisation_id: UUID, *, council_id: UUID | None = None, booking_id: UUID | None = None
    ) -> Sequence[Row[UUID, UUID]]:
        """Return (council, booking) of requests whose organisation may not take them on as things stand on a day.

        A request that nobody has accepted is new work. One paid from council money needs an accreditation that counts
        for the day of the visit; every one needs an organisation that takes new work at all.
        """
        is_paid_for = is_accredited(
            Booking.organisation_id, Booking.council_id, listing_service(), Booking.visit_on, on
        )
        question = (
            select(Booking.council_id, Booking.id)
            .join(Listing, Listing.id == Booking.listing_id)
            .join(Organisation, Organisation.id == Booking.organisation_id)
            .where(
                Booking.organisation_id == organisation_id,
                Booking.status == BookingStatus.REQUESTED,
                or_(
                    not_(takes_new_work(on)),
                    and_(Booking.funding == Funding.DIRECT_PAYMENT, not_(is_paid_for)),
                ),
            )
            .order_by(Booking.id)
            .limit(1_000)
        )
        if council_id is not None:
            question = question.where(Booking.council_id == council_id)
        if booking_id is not None:
            question = question.where(Booking.id == booking_id)
        return (await self.db.execute(question)).all()

    async def people_to_come(self, organisation_id: UUID, now: datetime) -> Sequence[Row[UUID, UUID]]:
        """Return (council, person) of everybody with a visit to come that an organisation agreed to, once each."""
        return (
            await self.db.execute(
                select(Booking.council_id, Booking.person_id)
                .where(
                    Booking.organisation_id == organisation_id,
                    Booking.status == BookingStatus.ACCEPTED,
                    Booking.ends_at > now,
                )
                .distinct()
                .order_by(Booking.council_id, Booking.person_id)
            )
        ).all()

    async def steps(self, booking: Booking) -> Sequence[Step]:
        """Return what happened to a booking, oldest first."""
        return (
            await self.db.scalars(
                select(Step)
                .where(
                    Step.council_id == booking.council_id,
                    Step.subject_kind == "booking",
                    Step.subject_id == booking.id,
                )
                .order_by(Step.at, Step.id)
            )
        ).all()

    async def person(self, booking: Booking) -> Person:
        """Return the person a visit is for."""
        return await self.db.get_one(Person, booking.person_id)


class OfferRepository:
    """What is offered and who could come: listings, workers, hours, absences, and the time that is taken."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def listing(self, listing_id: UUID) -> Row[Listing, Organisation] | None:
        """Return a published listing that nothing hides, with its organisation. A hidden one takes no new visits.

        Accreditation is judged later, with words of its own.
        """
        return (
            await self.db.execute(
                select(Listing, Organisation)
                .join(Organisation, Organisation.id == Listing.organisation_id)
                .where(Listing.id == listing_id, Listing.is_published, Listing.hidden_why.is_(None))
            )
        ).first()

    async def takes_new(self, listing_id: UUID, on: date) -> bool:
        """Whether a listing may take new visits on a day: its organisation is neither stopped nor without cover."""
        question = (
            select(takes_new_work(on))
            .select_from(Listing)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .where(Listing.id == listing_id)
        )
        return bool(await self.db.scalar(question))

    async def workers(self, listing: Listing, on: date) -> Sequence[Worker]:
        """Return who could do a listing's visits, by id: its own worker, or the organisation's for that work."""
        question = select(Worker).where(or_(Worker.ends_on.is_(None), Worker.ends_on > on), _could_do(listing))
        return (await self.db.scalars(question.order_by(Worker.id).limit(MOST_WORKERS))).all()

    async def workers_of(self, listings: Sequence[Listing], on: date) -> dict[UUID, list[Worker]]:
        """Return the same for many listings, in one question: `workers[listing_id]`, empty for one without any."""
        found: dict[UUID, list[Worker]] = {listing.id: [] for listing in listings}
        if not listings:
            return found
        is_there = or_(Worker.ends_on.is_(None), Worker.ends_on > on)
        question = select(Worker).where(is_there, or_(*map(_could_do, listings))).order_by(Worker.id)
        workers = (await self.db.scalars(question)).all()
        for listing in listings:
            able = [worker for worker in workers if _may_do(worker, listing)]
            found[listing.id] = able[:MOST_WORKERS]
        return found

    async def calendars(
        self, workers: Sequence[Worker], from_at: datetime, until_at: datetime
    ) -> dict[UUID, WorkerCalendar]:
        """Return workers' calendars; what is taken is looked up between two instants, over all councils."""
        ids = [worker.id for worker in workers]
        hours: dict[UUID, list[Hours]] = {}
        absences: dict[UUID, list[Away]] = {}
        busy: dict[UUID, list[Span]] = {}
        for hour in await self.db.scalars(select(WorkerHours).where(WorkerHours.worker_id.in_(ids))):
            hours.setdefault(hour.worker_id, []).append(Hours(hour.weekday, hour.starts_local, hour.ends_local))
        away = select(WorkerAbsence).where(WorkerAbsence.worker_id.in_(ids), WorkerAbsence.ends_on > from_at.date())
        for absence in await self.db.scalars(away):
            absences.setdefault(absence.worker_id, []).append(Away(absence.starts_on, absence.ends_on))
        taken = text(
            "SELECT w.id, b.starts_at, b.ends_at FROM unnest(CAST(:ids AS uuid[])) AS w(id), "
            "LATERAL worker_busy(w.id, :from_at, :until_at) AS b"
        )
        values: dict[str, Any] = {"ids": [str(one) for one in ids], "from_at": from_at, "until_at": until_at}
        for row in await self.db.execute(taken, values):
            busy.setdefault(row.id, []).append(Span(row.starts_at, row.ends_at))
        return {
            worker.id: WorkerCalendar(
                hours.get(worker.id, []),
                absences.get(worker.id, []),
                busy.get(worker.id, []),
                worker.starts_on,
                worker.ends_on,
            )
            for worker in workers
        }

    async def hold(self, worker_id: UUID) -> None:
        """Hold a worker until the transaction ends, so that requests for one worker come one after the other.

        The exclusion constraint alone keeps visits apart, but two inserts that wait for each other there would end in
        a deadlock; this way the later one waits and then sees what was taken.
        """
        await self.db.execute(select(Worker.id).where(Worker.id == worker_id).with_for_update(key_share=True))


class BudgetRepository:
    """People's budgets, as far as bookings go by them."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def direct_payments(self, council_id: UUID, person_ids: Sequence[UUID], on: date) -> dict[UUID, list[Budget]]:
        """Return people's agreed direct payments that run on a day or later, the earliest first."""
        rows = await self.db.scalars(
            select(Budget)
            .where(
                Budget.council_id == council_id,
                Budget.person_id.in_(person_ids),
                Budget.status == BudgetStatus.FINAL,
                Budget.route == FundingRoute.DIRECT_PAYMENT,
                or_(Budget.ends_on.is_(None), Budget.ends_on > on),
            )
            .order_by(Budget.starts_on, Budget.id)
        )
        found: dict[UUID, list[Budget]] = {}
        for row in rows:
            found.setdefault(row.person_id, []).append(row)
        return found

    async def direct_payment(self, council_id: UUID, person_id: UUID, on: date) -> Budget | None:
        """Return the agreed direct payment that runs on a day."""
        found: Budget | None = await self.db.scalar(
            select(Budget)
            .where(
                Budget.council_id == council_id,
                Budget.person_id == person_id,
                Budget.status == BudgetStatus.FINAL,
                Budget.route == FundingRoute.DIRECT_PAYMENT,
                Budget.starts_on <= on,
                or_(Budget.ends_on.is_(None), Budget.ends_on > on),
            )
            .order_by(Budget.starts_on.desc())
            .limit(1)
        )
        return found

    async def arranged_from(self, council_id: UUID, person_ids: Sequence[UUID]) -> dict[UUID, date]:
        """Return from which day on people's direct payments are paid in by themselves; who has none is left out."""
        rows = await self.db.execute(
            select(DirectPaymentArrangement.person_id, func.min(DirectPaymentArrangement.starts_on))
            .where(
                DirectPaymentArrangement.council_id == council_id, DirectPaymentArrangement.person_id.in_(person_ids)
            )
            .group_by(DirectPaymentArrangement.person_id)
        )
        return {row[0]: row[1] for row in rows}

    async def arrangement(self, council_id: UUID, person_id: UUID, on: date) -> DirectPaymentArrangement | None:
        """Return how a person's direct payment is held on a day; None: the council holds it."""
        found: DirectPaymentArrangement | None = await self.db.scalar(
            select(DirectPaymentArrangement)
            .where(
                DirectPaymentArrangement.council_id == council_id,
                DirectPaymentArrangement.person_id == person_id,
                DirectPaymentArrangement.starts_on <= on,
                or_(DirectPaymentArrangement.ends_on.is_(None), DirectPaymentArrangement.ends_on > on),
            )
            .order_by(DirectPaymentArrangement.starts_on.desc())
            .limit(1)
        )
        return found


def _is_commitment() -> ColumnElement[bool]:
    # A visit that waits for its top-up by card has the rest promised already.
    statuses = COMMITTED | {BookingStatus.AWAITING_PAYMENT}
    return and_(Booking.status.in_(statuses), Booking.funding == Funding.DIRECT_PAYMENT)


def _with_names(question: Select[Booking]) -> Any:
    return (
        question.join(Listing, Listing.id == Booking.listing_id)
        .join(Organisation, Organisation.id == Booking.organisation_id)
        .outerjoin(Worker, Worker.id == Booking.worker_id)
        .add_columns(Listing.title, Organisation, func.coalesce(Worker.name, NOBODY_YET))
    )
