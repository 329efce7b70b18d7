"""Moving places at an activity: only to its sessions, and only where there is room."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.calendar import Span
from marketplace.bookings.errors import SlotTaken
from marketplace.bookings.models import Booking, SupportAgreement
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.repository_planning import PlanningRepository
from marketplace.bookings.service.planning.diary import Places
from marketplace.bookings.service.planning.patterns import WEEKDAYS
from marketplace.bookings.service.planning.writing import HELD_APART, place_row
from marketplace.core.clock import local
from marketplace.core.errors import InvalidInput, broken_constraint
from marketplace.core.formats import time_range, uk_date
from marketplace.providers.models import ListingHours


class Seats:
    """Places of the visits of one agreement, while these move."""

    def __init__(self, db: AsyncSession, agreement: SupportAgreement) -> None:
        self.db, self.agreement = db, agreement
        self.rows = PlanningRepository(db)
        self._most = 0
        self._wanted: dict[UUID, int] = {}

    async def check(self, going: Sequence[tuple[Booking, Span]]) -> None:
        """Hold visits without a worker, and where they go, to the activity's sessions and to the room there.

        Raises:
            InvalidInput: There is no session then, or every place in it is taken.
        """
        moving = [(visit, span) for visit, span in going if span != Span(visit.starts_at, visit.ends_at)]
        if not moving:
            return
        listing = (await self.rows.listings([self.agreement.listing_id]))[self.agreement.listing_id]
        hours = await DayRepository(self.db).session_hours(listing.id)
        for _, span in moving:
            _need_session(hours, span)
        self._most = listing.session_places or 0
        if not self._most:
            return
        own = await self.rows.places_of([visit.id for visit, _ in moving])
        mine = {(row.place, row.starts_at) for row in own.values()}
        first, last = min(span.starts_at for _, span in moving), max(span.ends_at for _, span in moving)
        taken = await self.rows.places([listing.id], first, last)
        places = Places(row for row in taken if (row[1], row[2].starts_at) not in mine)
        for visit, span in moving:
            place = places.take(listing.id, self._most, span)
            if place is None:
                day = uk_date(local(span.starts_at).date())
                raise InvalidInput(
                    {"visit_on": f"Every place in the session on {day} is taken. Choose another session"}
                )
            self._wanted[visit.id] = place

    async def leave(self) -> None:
        """Give up the places of visits that move: each takes one where it goes (`take`)."""
        for row in (await self.rows.places_of(list(self._wanted))).values():
            await self.db.delete(row)
        await self.db.flush()

    async def take(self, visit: Booking) -> None:
        """Take a place for a visit that has moved. Does nothing for one that needs none.

        Raises:
            SlotTaken: Somebody else, perhaps of another council, took the last one meanwhile.
        """
        wanted = self._wanted.get(visit.id)
        if wanted is None:
            return
        for number in (*range(wanted, self._most + 1), *range(1, wanted)):
            try:
                async with self.db.begin_nested():
                    self.db.add(place_row(visit, number))
                    await self.db.flush()
            except IntegrityError as error:
                if broken_constraint(error) not in HELD_APART:
                    raise
            else:
                return
        raise SlotTaken("Every place in this session is taken. Choose another session.")


def _need_session(hours: Sequence[ListingHours], span: Span) -> None:
    """Refuse a time that is none of an activity's sessions; one without hours says nothing about them."""
    starts, ends = local(span.starts_at), local(span.ends_at)
    fits = any(
        one.weekday == starts.weekday() and one.starts_local == starts.time() and ends.time() <= one.ends_local
        for one in hours
    )
    if hours and (not fits or starts.date() != ends.date()):
        known = ", ".join(
            f"{WEEKDAYS[one.weekday]} {time_range(one.starts_local, one.ends_local)}" for one in hours[:8]
        )
        raise InvalidInput({"starts_local": f"There is no session then. Sessions are on {known}"})
