"""Places at an activity: limited, without a worker, agreed at once while there is room.

How many people a session takes stands on the listing, when sessions are in its hours. Places are numbered, and an
exclusion constraint keeps each to one person at a time, across councils, too; so the last place goes to one of many.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.calendar import Span
from marketplace.bookings.desk import card_desk
from marketplace.bookings.errors import NotBookable, SlotTaken
from marketplace.bookings.models import Booking, Funding, VisitPlace
from marketplace.bookings.repository import OfferRepository
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.schemas import BookingForm
from marketplace.bookings.service.purse import purse_of
from marketplace.bookings.service.requests import Offer, RequestSteps
from marketplace.bookings.service.steps import note
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.core.clock import instant, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, broken_constraint
from marketplace.providers.models import CONCESSIONS, ListingHours
from marketplace.providers.repository.rates import RateRepository
from marketplace.providers.service.figures import note as note_figures

WEEKS_SHOWN = 6
PLACE_TAKEN = "ex_visit_places_time"
ATTEMPTS = 5


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One session of an activity and what room it has."""

    starts_at: datetime
    ends_at: datetime
    on: date
    hours: ListingHours
    free: int
    """Places left."""


class PlaceService:
    """Booking places at activities."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.day = DayRepository(db)
        self.requests = RequestSteps(db)

    async def offer(self, principal: Principal, listing_id: UUID) -> Offer:
        """Return an activity that takes places.

        Raises:
            NotFound: No such listing is published.
            NotBookable: It is no activity with places, or takes nobody new.
        """
        principal.require(Permission.BOOKINGS_REQUEST)
        found = await OfferRepository(self.db).listing(listing_id)
        if found is None:
            raise NotFound
        listing, organisation = found
        if listing.session_places is None or not listing.is_bookable:
            raise NotBookable(f"Places are not booked here. Ask {organisation.name}.")
        if not await OfferRepository(self.db).takes_new(listing.id, today(self.clock)):
            raise NotBookable(f"{organisation.name} takes no new bookings at present. What is agreed goes on.")
        desk = card_desk()
        return Offer(
            listing=listing,
            organisation=organisation,
            rates=await RateRepository(self.db).of(listing.id),
            workers=[],
            purse=await purse_of(self.db, principal.council_id, principal.need_person()),
            takes_cards=desk is not None and await desk.takes_cards(self.db, organisation.id),
        )

    async def sessions(self, offer: Offer) -> list[Session]:
        """Return the sessions of the weeks to come, by start."""
        hours = await self.day.session_hours(offer.listing.id)
        now, first = self.clock.now(), today(self.clock)
        days = [first + timedelta(days=step) for step in range(WEEKS_SHOWN * 7)]
        found = []
        last = instant(days[-1] + timedelta(days=1), datetime.min.time())
        taken = await self.day.places_taken(offer.listing.id, now, last)
        for day in days:
            for one in hours:
                starts_at = instant(day, one.starts_local)
                if one.weekday == day.weekday() and starts_at > now:
                    left = (offer.listing.session_places or 0) - len(taken.get(starts_at, set()))
                    found.append(
                        Session(
                            starts_at=starts_at,
                            ends_at=instant(day, one.ends_local),
                            on=day,
                            hours=one,
                            free=max(0, left),
                        )
                    )
        return found

    async def book(
        self,
        principal: Principal,
        listing_id: UUID,
        starts_at: datetime,
        *,
        concession: str = "",
        words: str = "",
        funding: Funding | None = None,
    ) -> Booking:
        """Take a place in a session. It is agreed at once; a card is paid first while the place is held.

        Args:
            principal: The person or who acts for them.
            listing_id: The activity.
            starts_at: Start of a session that `sessions` offers.
            concession: Key of one of the listing's concessions, for the organiser to see; "" for none.
            words: What the organiser should know.
            funding: What pays; None: the direct payment where there is one.

        Raises:
            SlotTaken: The session is full.
            InvalidInput: No such session, a place in it already, or an unknown concession.
            NotEnoughLeft: The direct payment does not cover it.
        """
        offer = await self.offer(principal, listing_id)
        person_id = principal.need_person()
        session = next((one for one in await self.sessions(offer) if one.starts_at == starts_at), None)
        if session is None:
            raise InvalidInput({"session": "Select a session from the list"})
        if concession and (concession not in CONCESSIONS or concession not in offer.listing.concessions):
            raise InvalidInput({"concession": "Select a concession from the list"})
        if await self.day.has_place(person_id, listing_id, starts_at):
            raise InvalidInput({"session": "You have a place in this session already"})
        minutes = max(15, int((session.ends_at - session.starts_at).total_seconds() // 60))
        form = BookingForm(
            listing_id=listing_id,
            visit_on=session.on,
            starts_local=session.hours.starts_local,
            minutes=minutes,
            note=words,
            funding=funding,
        )
        paid_by = await self.requests.check_funding(principal, offer, form, locked=True)
        span = Span(session.starts_at, session.ends_at)
        booking = await self._insert(principal, offer, form, paid_by, span, concession)
        await note_figures(self.db, booking.listing_id, bookings=1)
        note(
            self.db,
            principal,
            booking,
            "bookings.book_place",
            after={"status": booking.status, "starts_at": booking.starts_at, "cost_pence": booking.cost_pence},
        )
        return booking

    async def _insert(
        self, principal: Principal, offer: Offer, form: BookingForm, funding: Funding, span: Span, concession: str
    ) -> Booking:
        cost = offer.cost(form.visit_on, form.minutes)
        waits = funding is Funding.CARD and cost > 0
        booking = Booking(
            council_id=principal.council_id,
            person_id=principal.need_person(),
            listing_id=offer.listing.id,
            organisation_id=offer.organisation.id,
            workers_needed=0,
            status=BookingStatus.AWAITING_PAYMENT if waits else BookingStatus.REQUESTED,
            funding=funding,
            visit_on=form.visit_on,
            starts_local=form.starts_local,
            starts_at=span.starts_at,
            ends_at=span.ends_at,
            minutes=form.minutes,
            rate_pence=offer.rate_pence(form.visit_on),
            cost_pence=cost,
            concession=concession,
            note=form.note,
            requested_at=self.clock.now(),
            requested_by_user_id=principal.user_id,
        )
        # One at a time for one session: the later one then sees which places are left.
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:listing), hashtext(:start))"),
            {"listing": str(offer.listing.id), "start": span.starts_at.isoformat()},
        )
        if await self.day.has_place(booking.person_id, booking.listing_id, booking.starts_at):
            # Somebody pressed in two windows at once.
            raise InvalidInput({"session": "You have a place in this session already"})
        self.db.add(booking)
        await self.db.flush()
        await self._hold_place(booking, offer.listing.session_places or 0)
        BOOKING.begin(self.db, booking, by=principal.user_id)
        if not waits:
            BOOKING.move(self.db, booking, BookingStatus.ACCEPTED, by=None)
        await self.db.flush()
        return booking

    async def _hold_place(self, booking: Booking, places: int) -> None:
        taken = await self.day.places_taken(booking.listing_id, booking.starts_at, booking.ends_at)
        free = [number for number in range(1, places + 1) if number not in taken.get(booking.starts_at, set())]
        # Places of other councils' people are not seen, only refused by the database: the next number is tried.
        for number in free:
            row = VisitPlace(
                council_id=booking.council_id, booking_id=booking.id, listing_id=booking.listing_id, place=number
            )
            try:
                async with self.db.begin_nested():
                    self.db.add(row)
            except IntegrityError as error:
                if broken_constraint(error) != PLACE_TAKEN:
                    raise
            else:
                return
        raise SlotTaken("Every place in this session is taken. Choose another session.")
