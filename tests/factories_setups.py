"""Rows for tests of agreeing a plan: indicative budgets, direct payments to be set up, who manages them."""

from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.accounts.models import Representation
from marketplace.accounts.permissions import RepresentativeKind
from marketplace.people.models import Budget, BudgetStatus, FundingRoute, Holding
from marketplace.plans.direct_payments import conditions_for
from marketplace.plans.models import DirectPaymentSetup, Frequency, ManagedBy
from marketplace.plans.repository.setups import SetupRepository
from marketplace.plans.service.setups import SetupAnswers, SetupService
from marketplace.plans.setup_forms import SetupForm
from tests.factories import make_budget
from tests.factories_plans import PlanWorld

TODAY = date(2027, 3, 3)
NEXT_WEEK = date(2027, 3, 10)


async def make_indicative(db: AsyncSession, world: PlanWorld, pence: int = 11_538, **given: Any) -> Budget:
    """Advice on what the support of the world's person may cost."""
    values: dict[str, Any] = {
        "status": BudgetStatus.INDICATIVE,
        "route": FundingRoute.COUNCIL_MANAGED,
        "weekly_pence": pence,
        "starts_on": TODAY,
    }
    return await make_budget(db, world.person, **{**values, **given})


def setup_form(row: DirectPaymentSetup, **given: Any) -> SetupForm:
    """Everything that an offer needs: all conditions met, £115.38 a week, paid every four weeks from next week."""
    has_capacity = given.get("has_capacity", True)
    values: dict[str, Any] = {
        "has_capacity": has_capacity,
        "managed_by": ManagedBy.SELF,
        "representation_id": None,
        "conditions": {one.key: (True, "We talked about it") for one in conditions_for(has_capacity)},
        "holding": Holding.OWN_ACCOUNT,
        "frequency": Frequency.FOUR_WEEKLY,
        "weekly_pence": 11_538,
        "needs": "Washing, dressing and getting out",
        "starts_on": NEXT_WEEK,
        "expected": row.version,
    }
    return SetupForm(**{**values, **given})


async def make_offered(db: AsyncSession, world: PlanWorld, **given: Any) -> DirectPaymentSetup:
    """A direct payment that lies before the person."""
    service, worker = SetupService(db), world.social_worker.principal
    row = await service.begin(worker, world.person.id)
    return await service.offer(worker, row.id, setup_form(row, **given))


async def make_agreed(db: AsyncSession, world: PlanWorld, **given: Any) -> DirectPaymentSetup:
    """A direct payment that the person said yes to."""
    row = await make_offered(db, world, **given)
    return await SetupAnswers(db).answer(world.person_user.principal, True, "", row.version)


async def allow_early(db: AsyncSession, world: PlanWorld, days: int = 42) -> None:
    """Let the world's council start payments before the sign-off."""
    await set_setting(
        db, None, world.council.id, "plans.early_start", {"allowed": True, "days": days}, starts_on=date(2027, 1, 1)
    )


async def manager_of(
    db: AsyncSession, world: PlanWorld, kind: RepresentativeKind = RepresentativeKind.NOMINATED
) -> Representation:
    """Who acts for the world's person, as one kind."""
    (row,) = await SetupRepository(db).managers(world.council.id, world.person.id)
    row.kind = kind
    await db.flush()
    return row
