"""Putting planned visits into the database: all at once, and one by one when somebody was faster."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.calendar import Span
from marketplace.bookings.models import (
    AgreementPause,
    Booking,
    CalledOffBy,
    CallOffReason,
    PauseKind,
    SupportAgreement,
    VisitPattern,
    VisitPlace,
    VisitWorker,
)
from marketplace.bookings.service.planning.diary import Diary, Places
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.core.errors import broken_constraint
from marketplace.core.ids import new_id
from marketplace.providers.models import Listing

PAUSE_REASON = {
    PauseKind.HOSPITAL: CallOffReason.HOSPITAL,
    PauseKind.HOLIDAY: CallOffReason.HOLIDAY,
    PauseKind.OTHER: CallOffReason.OTHER,
}
HELD_APART = frozenset({"ex_visit_workers_time", "ex_visit_places_time"})


class Wanted(Protocol):
    """A visit to write; `plan.Wish` is one."""

    agreement: SupportAgreement
    pattern: VisitPattern
    day: date
    visit: Span
    rate_pence: int
    cost_pence: int
    pause: AgreementPause | None
    travel_minutes: int


class VisitWriter:
    """Writes visits, each with who is free of those who usually come."""

    def __init__(self, db: AsyncSession, diary: Diary, places: Places) -> None:
        self.db, self.diary, self.places = db, diary, places
        self.without_worker = 0
        self.full: dict[UUID, date] = {}
        """Agreements for a place at an activity that had none left, and on which day first."""

    async def write(self, wishes: Sequence[Wanted], listings: Mapping[UUID, Listing], now: datetime) -> list[Booking]:
        """Write visits, the earliest first; returns those that were written."""
        made: list[tuple[Booking, list[VisitWorker | VisitPlace]]] = []
        for wish in wishes:
            found = self._visit(wish, listings[wish.agreement.listing_id], now)
            if found is not None:
                made.append(found)
        try:
            async with self.db.begin_nested():
                # The trigger that holds second workers and places reads the visit, so visits are there first.
                self.db.add_all(visit for visit, _ in made)
                await self.db.flush()
                self.db.add_all(hold for _, holds in made for hold in holds)
                await self.db.flush()
        except IntegrityError as error:
            if broken_constraint(error) not in HELD_APART:
                raise
            made = [one for one in made if await self._write_one(*one)]
        written = [visit for visit, _ in made]
        for visit in written:
            BOOKING.begin(self.db, visit, by=None)
        self.without_worker = sum(
            visit.worker_id is None and visit.workers_needed > 0 and visit.called_off_at is None for visit in written
        )
        await self.db.flush()
        return written

    def _visit(
        self, wish: Wanted, listing: Listing, now: datetime
    ) -> tuple[Booking, list[VisitWorker | VisitPlace]] | None:
        """Make the rows of a visit; None when an activity has no place left."""
        agreement, pattern = wish.agreement, wish.pattern
        visit = Booking(
            id=new_id(),
            council_id=agreement.council_id,
            person_id=agreement.person_id,
            listing_id=agreement.listing_id,
            organisation_id=agreement.organisation_id,
            agreement_id=agreement.id,
            pattern_id=pattern.id,
            pattern_on=wish.day,
            workers_needed=pattern.workers_needed,
            travel_minutes=wish.travel_minutes,
            is_sleep_in=pattern.is_sleep_in,
            status=BookingStatus.PLANNED,
            funding=agreement.funding,
            visit_on=wish.day,
            starts_local=pattern.starts_local,
            starts_at=wish.visit.starts_at,
            ends_at=wish.visit.ends_at,
            minutes=pattern.minutes,
            rate_pence=wish.rate_pence,
            cost_pence=wish.cost_pence,
            concession=pattern.concession,
            note=pattern.note,
            requested_at=now,
            requested_by_user_id=agreement.created_by_user_id,
        )
        if wish.pause is not None:
            # The place is kept for money, and nobody is held. The instant says which pause it belongs to.
            visit.called_off_at, visit.called_off_by = wish.pause.made_at, CalledOffBy.PERSON
            visit.call_off_reason = PAUSE_REASON[wish.pause.kind]
            return visit, []
        holds: list[VisitWorker | VisitPlace] = []
        if pattern.workers_needed == 0:
            if listing.session_places:
                place = self.places.take(listing.id, listing.session_places, wish.visit)
                if place is None:
                    self.full.setdefault(agreement.id, wish.day)
                    return None
                holds.append(place_row(visit, place))
            return visit, holds
        free = [
            one
            for one in (pattern.worker_id, pattern.second_worker_id)[: pattern.workers_needed]
            if one is not None and self.diary.is_free(one, wish.visit, wish.travel_minutes)
        ]
        for one in free:
            self.diary.take(one, wish.visit, wish.travel_minutes)
        visit.worker_id = next(iter(free), None)
        if len(free) == 2:
            holds.append(_second(visit, free[1]))
        return visit, holds

    async def _write_one(self, visit: Booking, holds: Sequence[VisitWorker | VisitPlace]) -> bool:
        """Write one visit after a clash: without whoever was taken meanwhile, at the next free place."""
        if not await self._try(visit):
            visit.worker_id = None
            holds = [hold for hold in holds if isinstance(hold, VisitPlace)]
            if not await self._try(visit):
                raise RuntimeError("A visit without a worker can't clash")
        for hold in holds:
            if isinstance(hold, VisitPlace):
                if not await self._seat(visit, hold.place):
                    return False
            else:
                await self._try(hold)
        return True

    async def _seat(self, visit: Booking, place: int) -> bool:
        """Take a place, or the next; without any the visit is taken out again."""
        listing = await self.db.get_one(Listing, visit.listing_id)
        most = listing.session_places or 0
        for number in (*range(place, most + 1), *range(1, place)):
            if await self._try(place_row(visit, number)):
                return True
        if visit.agreement_id is not None:
            self.full.setdefault(visit.agreement_id, visit.visit_on)
        await self.db.delete(visit)
        await self.db.flush()
        return False

    async def _try(self, row: Booking | VisitWorker | VisitPlace) -> bool:
        try:
            async with self.db.begin_nested():
                self.db.add(row)
                await self.db.flush()
        except IntegrityError as error:
            if broken_constraint(error) not in HELD_APART:
                raise
            return False
        return True


def _second(visit: Booking, worker_id: UUID) -> VisitWorker:
    return VisitWorker(
        council_id=visit.council_id,
        booking_id=visit.id,
        position=2,
        worker_id=worker_id,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        busy_until=visit.ends_at,
        is_holding=True,
    )


def place_row(visit: Booking, place: int) -> VisitPlace:
    """Return the row by which a visit holds a place of its session."""
    return VisitPlace(
        council_id=visit.council_id,
        booking_id=visit.id,
        listing_id=visit.listing_id,
        place=place,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        is_holding=True,
    )
