"""Months of money management and blocks, contributions in kind, and what planning really costs (B18, C12, D12, L22)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.ledger import Purpose
from marketplace.payments.models import Accrual, AccrualKind, TariffEvent
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.months import BlockTerms, MonthService
from marketplace.plans.models import Activity
from marketplace.plans.service.activity import ActivityService
from marketplace.providers.models import ServiceLine
from tests.browser import Browser, count
from tests.factories import make_accreditation, make_member, make_person
from tests.factories_payments import balance, make_money, make_signed_plan, make_tariff, reload
from tests.factories_tariffs import STAGES, make_rule, submitted


def day_fields(name: str, day: date) -> dict[str, str]:
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


async def earned(db: AsyncSession, kind: AccrualKind) -> list[tuple[date, int]]:
    rows = await db.execute(
        select(Accrual.earned_on, Accrual.amount_pence).where(Accrual.kind == kind).order_by(Accrual.earned_on)
    )
    return [(row[0], row[1]) for row in rows]


async def test_months_of_money_management_earn_when_they_are_over_by_the_days_they_ran(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    money = await make_money(db)
    council, organisation, finance_member = money.council, money.organisation, money.finance
    council_id, organisation_id = council.id, organisation.id
    await make_accreditation(db, organisation, council, ServiceLine.MONEY_MANAGEMENT)
    person = await make_person(db, council)
    person_number = person.reference
    finance = await browser.signed_in(finance_member)
    path = "/tariffs/money-management"
    form = {"person": person_number, "organisation": str(organisation_id), **day_fields("starts_on", date(2027, 1, 16))}
    page = await finance.post(path, {**form, "person": "nobody"}, expect=422)
    page.check()
    assert set(page.errors()) == {"person"}
    await finance.post(path, form)
    page = await finance.post(path, form, expect=422)
    assert "already" in page.errors()["person"]
    months = MonthService(db)
    await reload(db)
    assert await months.accrue_months(council_id) == 0, "no price yet"
    await make_rule(db, council, TariffEvent.MONEY_MANAGEMENT_MONTH, 2_800)
    assert await months.accrue_months(council_id) == 2
    assert await months.accrue_months(council_id) == 0
    assert await earned(db, AccrualKind.MONEY_MANAGEMENT) == [(date(2027, 1, 31), 1_445), (date(2027, 2, 28), 2_800)]
    end = (await finance.open(path)).link(rf"{path}/[0-9a-f-]{{36}}")
    await finance.open(end)
    page = await finance.post(end, {**day_fields("ends_on", date(2027, 2, 10)), "reason": "Moved"}, expect=422)
    page.check()
    assert "February 2027 is earned" in page.errors()["ends_on"]
    await finance.post(end, {**day_fields("ends_on", date(2027, 3, 10)), "reason": "Moved"})
    clock.move_to(datetime(2027, 6, 1, 12, tzinfo=UTC))
    await reload(db)
    assert await months.accrue_months(council_id) == 1
    assert (await earned(db, AccrualKind.MONEY_MANAGEMENT))[-1] == (date(2027, 3, 10), 903)
    assert await balance(db, council_id, Purpose.ACCRUED, organisation_id) == 1_445 + 2_800 + 903
    await reload(db)
    other = await browser.signed_in((await make_money(db)).finance)
    await other.get(end, expect=404)


async def test_a_death_ends_the_months_by_itself(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_accreditation(db, money.organisation, money.council, ServiceLine.MONEY_MANAGEMENT)
    await make_rule(db, money.council, TariffEvent.MONEY_MANAGEMENT_MONTH, 2_800)
    person = await make_person(db, money.council)
    months = MonthService(db)
    await months.arrange(money.finance.principal, person.reference, money.organisation.id, date(2027, 1, 1))
    person.died_on = date(2027, 2, 1)
    await db.flush()
    assert await months.accrue_months(money.council.id) == 1
    stranger = await make_money(db)
    with pytest.raises(InvalidInput, match="not accredited"):
        await months.arrange(money.finance.principal, person.reference, stranger.organisation.id, date(2027, 2, 1))


async def test_a_block_contract_earns_each_month_whether_it_is_used_or_not(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    council_id, organisation_id = money.council.id, money.organisation.id
    finance = await browser.signed_in(money.finance)
    form = {
        "name": "Night cover",
        "organisation": str(organisation_id),
        "service_line": "support_planning",
        "weekly_hours": "37.5",
        "weekly": "1000",
        **day_fields("starts_on", date(2027, 1, 4)),
        **day_fields("ends_on", date(2027, 6, 27)),
        "form_id": "block-once",
    }
    page = await finance.post("/tariffs/blocks", {**form, "weekly_hours": "many", "form_id": "x"}, expect=422)
    page.check()
    assert set(page.errors()) == {"weekly_hours"}
    for _ in range(2):
        await finance.post("/tariffs/blocks", form)
    assert await count(db, "block_contracts", "weekly_minutes = 2250 AND ends_on = '2027-06-28'") == 1
    await reload(db)
    assert await MonthService(db).accrue_months(council_id) == 2
    assert await earned(db, AccrualKind.BLOCK) == [(date(2027, 1, 31), 400_000), (date(2027, 2, 28), 400_000)]
    assert await balance(db, council_id, Purpose.BLOCK_SPEND) == -800_000
    assert "January 2027Earned£4,000.00" in (await finance.open("/tariffs/blocks")).words
    terms = BlockTerms("x", organisation_id, ServiceLine.HOME_CARE, None, 60, 1, date(2027, 3, 1), date(2027, 4, 1))
    await reload(db)
    with pytest.raises(InvalidInput, match="not accredited"):
        await MonthService(db).enter_block(money.finance.principal, terms)


async def test_contributions_are_recorded_and_never_paid(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    checker, finance_member = money.checker, money.finance
    broker = await make_member(db, Role.BROKER, money.council)
    finance = await browser.signed_in(finance_member)
    form = {
        "kind": "space",
        "what": "A room every Tuesday",
        "value": "1200",
        **day_fields("starts_on", date(2027, 1, 1)),
        **day_fields("ends_on", date(2027, 12, 31)),
    }
    page = await finance.post("/tariffs/contributions", {**form, "value": "-1"}, expect=422)
    page.check()
    await finance.post("/tariffs/contributions", form)
    assert "A room every Tuesday" in (await finance.open("/tariffs/contributions")).words
    assert await count(db, "accruals") == 0
    await reload(db)
    reader = await browser.signed_in(checker)
    await reader.open("/tariffs/contributions")
    await reader.post("/tariffs/contributions", form, expect=403)
    await reload(db)
    stranger = await browser.signed_in(broker)
    for path in ("/tariffs/contributions", "/tariffs/blocks", "/tariffs/money-management", "/tariffs/costs"):
        await stranger.get(path, expect=403)


async def test_time_by_activity_shows_what_a_plan_really_costs(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    await make_rule(
        db, money.council, TariffEvent.PLAN_COMPLETED, 7_500, stages=[STAGES[0], {"at": "signed_off", "percent": 70}]
    )
    event = await make_signed_plan(db, money.council, money.organisation, minutes=180, completed_on=date(2027, 2, 1))
    await AccrualService(db).accrue_submitted(submitted(event, date(2027, 1, 20)))
    await AccrualService(db).accrue_plan(event)
    planner = await make_member(
        db, Role.PLANNER, money.council, organisation_id=money.organisation.id, worker_id=event.worker_id
    )
    finance_member, organisation_id = money.finance, money.organisation.id
    other_planner = await make_member(db, Role.PLANNER, money.council, organisation_id=money.organisation.id)
    browser_ = await browser.signed_in(planner)
    path = f"/plans/{event.plan_id}/time"
    await browser_.open(path)
    form = {"activity": "visiting", "hours": "3", **day_fields("worked_on", date(2027, 1, 12))}
    page = await browser_.post(path, {**form, "hours": "", "worked_on-year": "2028"}, expect=422)
    page.check()
    await browser_.post(path, form)
    await browser_.post(path, {**form, "activity": "travel", "hours": "1", "minutes": "30"})
    await browser_.post(path, {**form, "activity": "brokerage", "hours": "1", "minutes": "30"})
    await browser_.post(path, {**form, "hours": "20"}, expect=422)
    page = await browser_.open(path)
    assert "Finding and arranging support" in page.words
    await reload(db)
    finance = await browser.signed_in(finance_member)
    page = await finance.open("/tariffs/costs")
    assert "1£75.006 hours£12.501" in page.words
    page = await finance.open(f"/tariffs/costs/{organisation_id}?months=3")
    assert "Too low: £75.00 for 6 hours is £12.50 an hour" in page.words
    text = (await finance.get("/tariffs/costs/plans.csv")).response.text
    assert "75.00,360,12.50,yes" in text
    await finance.get("/tariffs/costs/00000000-0000-7000-8000-000000000000", expect=404)
    await reload(db)
    stranger = await browser.signed_in(other_planner)
    await stranger.get(path, expect=404)
    await stranger.post(path, form, expect=404)


async def test_an_entry_is_taken_back_by_who_made_it_only(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2027, 2, 1))
    given: dict[str, Any] = {"organisation_id": money.organisation.id, "worker_id": event.worker_id}
    planner = await make_member(db, Role.PLANNER, money.council, **given)
    service = ActivityService(db)
    asked = (planner.principal, event.plan_id)
    row = await service.record(*asked, Activity.WRITING, 60, date(2027, 2, 1))
    for minutes, day in (
        (0, date(2027, 2, 1)),
        (1_400, date(2027, 2, 1)),
        (60, date(2027, 3, 4)),
        (60, date(2026, 1, 1)),
    ):
        with pytest.raises(InvalidInput):
            await service.record(*asked, Activity.WRITING, minutes, day)
    another = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2027, 2, 1))
    with pytest.raises(NotFound):
        await service.remove(planner.principal, another.plan_id, row.id)
    await service.remove(*asked, row.id)
    assert await count(db, "activity_times") == 0
    assert await count(db, "audit_entries", "action = 'plans.remove_time'") == 1
