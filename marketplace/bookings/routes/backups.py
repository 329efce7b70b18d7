"""Whom a person would ask, and whom they want told, when a visit goes wrong."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.desk import card_desk
from marketplace.bookings.errors import SlotTaken
from marketplace.bookings.repository import OfferRepository
from marketplace.bookings.routes.common import row_id
from marketplace.bookings.schemas import LONGEST_NOTE
from marketplace.bookings.service.alerts import AlertService
from marketplace.bookings.service.backups import BackUpService
from marketplace.bookings.states import BookingStatus
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit


@get("/back-ups", permission=Permission.BOOKINGS_OWN)
async def back_ups(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], listing: FromQuery[str | None] = None
) -> Template:
    """Show the list; `listing` offers to add an offer of the market."""
    return await _page(db, principal, {}, {}, listing_id=parse_id(listing or ""))


@post("/back-ups", permission=Permission.BOOKINGS_REQUEST)
async def add(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Put somebody at the end of the list."""
    form = FormReader(data)
    listing_id = form.id("listing", "an offer", required=False)
    name = form.text("name", "their name", required=listing_id is None, longest=120)
    phone = form.text("phone", "their phone number", required=False, longest=30)
    words = form.text("note", "your note", required=False, longest=LONGEST_NOTE)
    try:
        form.done()

        async def act() -> str:
            await BackUpService(db).add(principal, name=name, phone=phone, note=words, listing_id=listing_id)
            flash(request, "Added to the end of your list")
            return "/back-ups"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        # An offer is added without name and telephone, so that what is wrong stands at the one field there is.
        fields = {"note": next(iter(error.fields.values()))} if listing_id else error.fields
        return await _page(db, principal, data, fields, listing_id=listing_id)


@post("/back-ups/{back_up_id:str}/up", permission=Permission.BOOKINGS_REQUEST)
async def move_up(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    back_up_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect:
    """Ask somebody earlier."""

    async def act() -> str:
        await BackUpService(db).move_up(principal, row_id(back_up_id))
        return "/back-ups"

    return await submit(request, db, principal.actor, data, act)


@post("/back-ups/{back_up_id:str}/remove", permission=Permission.BOOKINGS_REQUEST)
async def remove(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    back_up_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect:
    """Take somebody off the list."""

    async def act() -> str:
        await BackUpService(db).remove(principal, row_id(back_up_id))
        flash(request, "Taken off your list")
        return "/back-ups"

    return await submit(request, db, principal.actor, data, act)


@get("/bookings/{booking_id:str}/instead", permission=Permission.BOOKINGS_OWN)
async def choose_instead(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], booking_id: FromPath[str]
) -> Template:
    """Show whom the person may ask for a visit to which nobody comes, in their order."""
    return await _instead_page(db, principal, row_id(booking_id), {})


@post("/bookings/{booking_id:str}/instead", permission=Permission.BOOKINGS_REQUEST)
async def ask_instead(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    booking_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Ask one of them."""
    wanted = row_id(booking_id)
    form = FormReader(data)
    back_up_id = form.id("back_up", "whom to ask")
    shown = form.number("shown_pence", "the price", least=0, most=100_000_000, required=False)
    try:
        form.done()
        if back_up_id is None:
            raise InvalidInput(form.errors)

        async def act() -> str:
            service = BackUpService(db)
            booking = await service.ask(
                principal, wanted, back_up_id, shown_pence=shown if data.get("shown_pence") else None
            )
            desk = card_desk()
            if booking.status is BookingStatus.AWAITING_PAYMENT and desk is not None:
                return await desk.open_payment(db, principal, booking)
            flash(request, "We asked them. We tell you as soon as they answer")
            return f"/bookings/{booking.id}"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await _instead_page(db, principal, wanted, {"back_up": next(iter(error.fields.values()))})
    except SlotTaken:
        return await _instead_page(db, principal, wanted, {"back_up": "They have another visit then. Ask the next"})


@get("/alert-contacts", permission=Permission.BOOKINGS_OWN)
async def contacts(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show whom the person wants told."""
    return await _contacts_page(db, principal, {}, {})


@post("/alert-contacts", permission=Permission.BOOKINGS_REQUEST)
async def add_contact(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Add somebody."""
    form = FormReader(data)
    name = form.text("name", "their name", longest=120)
    email = form.email("email", "their email address", required=False)
    phone = form.text("phone", "their phone number", required=False, longest=30)
    try:
        form.done()

        async def act() -> str:
            await AlertService(db).add_contact(principal, name=name, email=email, phone=phone)
            flash(request, "Added. We tell them, too, when a visit is late or does not happen")
            return "/alert-contacts"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await _contacts_page(db, principal, data, error.fields)


@post("/alert-contacts/{contact_id:str}/remove", permission=Permission.BOOKINGS_REQUEST)
async def remove_contact(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    contact_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect:
    """Take somebody off."""

    async def act() -> str:
        await AlertService(db).remove_contact(principal, row_id(contact_id))
        flash(request, "We will not tell them any more")
        return "/alert-contacts"

    return await submit(request, db, principal.actor, data, act)


async def _page(
    db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str], *, listing_id: UUID | None
) -> Template:
    offer = await OfferRepository(db).listing(listing_id) if listing_id else None
    context = {
        "entries": await BackUpService(db).entries(principal),
        "offer": offer[0] if offer else None,
        "organisation": offer[1] if offer else None,
        "values": values,
        "errors": errors,
    }
    return Template("bookings/day/back_ups.html", context=context, status_code=422 if errors else 200)


async def _instead_page(db: AsyncSession, principal: Principal, booking_id: UUID, errors: dict[str, str]) -> Template:
    service = BackUpService(db)
    booking, entries = await service.choices_for(principal, booking_id)
    context = {
        "booking": booking,
        "answers": await service.answers(entries, booking),
        "is_to_come": clock_of(db).now() < booking.starts_at,
        "errors": errors,
    }
    return Template("bookings/day/instead.html", context=context, status_code=422 if errors else 200)


async def _contacts_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    context = {"contacts": await AlertService(db).contacts(principal), "values": values, "errors": errors}
    return Template("bookings/day/contacts.html", context=context, status_code=422 if errors else 200)


HANDLERS = [
    back_ups,
    add,
    move_up,
    remove,
    choose_instead,
    ask_instead,
    contacts,
    add_contact,
    remove_contact,
]
