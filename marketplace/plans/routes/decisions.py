"""The quality check and the sign-off."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.people import note_view
from marketplace.plans import policies
from marketplace.plans.errors import CheckerIsSubmitter
from marketplace.plans.repository import PlanDetail, PlanRepository
from marketplace.plans.routes.agreeing_context import approval_context
from marketplace.plans.routes.common import attempt, history, id_of, plan_context, typed
from marketplace.plans.routes.faces import section25_context
from marketplace.plans.schemas import LONGEST_REASON, CheckForm, ReasonForm, Scope, read_expected
from marketplace.plans.service import PlanService
from marketplace.plans.service.approval import ApprovalService
from marketplace.plans.states import PlanStatus


class DecisionController(Controller):
    """Deciding on a submitted plan."""

    @get("/plans/{plan_id:str}/check", permission=Permission.PLANS_CHECK)
    async def show_check(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Template:
        """Show the plan with the questions of the quality check."""
        return await _check_page(db, principal, id_of(plan_id), {}, {})

    @post("/plans/{plan_id:str}/check", permission=Permission.PLANS_CHECK)
    async def check(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Pass the plan or send it back."""
        wanted = id_of(plan_id)

        async def decide() -> str:
            service = PlanService(db)
            form = CheckForm.read(data, await service.criteria(principal.council_id))
            await service.check(principal, wanted, form)
            flash(
                request, "Plan passed. The person is asked now" if form.is_passed else "Plan sent back to its planner"
            )
            return "/plans?state=in_quality_check"

        try:
            return await attempt(request, db, principal, data, decide)
        except InvalidInput as error:
            return await _check_page(db, principal, wanted, typed(data), error.fields)

    @get("/plans/{plan_id:str}/sign-off", permission=Permission.PLANS_SIGN_OFF)
    async def show_sign_off(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Template:
        """Show the statutory summary with the two decisions."""
        return await _sign_off_page(db, principal, id_of(plan_id), {}, {})

    @post("/plans/{plan_id:str}/sign-off", permission=Permission.PLANS_SIGN_OFF)
    async def sign_off(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Sign the plan off, or send it back with the reason."""
        wanted = id_of(plan_id)
        try:
            return await attempt(request, db, principal, data, lambda: _decide(request, db, principal, wanted, data))
        except InvalidInput as error:
            return await _sign_off_page(db, principal, wanted, typed(data), error.fields)


async def _decide(
    request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, plan_id: UUID, data: FormData
) -> str:
    form = FormReader(data)
    decision = form.option("decision", "whether you sign the plan off", ("sign_off", "pass_on", "return"))
    form.done()
    if decision == "pass_on":
        passed = ReasonForm.read(data, "pass_on_why", "what you think of it")
        await ApprovalService(db).pass_on(principal, plan_id, passed.why, passed.expected)
        flash(request, "Passed on. A manager decides")
        return "/plans?state=awaiting_sign_off"
    service = PlanService(db)
    if decision == "return":
        returned = ReasonForm.read(data, "why", "why you send the plan back")
        await service.return_from_sign_off(principal, plan_id, returned.why, returned.expected)
        flash(request, "Plan sent back to its planner")
        return "/plans?state=awaiting_sign_off"
    reason = form.text("variance_reason", "why the budget differs", required=False, longest=LONGEST_REASON)
    form.done()
    await service.sign_off(principal, plan_id, read_expected(form), reason)
    flash(request, "Plan signed off. Its reviews are set")
    return f"/plans/{plan_id}"


async def _detail(db: AsyncSession, principal: Principal, plan_id: UUID) -> PlanDetail:
    return await PlanRepository(db).detail(Scope((principal.council_id,), None), plan_id)


async def _check_page(
    db: AsyncSession, principal: Principal, plan_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    detail = await _detail(db, principal, plan_id)
    if detail.version.status is not PlanStatus.IN_QUALITY_CHECK:
        raise StepRefused("This plan is not in its quality check any more.")
    if not policies.may_check(principal, detail.version):
        raise CheckerIsSubmitter("You submitted this plan, so another quality checker has to look at it.")
    await note_view(db, principal, detail.plan.person_id, "plan")
    context = {
        **await plan_context(db, detail),
        "criteria": await PlanService(db).criteria(principal.council_id),
        "history": await history(db, plan_id),
        "values": values,
        "errors": errors,
    }
    return Template("plans/check.html", context=context, status_code=422 if errors else 200)


async def _sign_off_page(
    db: AsyncSession, principal: Principal, plan_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    detail = await _detail(db, principal, plan_id)
    if not policies.may_sign_off(principal, detail.version):
        raise StepRefused("This plan does not wait for sign-off now.")
    await note_view(db, principal, detail.plan.person_id, "plan")
    approval = await approval_context(db, principal, detail)
    context = {
        **await plan_context(db, detail, approval["verdict"].budget_pence),
        **await section25_context(db, principal, detail),
        **approval,
        "history": await history(db, plan_id),
        "values": values,
        "errors": errors,
    }
    return Template("plans/sign_off.html", context=context, status_code=422 if errors else 200)
