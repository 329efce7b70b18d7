"""Asking for a visit: the form with free times, the page that checks answers, the request."""

import unicodedata
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.bookings.desk import card_desk
from marketplace.bookings.errors import NotBookable, NotEnoughLeft, SlotTaken
from marketplace.bookings.models import Funding
from marketplace.bookings.policies import FURTHEST_AHEAD
from marketplace.bookings.schemas import ANY_WORKER, LONGEST_MINUTES, BookingForm
from marketplace.bookings.service import BookingService, Offer
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import local, parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_time
from marketplace.core.forms import FormReader
from marketplace.core.holidays import bank_holidays
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit

FIELDS = ("visit_on-day", "visit_on-month", "visit_on-year", "starts_local", "minutes", "worker", "note", "funding")


class NewBookings(Controller):
    """A new booking. `BookingController` takes these pages in: one path belongs to one controller."""

    path = "/bookings"

    @get("/new", permission=Permission.BOOKINGS_REQUEST)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing: FromQuery[str | None] = None,
        on: FromQuery[str | None] = None,
        start: FromQuery[str | None] = None,
        minutes: FromQuery[str | None] = None,
    ) -> Template | Redirect:
        """Show the form with the free times of a day; the day, start and length may stand in the address."""
        service = BookingService(db)
        found = await service.offers.listing(_listing_id(listing))
        if found is not None and found[0].session_places is not None:
            return Redirect(f"/activities/{found[0].id}/places", status_code=303)
        try:
            offer = await service.offer(principal, _listing_id(listing))
        except NotBookable as error:
            return _not_bookable(error)
        day = parse_day(on or "") or today(clock_of(db)) + timedelta(days=1)
        reader = FormReader({"minutes": minutes or "", "starts_local": start or ""})
        length = reader.number("minutes", "", least=offer.least_minutes, most=LONGEST_MINUTES, required=False)
        if minutes is None and offer.least_minutes <= 60:
            length = 60
        starts = reader.clock_time("starts_local", "", required=False)
        values = {
            "visit_on-day": day.day,
            "visit_on-month": day.month,
            "visit_on-year": day.year,
            "starts_local": f"{starts:%H:%M}" if starts else "",
            "minutes": length,
            "worker": ANY_WORKER,
        }
        return await _form_page(service, offer, values, {}, day=day, minutes=length)

    @post("/new", permission=Permission.BOOKINGS_REQUEST)
    async def check_answers(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Show free times, take the answers back to be changed, or show them once more before the request."""
        service = BookingService(db)
        try:
            offer = await service.offer(principal, _listing_id(str(data.get("listing") or "")))
        except NotBookable as error:
            return _not_bookable(error)
        if data.get("action") in ("times", "change"):
            return await _form_page(service, offer, data, {})
        try:
            form = BookingForm.read(data, offer.listing.id, offer.least_minutes)
            quote = await service.quote(principal, form, offer=offer)
        except InvalidInput as error:
            return await _form_page(service, offer, data, error.fields, problem=error)
        except SlotTaken:
            return await _taken_page(service, offer, data)
        hours = await setting(db, principal.council_id, "bookings.free_cancellation_hours", today(clock_of(db)))
        context = {
            "quote": quote,
            "offer": offer,
            "fields": quote.form.as_fields() | ({} if quote.form.is_topped_up else {"funding": quote.funding.value}),
            "free_hours": hours,
            "left_pence": offer.purse.free_pence - quote.cost_pence + quote.top_up_pence
            if offer.purse and quote.funding is Funding.DIRECT_PAYMENT
            else None,
        }
        return Template("bookings/check.html", context=context)

    @post("/", permission=Permission.BOOKINGS_REQUEST)
    async def send_request(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send the request, once however often the form arrives; a card payment goes on to the card page."""
        service = BookingService(db)
        try:
            offer = await service.offer(principal, _listing_id(str(data.get("listing") or "")))
        except NotBookable as error:
            return _not_bookable(error)

        async def send() -> str:
            form = BookingForm.read(data, offer.listing.id, offer.least_minutes)
            booking = await service.request(principal, form, offer=offer)
            desk = card_desk()
            if booking.status is BookingStatus.AWAITING_PAYMENT and desk is not None:
                return await desk.open_payment(db, principal, booking)
            flash(request, f"Request sent to {offer.organisation.name}")
            return f"/bookings/{booking.id}"

        try:
            # The savepoint takes the form's one-time id back together with a refused request: it may be sent again.
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, send)
        except InvalidInput as error:
            return await _form_page(service, offer, data, error.fields, problem=error)
        except SlotTaken:
            return await _taken_page(service, offer, data)


def _listing_id(text: str | None) -> UUID:
    found = parse_id(text or "")
    if found is None:
        raise NotFound
    return found


def _not_bookable(error: NotBookable) -> Template:
    return Template("bookings/not_bookable.html", context={"why": error.detail}, status_code=HTTPStatus.CONFLICT)


async def _form_page(
    service: BookingService,
    offer: Offer,
    values: FormData,
    errors: dict[str, str],
    *,
    day: date | None = None,
    minutes: int | None = None,
    problem: InvalidInput | None = None,
) -> Template:
    """Draw the form, with what was typed and the free times of its day."""
    reader = FormReader(values)
    chosen = day or reader.day("visit_on", "", required=False)
    length = minutes or reader.number("minutes", "", least=offer.least_minutes, most=LONGEST_MINUTES, required=False)
    first = today(service.clock)
    # A day that is no day to book shows the free times of tomorrow: an answer that leads on.
    shown = chosen if chosen and first <= chosen < first + timedelta(days=200) else first + timedelta(days=1)
    worker_id = parse_id(str(values.get("worker") or ""))
    known = {name: _printable(reader, name) for name in FIELDS}
    context = {
        "offer": offer,
        "values": known | {"funding": known["funding"] or ("direct_payment" if offer.purse else "card")},
        "errors": errors,
        "times": await service.free_times(offer, shown, length, worker_id),
        "rate_pence": offer.rate_pence(shown),
        "rate_name": offer.rate_name(shown),
        "other_rates": _other_rates(offer, shown),
        "minutes": length,
        "workers": [(str(worker.id), worker.name) for worker in offer.workers],
        "short": problem if isinstance(problem, NotEnoughLeft) else None,
    }
    return Template("bookings/new.html", context=context, status_code=422 if errors else 200)


def _printable(reader: FormReader, name: str) -> str:
    """Return what was typed without control characters, which no page can hold."""
    return "".join(
        char for char in reader.raw(name) if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs")
    )


async def _taken_page(service: BookingService, offer: Offer, values: FormData) -> Template:
    """Say that somebody else was faster, and offer other times."""
    form = BookingForm.read(values, offer.listing.id, offer.least_minutes)
    times = await service.free_times(offer, form.visit_on, form.minutes, form.worker_id)
    context = {
        "offer": offer,
        "form": form,
        "times": times,
        "starts": [(f"{local(start):%H:%M}", uk_time(start)) for start in times.starts[:12]],
        "fields": form.as_fields(),
    }
    return Template("bookings/taken.html", context=context, status_code=HTTPStatus.CONFLICT)


def _other_rates(offer: Offer, shown: date) -> list[tuple[str, int]]:
    """Return what other kinds of day cost, as (words, pence), where it differs from the day shown."""
    week = [shown + timedelta(days=step) for step in range(7)]
    holiday = next((day for day in _days_ahead(shown) if day in bank_holidays(day.year)), None)
    found: dict[str, int] = {}
    for day in [*week, *([holiday] if holiday else [])]:
        found.setdefault(offer.rate_name(day) or "usual price", offer.rate_pence(day))
    now = offer.rate_pence(shown)
    return [(words, pence) for words, pence in found.items() if pence != now]


def _days_ahead(shown: date) -> list[date]:
    return [shown + timedelta(days=step) for step in range(FURTHEST_AHEAD.days)]
