"""What a sign-off makes of a plan's cost: the final budget, its routes, and why it differs from the advice."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.people.budgets import BudgetService, Part
from marketplace.people.models import Budget, BudgetKind, FundingRoute
from marketplace.plans.models import Plan, PlanItem
from marketplace.plans.repository.agreeing import CostRepository

BELOW = "The plan costs less than was estimated"
"""The reason where nobody typed one and the final budget is the smaller sum: all needs are met for less."""


def plan_cost(items: Iterable[PlanItem]) -> int:
    """Return what a plan costs the budget a week, pence: without what the person chose to pay beside it."""
    return sum(item.weekly_pence for item in items if item.route is not FundingRoute.SELF_FUNDED)


def parts_of(items: Iterable[PlanItem], usual: FundingRoute) -> list[Part]:
    """Return the budget part by part, by route, the largest first.

    Args:
        items: Outcomes of the plan; what the person pays beside the budget is left out.
        usual: Route of what names none.
    """
    sums: dict[FundingRoute, int] = {}
    for item in items:
        if item.weekly_pence and item.route is not FundingRoute.SELF_FUNDED:
            route = item.route or usual
            sums[route] = sums.get(route, 0) + item.weekly_pence
    ordered = sorted(sums.items(), key=lambda one: (-one[1], one[0].value))
    return [Part(route=route, weekly_pence=pence) for route, pence in ordered]


def direct_parts(weekly_pence: int, direct_pence: int) -> list[Part]:
    """Return a budget of which some is a direct payment and the council manages the rest."""
    direct = min(weekly_pence, direct_pence)
    parts = [Part(route=FundingRoute.DIRECT_PAYMENT, weekly_pence=direct)]
    if weekly_pence > direct:
        parts.append(Part(route=FundingRoute.COUNCIL_MANAGED, weekly_pence=weekly_pence - direct))
    return parts


class FinalBudgetService:
    """Makes final budgets of plans."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.costs = CostRepository(db)

    async def of_plan(
        self, principal: Principal, plan: Plan, items: Sequence[PlanItem], reason: str, on: date
    ) -> Budget | None:
        """Make the final budget of a plan that is signed off: the sufficient cost of meeting its needs.

        Args:
            principal: Who signs.
            plan: The plan.
            items: Its outcomes.
            reason: Why the sum is not the one that was estimated; more than estimated needs one.
            on: The day of the sign-off.

        Returns:
            The budget; None where the plan costs nothing, or the person pays for everything.

        Raises:
            InvalidInput: It differs without a reason.
            PersonHasDied: Nothing new is decided.
        """
        cost = plan_cost(items)
        if not cost:
            return None
        advice = await self.costs.indicative(plan.council_id, plan.person_id)
        running = await self.costs.final(plan.council_id, plan.person_id, on, or_later=True)
        # A direct payment that is to start on a later day starts then, not earlier.
        on = max(on, running.starts_on) if running is not None else on
        referred, _ = await self.costs.referred(plan.council_id, plan.referral_id)
        expected = advice.weekly_pence if advice is not None else referred
        usual = running.route if running is not None else advice.route if advice is not None else None
        parts = parts_of(items, usual or FundingRoute.COUNCIL_MANAGED)
        if running is not None and running.direct_weekly_pence is not None and not any(item.route for item in items):
            # Routes were mixed before, and the plan says nothing new of them.
            parts = direct_parts(cost, running.direct_weekly_pence)
        return await agree_budget(
            self.db,
            principal,
            plan.person_id,
            cost,
            parts,
            reason or (BELOW if cost < expected else ""),
            on,
            kind=advice.kind if advice is not None else BudgetKind.SUPPORT,
            compared_with_pence=referred,
            every_weeks=running.pay_every_weeks if running is not None else None,
            is_monthly=running is not None and running.pays_monthly,
            one_off_pence=_still_once(advice, running),
        )


async def agree_budget(
    db: AsyncSession,
    principal: Principal,
    person_id: UUID,
    weekly_pence: int,
    parts: Sequence[Part],
    reason: str,
    on: date,
    *,
    kind: BudgetKind = BudgetKind.SUPPORT,
    compared_with_pence: int | None = None,
    every_weeks: int | None = None,
    is_monthly: bool = False,
    one_off_pence: int = 0,
) -> Budget:
    """Agree a budget with its routes, how much of it is a direct payment, and in which rhythm that is paid.

    Args and errors as `BudgetService.make_final`; neither `every_weeks` nor `is_monthly`: in the council's rhythm.
    """
    budget = await BudgetService(db).make_final(
        principal,
        person_id,
        weekly_pence,
        parts,
        reason,
        on,
        kind=kind,
        one_off_pence=one_off_pence,
        compared_with_pence=compared_with_pence,
    )
    if budget.route is FundingRoute.DIRECT_PAYMENT:
        budget.pay_every_weeks = None if is_monthly else every_weeks
        budget.pays_monthly = is_monthly
        await db.flush()
    return budget


def _still_once(advice: Budget | None, running: Budget | None) -> int:
    """Return what an estimate pays once, pence, unless the budget that runs was made from it: once is once."""
    if advice is None or (running is not None and running.indicative_id == advice.id):
        return 0
    return advice.one_off_pence
