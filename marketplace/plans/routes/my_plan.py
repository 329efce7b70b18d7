"""The person's own plan: to read, to print, to agree to, or to have changed."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData
from marketplace.plans.repository import PlanRepository
from marketplace.plans.routes.common import attempt, history, id_of, plan_context, reviews_of, typed
from marketplace.plans.schemas import AgreeForm, ReasonForm
from marketplace.plans.service import PlanService
from marketplace.plans.states import PlanStatus


class MyPlanController(Controller):
    """A person's plan, for the person or somebody who acts for them."""

    @get("/my-plan", permission=Permission.PLANS_AGREE)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the plan that waits for an answer, or the one in place."""
        return await _page(db, principal, {}, {})

    @post("/my-plan/{version_id:str}/agree", permission=Permission.PLANS_AGREE)
    async def agree(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the person's yes."""
        wanted = id_of(version_id)

        async def agree() -> str:
            form = AgreeForm.read(data)
            await PlanService(db).agree(principal, wanted, form.expected)
            flash(request, "Thank you. You have agreed to the plan. The council signs it next")
            return "/my-plan"

        try:
            return await attempt(request, db, principal, data, agree)
        except InvalidInput as error:
            return await _page(db, principal, typed(data), error.fields)

    @post("/my-plan/{version_id:str}/change", permission=Permission.PLANS_AGREE)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send the plan back with the person's words."""
        wanted = id_of(version_id)

        async def ask() -> str:
            form = ReasonForm.read(data, "words", "what you would like to change")
            await PlanService(db).ask_for_change(principal, wanted, form.why, form.expected)
            flash(request, "Thank you. Your planner has been told what you would like to change")
            return "/my-plan"

        try:
            return await attempt(request, db, principal, data, ask)
        except InvalidInput as error:
            return await _page(db, principal, typed(data), error.fields)


async def _page(db: AsyncSession, principal: Principal, values: dict[str, Any], errors: dict[str, str]) -> Template:
    plans, person_id = PlanRepository(db), principal.need_person()
    detail = await plans.detail_for_person(principal.council_id, person_id)
    is_being_written = await plans.is_being_written(principal.council_id, person_id)
    if detail is None:
        return Template("plans/no_plan.html", context={"is_being_written": is_being_written})
    status = detail.version.status
    context = {
        **plan_context(detail),
        "is_being_written": is_being_written,
        "waits_for_answer": status is PlanStatus.AWAITING_AGREEMENT,
        "is_signed": status is PlanStatus.SIGNED_OFF,
        "reviews": await reviews_of(db, detail.plan.id),
        "history": await history(db, detail.plan.id),
        "values": values,
        "errors": errors,
    }
    return Template("plans/my_plan.html", context=context, status_code=422 if errors else 200)
