"""Budget teams and cost codes in pages: who bears what, and what the finance system calls it."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.core.database import scope_to
from marketplace.payments.models import BudgetTeam
from marketplace.payments.repository.books_teams import CostCodeRepository
from marketplace.payments.service.books.codes import CodeBook
from marketplace.payments.service.teams import team_of
from tests.browser import Browser, count
from tests.factories import make_person
from tests.factories_payments import make_money

NORTH = {"name": "North", "cost_centre": "asc-4100", "yearly": "1200.50", "outwards": "PR1, pr2 PR1"}
FIRST = {"starts_on-day": "1", "starts_on-month": "3", "starts_on-year": "2027"}


async def team_named(db: Any, name: str) -> BudgetTeam:
    await scope_to(db, "every")
    return (await db.scalars(select(BudgetTeam).where(BudgetTeam.name == name))).one()


async def test_a_team_is_added_once_and_bears_its_postcode_areas(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    person = await make_person(db, money.council, postcode="PR1 2HE")
    elsewhere = await make_person(db, money.council, postcode="DN1 3BU")
    council_id, person_id, other_id = money.council.id, person.id, elsewhere.id
    finance = await browser.signed_in(money.finance)
    assert "No teams yet" in (await finance.open("/budget-teams")).words
    form = {**NORTH, "form_id": "twice"}
    first = await finance.post("/budget-teams/new", form)
    assert (await finance.post("/budget-teams/new", form)).location == first.location
    team = await team_named(db, "North")
    assert (team.cost_centre, team.yearly_pence, team.outwards) == ("ASC-4100", 120_050, ["PR1", "PR2"])
    team_id = team.id
    page = await finance.open("/budget-teams")
    assert "£1,200.50" in page.words
    assert "PR1, PR2" in page.words
    assert await team_of(db, council_id, person_id, date(2027, 3, 3)) == team_id
    assert await team_of(db, council_id, other_id, date(2027, 3, 3)) is None
    assert "North,ASC-4100,1200.50,PR1 PR2,no," in (await finance.get("/budget-teams/teams.csv")).text


async def test_what_is_wrong_with_a_team_is_said_at_its_fields(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    finance = await browser.signed_in(money.finance)
    await finance.post("/budget-teams/new", NORTH)
    wrong = {"name": "", "cost_centre": "?", "yearly": "-5", "outwards": "Preston"}
    page = await finance.post("/budget-teams/new", wrong, expect=422)
    assert set(page.errors()) == {"name", "cost_centre", "yearly", "outwards"}
    assert page.field("outwards") == "Preston"
    taken = await finance.post("/budget-teams/new", {**NORTH, "name": "NORTH", "outwards": "PR2"}, expect=422)
    assert taken.errors() == {"name": "Another team has this name", "outwards": "PR2 is served by North"}
    assert await count(db, "budget_teams") == 1


async def test_the_default_moves_and_the_cost_centre_stays(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    finance = await browser.signed_in(money.finance)
    await finance.post("/budget-teams/new", {**NORTH, "is_default": "yes"})
    await finance.post("/budget-teams/new", {"name": "South", "cost_centre": "ASC-4200", "is_default": "yes"})
    assert not (await team_named(db, "North")).is_default
    south = (await team_named(db, "South")).id
    page = await finance.open(f"/budget-teams/{south}/change")
    assert page.field("cost_centre") == "ASC-4200"
    other = {"name": "South", "cost_centre": "ASC-9", "is_default": "yes"}
    refused = await finance.post(f"/budget-teams/{south}/change", other, expect=422)
    assert set(refused.errors()) == {"cost_centre"}
    await finance.post(f"/budget-teams/{south}/change", {**other, "cost_centre": "ASC-4200", "outwards": "DN1"})
    assert (await team_named(db, "South")).outwards == ["DN1"]
    assert await count(db, "audit_entries", "action = 'payments.change_budget_team'") == 2


async def test_a_person_is_named_for_a_team_from_a_day_on(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    person = await make_person(db, money.council, postcode="DN1 3BU")
    council_id, person_id, reference = money.council.id, person.id, person.reference
    finance = await browser.signed_in(money.finance)
    await finance.post("/budget-teams/new", NORTH)
    team_id = (await team_named(db, "North")).id
    path = f"/budget-teams/{team_id}/people"
    assert set((await finance.post(path, {"person": "nobody", **FIRST}, expect=422)).errors()) == {"person"}
    assert set((await finance.post(path, {"person": reference}, expect=422)).errors()) == {"starts_on"}
    await finance.post(path, {"person": reference, **FIRST})
    again = await finance.post(path, {"person": reference, **FIRST}, expect=422)
    assert "already" in again.errors()["starts_on"]
    assert reference in (await finance.open(f"/budget-teams/{team_id}")).words
    assert await team_of(db, council_id, person_id, date(2027, 3, 1)) == team_id
    assert await team_of(db, council_id, person_id, date(2027, 2, 28)) is None


async def test_a_closed_team_bears_nothing_more(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    person = await make_person(db, money.council)
    council_id, person_id = money.council.id, person.id
    finance = await browser.signed_in(money.finance)
    await finance.post("/budget-teams/new", NORTH)
    team_id = (await team_named(db, "North")).id
    day = {"closed_on-day": "2", "closed_on-month": "3", "closed_on-year": "2027"}
    assert set((await finance.post(f"/budget-teams/{team_id}/close", day, expect=422)).errors()) == {"closed_on"}
    await finance.post(f"/budget-teams/{team_id}/close", {**day, "closed_on-day": "10"})
    assert await team_of(db, council_id, person_id, date(2027, 3, 9)) == team_id
    assert await team_of(db, council_id, person_id, date(2027, 3, 10)) is None
    await finance.post(f"/budget-teams/{team_id}/change", NORTH, expect=409)


@pytest.mark.parametrize("path", ["/budget-teams", "/cost-codes"])
async def test_suppliers_see_no_books_and_checkers_only_read(browser: Browser, db: Any, path: str) -> None:
    money = await make_money(db)
    provider, checker = await browser.signed_in(money.provider), await browser.signed_in(money.checker)
    await provider.get(path, expect=403)
    await checker.open(path)
    form = {"account": "plan_spend", "code": "4100", **FIRST, **NORTH}
    await checker.post(path if path == "/cost-codes" else "/budget-teams/new", form, expect=403)
    assert await count(db, "cost_codes") + await count(db, "budget_teams") == 0


async def test_another_council_sees_and_changes_none_of_it(browser: Browser, db: Any) -> None:
    money, other = await make_money(db), await make_money(db)
    finance, stranger = await browser.signed_in(money.finance), await browser.signed_in(other.finance)
    await finance.post("/budget-teams/new", NORTH)
    await finance.post("/cost-codes", {"account": "plan_spend", "code": "4100", **FIRST})
    team_id = (await team_named(db, "North")).id
    await stranger.get(f"/budget-teams/{team_id}", expect=404)
    await stranger.post(f"/budget-teams/{team_id}/change", NORTH, expect=404)
    await stranger.post(f"/budget-teams/{team_id}/people", {"person": "P1", **FIRST}, expect=404)
    assert "North" not in (await stranger.open("/budget-teams")).words
    assert "4100" not in (await stranger.open("/cost-codes")).words
    await stranger.post("/budget-teams/new", NORTH)


async def test_a_code_holds_from_its_day_and_a_kind_goes_before_its_account(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    council_id = money.council.id
    finance = await browser.signed_in(money.finance)
    assert set((await finance.post("/cost-codes", {}, expect=422)).errors()) == {"account", "code", "starts_on"}
    form = {"account": "plan_spend", "code": "4100", **FIRST, "form_id": "twice"}
    await finance.post("/cost-codes", form)
    await finance.post("/cost-codes", form)
    again = await finance.post("/cost-codes", {**form, "form_id": "other"}, expect=422)
    assert "already" in again.errors()["starts_on"]
    await finance.post("/cost-codes", {"account": "plan_spend", "code": "4199", **FIRST, "starts_on-month": "4"})
    await finance.post("/cost-codes", {"account": "plan_spend:review-tariff", "code": "4150", **FIRST})
    page = await finance.open("/cost-codes")
    assert "4199" in page.words
    await scope_to(db, "every")
    book = CodeBook(await CostCodeRepository(db).listed(council_id))
    assert book.code("plan_spend", "plan-tariff", date(2027, 3, 31)) == "4100"
    assert book.code("plan_spend", "plan-tariff", date(2027, 4, 1)) == "4199"
    assert book.code("plan_spend", "review-tariff", date(2027, 4, 1)) == "4150"
    assert book.code("plan_spend", "plan-tariff", date(2027, 2, 28)) == ""
    assert "plan_spend:review-tariff" in (await finance.get("/cost-codes/codes.csv")).text
