"""Invariant 7 for every kind of earning: sound rows pass, and each breach is found."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.database import SessionMaker
from marketplace.payments.earning_checks import EARNING_CHECKS
from marketplace.payments.models import TariffEvent
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.claims import ClaimService
from marketplace.payments.service.months import BlockTerms, MonthService
from marketplace.payments.tariff_forms import ClaimForm
from marketplace.plans.models import PlanVersion
from marketplace.providers.models import ServiceLine
from tests.factories import make_accreditation, make_member, make_person
from tests.factories_payments import make_money, make_signed_plan
from tests.factories_tariffs import STAGES, make_held_review, make_next_version, make_rule, submitted


async def world(db: AsyncSession) -> None:
    """One earning of every kind, made by the services."""
    money = await make_money(db)
    council, organisation, finance = money.council, money.organisation, money.finance.principal
    await make_accreditation(db, organisation, council, ServiceLine.MONEY_MANAGEMENT)
    await make_rule(db, council, TariffEvent.PLAN_COMPLETED, 45_000, stages=STAGES)
    await make_rule(db, council, TariffEvent.REVIEW_HELD, 20_000, once_months=12)
    await make_rule(db, council, TariffEvent.MONEY_MANAGEMENT_MONTH, 2_800)
    await make_rule(db, council, TariffEvent.GRANT, 99_900)
    plan = await make_signed_plan(db, council, organisation, completed_on=date(2026, 12, 1))
    version = await db.get_one(PlanVersion, plan.plan_version_id)
    version.submitted_at = datetime(2026, 11, 20, tzinfo=UTC)
    accruals = AccrualService(db)
    await accruals.accrue_submitted(submitted(plan, date(2026, 11, 20)))
    await accruals.accrue_plan(plan)
    await accruals.accrue_review(await make_held_review(db, plan, date(2027, 1, 20)))
    # Covered by the review: earns nothing and is no breach.
    await accruals.accrue_plan(await make_next_version(db, plan, date(2027, 2, 1)))
    months = MonthService(db)
    person = await make_person(db, council)
    await months.arrange(finance, person.reference, organisation.id, date(2027, 1, 16))
    terms = ("Block", organisation.id, ServiceLine.SUPPORT_PLANNING, None, 600, 25_000)
    await months.enter_block(finance, BlockTerms(*terms, date(2027, 1, 4), date(2027, 2, 10)))
    await months.accrue_months(council.id)
    claims = ClaimService(db)
    form = ClaimForm(TariffEvent.GRANT, None, council.id, date(2027, 2, 1), 0, "Training", 5_000)
    claim = await claims.ask(money.provider.principal, form)
    broker = await make_member(db, Role.BROKER, council)
    await claims.decide(broker.principal, claim.id, agree=True, reason="")
    await db.flush()


async def broken(db: AsyncSession) -> set[str]:
    return {check.__name__ for check in EARNING_CHECKS if not (await check(db)).ok}


async def test_sound_earnings_of_every_kind_pass_and_are_looked_at(db: AsyncSession, maker: SessionMaker) -> None:
    await world(db)
    found = [await check(db) for check in EARNING_CHECKS]
    assert [fact.detail for fact in found] == ["", "", ""]
    assert [fact.checked for fact in found] == [2, 6, 8]


@pytest.mark.parametrize(
    ("breach", "finds"),
    [
        ("UPDATE accruals SET source_id = gen_random_uuid() WHERE kind = 'plan_stage'", "plans_earn_once"),
        ("UPDATE reviews SET status = 'booked'", "events_earn_once"),
        ("UPDATE tariff_claims SET status = 'refused'", "events_earn_once"),
        ("UPDATE money_managements SET starts_on = '2027-02-02'", "events_earn_once"),
        ("UPDATE block_contracts SET ends_on = '2027-01-20'", "events_earn_once"),
        ("UPDATE accruals SET amount_pence = amount_pence + 1 WHERE kind = 'claim'", "earnings_are_posted"),
        (
            'UPDATE accruals SET working = \'[{"words": "x", "pence": 1}]\' WHERE kind = \'block\'',
            "earnings_are_posted",
        ),
        (
            "INSERT INTO accruals (id, council_id, organisation_id, kind, source_id, description, amount_pence,"
            " earned_on, created_at, person_id, tariff_id) SELECT gen_random_uuid(), council_id, organisation_id,"
            " kind, gen_random_uuid(), '', 1, '2027-02-01', created_at, person_id, tariff_id"
            " FROM accruals WHERE kind = 'review'",
            "events_earn_once",
        ),
    ],
)
async def test_each_breach_is_found(db: AsyncSession, maker: SessionMaker, breach: str, finds: str) -> None:
    await world(db)
    await db.execute(text("RESET ROLE"))
    await db.execute(text(breach))
    assert finds in await broken(db)
