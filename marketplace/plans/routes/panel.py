"""Pages of the risk panel."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.panel import OPEN, PanelRepository
from marketplace.plans.routes.common import attempt, id_of, typed
from marketplace.plans.schemas import Scope, read_expected
from marketplace.plans.service.panel import CaseForm, PanelService
from marketplace.plans.states import PanelStatus

LONGEST = 2_000
PANEL_TAGS = {
    PanelStatus.ASKED: ("waiting", "Asked"),
    PanelStatus.LISTED: ("scheduled", "On the list"),
    PanelStatus.DECIDED: ("completed", "Decided"),
    PanelStatus.WITHDRAWN: ("withdrawn", "Taken back"),
}


class PanelController(Controller):
    """Plans before the risk panel."""

    @get("/panel-cases", permission=Permission.ASKS_DECIDE)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List what waits and what was decided."""
        cases = PanelRepository(db)
        context = {
            "waiting": await cases.lines(principal.council_id, is_open=True),
            "settled": await cases.lines(principal.council_id, is_open=False, limit=50),
            "is_used": await PanelService(db).is_used(principal.council_id),
            "tags": PANEL_TAGS,
        }
        return Template("plans/panel/index.html", context=context)

    @get("/panel-cases/{case_id:str}", permission=Permission.ASKS_DECIDE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], case_id: FromPath[str]
    ) -> Template:
        """Show a case with its next step."""
        return await _page(db, principal, id_of(case_id), {}, {})

    @post("/panel-cases/{case_id:str}", permission=Permission.ASKS_DECIDE)
    async def act(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        case_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Put it on the list, record the decision, or take it back."""
        wanted = id_of(case_id)
        await PanelRepository(db).find(principal.council_id, wanted)

        async def action() -> str:
            service, form = PanelService(db), FormReader(data)
            step = form.option("action", "what to do", ("list", "decide", "withdraw"))
            expected = read_expected(form)
            if step == "list":
                panel_on = form.day("panel_on", "the day of the panel")
                form.done()
                if panel_on is not None:
                    await service.put_on_list(principal, wanted, panel_on, expected)
            elif step == "decide":
                supports = form.option("supports", "whether the panel supports the plan", ("yes", "no"))
                decision = form.text("decision", "what the panel decided and why", longest=LONGEST)
                members = form.text("members", "who was on the panel", longest=500)
                view = form.text("persons_view", "what the person says", required=False, longest=LONGEST)
                form.done()
                await service.decide(
                    principal,
                    wanted,
                    is_supported=supports == "yes",
                    decision=decision,
                    members=members,
                    persons_view=view,
                    expected=expected,
                )
            else:
                form.done()
                await service.withdraw(principal, wanted, expected)
            flash(request, "Saved")
            return "/panel-cases"

        try:
            return await attempt(request, db, principal, data, action)
        except InvalidInput as error:
            return await _page(db, principal, wanted, typed(data), error.fields)

    @get("/plans/{plan_id:str}/panel", permission=Permission.PLANS_SIGN_OFF)
    async def show_ask(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Template:
        """Show the form that takes a plan to the panel."""
        return await _ask_page(db, principal, id_of(plan_id), {}, {})

    @post("/plans/{plan_id:str}/panel", permission=Permission.PLANS_SIGN_OFF)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the plan to the panel."""
        wanted = id_of(plan_id)

        async def action() -> str:
            form = FormReader(data)
            case = CaseForm(
                question=form.text("question", "what the panel is asked", longest=LONGEST),
                risks=form.text("risks", "the risks", longest=LONGEST),
                persons_view=form.text("persons_view", "what the person says", longest=LONGEST),
            )
            form.done()
            await PanelService(db).ask(principal, wanted, case)
            flash(request, "The panel has the plan")
            return f"/plans/{wanted}"

        try:
            return await attempt(request, db, principal, data, action)
        except InvalidInput as error:
            return await _ask_page(db, principal, wanted, typed(data), error.fields)


async def _ask_page(
    db: AsyncSession, principal: Principal, plan_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    detail = await PlanRepository(db).detail(Scope((principal.council_id,), None), plan_id)
    context = {
        "plan": detail.plan,
        "person": detail.person,
        "is_used": await PanelService(db).is_used(principal.council_id),
        "values": values or {"risks": detail.version.risks},
        "errors": errors,
    }
    return Template("plans/panel/ask.html", context=context, status_code=422 if errors else 200)


async def _page(
    db: AsyncSession, principal: Principal, case_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    case, plan_id, person = await PanelRepository(db).line(principal.council_id, case_id)
    users = {one for one in (case.asked_by_user_id, case.decided_by_user_id) if one}
    context = {
        "case": case,
        "plan_id": plan_id,
        "person": person,
        "tag": PANEL_TAGS[case.status],
        "is_open": case.status in OPEN,
        "is_own": case.asked_by_user_id == principal.user_id,
        "names": await AccountRepository(db).names(users),
        "values": values or {"persons_view": case.persons_view},
        "errors": errors,
    }
    return Template("plans/panel/show.html", context=context, status_code=422 if errors else 200)
