"""Pages of the council for delivered visits of somebody who died."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.routes.common import row_id
from marketplace.bookings.schemas import LONGEST_NOTE
from marketplace.bookings.service.claims import asked_pence, times_of
from marketplace.bookings.service.estate import EstateService
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit, typed

ANSWERS = {"all": "Pay all of it", "part": "Pay a part", "wrong": "Something was wrong: ask the provider first"}
MOST_PENCE = 100_000_000


@get("/people/{person_id:str}/visits-to-settle", permission=Permission.ESTATE_SETTLE)
async def index(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
) -> Template:
    """List the visits of somebody who died that wait for an answer."""
    service = EstateService(db)
    person = await service.person(principal, row_id(person_id))
    rows = await service.waiting(person.council_id, person.id)
    context = {"person": person, "rows": rows, "base": f"/people/{person.id}/visits-to-settle"}
    return Template("bookings/estate/index.html", context=context)


@get("/people/{person_id:str}/visits-to-settle/{booking_id:str}", permission=Permission.ESTATE_SETTLE)
async def show(
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    person_id: FromPath[str],
    booking_id: FromPath[str],
) -> Template:
    """Show what is asked for one of them, and ask what is paid."""
    return await _page(db, principal, row_id(person_id), row_id(booking_id), {}, {})


@post("/people/{person_id:str}/visits-to-settle/{booking_id:str}", permission=Permission.ESTATE_SETTLE)
async def answer(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    person_id: FromPath[str],
    booking_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Pay it, whole or in part, or say that something was wrong."""
    person, wanted = row_id(person_id), row_id(booking_id)
    form = FormReader(data)
    answered = str(data.get("answer", ""))
    if answered not in ANSWERS:
        form.wrong("answer", "Select what is paid")
    pence = form.pounds("amount", "the part that is paid", least=1) if answered == "part" else None
    reason = form.text("reason", "why", longest=LONGEST_NOTE)
    try:
        shown = form.number("shown_pence", "the amount", least=0, most=MOST_PENCE)
        form.done()
        service = EstateService(db)

        async def act() -> str:
            if answered == "all":
                booking = await service.approve(principal, person, wanted, reason, shown_pence=shown)
                flash(request, f"{pounds(booking.approved_pence or 0)} is paid for this visit")
            elif answered == "part":
                await service.approve_part(principal, person, wanted, int(pence or 0), reason)
                flash(request, f"{pounds(pence or 0)} is paid for this visit. The provider reads why")
            else:
                await service.dispute(principal, person, wanted, reason)
                flash(request, "We asked the provider what happened")
            return f"/people/{person}/visits-to-settle"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        # Money that is missing belongs to the answer, not to a way of paying that this page does not ask for.
        errors = {"answer" if name == "funding" else name: words for name, words in error.fields.items()}
        return await _page(db, principal, person, wanted, data, errors)


async def _page(
    db: AsyncSession, principal: Principal, person_id: UUID, booking_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service = EstateService(db)
    person = await service.person(principal, person_id)
    view = await service.view(person, booking_id)
    context = {
        "person": person,
        "view": view,
        "booking": view.booking,
        "pressed": times_of(await DayRepository(db).records([view.booking.id])),
        "asked_pence": asked_pence(view.booking),
        "options": list(ANSWERS.items()),
        "values": typed(values),
        "errors": errors,
    }
    return Template("bookings/estate/visit.html", context=context, status_code=422 if errors else 200)


HANDLERS = [index, show, answer]
