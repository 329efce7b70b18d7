"""What other pages of a plan show of its agreeing: asks for more, the verdict before the sign-off."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Principal
from marketplace.plans.content import budget_words
from marketplace.plans.costs import change_of
from marketplace.plans.models import AskStatus, Plan, PlanAsk
from marketplace.plans.repository import PlanDetail
from marketplace.plans.repository.agreeing import AskRepository, CostRepository
from marketplace.plans.repository.panel import PanelRepository
from marketplace.plans.service.approval import ApprovalService
from marketplace.plans.service.panel import PanelService


async def ask_context(db: AsyncSession, plan: Plan) -> dict[str, Any]:
    """Context of a plan's ask for more: the newest that was not taken back."""
    asks = await AskRepository(db).of_plan(plan.id)
    return {"ask": next((one for one in asks if one.status is not AskStatus.WITHDRAWN), None)}


async def approval_context(db: AsyncSession, principal: Principal, detail: PlanDetail) -> dict[str, Any]:
    """Context of the page of the sign-off: what the plan may cost, and whether the reader may sign it off."""
    plan, version = detail.plan, detail.version
    verdict = await ApprovalService(db).verdict(principal, plan, version, detail.items)
    passed_by = version.passed_on_by_user_id
    names = await AccountRepository(db).names({passed_by}) if passed_by else {}
    asked = await ask_context(db, plan)
    ask: PlanAsk | None = asked["ask"]
    agreed_why = ask.answer if ask is not None and ask.status is AskStatus.AGREED else ""
    return {
        **asked,
        "advised_pence": verdict.advised_pence,
        "differs": verdict.weekly_pence not in (0, verdict.advised_pence),
        "variance_reason": agreed_why or detail.content.why_over,
        "panel": await PanelRepository(db).newest_of(version.id),
        "panel_used": await PanelService(db).is_used(plan.council_id),
        "verdict": verdict,
        "verdict_words": budget_words(verdict.weekly_pence, verdict.budget_pence),
        "cost_change": change_of(await CostRepository(db).of_versions(plan.id), version.number)
        if version.number > 1
        else None,
        "passed_on_by": names.get(passed_by, "") if passed_by else "",
    }
