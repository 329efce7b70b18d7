"""Places at an activity: its sessions with the room they have, and taking a place."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.desk import card_desk
from marketplace.bookings.errors import NotBookable, SlotTaken
from marketplace.bookings.models import Funding
from marketplace.bookings.routes.common import row_id
from marketplace.bookings.schemas import LONGEST_NOTE
from marketplace.bookings.service.places import PlaceService
from marketplace.bookings.states import BookingStatus
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit
from marketplace.providers.models import CONCESSIONS


@get("/activities/{listing_id:str}/places", permission=Permission.BOOKINGS_REQUEST)
async def sessions(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], listing_id: FromPath[str]
) -> Template:
    """Show the sessions of the next weeks."""
    return await _page(db, principal, row_id(listing_id), {}, {})


@post("/activities/{listing_id:str}/places", permission=Permission.BOOKINGS_REQUEST)
async def book(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    listing_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Take a place."""
    wanted = row_id(listing_id)
    form = FormReader(data)
    service = PlaceService(db)
    chosen = form.raw("session")
    words = form.text("note", "your note", required=False, longest=LONGEST_NOTE)
    concession = form.option("concession", "a concession", list(CONCESSIONS), required=False)
    funding = form.choice("funding", "how to pay", Funding, required=False)
    if not chosen:
        form.wrong("session", "Select a session")
    try:
        form.done()
        offer = await service.offer(principal, wanted)
        session = next((one for one in await service.sessions(offer) if one.starts_at.isoformat() == chosen), None)
        if session is None:
            raise InvalidInput({"session": "Select a session from the list"})

        async def act() -> str:
            booking = await service.book(
                principal, wanted, session.starts_at, concession=concession, words=words, funding=funding
            )
            desk = card_desk()
            if booking.status is BookingStatus.AWAITING_PAYMENT and desk is not None:
                return await desk.open_payment(db, principal, booking)
            flash(request, "Your place is booked")
            return f"/bookings/{booking.id}"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        # The form has no fields for the day and the length: what is wrong with them is wrong with the session.
        fields = {name if name in ("note", "funding") else "session": words for name, words in error.fields.items()}
        return await _page(db, principal, wanted, data, fields)
    except SlotTaken as error:
        return await _page(db, principal, wanted, data, {"session": error.detail or error.title})


async def _page(
    db: AsyncSession, principal: Principal, listing_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service = PlaceService(db)
    try:
        offer = await service.offer(principal, listing_id)
    except NotBookable as error:
        return Template("bookings/not_bookable.html", context={"why": error.detail}, status_code=409)
    context = {
        "offer": offer,
        "sessions": await service.sessions(offer),
        "concessions": [(key, CONCESSIONS[key]) for key in offer.listing.concessions if key in CONCESSIONS],
        "values": values,
        "errors": errors,
    }
    return Template("bookings/day/places.html", context=context, status_code=422 if errors else 200)


HANDLERS = [sessions, book]
