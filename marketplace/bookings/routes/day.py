"""The worker's page for a phone: today's visits, start and finish, "I can't come".

Every press is a plain form. Where scripts run, `visits.js` keeps presses that could not be sent and sends them later;
the key in each form makes that harmless.
"""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role
from marketplace.bookings.models import RecordKind
from marketplace.bookings.routes.common import row_id
from marketplace.bookings.schemas import LONGEST_NOTE, ReasonForm
from marketplace.bookings.service.records import RecordService
from marketplace.bookings.service.workers import CrewService
from marketplace.core.clock import today as day_of
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.web import FormData, submit

PRESSED = {RecordKind.START: "Your start is recorded", RecordKind.FINISH: "Your finish is recorded. Thank you"}


@get("/today", permission=Permission.VISITS_DELIVER)
async def today(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show the visits of today, and last night's that go on."""
    visits = await RecordService(db).visits(principal)
    context = {
        "visits": visits,
        "on": day_of(clock_of(db)),
        "keys": {visit.booking.id: new_id() for visit in visits},
        "is_office": principal.role is Role.PROVIDER,
    }
    return Template("bookings/day/today.html", context=context)


@get("/today/{booking_id:str}", permission=Permission.VISITS_DELIVER)
async def visit(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], booking_id: FromPath[str]
) -> Template:
    """Show one visit with where it is and what the person asks for."""
    return await _page(db, principal, booking_id, {}, {})


@post("/today/{booking_id:str}/record", permission=Permission.VISITS_DELIVER)
async def record(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    booking_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Take a start or a finish, now or from a phone that had no line; the same key counts once."""
    wanted = row_id(booking_id)
    form = FormReader(data)
    kind = form.choice("kind", "start or finish", RecordKind)
    key = form.id("client_key", "what to record")
    words = form.text("note", "your note", required=False, longest=LONGEST_NOTE)
    happened_at = _instant(form, "happened_at")
    try:
        form.done()
        if kind is None or key is None:
            raise InvalidInput(form.errors)

        async def act() -> str:
            await RecordService(db).record(
                principal, wanted, kind, client_key=key, happened_at=happened_at, words=words
            )
            flash(request, PRESSED[kind])
            return "/today"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await _page(db, principal, booking_id, data, error.fields)


@post("/today/{booking_id:str}/fall-out", permission=Permission.VISITS_DELIVER)
async def fall_out(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    booking_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Say that who was to come can't."""
    wanted = row_id(booking_id)
    try:
        reason = ReasonForm.read(data, "why you cannot come", required=True).reason
    except InvalidInput as error:
        return await _page(db, principal, booking_id, data, error.fields)
    chosen = FormReader(data).id("worker", "who cannot come", required=False)

    async def act() -> str:
        await CrewService(db).fall_out(principal, wanted, reason, worker_id=chosen)
        flash(request, "We are telling the person and those they chose now")
        return "/today" if principal.role is not Role.PROVIDER else f"/provider/bookings/{wanted}/workers"

    return await submit(request, db, principal.actor, data, act)


def _instant(form: FormReader, name: str) -> datetime | None:
    """Read an instant as the phone writes it (ISO 8601 with its offset); None when there is none."""
    text = form.raw(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 2000 <= found.year <= 2200:
        form.wrong(name, "The time on your phone could not be read. Tell your office")
        return None
    return found


async def _page(
    db: AsyncSession, principal: Principal, booking_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    visit = await RecordService(db).visit(principal, row_id(booking_id))
    context = {
        "visit": visit,
        "booking": visit.booking,
        "person": visit.person,
        "key": new_id(),
        "may_fall_out": visit.booking.status in ("planned", "accepted")
        and clock_of(db).now() < visit.booking.ends_at
        and bool(visit.crew),
        "is_office": principal.role is Role.PROVIDER,
        "values": values,
        "errors": errors,
    }
    return Template("bookings/day/visit.html", context=context, status_code=422 if errors else 200)


HANDLERS = [today, visit, record, fall_out]
