"""Who comes: the provider names the worker, the person sees them; somebody falls out and another takes their place.

A personal assistant is who the person chose. Nobody is put in their place: the visit ends, its money is free again, and
the person chooses from their own list of back-ups (P9, domain.md 4.3).
"""

from collections.abc import Sequence
from datetime import date, time, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role
from marketplace.accounts.words import GENDER_LABELS, SKILLS
from marketplace.bookings.calendar import Span, WorkerCalendar
from marketplace.bookings.errors import NotYet, SlotTaken
from marketplace.bookings.events import BookingCancelled, WorkerConfirmed, WorkerFellOut
from marketplace.bookings.models import AlertKind, Booking, CalledOffBy, CallOffReason, Funding, VisitWorker
from marketplace.bookings.policies import SHOWS_ADDRESS
from marketplace.bookings.repository import BookingRepository, OfferRepository
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.service.alerts import raise_alert, settle_alerts
from marketplace.bookings.service.records import RecordService
from marketplace.bookings.service.steps import ids_of, move, note
from marketplace.bookings.service.travel import WORKER_TAKEN, give_way, keep_travel
from marketplace.bookings.service.visits import VisitSteps
from marketplace.bookings.states import BookingStatus
from marketplace.core import outbox
from marketplace.core.clock import instant, week_start
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, PlatformError, broken_constraint
from marketplace.core.formats import uk_datetime
from marketplace.core.places import distance_metres
from marketplace.people.models import Person
from marketplace.providers.models import OrganisationKind, Worker

NAMEABLE = frozenset({BookingStatus.PLANNED, BookingStatus.ACCEPTED})
METRES_PER_MILE = 1_609.344


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A worker who might come to a visit, and what speaks against it in words."""

    worker: Worker
    is_free: bool
    against: list[str]

    @property
    def label(self) -> str:
        """The worker with what speaks against them."""
        return self.worker.name + (f" ({'; '.join(self.against).lower()})" if self.against else "")


class BoardVisit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit for which somebody is to be named."""

    booking: Booking
    person: Person
    crew: list[Worker]
    is_confirmed: bool
    candidates: list[Candidate]
    """The best first: free ones, then by how little speaks against them."""
    clash: str
    """What is wrong with who is named now; "" when nothing is."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one visit when many were confirmed."""

    booking_id: UUID
    problem: str = ""


class CrewService:
    """Naming who comes."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.day = DayRepository(db)
        self.offers = OfferRepository(db)

    async def board(self, principal: Principal, on: date) -> list[BoardVisit]:
        """Return the visits of the week of a day that are not over, with who could come to each, by start."""
        principal.require(Permission.BOOKINGS_ANSWER)
        monday = week_start(on)
        from_at = max(self.clock.now(), instant(monday, time(0)))
        until_at = instant(monday + timedelta(days=7), time(0))
        question = self.day.to_crew(VisitSteps(self.db).of_provider(principal), from_at, until_at)
        visits = list(await BookingRepository(self.db).every(question))
        return await self._shown(principal, visits)

    async def candidates(self, principal: Principal, booking_id: UUID) -> BoardVisit:
        """Return one visit with who could come.

        Raises:
            NotFound: It is not theirs, or not agreed: until then they learn neither who it is nor where.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        ours = VisitSteps(self.db).of_provider(principal).where(Booking.status.in_(SHOWS_ADDRESS))
        booking = await BookingRepository(self.db).one(ours.where(Booking.id == booking_id))
        return (await self._shown(principal, [booking]))[0]

    async def _shown(self, principal: Principal, visits: list[Booking]) -> list[BoardVisit]:
        if not visits:
            return []
        workers = await self._workers(principal, visits[0].visit_on)
        days = timedelta(days=1)
        calendars = await self.offers.calendars(workers, visits[0].starts_at - days, visits[-1].ends_at + days)
        crew = await self.day.crew(visit.id for visit in visits)
        people = await self.day.people({visit.person_id for visit in visits})
        wishes: dict[UUID, tuple[str, list[str]]] = {}
        for council_id in {visit.council_id for visit in visits}:
            theirs = {visit.person_id for visit in visits if visit.council_id == council_id}
            wishes |= await self.day.wishes(council_id, theirs)
        board = []
        for visit in visits:
            held = crew.get(visit.id, [])
            person = people[visit.person_id]
            gender, skills = wishes.get(visit.person_id, ("", []))
            named = {row.worker_id for row, _ in held}
            found = [
                _candidate(visit, person, worker, calendars[worker.id], gender, skills, is_named=worker.id in named)
                for worker in workers
            ]
            found.sort(key=lambda one: (not one.is_free, len(one.against), one.worker.name))
            wrong = [one.label for one in found if one.worker.id in named and one.against]
            board.append(
                BoardVisit(
                    booking=visit,
                    person=person,
                    crew=[worker for _, worker in held],
                    is_confirmed=bool(held) and all(row.confirmed_at for row, _ in held),
                    candidates=found,
                    clash="; ".join(wrong),
                )
            )
        return board

    async def _workers(self, principal: Principal, on: date) -> Sequence[Worker]:
        found = await self.day.workers_on(principal.need_organisation(), on)
        is_alone = principal.role is Role.PA and principal.worker_id is not None
        return [worker for worker in found if not is_alone or worker.id == principal.worker_id]

    async def confirm(self, principal: Principal, booking_id: UUID, worker_ids: Sequence[UUID]) -> Booking:
        """Say who comes to a visit: one worker, or two different ones for a double-up.

        Raises:
            NotFound: The visit is not theirs.
            InvalidInput: Too few, the same twice, or nobody of theirs; for an agreement with one person, another.
            SlotTaken: Somebody named has another visit then, or no time to get there.
            NotYet: It is over, called off or no longer to be named.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        ours = VisitSteps(self.db).of_provider(principal)
        booking = await BookingRepository(self.db).one(ours.where(Booking.id == booking_id), locked=True)
        if booking.status not in NAMEABLE or booking.called_off_at or self.clock.now() >= booking.ends_at:
            raise NotYet("This visit has begun, is over or was called off, so nobody can be named for it any more.")
        await self._check(principal, booking, worker_ids)
        held = await self.day.holds(booking.id)
        before = {row.worker_id for row in held}
        is_same = [row.worker_id for row in held] == list(worker_ids)
        if not is_same:
            await self._hold(booking, list(worker_ids))
        await self.day.confirm_holds(booking.id, self.clock.now())
        fell_out = any(alert.kind is AlertKind.WORKER_CANCELLED for alert in await self.day.open_alerts(booking.id))
        is_substitute = fell_out or bool(before and set(worker_ids) - before)
        if booking.status is BookingStatus.PLANNED:
            move(self.db, principal, booking, BookingStatus.ACCEPTED, "bookings.confirm_worker")
        elif not is_same:
            ids = {"workers": [str(one) for one in worker_ids]}
            note(self.db, principal, booking, "bookings.confirm_worker", after=ids)
        else:
            return booking
        await settle_alerts(self.db, booking, (AlertKind.NO_WORKER, AlertKind.WORKER_CANCELLED))
        outbox.publish(self.db, WorkerConfirmed(**ids_of(booking), is_substitute=is_substitute))
        return booking

    async def _check(self, principal: Principal, booking: Booking, worker_ids: Sequence[UUID]) -> None:
        if len(worker_ids) != booking.workers_needed:
            wanted = "two workers" if booking.workers_needed == 2 else "one worker"
            raise InvalidInput({"worker": f"Select {wanted} for this visit"})
        if len(set(worker_ids)) != len(worker_ids):
            raise InvalidInput({"second": "Select two different workers"})
        theirs = {worker.id for worker in await self._workers(principal, booking.visit_on)}
        if set(worker_ids) - theirs:
            raise InvalidInput({"worker": "Select a worker from the list"})
        agreement = await self.day.agreement(booking)
        if agreement is not None and agreement.worker_id is not None and agreement.worker_id not in worker_ids:
            raise InvalidInput({"worker": "This agreement is with one person. Only they can come"})

    async def _hold(self, booking: Booking, worker_ids: list[UUID]) -> None:
        # Workers are held in one order, so that two planners wait for each other instead of locking each other out.
        for worker_id in sorted(worker_ids):
            await self.offers.hold(worker_id)
        try:
            async with self.db.begin_nested():
                for row in await self.day.holds(booking.id):
                    if row.position > 1:
                        await self.db.delete(row)
                # Nobody is held for a moment: two workers who change places would stand in each other's way.
                booking.worker_id, booking.travel_minutes = None, 0
                await self.db.flush()
                await give_way(self.db, booking, worker_ids)
                booking.worker_id = worker_ids[0]
                await self.db.flush()
                for place, worker_id in enumerate(worker_ids[1:], start=2):
                    self.db.add(
                        VisitWorker(
                            council_id=booking.council_id, booking_id=booking.id, position=place, worker_id=worker_id
                        )
                    )
                await self.db.flush()
                await keep_travel(self.db, booking, worker_ids)
        except IntegrityError as error:
            if broken_constraint(error) == WORKER_TAKEN:
                raise SlotTaken(
                    "Somebody you named has another visit then, or no time to get from one to the other."
                ) from error
            raise

    async def confirm_many(self, principal: Principal, choices: Sequence[tuple[UUID, list[UUID]]]) -> list[Outcome]:
        """Say who comes to many visits; each stands alone, so one that is refused leaves the others."""
        found = []
        for booking_id, worker_ids in sorted(choices):
            try:
                async with self.db.begin_nested():
                    await self.confirm(principal, booking_id, worker_ids)
            except InvalidInput as error:
                found.append(Outcome(booking_id=booking_id, problem=next(iter(error.fields.values()))))
            except PlatformError as error:
                found.append(Outcome(booking_id=booking_id, problem=str(error.detail or error.title)))
            else:
                found.append(Outcome(booking_id=booking_id))
        return found

    async def fall_out(
        self, principal: Principal, booking_id: UUID, reason: str, *, worker_id: UUID | None = None
    ) -> Booking:
        """Say that who was to come can't. The person and whom they chose are told at once.

        For an organisation the visit waits for another worker; a personal assistant's visit ends and costs nothing.

        Args:
            principal: The worker themselves or their office.
            booking_id: The visit.
            reason: In their words; the person reads it.
            worker_id: Which of two, where the office says it; else who is signed in, or the first.

        Raises:
            NotFound: Not their visit.
            NotYet: It has begun, or nobody is named for it.
        """
        mine = RecordService(self.db).mine(principal)
        booking = await BookingRepository(self.db).one(mine.where(Booking.id == booking_id), locked=True)
        if booking.status not in NAMEABLE or booking.called_off_at or self.clock.now() >= booking.ends_at:
            raise NotYet("This visit has begun, is over or was called off. Tell your office what happened.")
        held = await self.day.holds(booking.id)
        own = principal.worker_id if principal.role is not Role.PROVIDER else None
        gone = own or worker_id or booking.worker_id
        if gone is None or gone not in {row.worker_id for row in held}:
            raise NotYet("Nobody is named for this visit yet.")
        booking.reason = reason
        await raise_alert(self.db, booking, AlertKind.WORKER_CANCELLED, reason, again=True)
        if await self._is_theirs_alone(booking):
            booking.called_off_at, booking.called_off_by = self.clock.now(), CalledOffBy.PROVIDER
            booking.call_off_reason = CallOffReason.WORKER_AWAY
            refund = booking.cost_pence if booking.funding is Funding.CARD else booking.top_up_pence
            move(self.db, principal, booking, BookingStatus.CANCELLED, "bookings.cancel_booking", reason)
            outbox.publish(self.db, BookingCancelled(**ids_of(booking), refund_pence=refund))
        else:
            await self._let_go(booking, held, gone)
            note(self.db, principal, booking, "bookings.lose_worker", before={"worker_id": gone}, why=reason)
            if booking.status is BookingStatus.ACCEPTED:
                move(self.db, principal, booking, BookingStatus.PLANNED, "bookings.unconfirm_worker")
        outbox.publish(self.db, WorkerFellOut(**{**ids_of(booking), "worker_id": gone}, why=reason))
        return booking

    async def _is_theirs_alone(self, booking: Booking) -> bool:
        agreement = await self.day.agreement(booking)
        organisation = await self.day.organisation(booking.organisation_id)
        is_one_person = agreement is not None and agreement.worker_id is not None
        return is_one_person or organisation.kind is OrganisationKind.SOLE_PA

    async def _let_go(self, booking: Booking, held: Sequence[VisitWorker], gone: UUID) -> None:
        left = [row.worker_id for row in held if row.worker_id != gone]
        was_confirmed = {row.worker_id for row in held if row.confirmed_at}
        for row in held:
            if row.position > 1:
                await self.db.delete(row)
        await self.db.flush()
        booking.worker_id = left[0] if left else None
        await self.db.flush()
        if left and left[0] in was_confirmed:
            await self.day.confirm_holds(booking.id, self.clock.now())


def _candidate(
    visit: Booking,
    person: Person,
    worker: Worker,
    calendar: WorkerCalendar,
    gender: str,
    skills: list[str],
    *,
    is_named: bool,
) -> Candidate:
    span = Span(visit.starts_at, visit.ends_at)
    own = Span(visit.starts_at, visit.ends_at + timedelta(minutes=visit.travel_minutes))
    busy = list(calendar.busy)
    if is_named and own in busy:
        busy.remove(own)
    calendar = calendar._replace(busy=busy)
    is_away = calendar.is_away(visit.visit_on)
    clashing = next(
        (taken for taken in busy if taken.starts_at < span.ends_at and span.starts_at < taken.ends_at), None
    )
    against = []
    if clashing is not None:
        against.append(f"Has another visit or is on the way, from {uk_datetime(clashing.starts_at)}")
    if is_away:
        against.append("Away that day")
    elif not calendar.is_working(span):
        against.append("Does not usually work then")
    if person.lat is not None and person.lon is not None and worker.lat is not None and worker.lon is not None:
        metres = distance_metres(worker.lat, worker.lon, person.lat, person.lon)
        if metres > worker.radius_metres:
            against.append(f"{metres / METRES_PER_MILE:.0f} miles away, further than they go")
    missing = [SKILLS[skill] for skill in skills if skill in SKILLS and skill not in worker.skills]
    if missing:
        against.append(f"Not trained in: {', '.join(missing)}")
    if gender and worker.gender.value != gender:
        labels = {key.value: label for key, label in GENDER_LABELS.items()}
        against.append(f"The person asked for: {labels.get(gender, gender)}")
    return Candidate(worker=worker, is_free=clashing is None and not is_away, against=against)


def week_of(on: date | None, today: date) -> date:
    """Return the Monday of the week to show: of a day within ten years, else this week's."""
    return week_start(on if on is not None and abs((on - today).days) < 3_660 else today)
