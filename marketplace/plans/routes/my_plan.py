"""The person's own plan: to read, to print, to agree to, or to have changed."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData
from marketplace.people import note_view
from marketplace.plans.faces import person_face
from marketplace.plans.models import PlannedBy
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.agreeing import CostRepository
from marketplace.plans.repository.faces import source_of
from marketplace.plans.repository.moving import MoveRepository
from marketplace.plans.repository.own import OwnPlanRepository
from marketplace.plans.repository.setups import EarlyStartRepository
from marketplace.plans.repository.showcase import ShowcaseRepository
from marketplace.plans.routes.agreeing_context import ask_context
from marketplace.plans.routes.common import attempt, history, id_of, plan_context, reviews_of, typed
from marketplace.plans.routes.faces import face_context
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
            flash(request, "Thank you. Your plan can be changed now. Your planner has been told, where you have one")
            return "/my-plan"

        try:
            return await attempt(request, db, principal, data, ask)
        except InvalidInput as error:
            return await _page(db, principal, typed(data), error.fields)


async def _page(db: AsyncSession, principal: Principal, values: dict[str, Any], errors: dict[str, str]) -> Template:
    plans, person_id = PlanRepository(db), principal.need_person()
    detail = await plans.detail_for_person(principal.council_id, person_id)
    early = await EarlyStartRepository(db).open_of(principal.council_id, person_id)
    move = await MoveRepository(db).open_of(principal.council_id, person_id)
    is_being_written = await plans.is_being_written(principal.council_id, person_id)
    if detail is None:
        own = await OwnPlanRepository(db).newest(principal.council_id, person_id)
        state = {
            "is_being_written": is_being_written,
            "is_own": own is not None and own.plan.planned_by is PlannedBy.PERSON,
            "early": early,
            "move": move,
            "is_with_council": own is not None and own.version.status is PlanStatus.IN_QUALITY_CHECK,
        }
        return Template("plans/no_plan.html", context=state)
    status = detail.version.status
    await note_view(db, principal, detail.plan.person_id, "plan")
    source = source_of(detail)
    final = await CostRepository(db).final(principal.council_id, person_id, today(clock_of(db)), or_later=True)
    context = {
        "final_pence": final.weekly_pence if final else 0,
        **await plan_context(db, detail),
        **face_context(person_face(source.texts, source.items)),
        **await ask_context(db, detail.plan),
        "early": early,
        "move": move,
        "is_being_written": is_being_written,
        "month_story": await ShowcaseRepository(db).of_person(principal.council_id, person_id),
        "waits_for_answer": status is PlanStatus.AWAITING_AGREEMENT,
        "is_signed": status is PlanStatus.SIGNED_OFF,
        "reviews": await reviews_of(db, detail.plan.id),
        "history": await history(db, detail.plan.id),
        "values": values,
        "errors": errors,
    }
    return Template("plans/my_plan.html", context=context, status_code=422 if errors else 200)
