"""Indicative and final budgets: one follows the other, parts add up, and what a plan is told when the sum fell."""

from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.people import BudgetRepository
from marketplace.people.assessments import assessment_for_plan
from marketplace.people.budget_words import budget_note
from marketplace.people.budgets import BudgetService, Part, Working
from marketplace.people.errors import PersonHasDied
from marketplace.people.models import BudgetKind, BudgetStatus, FundingRoute, MetBy, Person
from tests.browser import count, events
from tests.factories import Member, make_council, make_member, make_person
from tests.factories_budgets import make_assessment, make_charge
from tests.factories_ras import make_ras_version

TODAY, APRIL = date(2027, 3, 3), date(2027, 4, 1)


async def start(db: AsyncSession) -> tuple[Person, Member]:
    manager = await make_member(db, Role.MANAGER)
    return await make_person(db, manager.council), manager


async def test_a_newer_estimate_takes_the_place_of_the_one_before(db: AsyncSession) -> None:
    person, manager = await start(db)
    budgets = BudgetService(db)
    first = await budgets.set_indicative(manager.principal, person.id, 15_000, reason="By hand.")
    second = await budgets.set_indicative(manager.principal, person.id, 11_538, reason="Put right.")
    assert (first.status, second.status) == (BudgetStatus.ENDED, BudgetStatus.INDICATIVE)
    assert second.may_change_on == date(2027, 5, 26)
    assert await count(db, "audit_entries", "action = 'people.set_indicative_budget'") == 2
    assert await count(db, "audit_entries", "why LIKE '%Put right%'") == 0
    assert await events(db) == ["BudgetSet", "BudgetSet"]
    note = await budget_note(db, person.council_id, person.id, 15_000)
    assert note is not None
    assert "£34.62 less" in note
    assert await budget_note(db, person.council_id, person.id, 11_538) is None


async def test_an_estimate_adds_what_is_protected_and_keeps_it_apart(db: AsyncSession) -> None:
    person, manager = await start(db)
    version = await make_ras_version(db, manager.council)
    working = Working(
        points=60, version=version, annual_pence=600_000, weekly_pence=11_538, previous_weekly_pence=15_000
    )
    budget = await BudgetService(db).set_indicative(manager.principal, person.id, 11_538, working=working)
    assert (budget.weekly_pence, budget.annual_pence, budget.points) == (15_000, 600_000, 60)
    assert (
        await count(db, "protections", "annual_pence = 180000 AND review_on = '2028-03-03' AND ended_on IS NULL") == 1
    )
    again = Working(points=60, version=version, annual_pence=600_000, weekly_pence=11_538)
    await BudgetService(db).set_indicative(manager.principal, person.id, 11_538, working=again)
    assert await count(db, "protections", "ended_on = '2027-03-03'") == 1
    assert await count(db, "protections") == 1


async def test_the_final_budget_keeps_the_estimate_and_says_why_it_differs(db: AsyncSession) -> None:
    person, manager = await start(db)
    budgets = BudgetService(db)
    advice = await budgets.set_indicative(manager.principal, person.id, 11_538, reason="By hand.")
    parts = [
        Part(route=FundingRoute.COUNCIL_MANAGED, weekly_pence=9_000, what_for="Mornings"),
        Part(route=FundingRoute.DIRECT_PAYMENT, weekly_pence=4_000, what_for="Saturdays"),
    ]
    with pytest.raises(InvalidInput, match=r"why the budget is not £115\.38"):
        await budgets.make_final(manager.principal, person.id, 13_000, parts, " ", TODAY)
    with pytest.raises(InvalidInput, match=r"add up to £140\.00"):
        await budgets.make_final(manager.principal, person.id, 14_000, parts, "More.", TODAY)
    assert await count(db, "budgets") == 1
    final = await budgets.make_final(manager.principal, person.id, 13_000, parts, "Nights cost more.", TODAY)
    assert (final.indicative_id, final.route) == (advice.id, FundingRoute.DIRECT_PAYMENT)
    assert advice.status is BudgetStatus.INDICATIVE
    assert await count(db, "budget_parts") == 2
    assert await BudgetRepository(db).current(person.council_id, person.id, TODAY) == final


async def test_agreed_budgets_follow_one_another_and_never_run_beside_each_other(db: AsyncSession) -> None:
    person, manager = await start(db)
    budgets = BudgetService(db)
    first = await budgets.make_final(manager.principal, person.id, 10_000, [], "", date(2027, 1, 4))
    later = await budgets.make_final(manager.principal, person.id, 12_000, [], "", APRIL)
    assert (first.ends_on, later.starts_on, first.status) == (APRIL, APRIL, BudgetStatus.FINAL)
    # What never ran is set aside; the one that runs ends on the newer day.
    now = await budgets.make_final(manager.principal, person.id, 13_000, [], "", TODAY)
    assert (first.ends_on, later.status, now.starts_on) == (TODAY, BudgetStatus.ENDED, TODAY)
    # Twice on one day: the first keeps its day, because it may have been paid.
    again = await budgets.make_final(manager.principal, person.id, 13_500, [], "", TODAY)
    assert (now.ends_on, again.starts_on) == (date(2027, 3, 4), date(2027, 3, 4))
    rows = await count(db, "budgets")
    assert await budgets.make_final(manager.principal, person.id, 13_500, [], "", date(2027, 3, 10)) == again
    assert await count(db, "budgets") == rows


async def test_a_carers_budget_stands_beside_and_is_not_charged_for(db: AsyncSession) -> None:
    person, manager = await start(db)
    await make_charge(db, person, manager)
    budgets = BudgetService(db)
    support = await budgets.set_indicative(manager.principal, person.id, 10_000, reason="By hand.")
    carer = await budgets.set_indicative(
        manager.principal, person.id, 0, kind=BudgetKind.CARER, one_off_pence=30_000, reason="A break."
    )
    assert (support.own_weekly_pence, carer.own_weekly_pence) == (2_000, 0)
    assert (support.status, carer.status) == (BudgetStatus.INDICATIVE, BudgetStatus.INDICATIVE)
    with pytest.raises(InvalidInput, match="equipment costs"):
        await budgets.set_indicative(manager.principal, person.id, 0, kind=BudgetKind.EQUIPMENT, reason="A rail.")


async def test_budgets_are_refused_to_strangers_for_the_dead_and_beyond_reason(db: AsyncSession) -> None:
    person, manager = await start(db)
    budgets = BudgetService(db)
    finance = await make_member(db, Role.FINANCE, manager.council)
    other = await make_member(db, Role.MANAGER, await make_council(db))
    with pytest.raises(Forbidden):
        await budgets.set_indicative(finance.principal, person.id, 1, reason="x")
    with pytest.raises(NotFound):
        await budgets.set_indicative(other.principal, person.id, 1, reason="x")
    with pytest.raises(InvalidInput):
        await budgets.set_indicative(manager.principal, person.id, -1, reason="x")
    with pytest.raises(InvalidInput, match="how this sum came about"):
        await budgets.set_indicative(manager.principal, person.id, 1)
    person.died_on = TODAY
    await db.flush()
    with pytest.raises(PersonHasDied):
        await budgets.make_final(manager.principal, person.id, 1, [], "", TODAY)
    assert await count(db, "budgets") == 0
    assert await events(db) == []


async def test_a_plan_is_given_what_the_completed_assessment_found(db: AsyncSession) -> None:
    person, _ = await start(db)
    await make_assessment(db, person, is_complete=False)
    assert await assessment_for_plan(db, person.council_id, person.id) is None
    row = await make_assessment(db, person)
    facts = await assessment_for_plan(db, person.council_id, person.id)
    assert facts is not None
    assert (facts.assessment_id, facts.is_eligible, facts.completed_on) == (row.id, True, TODAY)
    assert facts.agreed_outcomes == ("Be ready by nine", "See friends on Saturdays")
    assert [need.outcome_words for need in facts.needs] == [
        "Keeping clean",
        "Being dressed for the day and the weather",
    ]
    assert [need.how for need in facts.met_by(MetBy.INFORMAL)] == ["My sister comes."]
    assert await assessment_for_plan(db, (await make_council(db)).id, person.id) is None
