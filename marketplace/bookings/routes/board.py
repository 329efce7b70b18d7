"""A provider's week: who comes to which visit; alerts; times put right; an answer to "nobody came"."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.errors import SlotTaken
from marketplace.bookings.models import Booking
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.routes.common import row_id
from marketplace.bookings.schemas import LONGEST_NOTE, ReasonForm
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.claims import times_of
from marketplace.bookings.service.visits import VisitSteps
from marketplace.bookings.service.workers import CrewService, week_of
from marketplace.core.clock import instant, local, parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit

ALERTS_SHOWN = timedelta(days=7)


@get("/provider/bookings/week", permission=Permission.BOOKINGS_ANSWER)
async def board(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], on: FromQuery[str | None] = None
) -> Template:
    """Show the week's visits with who comes and who could."""
    return await _board(db, principal, on, {})


@post("/provider/bookings/week", permission=Permission.BOOKINGS_ANSWER)
async def confirm_week(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Confirm all ticked visits; those that clash are named and stay as they were."""
    ticked = data.get("visit", [])
    ids = [found for text in (ticked if isinstance(ticked, list) else [ticked]) if (found := parse_id(str(text)))]
    on = str(data.get("on") or "")
    if not ids:
        return await _board(db, principal, on, {"visit": "Select at least one visit to confirm"})
    choices = [(booking_id, _workers(data, str(booking_id))) for booking_id in ids[:200]]

    async def act() -> str:
        outcomes = await CrewService(db).confirm_many(principal, choices)
        done = sum(not one.problem for one in outcomes)
        if done:
            flash(request, f"{plural(done, 'visit')} confirmed")
        refused = [one.problem for one in outcomes if one.problem]
        if refused:
            words = "; ".join(dict.fromkeys(problem.rstrip(".") for problem in refused))
            flash(request, f"{plural(len(refused), 'visit')} not confirmed: {words}", kind="information")
        day = parse_day(on)
        return f"/provider/bookings/week?on={day}" if day else "/provider/bookings/week"

    return await submit(request, db, principal.actor, data, act)


@get("/provider/bookings/{booking_id:str}/workers", permission=Permission.BOOKINGS_ANSWER)
async def workers(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], booking_id: FromPath[str]
) -> Template:
    """Show who could come to one visit."""
    return await _workers_page(db, principal, row_id(booking_id), {}, {})


@post("/provider/bookings/{booking_id:str}/workers", permission=Permission.BOOKINGS_ANSWER)
async def confirm(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    booking_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Say who comes to one visit."""
    wanted = row_id(booking_id)
    chosen = [found for name in ("worker", "second") if (found := parse_id(str(data.get(name) or "")))]

    async def act() -> str:
        await CrewService(db).confirm(principal, wanted, chosen)
        flash(request, "The visit is confirmed")
        return f"/provider/bookings/{wanted}"

    try:
        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await _workers_page(db, principal, wanted, data, error.fields)
    except SlotTaken as error:
        return await _workers_page(db, principal, wanted, data, {"worker": error.detail or error.title})


@get("/provider/bookings/{booking_id:str}/times", permission=Permission.BOOKINGS_ANSWER)
async def times(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], booking_id: FromPath[str]
) -> Template:
    """Ask when a visit took place."""
    return await _times_page(db, principal, row_id(booking_id), {}, {})


@post("/provider/bookings/{booking_id:str}/times", permission=Permission.BOOKINGS_ANSWER)
async def correct(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    booking_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Put the times of a visit right, with a reason that the person reads in the record."""
    wanted = row_id(booking_id)
    form = FormReader(data)
    booking = await _ours(db, principal, wanted)
    on = form.day("on", "the day it started")
    starts = form.clock_time("starts", "when it started")
    minutes = form.number("minutes", "how long it lasted, in minutes", least=1, most=1_440)
    reason = form.text("reason", "why you enter the times", longest=LONGEST_NOTE)
    try:
        form.done()
        if on is None or starts is None:
            raise InvalidInput(form.errors)
        starts_at = instant(on, starts)

        async def act() -> str:
            service = ApprovalService(db)
            await service.correct_times(
                principal, booking.id, starts_at, starts_at + timedelta(minutes=minutes), reason
            )
            flash(request, "The times are saved. We ask the person to approve the visit")
            return f"/provider/bookings/{wanted}"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        fields = {"minutes" if name == "ends" else name: words for name, words in error.fields.items()}
        return await _times_page(db, principal, wanted, data, fields)


@post("/provider/bookings/{booking_id:str}/contest", permission=Permission.BOOKINGS_ANSWER)
async def contest(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    booking_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect:
    """Say that somebody did come."""
    wanted = row_id(booking_id)
    reason = ReasonForm.read(data, "what happened", required=True).reason

    async def act() -> str:
        await ApprovalService(db).contest(principal, wanted, reason)
        flash(request, "The person and the council know what you say")
        return f"/provider/bookings/{wanted}"

    return await submit(request, db, principal.actor, data, act)


@get("/alerts", permission=Permission.BOOKINGS_ANSWER)
async def alerts(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show what goes wrong now, and what did in the last week."""
    ours = VisitSteps(db).of_provider(principal)
    rows = await DayRepository(db).alerts(ours, clock_of(db).now() - ALERTS_SHOWN)
    shown = [(row[0], row[1], row[2]) for row in rows]
    context = {
        "open": [row for row in shown if row[0].settled_at is None],
        "settled": [row for row in shown if row[0].settled_at is not None],
    }
    return Template("bookings/day/alerts.html", context=context)


def _workers(data: FormData, booking_id: str) -> list[UUID]:
    found = [parse_id(str(data.get(f"{name}-{booking_id}") or "")) for name in ("worker", "second")]
    return [one for one in found if one is not None]


async def _ours(db: AsyncSession, principal: Principal, booking_id: UUID) -> Booking:
    steps = VisitSteps(db)
    return await steps.bookings.one(steps.of_provider(principal).where(Booking.id == booking_id))


async def _board(db: AsyncSession, principal: Principal, on: str | None, errors: dict[str, str]) -> Template:
    monday = week_of(parse_day(on or ""), today(clock_of(db)))
    visits = await CrewService(db).board(principal, monday)
    week = [monday + timedelta(days=step) for step in range(7)]
    context = {
        "monday": monday,
        "before": monday - timedelta(days=7),
        "next": monday + timedelta(days=7),
        "days": [(day, [one for one in visits if local(one.booking.starts_at).date() == day]) for day in week],
        "has_visits": bool(visits),
        "errors": errors,
    }
    return Template("bookings/day/board.html", context=context, status_code=422 if errors else 200)


async def _workers_page(
    db: AsyncSession, principal: Principal, booking_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    shown = await CrewService(db).candidates(principal, booking_id)
    named = [str(worker.id) for worker in shown.crew]
    context = {
        "shown": shown,
        "booking": shown.booking,
        "options": [(str(one.worker.id), one.label) for one in shown.candidates],
        "fit_rows": [
            [one.worker.name, "Yes" if one.is_free else "No", "; ".join(one.against) or "Nothing"]
            for one in shown.candidates
        ],
        "values": values or dict(zip(("worker", "second"), named, strict=False)),
        "errors": errors,
    }
    return Template("bookings/day/workers.html", context=context, status_code=422 if errors else 200)


async def _times_page(
    db: AsyncSession, principal: Principal, booking_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    booking = await _ours(db, principal, booking_id)
    pressed = times_of(await DayRepository(db).records([booking.id]))
    start = local(booking.actual_starts_at or booking.starts_at)
    asked = {
        "on-day": start.day,
        "on-month": start.month,
        "on-year": start.year,
        "starts": f"{start:%H:%M}",
        "minutes": booking.claimed_minutes or booking.minutes,
    }
    context = {"booking": booking, "pressed": pressed, "values": values or asked, "errors": errors}
    return Template("bookings/day/times.html", context=context, status_code=422 if errors else 200)


HANDLERS = [board, confirm_week, workers, confirm, times, correct, contest, alerts]
