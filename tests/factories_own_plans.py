"""Rows of people's own plans for tests."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.matching.models import Referral, ReferralSource
from marketplace.matching.states import ReferralStatus
from marketplace.plans.content import ItemContent
from marketplace.plans.models import HelpKind, Plan, PlannedBy, PlanVersion
from marketplace.plans.own import Typed
from marketplace.plans.repository import PlanRepository
from marketplace.plans.states import PLAN, PlanStatus
from tests.factories_plans import PlanWorld, make_plan_referral

SWIM = ItemContent(row=1, outcome="Swim on Mondays", what="My sister drives me", helped_by=HelpKind.FAMILY)
WORDS = {
    "about_me": "I am Ada. I love my garden.",
    "risks": "I may fall. My neighbour has a key.",
    "money": "I look after a direct payment.",
}


async def make_own_plan(
    db: AsyncSession, world: PlanWorld, *, is_full: bool = False, status: PlanStatus = PlanStatus.DRAFT, **given: Any
) -> tuple[Plan, PlanVersion, Referral]:
    """A plan that the world's person writes; empty, or with all that it needs."""
    now = clock_of(db).now()
    referral = await make_plan_referral(
        db, world, **{"status": ReferralStatus.SELF_PLANNED, "source": ReferralSource.SELF, **given}
    )
    plan = Plan(
        council_id=world.council.id,
        referral_id=referral.id,
        person_id=world.person.id,
        planned_by=PlannedBy.PERSON,
        created_at=now,
    )
    db.add(plan)
    await db.flush()
    words = WORDS if is_full else {}
    version = PlanVersion(council_id=plan.council_id, plan_id=plan.id, number=1, status=status, updated_at=now, **words)
    db.add(version)
    await db.flush()
    PLAN.begin(db, version, by=world.person_user.user.id)
    if is_full:
        await PlanRepository(db).replace_items(version, [SWIM])
    await db.flush()
    return plan, version, referral


def words(key: str, text: str) -> Typed:
    """Words of a section as typed."""
    return Typed(key=key, words=text)
