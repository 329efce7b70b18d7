"""Moving written visits to another time: their price, their workers and the money that is promised for them."""

from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.calendar import Span
from marketplace.bookings.errors import NotEnoughLeft
from marketplace.bookings.models import Booking, Funding, SupportAgreement, VisitWorker
from marketplace.bookings.policies import service_of
from marketplace.bookings.repository import OfferRepository
from marketplace.bookings.repository_planning import PlanningRepository
from marketplace.bookings.service.agreements.prices import TermsView, rate_of, terms_on, visit_price
from marketplace.bookings.service.planning.diary import Diary
from marketplace.bookings.service.planning.forecast import Forecast
from marketplace.bookings.service.planning.patterns import span_of
from marketplace.bookings.service.planning.seats import Seats
from marketplace.bookings.service.planning.writing import HELD_APART
from marketplace.bookings.service.purse import purses_of
from marketplace.bookings.service.top_ups import lower_top_up
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, broken_constraint
from marketplace.core.formats import pounds, uk_date


class Move(msgspec.Struct):
    """A visit and where it goes."""

    visit: Booking
    day: date
    starts_local: time
    minutes: int
    cost_pence: int = 0
    rate_pence: int = 0

    @property
    def span(self) -> Span:
        """When it will take place."""
        return span_of(self.day, self.starts_local, self.minutes)


class Moved(msgspec.Struct):
    """What a change came to."""

    moved: int = 0
    without_worker: int = 0
    before_pence: int = 0
    after_pence: int = 0


class Mover:
    """Moves visits of one agreement within the caller's transaction."""

    def __init__(self, db: AsyncSession, agreement: SupportAgreement, views: Sequence[TermsView]) -> None:
        self.db, self.agreement, self.views = db, agreement, views
        self.rows = PlanningRepository(db)
        self.seats = Seats(db, agreement)

    def priced(self, moves: Sequence[Move]) -> list[Move]:
        """Price visits at their new time, by the terms of the new day.

        Raises:
            InvalidInput: A day lies outside the agreement.
        """
        for move in moves:
            view = terms_on(self.views, move.day)
            ends_on = self.agreement.ends_on
            if view is None or move.day < self.agreement.starts_on or (ends_on is not None and move.day >= ends_on):
                raise InvalidInput({"visit_on": f"The agreement does not cover {uk_date(move.day)}"})
            visit = move.visit
            move.cost_pence = visit_price(view, move.day, move.minutes, visit.workers_needed, visit.is_sleep_in)
            move.rate_pence = rate_of(view, move.day, visit.is_sleep_in)
        return list(moves)

    async def hold(self, moves: Sequence[Move], also: Iterable[UUID | None] = ()) -> None:
        """Hold everybody who comes to some visits, and others. Workers come before the purse, as everywhere."""
        second = await self.rows.second_workers([one.visit.id for one in moves])
        wanted = {*also, *(one.visit.worker_id for one in moves), *(row.worker_id for row in second.values())}
        await self.rows.hold_workers(one for one in wanted if one is not None)

    async def check(self, moves: Sequence[Move]) -> None:
        """Hold moves to sessions, to the money and to what the council pays for; takes the purse until the end.

        Raises:
            InvalidInput: The council does not pay for a new day; an activity has no session then, or no place left.
            NotEnoughLeft: The direct payment does not reach.
        """
        await self.seats.check([(one.visit, one.span) for one in moves if one.visit.workers_needed == 0])
        if self.agreement.funding is not Funding.DIRECT_PAYMENT or not moves:
            return
        council_id, now = self.agreement.council_id, today(clock_of(self.db))
        listing = (await self.rows.listings([self.agreement.listing_id]))[self.agreement.listing_id]
        service = service_of(listing.category).value
        wanted = {(self.agreement.organisation_id, service, one.day) for one in moves if one.day != one.visit.visit_on}
        for _, _, day in sorted(wanted - await self.rows.accredited(council_id, wanted, now)):
            raise InvalidInput({"visit_on": f"The council does not pay this provider for {uk_date(day)}"})
        if all(one.day == one.visit.visit_on and one.cost_pence <= one.visit.cost_pence for one in moves):
            return
        person_id = self.agreement.person_id
        purse = (await purses_of(self.db, council_id, [person_id], locked=True)).get(person_id)
        if purse is None:
            raise InvalidInput({"visit_on": "There is no direct payment running now"})
        forecast = Forecast(purse)
        for one in moves:
            forecast.promise(one.visit.visit_on, -(one.visit.cost_pence - one.visit.top_up_pence))
        # What asks for no more, and no sooner, keeps its money; the others share what is left.
        asking = [one for one in moves if one.cost_pence > one.visit.cost_pence or one.day < one.visit.visit_on]
        for one in moves:
            if not any(one is other for other in asking):
                forecast.promise(one.day, one.cost_pence - one.visit.top_up_pence)
        for one in moves:
            if forecast.ends_on is not None and one.day >= forecast.ends_on:
                last = uk_date(forecast.ends_on - timedelta(days=1))
                raise InvalidInput({"visit_on": f"The direct payment runs until {last}"})
        for one in asking:
            short = one.cost_pence - one.visit.top_up_pence - forecast.free_on(one.day)
            if short > 0:
                message = (
                    f"The visit on {uk_date(one.day)} would cost {pounds(one.cost_pence)}, and the direct payment is "
                    f"{pounds(short)} short then. Choose a shorter visit or another day"
                )
                raise NotEnoughLeft({"minutes": message}, short_pence=short, affordable_minutes=0)
            forecast.promise(one.day, one.cost_pence - one.visit.top_up_pence)

    async def move(self, moves: Sequence[Move], *, user_id: UUID | None) -> Moved:
        """Put visits where they go. Who is not free then is taken off the visit, which stays planned.

        Raises:
            SlotTaken: The last place of an activity's session was taken since `check`.
        """
        result = Moved()
        if not moves:
            return result
        held = await self.rows.second_workers([one.visit.id for one in moves])
        diary = await self._diary(moves, held)
        await self.seats.leave()
        later = moves[0].span.starts_at > moves[0].visit.starts_at
        # A row of visits that moves along is moved from its far end, so that none meets the next on its way.
        for one in sorted(moves, key=lambda move: move.visit.starts_at, reverse=later):
            visit, span = one.visit, one.span
            result.before_pence += visit.cost_pence
            result.after_pence += one.cost_pence
            workers = [visit.worker_id, held[visit.id].worker_id if visit.id in held else None]
            free = [
                worker if worker and diary.is_free(worker, span, visit.travel_minutes) else None for worker in workers
            ]
            if visit.id in held and free[1] is None:
                await self.db.delete(held[visit.id])
            await self._put(one, span, free[0], user_id)
            for worker in free:
                if worker is not None:
                    diary.take(worker, span, visit.travel_minutes)
            result.moved += 1
            result.without_worker += visit.worker_id is None and visit.workers_needed > 0
        return result

    async def _put(self, move: Move, span: Span, worker_id: UUID | None, user_id: UUID | None) -> None:
        visit = move.visit
        for worker in (worker_id, None):
            try:
                async with self.db.begin_nested():
                    visit.visit_on, visit.starts_local, visit.minutes = move.day, move.starts_local, move.minutes
                    visit.starts_at, visit.ends_at = span
                    visit.rate_pence = move.rate_pence
                    lower_top_up(self.db, visit, move.cost_pence)
                    visit.worker_id = worker
                    await self.db.flush()
                break
            except IntegrityError as error:
                if broken_constraint(error) not in HELD_APART or worker is None:
                    raise
                await self.db.refresh(visit)
        await self.seats.take(visit)
        if visit.worker_id is None and visit.workers_needed and visit.status is BookingStatus.ACCEPTED:
            BOOKING.move(self.db, visit, BookingStatus.PLANNED, by=user_id)
        await self.db.flush()

    async def _diary(self, moves: Sequence[Move], held: dict[UUID, VisitWorker]) -> Diary:
        wanted = {one.visit.worker_id for one in moves if one.visit.worker_id} | {
            row.worker_id for row in held.values()
        }
        if not wanted:
            return Diary({})
        workers = await self.rows.hold_workers(wanted)
        spans = [span for one in moves for span in (one.span, Span(one.visit.starts_at, one.visit.ends_at))]
        first, last = min(span.starts_at for span in spans), max(span.ends_at for span in spans)
        diary = Diary(await OfferRepository(self.db).calendars(workers, first, last + timedelta(hours=2)))
        for one in moves:
            visit = one.visit
            taken = Span(visit.starts_at, visit.ends_at + timedelta(minutes=visit.travel_minutes))
            for worker in (visit.worker_id, held[visit.id].worker_id if visit.id in held else None):
                if worker is not None:
                    diary.release(worker, taken)
        return diary
