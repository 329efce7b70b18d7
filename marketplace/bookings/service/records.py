"""The worker's phone page: visits of the day, and what is pressed at the door.

A poor line is the usual case, so a press carries the time on the phone and a key made there: it may arrive hours late,
twice, or the finish before the start. Both clocks are looked at, and a press never counts twice.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role
from marketplace.bookings.errors import NotYet
from marketplace.bookings.events import VisitStarted
from marketplace.bookings.models import Booking, RecordKind, VisitRecord, VisitWorker
from marketplace.bookings.repository import BookingRepository
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.service.alerts import settle_alerts
from marketplace.bookings.service.claims import times_of, write_claim
from marketplace.bookings.service.steps import ids_of, move, note
from marketplace.bookings.service.visits import VisitSteps
from marketplace.bookings.states import BookingStatus
from marketplace.core import outbox
from marketplace.core.clock import instant, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.ids import new_id
from marketplace.people.models import Person
from marketplace.providers.models import Worker

CLOCK_AHEAD = timedelta(minutes=5)
"""A phone may be this far ahead of us; beyond, its clock is wrong and the arrival counts."""
LATEST_SEND = timedelta(days=14)
"""A press may wait this long for a line."""
AROUND_VISIT = timedelta(hours=6)
"""A press counts for a visit when it happened this near to its planned time."""
LONGEST_VISIT = timedelta(hours=30)

STARTABLE = frozenset({BookingStatus.PLANNED, BookingStatus.ACCEPTED})
WORKED = STARTABLE | {BookingStatus.IN_PROGRESS}


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One visit of the day as the worker sees it."""

    booking: Booking
    person: Person
    title: str
    crew: list[Worker]
    started_at: datetime | None
    """When this worker pressed "start", or anybody for the office."""
    finished_at: datetime | None

    @property
    def may_start(self) -> bool:
        """Whether the start may be pressed."""
        return self.started_at is None and self.booking.status in WORKED

    @property
    def may_finish(self) -> bool:
        """Whether the finish may be pressed."""
        return self.started_at is not None and self.finished_at is None and self.booking.status in WORKED


class RecordService:
    """Starts and finishes of visits."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.day = DayRepository(db)

    def mine(self, principal: Principal) -> Select[Booking]:
        """Start a question about the visits of who is signed in: a worker's own, or all of an organisation.

        Raises:
            NotFound: The role belongs to no organisation.
        """
        principal.require(Permission.VISITS_DELIVER)
        organisation_id = principal.need_organisation()
        if principal.worker_id is not None and principal.role is not Role.PROVIDER:
            question = self.day.of_worker(principal.councils, principal.worker_id)
        elif principal.role is Role.CARE_WORKER:
            raise NotFound
        else:
            question = BookingRepository(self.db).of_organisation(principal.councils, organisation_id)
        return question.where(Booking.organisation_id == organisation_id)

    async def visits(self, principal: Principal, *, days: int = 1) -> list[Visit]:
        """Return today's visits by start, and last night's that are not finished; `days` from today on."""
        first = today(self.clock)
        from_at = instant(first, time(0))
        until_at = instant(first + timedelta(days=days), time(0))
        rows = await self.day.visits_of_day(self.mine(principal), from_at, until_at)
        return await self._shown(principal, [(row[0], row[1], row[2]) for row in rows])

    async def visit(self, principal: Principal, booking_id: UUID) -> Visit:
        """Return one visit.

        Raises:
            NotFound: It is not theirs, or not agreed.
        """
        question = self.mine(principal).where(Booking.id == booking_id)
        now = self.clock.now()
        rows = await self.day.visits_of_day(question, now - timedelta(days=400), now + timedelta(days=400))
        if not rows:
            raise NotFound
        return (await self._shown(principal, [(row[0], row[1], row[2]) for row in rows]))[0]

    async def _shown(self, principal: Principal, rows: Sequence[tuple[Booking, Person, str]]) -> list[Visit]:
        ids = [booking.id for booking, _, _ in rows]
        crew = await self.day.crew(ids)
        records = await self.day.records(ids)
        shown = []
        for booking, person, title in rows:
            whose = principal.worker_id if principal.role is not Role.PROVIDER else None
            pressed = [
                record for record in records if record.booking_id == booking.id and whose in (None, record.worker_id)
            ]
            times = times_of(pressed)
            shown.append(
                Visit(
                    booking=booking,
                    person=person,
                    title=title,
                    crew=[worker for _, worker in crew.get(booking.id, [])],
                    started_at=times.starts_at,
                    finished_at=times.ends_at,
                )
            )
        return shown

    async def record(
        self,
        principal: Principal,
        booking_id: UUID,
        kind: RecordKind,
        *,
        client_key: UUID,
        happened_at: datetime | None = None,
        words: str = "",
    ) -> bool:
        """Take a press. The same key again changes nothing, whatever else it says.

        Args:
            principal: The worker, or the office for them.
            booking_id: The visit.
            kind: Start or finish.
            client_key: Made on the page before it is sent.
            happened_at: By the phone's clock; None where the page could not say: now.
            words: What the worker adds.

        Returns:
            Whether it was new.

        Raises:
            NotFound: Not their visit.
            InvalidInput: The phone's clock is too far off for this visit.
            NotYet: The visit is settled, declined or called off.
        """
        # The visit is locked before the key is looked at, so that a press sent twice at once waits for itself.
        booking = await BookingRepository(self.db).one(
            self.mine(principal).where(Booking.id == booking_id), locked=True
        )
        earlier = await self.day.record_of_key(client_key)
        if earlier is not None:
            return False
        received_at = self.clock.now()
        happened_at = self._plausible(booking, happened_at or received_at, received_at)
        is_over = booking.status not in WORKED | {BookingStatus.CLAIMED, BookingStatus.DISPUTED, BookingStatus.NO_SHOW}
        if is_over or booking.called_off_at is not None:
            raise NotYet("This visit is called off or settled, so nothing can be recorded for it. Tell your office.")
        added = await self._insert(principal, booking, kind, client_key, happened_at, received_at, words)
        if not added:
            return False
        note(
            self.db,
            principal,
            booking,
            f"bookings.{kind}_visit",
            after={"happened_at": happened_at, "received_at": received_at},
        )
        await self._apply(principal, booking)
        return True

    def _plausible(self, booking: Booking, happened_at: datetime, received_at: datetime) -> datetime:
        if happened_at > received_at + CLOCK_AHEAD:
            # A clock that is ahead says nothing about when it was; the arrival does, at the latest.
            happened_at = received_at
        happened_at = min(happened_at, received_at)
        is_too_late = received_at - happened_at > LATEST_SEND
        is_near = booking.starts_at - AROUND_VISIT <= happened_at <= booking.ends_at + AROUND_VISIT
        if is_too_late or not is_near:
            raise InvalidInput(
                {"happened_at": "The time on your phone is too far from the time of this visit. Tell your office"}
            )
        return happened_at

    async def _insert(
        self,
        principal: Principal,
        booking: Booking,
        kind: RecordKind,
        client_key: UUID,
        happened_at: datetime,
        received_at: datetime,
        words: str,
    ) -> bool:
        taken = await self.db.scalar(
            insert(VisitRecord)
            .values(
                id=new_id(),
                council_id=booking.council_id,
                booking_id=booking.id,
                # The office records for the first worker.
                worker_id=principal.worker_id or booking.worker_id,
                kind=kind,
                happened_at=happened_at,
                received_at=received_at,
                client_key=client_key,
                note=words,
                by_user_id=principal.user_id,
            )
            .on_conflict_do_nothing(index_elements=["client_key"])
            .returning(VisitRecord.id)
        )
        return taken is not None

    async def _apply(self, principal: Principal, booking: Booking) -> None:
        """Bring the visit up to what was pressed: under way with the first start, claimed when all have finished."""
        records = await self.day.records([booking.id])
        times = times_of(records)
        if times.starts_at is None or booking.status not in WORKED | {BookingStatus.CLAIMED}:
            return
        booking.actual_starts_at, booking.actual_ends_at = times
        await settle_alerts(self.db, booking)
        if booking.status in STARTABLE:
            move(self.db, principal, booking, BookingStatus.IN_PROGRESS, "bookings.start_visit")
            outbox.publish(self.db, VisitStarted(**ids_of(booking), at=times.starts_at))
        if booking.status is BookingStatus.CLAIMED:
            # A press that was late on the line, or a later finish, corrects what is asked.
            await write_claim(self.db, booking)
        elif await self._all_finished(booking, records):
            await VisitSteps(self.db).take_claim(principal, booking)

    async def _all_finished(self, booking: Booking, records: Sequence[VisitRecord]) -> bool:
        crew: Sequence[VisitWorker] = await self.day.holds(booking.id)
        started = {record.worker_id for record in records if record.kind is RecordKind.START}
        present = {held.worker_id for held in crew} & started or started
        return all(
            times_of([record for record in records if record.worker_id == worker]).ends_at is not None
            for worker in present
        )
