"""Pages of limits and of asks for more than the budget."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import ROLE_LABELS, AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData
from marketplace.plans.limits import LAST_ROLE, SIGNING_ROLES
from marketplace.plans.models import AskStatus, Plan
from marketplace.plans.policies import planner_scope
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.agreeing import AskRepository, CostRepository, LimitRepository
from marketplace.plans.routes.common import PAGE, attempt, id_of, typed
from marketplace.plans.service.approval import ApprovalService, LimitForm
from marketplace.plans.service.asks import AnswerForm, AskForm, AskService
from marketplace.plans.service.final_budget import plan_cost

ASK_TAGS = {
    AskStatus.OPEN: ("waiting", "Waits for an answer"),
    AskStatus.AGREED: ("approved", "Agreed"),
    AskStatus.REFUSED: ("refused", "Not agreed"),
    AskStatus.WITHDRAWN: ("withdrawn", "Taken back"),
}


class LimitController(Controller):
    """Up to what cost each role signs plans off."""

    @get("/approval-limits", permission=Permission.LIMITS_SET)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what counts today, what was set and the form."""
        return await _limits_page(db, principal, {}, {})

    @post("/approval-limits", permission=Permission.LIMITS_SET)
    async def set(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Set a limit from a day on."""

        async def action() -> str:
            form = LimitForm.read(data, today(clock_of(db)))
            await ApprovalService(db).set_limit(principal, form)
            flash(request, "The limit is set")
            return "/approval-limits"

        try:
            return await attempt(request, db, principal, data, action)
        except InvalidInput as error:
            return await _limits_page(db, principal, typed(data), error.fields)


class AskController(Controller):
    """Asks for more: the council's answers."""

    path = "/plan-asks"

    @get("/", permission=Permission.ASKS_DECIDE)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        show: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List what waits for a manager: asks and plans passed on; or what was answered."""
        if show not in (None, "answered"):
            raise BadRequest
        is_open = show is None
        lines = await AskRepository(db).lines(
            principal.council_id, is_open=is_open, after=_moment_key(after), limit=PAGE + 1
        )
        passed = await CostRepository(db).passed_on(principal.council_id) if is_open and not after else []
        last = lines[PAGE - 1] if len(lines) > PAGE else None
        base = "/plan-asks" if is_open else "/plan-asks?show=answered"
        mark = "?" if is_open else "&"
        context = {
            "lines": lines[:PAGE],
            "passed": passed,
            "names": await AccountRepository(db).names({one.by_user_id for one in passed if one.by_user_id}),
            "is_open": is_open,
            "tags": ASK_TAGS,
            "first_href": base if after else "",
            "next_href": f"{base}{mark}after={_key_text(last.ask.asked_at, last.ask.id)}" if last else "",
        }
        return Template("plans/agreeing/asks.html", context=context)

    @get("/{ask_id:str}", permission=Permission.ASKS_DECIDE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], ask_id: FromPath[str]
    ) -> Template:
        """Show one ask and the form for the answer."""
        return await _answer_page(db, principal, id_of(ask_id), {}, {})

    @post("/{ask_id:str}", permission=Permission.ASKS_DECIDE)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        ask_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Answer it."""
        wanted = id_of(ask_id)
        await AskRepository(db).find(principal.council_id, wanted)

        async def action() -> str:
            form = AnswerForm.read(data)
            await AskService(db).answer(principal, wanted, form)
            flash(request, "Your answer is saved. The person and the planner are told")
            return "/plan-asks"

        try:
            return await attempt(request, db, principal, data, action)
        except InvalidInput as error:
            return await _answer_page(db, principal, wanted, typed(data), error.fields)


class AskForMoreController(Controller):
    """Asking for more, by the planner or the person."""

    @get("/plans/{plan_id:str}/ask", permission=Permission.PLANS_WRITE)
    async def show_for_planner(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Template:
        """Show the form to the planner."""
        plan = await _planners(db, principal, id_of(plan_id))
        return await _ask_page(db, plan, f"/plans/{plan.id}", {}, {}, is_own=False)

    @post("/plans/{plan_id:str}/ask", permission=Permission.PLANS_WRITE)
    async def ask_as_planner(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask the council, or take it back."""
        plan = await _planners(db, principal, id_of(plan_id))
        return await _take_ask(request, db, principal, plan, f"/plans/{plan.id}", data, is_own=False)

    @get("/my-plan/ask", permission=Permission.PLANS_AGREE)
    async def show_for_person(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """Show the form to the person."""
        plan = await _persons(db, principal)
        return await _ask_page(db, plan, "/my-plan", {}, {}, is_own=True)

    @post("/my-plan/ask", permission=Permission.PLANS_AGREE)
    async def ask_as_person(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask the council, or take it back."""
        plan = await _persons(db, principal)
        return await _take_ask(request, db, principal, plan, "/my-plan", data, is_own=True)


async def _planners(db: AsyncSession, principal: Principal, plan_id: UUID) -> Plan:
    plans = PlanRepository(db)
    return await plans.one(plans.within(planner_scope(principal)).where(Plan.id == plan_id))


async def _persons(db: AsyncSession, principal: Principal) -> Plan:
    plan_id = await AskService(db).of_person(principal)
    return await PlanRepository(db).find(principal.council_id, plan_id)


async def _take_ask(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    plan: Plan,
    back: str,
    data: FormData,
    *,
    is_own: bool,
) -> Redirect | Template:
    plan_id = plan.id

    async def action() -> str:
        service = AskService(db)
        if data.get("action") == "withdraw":
            await service.withdraw(principal, plan_id)
            flash(request, "You have taken your request back")
            return back
        await service.ask(principal, plan_id, AskForm.read(data))
        flash(request, "The council has your request. A manager answers it")
        return back

    try:
        return await attempt(request, db, principal, data, action)
    except InvalidInput as error:
        return await _ask_page(db, plan, back, typed(data), error.fields, is_own=is_own)


async def _ask_page(
    db: AsyncSession, plan: Plan, back: str, values: dict[str, Any], errors: dict[str, str], *, is_own: bool
) -> Template:
    budget, _ = await ApprovalService(db).budget_of(plan)
    version = await PlanRepository(db).newest_version(plan.id)
    weekly = plan_cost(await PlanRepository(db).items(version.id))
    asks = await AskRepository(db).of_plan(plan.id)
    if not values and weekly > budget:
        values = {"weekly": f"{weekly // 100}.{weekly % 100:02d}"}
    context = {
        "back": back,
        "is_own": is_own,
        "budget_pence": budget,
        "weekly_pence": weekly,
        "open": next((ask for ask in asks if ask.status is AskStatus.OPEN), None),
        "answered": [ask for ask in asks if ask.status is not AskStatus.OPEN],
        "tags": ASK_TAGS,
        "values": values,
        "errors": errors,
    }
    return Template("plans/agreeing/ask.html", context=context, status_code=422 if errors else 200)


async def _answer_page(
    db: AsyncSession, principal: Principal, ask_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    line = await AskRepository(db).line(principal.council_id, ask_id)
    users = {line.ask.asked_by_user_id, line.ask.answered_by_user_id} - {None}
    context = {
        "line": line,
        "ask": line.ask,
        "tag": ASK_TAGS[line.ask.status],
        "is_open": line.ask.status is AskStatus.OPEN,
        "is_own": line.ask.asked_by_user_id == principal.user_id,
        "names": await AccountRepository(db).names({one for one in users if one}),
        "values": values or {"weekly": f"{line.ask.asked_weekly_pence // 100}.{line.ask.asked_weekly_pence % 100:02d}"},
        "errors": errors,
    }
    return Template("plans/agreeing/answer.html", context=context, status_code=422 if errors else 200)


async def _limits_page(
    db: AsyncSession, principal: Principal, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    rows = await LimitRepository(db).all_of(principal.council_id)
    context = {
        "current": await ApprovalService(db).limits_of(principal.council_id),
        "rows": rows,
        "names": await AccountRepository(db).names({row.set_by_user_id for row in rows}),
        "labels": ROLE_LABELS,
        "roles": [(role.value, ROLE_LABELS[role]) for role in SIGNING_ROLES if role is not LAST_ROLE],
        "values": values,
        "errors": errors,
    }
    return Template("plans/agreeing/limits.html", context=context, status_code=422 if errors else 200)


def _moment_key(text: str | None) -> tuple[datetime, UUID] | None:
    if not text:
        return None
    moment_text, _, id_text = text.partition("_")
    row_id = parse_id(id_text)
    try:
        moment = datetime.fromisoformat(moment_text)
    except ValueError:
        raise BadRequest from None
    if row_id is None or moment.tzinfo is None:
        raise BadRequest
    return moment, row_id


def _key_text(moment: datetime, row_id: UUID) -> str:
    return f"{moment.isoformat().replace('+00:00', 'Z')}_{row_id}"
