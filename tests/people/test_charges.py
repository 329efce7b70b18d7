"""What somebody pays: the law's figures, the council's decision, and budgets that follow it."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.errors import Forbidden
from marketplace.people.budgets import BudgetService, Part
from marketplace.people.charges import ChargeForm, ChargeService
from marketplace.people.charges_rules import Means, contribution, own_share, tariff_income
from marketplace.people.models import FundingRoute
from tests.browser import Browser, count, events
from tests.factories import make_council, make_member, make_person
from tests.factories_budgets import make_charge
from tests.factories_care import again
from tests.factories_law import make_book

TODAY = date(2027, 3, 3)
BOOK = make_book()


def form(**given_values: Any) -> dict[str, Any]:
    return {
        "starts_on-day": "1",
        "starts_on-month": "4",
        "starts_on-year": "2027",
        "capital": "15,000",
        "income": "250",
        "protected": "228.70",
        **given_values,
    }


@pytest.mark.parametrize(
    ("capital", "income"),
    [(0, 0), (1_425_000, 0), (1_425_001, 100), (1_450_000, 100), (1_450_001, 200), (2_325_000, 3_600)],
)
def test_savings_between_the_limits_count_as_income(capital: int, income: int) -> None:
    assert tariff_income(BOOK, capital) == income


def test_above_the_upper_limit_all_is_paid() -> None:
    means = Means(capital_pence=2_325_001, income_weekly_pence=0)
    assert contribution(BOOK, means).is_full_cost
    assert not contribution(BOOK, Means(capital_pence=2_325_000, income_weekly_pence=0)).is_full_cost


amounts = st.integers(min_value=0, max_value=5_000_000)


@given(capital=amounts, income=amounts, off=amounts, costs=amounts, kept=amounts)
def test_nobody_is_left_with_less_than_to_live_on(capital: int, income: int, off: int, costs: int, kept: int) -> None:
    means = Means(
        capital_pence=capital,
        income_weekly_pence=income,
        disregarded_weekly_pence=min(off, income),
        expenses_weekly_pence=costs,
        protected_weekly_pence=kept,
    )
    found = contribution(BOOK, means)
    counted = income - min(off, income) + found.tariff_income_weekly_pence
    if not found.is_full_cost and found.contribution_weekly_pence:
        assert counted - found.contribution_weekly_pence == costs + kept


def test_nothing_is_asked_for_before_a_decision() -> None:
    assert own_share(None, 10_000) == 0


async def test_the_working_is_shown_before_anything_is_decided(browser: Browser, db: AsyncSession) -> None:
    finance = await make_member(db, Role.FINANCE)
    manager = await make_member(db, Role.MANAGER, finance.council)
    person = await make_person(db, finance.council)
    await BudgetService(db).set_indicative(manager.principal, person.id, 11_538, reason="By hand.")
    path = f"/people/{person.id}/charges"
    staff = await browser.signed_in(finance)
    assert "Example, Ada" in (await staff.open("/charges")).words
    assert "pays nothing until it is" in (await staff.open(path)).words
    page = await staff.post(path, form(), expect=200)
    # £250.00 and £3.00 from savings, less £228.70.
    assert "pays £24.30 a week at most" in page.words
    assert await count(db, "financial_assessments") == 0
    seen = page.field("seen")
    changed = await staff.post(path, form(income="300", seen=seen), expect=200)
    assert "pays £74.30 a week at most" in changed.words
    assert await count(db, "financial_assessments") == 0
    await staff.post(path, form(seen=seen))
    assert await count(db, "financial_assessments", "contribution_weekly_pence = 2430 AND NOT is_full_cost") == 1
    assert await count(db, "budgets", "own_weekly_pence = 2430 AND financial_assessment_id IS NOT NULL") == 1
    assert "Nobody waits" in (await staff.open("/charges")).words
    assert (await events(db)) == ["BudgetSet", "ChargeDecided"]
    page = await staff.post(path, form(seen=seen), expect=422)
    assert "Choose a later day" in page.errors()["starts_on"]


async def test_an_agreed_budget_is_followed_by_one_with_the_new_share(db: AsyncSession) -> None:
    finance = await make_member(db, Role.FINANCE)
    manager = await make_member(db, Role.MANAGER, finance.council)
    person = await make_person(db, finance.council)
    first = await make_charge(db, person, finance)
    parts = [Part(route=FundingRoute.DIRECT_PAYMENT, weekly_pence=10_000, what_for="Mornings")]
    final = await BudgetService(db).make_final(manager.principal, person.id, 10_000, parts, "", date(2027, 2, 1))
    assert final.own_weekly_pence == 2_000
    wanted = ChargeForm.read(form(is_light_touch="yes", pays_all="yes", reason="Did not want to say."), TODAY)
    charge = await ChargeService(db).decide(finance.principal, person.id, wanted)
    assert (first.ends_on, charge.is_full_cost) == (date(2027, 4, 1), True)
    assert (final.ends_on, final.own_weekly_pence) == (date(2027, 4, 1), 2_000)
    where = "starts_on = '2027-04-01' AND own_weekly_pence = 10000 AND status = 'final' AND route = 'direct_payment'"
    assert await count(db, "budgets", where) == 1
    assert await count(db, "budget_parts") == 2


async def test_only_finance_of_the_council_decides(browser: Browser, db: AsyncSession) -> None:
    finance = await make_member(db, Role.FINANCE)
    person = await make_person(db, finance.council)
    person_id = person.id
    worker = await make_member(db, Role.SOCIAL_WORKER, finance.council)
    other = await make_member(db, Role.FINANCE, await make_council(db))
    with pytest.raises(Forbidden):
        await ChargeService(db).decide(worker.principal, person_id, ChargeForm.read(form(), TODAY))
    path = f"/people/{person_id}/charges"
    await (await browser.signed_in(worker)).open(path, expect=403)
    await again(db, other, finance)
    await (await browser.signed_in(other)).open(path, expect=404)
    await again(db, other, finance)
    await (await browser.signed_in(other)).post(path, {}, expect=404)
    await again(db, finance)
    staff = await browser.signed_in(finance)
    wrong = form(capital="-1", income="", disregarded="9", pays_all="yes", **{"starts_on-year": "2026"})
    page = await staff.post(path, wrong, expect=422)
    # With all of it paid, a light touch is meant, and what is missing is no more than that.
    assert set(page.errors()) == {"starts_on", "capital", "income", "disregarded", "is_light_touch"}
    assert page.field("protected") == "228.70"
    assert await count(db, "financial_assessments") == 0
