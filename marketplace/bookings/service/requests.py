"""From a wish to a request: checks with words and ways out, then one insert that the database decides."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.bookings.calendar import Span, start_times
from marketplace.bookings.desk import card_desk
from marketplace.bookings.errors import NotBookable, NotEnoughLeft, SlotTaken
from marketplace.bookings.events import BookingRequested
from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.policies import (
    FURTHEST_AHEAD,
    LEAST_CARD_PENCE,
    LEAST_NOTICE,
    affordable_minutes,
    price,
    service_of,
)
from marketplace.bookings.repository import OfferRepository
from marketplace.bookings.schemas import SHORTEST_MINUTES, BookingForm
from marketplace.bookings.service.employment.family import FamilyService
from marketplace.bookings.service.purse import Purse, purse_of
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.core import outbox
from marketplace.core.clock import instant, local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, broken_constraint
from marketplace.core.formats import plural, pounds, uk_date, uk_day, uk_time
from marketplace.core.money import Pence
from marketplace.providers.models import SERVICE_LABELS, Listing, ListingRate, Organisation, Worker
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.repository.rates import RateRepository
from marketplace.providers.service.figures import note
from marketplace.providers.service.rates import price_on, rate_name

DAYS_SHOWN = 14


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the booking page needs to know of a listing, for a person."""

    listing: Listing
    organisation: Organisation
    rates: list[ListingRate]
    workers: list[Worker]
    """Who could come, by id; all of them take part in "any worker"."""
    purse: Purse | None
    takes_cards: bool

    @property
    def least_minutes(self) -> int:
        """The shortest visit."""
        return max(SHORTEST_MINUTES, self.listing.least_minutes)

    def rate_pence(self, day: date) -> int:
        """What one unit costs on a day."""
        return price_on(self.listing, self.rates, day)

    def rate_name(self, day: date) -> str:
        """What that rate is called: "bank holiday rate", "" for the usual price."""
        return rate_name(self.listing, self.rates, day)

    def cost(self, day: date, minutes: int) -> Pence:
        """What a visit on a day costs."""
        return price(self.listing, self.rate_pence(day), minutes)


class FreeTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Times to offer on a day: `starts` over all workers, `days` with any free time in the days after."""

    day: date
    starts: list[datetime]
    days: list[date]


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A visit that could be booked now, with its price in full."""

    offer: Offer
    form: BookingForm
    funding: Funding
    visit: Span
    rate_pence: int
    """Price of one unit on the day the visit starts."""
    rate_name: str
    cost_pence: int
    top_up_pence: int
    """What of it a card pays because the direct payment does not reach."""
    candidates: list[Worker]
    """Who is free, by id."""

    @property
    def is_shifted(self) -> bool:
        """Whether the clocks jump over the promised time that night, so that the visit starts later on the wall."""
        return local(self.visit.starts_at).time() != self.form.starts_local


class RequestSteps:
    """The verbs up to the request."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.offers = OfferRepository(db)

    async def offer(self, principal: Principal, listing_id: UUID) -> Offer:
        """Return what a person may book from a listing.

        Raises:
            NotFound: No such listing is published.
            NotBookable: It is not booked by the visit.
        """
        principal.require(Permission.BOOKINGS_REQUEST)
        person_id = principal.need_person()
        found = await self.offers.listing(listing_id)
        if found is None:
            raise NotFound
        listing, organisation = found
        if not listing.is_bookable:
            raise NotBookable(f"{organisation.name} agrees this with you directly. It is not booked by the visit.")
        if not await self.offers.takes_new(listing.id, today(self.clock)):
            raise NotBookable(f"{organisation.name} takes no new visits at present. Visits that are agreed go on.")
        workers = await self.offers.workers(listing, today(self.clock))
        if not workers:
            raise NotBookable(f"{organisation.name} has not said yet who works when, so you cannot book a time here.")
        desk = card_desk()
        return Offer(
            listing=listing,
            organisation=organisation,
            rates=await RateRepository(self.db).of(listing.id),
            workers=list(workers),
            purse=await purse_of(self.db, principal.council_id, person_id),
            takes_cards=desk is not None and await desk.takes_cards(self.db, organisation.id),
        )

    async def free_times(self, offer: Offer, day: date, minutes: int, worker_id: UUID | None = None) -> FreeTimes:
        """Return times that are free on a day and which of the two weeks from it have any."""
        now = self.clock.now()
        minutes = max(minutes, offer.least_minutes)
        workers = [worker for worker in offer.workers if worker_id in (None, worker.id)]
        last = day + timedelta(days=DAYS_SHOWN)
        calendars = await self.offers.calendars(workers, instant(day, time(0)), instant(last, time(0)))
        after, latest = now + LEAST_NOTICE, now + FURTHEST_AHEAD

        def starts_on(one: date) -> list[datetime]:
            found = {
                start
                for calendar in calendars.values()
                for start in start_times(calendar.free(one, after, minutes), one, minutes, limit=48)
            }
            return sorted(start for start in found if start <= latest)

        days = [day + timedelta(days=step) for step in range(1, DAYS_SHOWN)]
        return FreeTimes(day=day, starts=starts_on(day), days=[one for one in days if starts_on(one)][:5])

    async def check_funding(
        self, principal: Principal, offer: Offer, form: BookingForm, *, locked: bool = False
    ) -> Funding:
        """Decide what pays for a visit and hold it to what is left; locked, nobody else spends until the end.

        Raises:
            InvalidInput, NotEnoughLeft: As `quote`.
        """
        funding = await self._funding(principal, offer, form)
        purse = offer.purse
        if locked and funding is Funding.DIRECT_PAYMENT:
            purse = await purse_of(self.db, principal.council_id, principal.need_person(), locked=True)
        self._check_money(offer, form, funding, offer.cost(form.visit_on, form.minutes), purse)
        return funding

    async def quote(
        self,
        principal: Principal,
        form: BookingForm,
        *,
        notice: timedelta = LEAST_NOTICE,
        offer: Offer | None = None,
    ) -> Quote:
        """Check a wish and price it; nothing is written.

        Args:
            principal: Who wishes.
            form: What they wish.
            notice: How far ahead the visit must be.
            offer: What `offer` gave in this transaction, so that it is not read again.

        Raises:
            NotFound, NotBookable: As `offer`.
            InvalidInput: What is wrong, by field, with a way out.
            NotEnoughLeft: The direct payment does not cover it.
            SlotTaken: Every worker who works then has another visit.
        """
        offer = offer or await self.offer(principal, form.listing_id)
        visit = self._visit(form, notice)
        funding = await self._funding(principal, offer, form)
        cost = offer.cost(form.visit_on, form.minutes)
        top_up = self._check_money(offer, form, funding, cost, offer.purse)
        candidates = await self._free_workers(offer, form, visit)
        return Quote(
            offer=offer,
            form=form,
            funding=funding,
            visit=visit,
            rate_pence=offer.rate_pence(form.visit_on),
            rate_name=offer.rate_name(form.visit_on),
            cost_pence=cost,
            top_up_pence=top_up,
            candidates=candidates,
        )

    async def request(
        self,
        principal: Principal,
        form: BookingForm,
        *,
        notice: timedelta = LEAST_NOTICE,
        offer: Offer | None = None,
    ) -> Booking:
        """Ask for a visit. A card booking holds its time until it is paid; any other goes to the provider at once.

        Arguments as of `quote`.

        Raises:
            As `quote`; `SlotTaken` also when somebody else was faster; `FamilyRule` for a relative whom a direct
            payment may not pay.
        """
        quote = await self.quote(principal, form, notice=notice, offer=offer)
        if form.shown_pence is not None and form.shown_pence != quote.cost_pence:
            raise InvalidInput(
                {
                    "visit_on": f"The price of this visit has changed since you checked it: it is now "
                    f"{pounds(quote.cost_pence)}. Check it again before you send the request"
                }
            )
        person_id = principal.need_person()
        worker = await self._hold_worker(quote)
        top_up = 0
        if quote.funding is Funding.DIRECT_PAYMENT:
            await FamilyService(self.db).require_allowed(principal.council_id, person_id, worker.id)
            purse = await purse_of(self.db, principal.council_id, person_id, locked=True)
            top_up = self._check_money(quote.offer, form, quote.funding, quote.cost_pence, purse)
            if form.shown_card_pence not in (None, top_up):
                message = (
                    f"What you have left has changed since you checked it: the card would pay {pounds(top_up)} now"
                )
                raise InvalidInput({"funding": f"{message}. Check it again before you send the request"})
        waits = top_up > 0 or (quote.funding is Funding.CARD and quote.cost_pence > 0)
        booking = Booking(
            council_id=principal.council_id,
            person_id=person_id,
            listing_id=quote.offer.listing.id,
            organisation_id=quote.offer.organisation.id,
            worker_id=worker.id,
            status=BookingStatus.AWAITING_PAYMENT if waits else BookingStatus.REQUESTED,
            funding=quote.funding,
            visit_on=form.visit_on,
            starts_local=form.starts_local,
            starts_at=quote.visit.starts_at,
            ends_at=quote.visit.ends_at,
            minutes=form.minutes,
            rate_pence=quote.rate_pence,
            cost_pence=quote.cost_pence,
            top_up_pence=top_up,
            note=form.note,
            requested_at=self.clock.now(),
            requested_by_user_id=principal.user_id,
        )
        try:
            async with self.db.begin_nested():
                self.db.add(booking)
        except IntegrityError as error:
            if broken_constraint(error) == "ex_visit_workers_time":
                raise SlotTaken from error
            raise
        BOOKING.begin(self.db, booking, by=principal.user_id)
        await note(self.db, booking.listing_id, bookings=1)
        audit.record(
            self.db,
            principal,
            "bookings.request_booking",
            council_id=booking.council_id,
            subject_kind="booking",
            subject_id=booking.id,
            after={
                "status": booking.status,
                "organisation_id": booking.organisation_id,
                "worker_id": booking.worker_id,
                "starts_at": booking.starts_at,
                "minutes": booking.minutes,
                "cost_pence": booking.cost_pence,
                "top_up_pence": booking.top_up_pence,
                "funding": booking.funding,
            },
        )
        if not waits:
            publish_requested(self.db, booking)
        return booking

    def _visit(self, form: BookingForm, notice: timedelta) -> Span:
        """Turn the promise into instants and hold it to the notice and the horizon."""
        now = self.clock.now()
        starts_at = instant(form.visit_on, form.starts_local)
        if starts_at <= now:
            raise InvalidInput({"visit_on": "The visit must be in the future. Choose a later date or time"})
        if starts_at < now + notice:
            earliest = uk_time(now + notice)
            message = f"The visit must start at least 2 hours from now, so after {earliest}. Choose a later time"
            raise InvalidInput({"starts_local": message})
        if starts_at > now + FURTHEST_AHEAD:
            last = uk_date(local(now + FURTHEST_AHEAD).date())
            raise InvalidInput({"visit_on": f"You can book up to 26 weeks ahead. Choose a date up to {last}"})
        return Span(starts_at, starts_at + timedelta(minutes=form.minutes))

    async def _funding(self, principal: Principal, offer: Offer, form: BookingForm) -> Funding:
        """Decide what pays, and hold it to its rules."""
        funding = form.funding or (Funding.DIRECT_PAYMENT if offer.purse else Funding.CARD)
        cost = offer.cost(form.visit_on, form.minutes)
        name = offer.organisation.name
        if funding is Funding.CARD:
            if cost and not offer.takes_cards:
                raise InvalidInput(
                    {"funding": f"{name} cannot be paid by card here yet. Call them, or choose another provider"}
                )
            if 0 < cost < LEAST_CARD_PENCE:
                raise InvalidInput({"minutes": "A card payment must be 30p or more. Choose a longer visit"})
            return funding
        if offer.purse is None:
            raise InvalidInput({"funding": "You have no direct payment running today. Choose to pay by card"})
        ends_on = offer.purse.budget_ends_on
        if ends_on is not None and form.visit_on >= ends_on:
            last = uk_date(ends_on - timedelta(days=1))
            raise InvalidInput(
                {"visit_on": f"Your direct payment runs until {last}. Choose a date up to then, or pay by card"}
            )
        service = service_of(offer.listing.category)
        is_live = await AccreditationRepository(self.db).is_live(
            offer.organisation.id, principal.council_id, service, form.visit_on, today(self.clock)
        )
        if not is_live:
            day = uk_date(form.visit_on)
            words = SERVICE_LABELS[service].lower()
            message = f"{principal.council_name} does not pay {name} for {words} on {day}"
            ways = (
                "Choose another provider, another date, or pay by card"
                if offer.takes_cards
                else ("Choose another provider or another date")
            )
            raise InvalidInput({"funding": f"{message}. {ways}"})
        return funding

    def _check_money(self, offer: Offer, form: BookingForm, funding: Funding, cost: int, purse: Purse | None) -> int:
        """Hold a visit to what the direct payment has left; returns what a card pays of it, in pence.

        A card pays 30p or more, so the direct payment may keep a few pence of what it could have paid.
        """
        if funding is not Funding.DIRECT_PAYMENT or cost == 0:
            return 0
        free = purse.free_pence if purse else 0
        if cost <= free:
            return 0
        if form.is_topped_up:
            name = offer.organisation.name
            if not offer.takes_cards:
                raise InvalidInput({"funding": f"{name} cannot be paid by card here yet. Choose a shorter visit"})
            if not free or cost < LEAST_CARD_PENCE:
                raise InvalidInput({"funding": "Your direct payment has nothing left for this. Choose to pay by card"})
            return max(cost - free, LEAST_CARD_PENCE)
        message = (
            f"This visit costs {pounds(cost)} and you have {pounds(free)} left to spend, "
            f"so you are {pounds(cost - free)} short"
        )
        enough_from, coming = (purse.next_day_for(cost) if purse else None) or (None, 0)
        raise NotEnoughLeft(
            {"funding": message},
            short_pence=cost - free,
            affordable_minutes=affordable_minutes(offer.listing, offer.rate_pence(form.visit_on), free, form.minutes),
            enough_from=enough_from,
            coming_pence=coming,
        )

    async def _free_workers(self, offer: Offer, form: BookingForm, visit: Span) -> list[Worker]:
        """Return who is free, by id; else say whether it is absence, working hours or another visit."""
        workers = [worker for worker in offer.workers if form.worker_id in (None, worker.id)]
        if not workers:
            raise InvalidInput({"worker": "Select who should come from the list"})
        calendars = await self.offers.calendars(workers, visit.starts_at, visit.ends_at)
        present = [worker for worker in workers if not calendars[worker.id].is_away(form.visit_on)]
        who = workers[0].name if len(workers) == 1 else "Nobody"
        if not present:
            verb = "is away" if len(workers) == 1 else "is there"
            raise InvalidInput({"visit_on": f"{who} {verb} on {uk_day(form.visit_on)}. Choose another date"})
        at_work = [worker for worker in present if calendars[worker.id].is_working(visit)]
        if not at_work:
            verb = "does not work" if len(workers) == 1 else "works"
            length = plural(form.minutes, "minute")
            raise InvalidInput(
                {
                    "starts_local": f"{who} {verb} for {length} from {uk_time(visit.starts_at)} on "
                    f"{uk_day(form.visit_on)}. Choose a time from the list of free times"
                }
            )
        free = [worker for worker in at_work if not calendars[worker.id].is_busy(visit)]
        if not free:
            raise SlotTaken
        return free

    async def _hold_worker(self, quote: Quote) -> Worker:
        """Hold the first worker who is still free once nobody else can book them."""
        for worker in quote.candidates:
            await self.offers.hold(worker.id)
            calendars = await self.offers.calendars([worker], quote.visit.starts_at, quote.visit.ends_at)
            if not calendars[worker.id].is_busy(quote.visit):
                return worker
        raise SlotTaken


def publish_requested(db: AsyncSession, booking: Booking) -> None:
    """Tell the world that a visit was asked for."""
    outbox.publish(
        db,
        BookingRequested(
            council_id=booking.council_id,
            booking_id=booking.id,
            person_id=booking.person_id,
            organisation_id=booking.organisation_id,
            worker_id=booking.worker_id,
        ),
    )
