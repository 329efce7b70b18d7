"""A person's bookings: what is coming, what waits for their word, what was."""

from datetime import time, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.errors import CancelTermsChanged
from marketplace.bookings.models import Booking, CallOffReason
from marketplace.bookings.policies import FEEDBACK_WITHIN, Cancelling, may_confirm
from marketplace.bookings.repository import BookingRepository, BookingView
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.repository_photos import CONFIRMED, PhotoRepository
from marketplace.bookings.routes.new import NewBookings
from marketplace.bookings.schemas import ReasonForm
from marketplace.bookings.service import BookingService
from marketplace.bookings.service.claims import asked_pence, times_of
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import instant, local, parse_day, today, week_start
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed

PAGE = 20
CANCELLED_WORDS = {
    Cancelling.FREE: "The visit is cancelled",
    Cancelling.LATE_CARD: "The visit is cancelled. The payment stays with the provider",
    Cancelling.LATE_AGREED: "The visit is called off. You approve what is owed for it when its time is over",
    Cancelling.LATE_DIRECT_PAYMENT: "We have told the provider that you do not want this visit",
}


class BookingController(NewBookings):
    """The person's own bookings, or those of the person acted for."""

    @get("/", permission=Permission.BOOKINGS_OWN)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List visits that wait for approval and those to come."""
        service = BookingService(db)
        bookings, now = service.bookings, service.clock.now()
        mine = service.of_person(principal)
        cursor = await _cursor(bookings, mine, after)
        upcoming = await bookings.page(bookings.upcoming(mine, now), after=cursor, limit=PAGE + 1)
        to_confirm = [] if cursor else await bookings.page(bookings.to_confirm(mine, now), after=None, limit=PAGE)
        context = {
            "upcoming": upcoming[:PAGE],
            "to_confirm": to_confirm,
            "faces": await PhotoRepository(db).faces(row.booking for row in (*to_confirm, *upcoming)),
            "is_first": cursor is None,
            "more": upcoming[PAGE - 1].booking.id if len(upcoming) > PAGE else None,
        }
        return Template("bookings/index.html", context=context)

    @get("/past", permission=Permission.BOOKINGS_OWN)
    async def past(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List visits that are done with, newest first."""
        service = BookingService(db)
        bookings = service.bookings
        mine = service.of_person(principal)
        question = bookings.past(mine, service.clock.now())
        cursor = await _cursor(bookings, mine, after)
        rows = await bookings.page(question, after=cursor, limit=PAGE + 1, newest_first=True)
        more = rows[PAGE - 1].booking.id if len(rows) > PAGE else None
        feedback_from = today(service.clock) - FEEDBACK_WITHIN
        context = {"rows": rows[:PAGE], "more": more, "feedback_from": feedback_from}
        return Template("bookings/past.html", context=context)

    @get("/week", permission=Permission.BOOKINGS_OWN)
    async def week(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        on: FromQuery[str | None] = None,
    ) -> Template:
        """Show the visits of a week by day."""
        service = BookingService(db)
        first_today = today(service.clock)
        day = parse_day(on or "") or first_today
        monday = week_start(day if abs((day - first_today).days) < 3660 else first_today)
        week = [monday + timedelta(days=step) for step in range(7)]
        from_at, until_at = instant(monday, time(0)), instant(monday + timedelta(days=7), time(0))
        question = service.bookings.between(service.of_person(principal), from_at, until_at)
        rows = await service.bookings.page(question, after=None, limit=100)
        context = {
            "monday": monday,
            "before": monday - timedelta(days=7),
            "next": monday + timedelta(days=7),
            "days": [(one, [row for row in rows if local(row.booking.starts_at).date() == one]) for one in week],
        }
        return Template("bookings/week.html", context=context)

    @get("/{booking_id:str}", permission=Permission.BOOKINGS_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
    ) -> Template:
        """Show one visit and what can be done with it."""
        return await _show(db, principal, _id(booking_id))

    @get("/{booking_id:str}/cancel", permission=Permission.BOOKINGS_REQUEST)
    async def ask_to_cancel(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
    ) -> Template:
        """Say what cancelling means before it is done."""
        return await _cancel_page(BookingService(db), principal, _id(booking_id), {}, {}, 200)

    @post("/{booking_id:str}/cancel", permission=Permission.BOOKINGS_REQUEST)
    async def cancel(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Cancel the visit on the terms that were shown."""
        service, wanted = BookingService(db), _id(booking_id)
        try:
            form = ReasonForm.read(data, "why you cancel", required=False)

            async def act() -> str:
                shown = data.get("shown")
                kind = await service.cancel(principal, wanted, form.reason, shown=None if shown is None else str(shown))
                flash(request, CANCELLED_WORDS[kind])
                return f"/bookings/{wanted}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _cancel_page(service, principal, wanted, data, error.fields, error.status)
        except CancelTermsChanged as error:
            words = {
                "reason": "What cancelling costs has changed since you opened the page. Read it again, then decide"
            }
            return await _cancel_page(service, principal, wanted, data, words, error.status)

    @post("/{booking_id:str}/approve", permission=Permission.BOOKINGS_APPROVE)
    async def approve(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Confirm that the visit took place."""
        wanted = _id(booking_id)

        async def act() -> str:
            shown = str(data.get("pence") or "")
            shown_pence = int(shown) if shown.isascii() and shown.isdecimal() and len(shown) < 12 else None
            await BookingService(db).approve(principal, wanted, shown_pence=shown_pence)
            flash(request, "Thank you. The visit is approved")
            return f"/bookings/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{booking_id:str}/dispute", permission=Permission.BOOKINGS_APPROVE)
    async def ask_what_was_wrong(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
    ) -> Template:
        """Ask what was wrong."""
        view = await _view(BookingService(db), principal, _id(booking_id))
        return Template("bookings/dispute.html", context={"view": view, "values": {}, "errors": {}})

    @post("/{booking_id:str}/dispute", permission=Permission.BOOKINGS_APPROVE)
    async def dispute(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say what was wrong; the provider and the council are told."""
        service, wanted = BookingService(db), _id(booking_id)
        try:
            form = ReasonForm.read(data, "what was wrong", required=True)
        except InvalidInput as error:
            context = {"view": await _view(service, principal, wanted), "values": data, "errors": error.fields}
            return Template("bookings/dispute.html", context=context, status_code=422)

        async def act() -> str:
            await service.dispute(principal, wanted, form.reason)
            flash(request, "We have told the provider and the council. Nothing is paid for this visit yet")
            return f"/bookings/{wanted}"

        return await submit(request, db, principal.actor, data, act)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _cursor(bookings: BookingRepository, question: Select[Booking], text: str | None) -> Booking | None:
    """Return the row that a list goes on from; an unknown one starts the list again."""
    row_id = parse_id(text or "")
    return await bookings.maybe(question.where(Booking.id == row_id)) if row_id else None


async def _view(service: BookingService, principal: Principal, booking_id: UUID) -> BookingView:
    view = await service.bookings.view(service.of_person(principal).where(Booking.id == booking_id))
    if view is None:
        raise NotFound
    return view


async def _cancel_page(
    service: BookingService,
    principal: Principal,
    booking_id: UUID,
    values: FormData,
    errors: dict[str, str],
    status: int,
) -> Template:
    view = await _view(service, principal, booking_id)
    context = {"view": view, "terms": await service.terms(view.booking), "values": typed(values), "errors": errors}
    return Template("bookings/cancel.html", context=context, status_code=status)


async def _show(db: AsyncSession, principal: Principal, booking_id: UUID) -> Template:
    service = BookingService(db)
    view = await _view(service, principal, booking_id)
    now = clock_of(db).now()
    terms = await service.terms(view.booking)
    crew = (await DayRepository(db).crew([view.booking.id])).get(view.booking.id, [])
    pressed = times_of(await DayRepository(db).records([view.booking.id]))
    asked = asked_pence(view.booking)
    context = {
        "view": view,
        "booking": view.booking,
        "faces": [worker for _, worker in crew] if view.booking.status in CONFIRMED else [],
        "crew": [worker for _, worker in crew],
        "pressed": pressed,
        "asked_pence": asked,
        "may_part": may_confirm(view.booking, now) and min(asked, view.booking.cost_pence) > 1,
        "may_rest": view.booking.status is BookingStatus.PART_APPROVED,
        "may_say_nobody": may_confirm(view.booking, now)
        and view.booking.called_off_at is None
        and view.booking.actual_starts_at is None
        and view.booking.status is not BookingStatus.IN_PROGRESS,
        "may_replace": view.booking.call_off_reason is CallOffReason.WORKER_AWAY and now < view.booking.starts_at,
        "terms": terms,
        "may_cancel": terms.kind in CANCELLED_WORDS,
        "may_confirm": may_confirm(view.booking, now),
        "has_begun": now >= view.booking.starts_at,
        "steps": await service.bookings.steps(view.booking),
        "feedback_from": today(service.clock) - FEEDBACK_WITHIN,
    }
    return Template("bookings/show.html", context=context)
