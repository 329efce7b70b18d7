"""Whom a person would ask when a worker can't come, in their own order. They choose; the platform only offers (P9)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.bookings.calendar import Span, WorkerCalendar
from marketplace.bookings.errors import NotYet
from marketplace.bookings.models import BackUp, Booking, CallOffReason
from marketplace.bookings.policies import price
from marketplace.bookings.repository import BookingRepository, OfferRepository
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.schemas import BookingForm
from marketplace.bookings.service.requests import RequestSteps
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import duration
from marketplace.providers.models import Listing, Organisation
from marketplace.providers.repository.rates import RateRepository
from marketplace.providers.service.rates import price_on

MOST = 10


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on the list, with the offer that can be asked here."""

    back_up: BackUp
    listing: Listing | None
    organisation: Organisation | None

    @property
    def may_be_asked(self) -> bool:
        """Whether a visit can be asked for here; else the person telephones."""
        listing = self.listing
        return listing is not None and listing.is_published and listing.hidden_why is None and listing.is_bookable


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody on the list says to one visit, before they are asked."""

    entry: Entry
    pence: int | None = None
    """What the visit costs; None: it can't be asked for here."""
    why_not: str = ""
    """Why it would be refused at once, as a sentence."""


class BackUpService:
    """The person's list."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.day = DayRepository(db)

    async def entries(self, principal: Principal) -> list[Entry]:
        """Return the list in the person's order."""
        principal.require(Permission.BOOKINGS_OWN)
        rows = await self.day.back_ups(principal.council_id, principal.need_person())
        return [Entry(back_up=row[0], listing=row[1], organisation=row[2]) for row in rows]

    async def add(
        self, principal: Principal, *, name: str = "", phone: str = "", note: str = "", listing_id: UUID | None = None
    ) -> BackUp:
        """Put somebody at the end: an offer of the market, or somebody with a telephone.

        Raises:
            InvalidInput: No name, no way to reach them, on the list already, or the list is full.
        """
        principal.require(Permission.BOOKINGS_REQUEST)
        person_id = principal.need_person()
        await self.day.hold_person(person_id)
        rows = await self._rows(principal)
        if len(rows) >= MOST:
            raise InvalidInput({"name": f"The list holds up to {MOST}. Take somebody off first"})
        if listing_id is not None:
            found = await OfferRepository(self.db).listing(listing_id)
            if found is None:
                raise NotFound
            if any(row.listing_id == listing_id for row in rows):
                raise InvalidInput({"name": "They are on your list already"})
            name = name or found[1].name
        elif not phone:
            raise InvalidInput({"phone": "Enter the phone number on which you reach them"})
        if not name:
            raise InvalidInput({"name": "Enter their name"})
        row = BackUp(
            council_id=principal.council_id,
            person_id=person_id,
            position=len(rows) + 1,
            listing_id=listing_id,
            name=name,
            phone=phone,
            note=note,
        )
        self.db.add(row)
        await self.db.flush()
        self._note(principal, "bookings.add_back_up", {"back_up_id": row.id})
        return row

    async def remove(self, principal: Principal, back_up_id: UUID) -> None:
        """Take somebody off; the others move up.

        Raises:
            NotFound: They are not on it.
        """
        rows = await self._changeable(principal, back_up_id)
        for row in rows:
            if row.id == back_up_id:
                await self.db.delete(row)
        for position, row in enumerate((row for row in rows if row.id != back_up_id), start=1):
            row.position = position
        self._note(principal, "bookings.remove_back_up", {"back_up_id": back_up_id})
        await self.db.flush()

    async def move_up(self, principal: Principal, back_up_id: UUID) -> None:
        """Put somebody one place further up; the first stays.

        Raises:
            NotFound: They are not on it.
        """
        rows = await self._changeable(principal, back_up_id)
        place = next(index for index, row in enumerate(rows) if row.id == back_up_id)
        if place:
            rows[place - 1], rows[place] = rows[place], rows[place - 1]
        for position, row in enumerate(rows, start=1):
            row.position = position
        self._note(principal, "bookings.order_back_ups", {"order": [str(row.id) for row in rows]})
        await self.db.flush()

    async def choices_for(self, principal: Principal, booking_id: UUID) -> tuple[Booking, list[Entry]]:
        """Return a visit to which nobody comes and whom the person may ask instead, without who fell out.

        Raises:
            NotFound: Not their visit.
        """
        bookings = BookingRepository(self.db)
        mine = bookings.of_person(principal.council_id, principal.need_person())
        booking = await bookings.one(mine.where(Booking.id == booking_id))
        entries = await self.entries(principal)
        return booking, [one for one in entries if one.back_up.listing_id != booking.listing_id]

    async def answers(self, entries: Sequence[Entry], booking: Booking) -> list[Answer]:
        """Return what each of the list says to a visit like another: its price, or why it can't be asked for here."""
        asked = [entry.listing for entry in entries if entry.listing is not None and entry.may_be_asked]
        rates = await RateRepository(self.db).of_many(listing.id for listing in asked)
        offers = OfferRepository(self.db)
        workers = await offers.workers_of(asked, today(self.clock))
        everyone = list({worker.id: worker for found in workers.values() for worker in found}.values())
        calendars = await offers.calendars(everyone, booking.starts_at, booking.ends_at)

        def answer(entry: Entry) -> Answer:
            listing = entry.listing
            if listing is None or not entry.may_be_asked:
                return Answer(entry=entry)
            why = _why_not(listing, [calendars[worker.id] for worker in workers[listing.id]], booking)
            if why:
                return Answer(entry=entry, why_not=why)
            rate = price_on(listing, rates.get(listing.id, []), booking.visit_on)
            return Answer(entry=entry, pence=price(listing, rate, booking.minutes))

        return [answer(entry) for entry in entries]

    async def ask(
        self, principal: Principal, booking_id: UUID, back_up_id: UUID, *, shown_pence: int | None = None
    ) -> Booking:
        """Ask somebody on the list for the visit to which nobody comes, as soon as it may be.

        The two hours that a request usually needs do not count here. They still answer for themselves.

        Raises:
            NotFound: Not the person's visit, or nobody of the list who is asked here.
            NotYet: Somebody still comes to that visit, or it is over.
            As `BookingService.request`.
        """
        booking, entries = await self.choices_for(principal, booking_id)
        entry = next((one for one in entries if one.back_up.id == back_up_id and one.may_be_asked), None)
        if entry is None or entry.listing is None:
            raise NotFound
        if booking.status is not BookingStatus.CANCELLED or booking.call_off_reason is not CallOffReason.WORKER_AWAY:
            raise NotYet("This visit still stands. Cancel it first if you want somebody else to come.")
        form = BookingForm(
            listing_id=entry.listing.id,
            visit_on=booking.visit_on,
            starts_local=booking.starts_local,
            minutes=booking.minutes,
            note=booking.note,
            funding=booking.funding,
            shown_pence=shown_pence,
        )
        return await RequestSteps(self.db).request(principal, form, notice=timedelta(0))

    async def _rows(self, principal: Principal) -> list[BackUp]:
        rows: Sequence[Any] = await self.day.back_ups(principal.council_id, principal.need_person(), locked=True)
        return [row[0] for row in rows]

    async def _changeable(self, principal: Principal, back_up_id: UUID) -> list[BackUp]:
        principal.require(Permission.BOOKINGS_REQUEST)
        await self.day.hold_person(principal.need_person())
        rows = await self._rows(principal)
        if back_up_id not in {row.id for row in rows}:
            raise NotFound
        return rows

    def _note(self, principal: Principal, action: str, after: dict[str, Any]) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="person",
            subject_id=principal.need_person(),
            after=after,
        )


def _why_not(listing: Listing, calendars: Sequence[WorkerCalendar], booking: Booking) -> str:
    """Say why a request for a visit would be refused at once; "": it would not."""
    if booking.minutes < listing.least_minutes:
        return f"They come for {duration(listing.least_minutes)} or more."
    visit = Span(booking.starts_at, booking.ends_at)
    at_work = [one for one in calendars if not one.is_away(booking.visit_on) and one.is_working(visit)]
    if not at_work:
        return "They do not work at this time."
    return "They have another visit at this time." if all(one.is_busy(visit) for one in at_work) else ""
