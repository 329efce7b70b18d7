"""A provider's bookings: requests to answer, visits to do. The address shows once a visit is agreed."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.errors import TakesNoNewVisits
from marketplace.bookings.models import Booking
from marketplace.bookings.policies import CLAIMABLE, SHOWS_ADDRESS, may_claim
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.schemas import ReasonForm
from marketplace.bookings.service import BookingService
from marketplace.bookings.states import SETTLED, BookingStatus
from marketplace.core.clock import local
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.places.postcodes import Postcode
from marketplace.core.web import FormData, submit

PAGE = 20


class ProviderBookingController(Controller):
    """Bookings of the organisation, or of the personal assistant alone."""

    path = "/provider/bookings"

    @get("/", permission=Permission.BOOKINGS_ANSWER)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        view: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List requests, then the visits that are agreed; `view=past` those that are settled."""
        service = BookingService(db)
        bookings, now = service.bookings, service.clock.now()
        ours = service.of_provider(principal)
        row_id = parse_id(after or "")
        cursor = await bookings.maybe(ours.where(Booking.id == row_id)) if row_id else None
        is_past = view == "past"
        question = bookings.over(ours, now) if is_past else bookings.agreed(ours)
        rows = await bookings.page(question, after=cursor, limit=PAGE + 1, newest_first=is_past)
        first = cursor is None and not is_past
        requests = await bookings.page(bookings.requested(ours), after=None, limit=50) if first else []
        context = {
            "requests": requests,
            "rows": rows[:PAGE],
            "more": rows[PAGE - 1].booking.id if len(rows) > PAGE else None,
            "is_past": is_past,
            "is_first": cursor is None,
        }
        return Template("bookings/provider_index.html", context=context)

    @get("/{booking_id:str}", permission=Permission.BOOKINGS_ANSWER)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
    ) -> Template:
        """Show one visit."""
        return await _page(db, principal, _id(booking_id), {}, {})

    @post("/{booking_id:str}/accept", permission=Permission.BOOKINGS_ANSWER)
    async def accept(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Agree to the visit."""
        wanted = _id(booking_id)

        async def act() -> str:
            await BookingService(db).accept(principal, wanted)
            flash(request, "You accepted the visit. You can now see the address")
            return f"/provider/bookings/{wanted}"

        try:
            # A refusal undoes what the action began; closing the request is its own change, which is kept.
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except TakesNoNewVisits as refusal:
            await BookingService(db).decline_stopped(wanted)
            flash(request, f"You cannot accept this visit. {refusal.detail} We closed the request and told the person")
            return Redirect(f"/provider/bookings/{wanted}", status_code=303)

    @post("/{booking_id:str}/decline", permission=Permission.BOOKINGS_ANSWER)
    async def decline(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say no, with a reason that the person reads."""
        wanted = _id(booking_id)
        try:
            form = ReasonForm.read(data, "why you decline", required=True)
        except InvalidInput as error:
            return await _page(db, principal, wanted, data, error.fields)

        async def act() -> str:
            await BookingService(db).decline(principal, wanted, form.reason)
            flash(request, "You declined the visit")
            return f"/provider/bookings/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{booking_id:str}/delivered", permission=Permission.BOOKINGS_ANSWER)
    async def claim(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Say that the visit took place."""
        wanted = _id(booking_id)

        async def act() -> str:
            await BookingService(db).claim(principal, wanted)
            flash(request, "Marked as delivered. We ask the person to approve it")
            return f"/provider/bookings/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{booking_id:str}/cancel", permission=Permission.BOOKINGS_ANSWER)
    async def let_go(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Cancel the visit: the person owes nothing."""
        wanted = _id(booking_id)
        try:
            form = ReasonForm.read(data, "why you cancel", required=True)
        except InvalidInput as error:
            return await _page(db, principal, wanted, data, error.fields)

        async def act() -> str:
            await BookingService(db).let_go(principal, wanted, form.reason)
            flash(request, "The visit is cancelled. The person owes nothing for it")
            return f"/provider/bookings/{wanted}"

        return await submit(request, db, principal.actor, data, act)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _page(
    db: AsyncSession, principal: Principal, booking_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service = BookingService(db)
    view = await service.bookings.view(service.of_provider(principal).where(Booking.id == booking_id))
    if view is None:
        raise NotFound
    booking, now = view.booking, service.clock.now()
    person = await service.bookings.person(booking)
    postcode = Postcode.parse(person.postcode)
    area = ", ".join(part for part in (person.town, postcode.outward if postcode else "") if part)
    shows_address = booking.status in SHOWS_ADDRESS
    context = {
        "view": view,
        "booking": booking,
        "area": area or "The person's council has not recorded the area",
        "person": person if shows_address else None,
        "person_name": person.name if booking.status in SETTLED else None,
        "crew": [worker for _, worker in (await DayRepository(db).crew([booking.id])).get(booking.id, [])],
        "may_name": booking.status in {BookingStatus.PLANNED, BookingStatus.ACCEPTED}
        and booking.workers_needed > 0
        and booking.called_off_at is None
        and now < booking.ends_at,
        "may_correct": now >= booking.starts_at and booking.status in CLAIMABLE | {BookingStatus.CLAIMED},
        "may_answer": booking.status is BookingStatus.REQUESTED and now < booking.starts_at,
        "may_claim": may_claim(booking, now),
        "may_let_go": booking.status in {BookingStatus.PLANNED, BookingStatus.ACCEPTED, BookingStatus.DISPUTED},
        "is_called_off": (
            booking.status is BookingStatus.ACCEPTED and bool(booking.reason) and booking.agreement_id is None
        )
        or (booking.called_off_at is not None and booking.status in {BookingStatus.PLANNED, BookingStatus.ACCEPTED}),
        "starts_local": local(booking.starts_at),
        "values": values,
        "errors": errors,
    }
    return Template("bookings/provider_show.html", context=context, status_code=422 if errors else 200)
