"""What a person says of a visit beyond yes: a part, nobody came; and their rule for silence."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.bookings.models import Booking, SilenceAction
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.routes.common import row_id
from marketplace.bookings.schemas import LONGEST_NOTE, ReasonForm
from marketplace.bookings.service import BookingService
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.claims import asked_pence, part_for, times_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit

ACTIONS = {
    SilenceAction.ASK: "Ask me again. Pay nothing until I say so",
    SilenceAction.APPROVE_RECORDED: (
        "Approve the visit if the worker recorded both start and finish, and it costs no more than planned"
    ),
    SilenceAction.APPROVE: "Approve the visit if it costs no more than planned",
}


@get("/bookings/{booking_id:str}/part", permission=Permission.BOOKINGS_APPROVE)
async def ask_part(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], booking_id: FromPath[str]
) -> Template:
    """Ask how much of a visit is paid, with what its recorded length would come to."""
    return await _part_page(db, principal, row_id(booking_id), {}, {})


@post("/bookings/{booking_id:str}/part", permission=Permission.BOOKINGS_APPROVE)
async def approve_part(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    booking_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Agree to pay a part."""
    wanted = row_id(booking_id)
    form = FormReader(data)
    pence = form.pounds("amount", "the amount you agree to pay", least=1)
    reason = form.text("reason", "why you pay a part", longest=LONGEST_NOTE)
    try:
        form.done()

        async def act() -> str:
            await ApprovalService(db).approve_part(principal, wanted, int(pence or 0), reason)
            flash(request, f"You approved {pounds(pence or 0)} of this visit. The provider reads why")
            return f"/bookings/{wanted}"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await _part_page(db, principal, wanted, data, error.fields)


@get("/bookings/{booking_id:str}/nobody-came", permission=Permission.BOOKINGS_APPROVE)
async def ask_nobody_came(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], booking_id: FromPath[str]
) -> Template:
    """Ask whether nobody came."""
    return await _nobody_page(db, principal, row_id(booking_id), {}, {})


@post("/bookings/{booking_id:str}/nobody-came", permission=Permission.BOOKINGS_APPROVE)
async def nobody_came(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    booking_id: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Say that nobody came; nothing is paid."""
    wanted = row_id(booking_id)
    try:
        reason = ReasonForm.read(data, "what happened", required=False).reason
    except InvalidInput as error:
        return await _nobody_page(db, principal, wanted, data, error.fields)

    async def act() -> str:
        await ApprovalService(db).say_nobody_came(principal, wanted, reason)
        flash(request, "We have told the provider that nobody came. You pay nothing for this visit")
        return f"/bookings/{wanted}"

    return await submit(request, db, principal.actor, data, act)


@get("/approval-rule", permission=Permission.BOOKINGS_OWN)
async def rule(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show what happens when the person says nothing."""
    return await _rule_page(db, principal, {}, {})


@post("/approval-rule", permission=Permission.BOOKINGS_APPROVE)
async def set_rule(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Set what happens then."""
    form = FormReader(data)
    action = form.choice("action", "what happens when you say nothing", SilenceAction)
    remind = form.number("remind_days", "after how many days we remind you", least=1, most=30)
    acts = remind
    if action is not SilenceAction.ASK:
        acts = form.number("act_days", "after how many days this happens", least=1, most=60)
    try:
        form.done()
        if action is None:
            raise InvalidInput(form.errors)

        async def act() -> str:
            await ApprovalService(db).set_rule(principal, action=action, remind_days=remind, act_days=acts)
            flash(request, "Your choice is saved. You can change it at any time")
            return "/approval-rule"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await _rule_page(db, principal, data, error.fields)


async def _part_page(
    db: AsyncSession, principal: Principal, booking_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service = BookingService(db)
    view = await service.bookings.view(service.of_person(principal).where(Booking.id == booking_id))
    if view is None:
        raise NotFound
    booking = view.booking
    pressed = times_of(await DayRepository(db).records([booking.id]))
    suggested = part_for(booking, booking.claimed_minutes) if booking.claimed_minutes else None
    asked = min(asked_pence(booking), booking.cost_pence)
    # What is asked in full is no part of it: the form would refuse its own suggestion.
    is_less = suggested is not None and suggested < asked
    context = {
        "view": view,
        "booking": booking,
        "pressed": pressed,
        "asked_pence": asked,
        "suggested_pence": suggested if suggested is not None and suggested < booking.cost_pence else None,
        "values": values or ({"amount": f"{suggested / 100:.2f}"} if suggested and is_less else {}),
        "errors": errors,
    }
    return Template("bookings/day/part.html", context=context, status_code=422 if errors else 200)


async def _nobody_page(
    db: AsyncSession, principal: Principal, booking_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service = BookingService(db)
    view = await service.bookings.view(service.of_person(principal).where(Booking.id == booking_id))
    if view is None:
        raise NotFound
    context = {"view": view, "values": values, "errors": errors}
    return Template("bookings/day/nobody_came.html", context=context, status_code=422 if errors else 200)


async def _rule_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    row = await ApprovalService(db).rule(principal)
    days = int(await setting(db, principal.council_id, "bookings.remind_days", today(clock_of(db))))
    action = row.action if row else SilenceAction.ASK
    context = {
        "rule": row,
        "now": ACTIONS[action],
        "acts_days": row.act_days if row and row.action is not SilenceAction.ASK else None,
        "remind_days": row.remind_days if row else days,
        "options": [(key.value, words) for key, words in ACTIONS.items()],
        "values": values
        or {
            "action": action.value,
            "remind_days": row.remind_days if row else days,
            "act_days": row.act_days if row else max(days, 7),
        },
        "errors": errors,
    }
    return Template("bookings/day/rule.html", context=context, status_code=422 if errors else 200)


HANDLERS = [ask_part, approve_part, ask_nobody_came, nobody_came, rule, set_rule]
