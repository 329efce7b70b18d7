"""What the books say, by hand-computed pence: spending by team, the trial balance, the year-end, block contracts."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from marketplace.bookings.policies import service_of
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import FixedClock, instant
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.books_rules import block_use, financial_year, outwards_of, pay_weeks
from marketplace.payments.models import BlockContract, BudgetTeam
from marketplace.payments.rules import months_between
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.providers.models import ServiceLine
from tests.browser import Browser
from tests.factories_bookings import make_booking, make_scene
from tests.factories_payments import Money, make_accrual, make_money


async def make_team(db: Any, money: Money, name: str, **given_: Any) -> BudgetTeam:
    """A team of the council."""
    values = {"council_id": money.council.id, "name": name, "cost_centre": f"ASC-{name}", "created_at": NOW}
    team = BudgetTeam(**{**values, **given_})
    db.add(team)
    await db.flush()
    return team


NOW = datetime(2027, 1, 2, tzinfo=UTC)


async def make_block(db: Any, money: Money, **given_: Any) -> BlockContract:
    """40 hours a week for £800.00 from 1 January to 31 March 2027."""
    values = {
        "council_id": money.council.id,
        "organisation_id": money.organisation.id,
        "service_line": ServiceLine.COMMUNITY_SUPPORT,
        "name": "Evenings",
        "weekly_minutes": 2_400,
        "weekly_pence": 80_000,
        "starts_on": date(2027, 1, 1),
        "ends_on": date(2027, 4, 1),
        "entered_at": NOW,
    }
    row = BlockContract(**{**values, **given_})
    db.add(row)
    await db.flush()
    return row


def test_a_financial_year_begins_in_april_and_a_leap_year_is_no_trouble() -> None:
    year = financial_year(date(2027, 3, 31), "04-01")
    assert (year.starts_on, year.last_on, year.label) == (date(2026, 4, 1), date(2027, 3, 31), "2026 to 2027")
    assert financial_year(date(2027, 4, 1), "04-01").starts_on == date(2027, 4, 1)
    assert financial_year(date(2028, 2, 29), "02-29").starts_on == date(2027, 3, 1)


def test_a_year_of_365_days_has_53_pay_weeks_for_its_first_weekday_alone_and_a_leap_year_for_two() -> None:
    # 1 April 2026 is a Wednesday.
    year = financial_year(date(2026, 4, 1), "04-01")
    assert [pay_weeks(year, weekday) for weekday in range(7)] == [52, 52, 53, 52, 52, 52, 52]
    # 1 April 2027 is a Thursday, and 29 February 2028 falls in that year.
    leap = financial_year(date(2027, 4, 1), "04-01")
    assert [pay_weeks(leap, weekday) for weekday in range(7)] == [52, 52, 52, 53, 53, 52, 52]


@given(st.dates(date(2000, 1, 1), date(2190, 1, 1)))
def test_the_weeks_of_all_weekdays_are_the_days_of_the_year(day: date) -> None:
    year = financial_year(day, "04-01")
    assert sum(pay_weeks(year, weekday) for weekday in range(7)) == (year.ends_on - year.starts_on).days


def test_unused_hours_cost_what_was_paid_for_them() -> None:
    months = months_between(date(2027, 1, 1), date(2027, 4, 1), date(2027, 3, 3))
    uses = block_use(2_400, 80_000, date(2027, 1, 1), months, {date(2027, 1, 5): 8_000, date(2027, 2, 1): 10_000})
    january, february = uses
    # January: 31 days of £800.00 / 7 are £3,542.857 and of 2,400 / 7 minutes 10,628.57: £3,542.86 for 10,629 minutes.
    assert (january.cost_pence, january.bought_minutes, january.share) == (354_286, 10_629, 75)
    # 2,629 minutes unused: 354,286 × 2,629 / 10,629 = 87,629.79.
    assert (january.stranded_minutes, january.stranded_pence) == (2_629, 87_630)
    # February: up to day 59 £6,742.857, less £3,542.86: £3,200.00 for 9,600 minutes; more was used than bought.
    assert (february.cost_pence, february.bought_minutes) == (320_000, 9_600)
    assert (february.share, february.stranded_pence) == (104, 0)


@given(st.integers(1, 10**7), st.integers(1, 20_000), st.lists(st.integers(0, 1_000), max_size=90))
def test_months_of_a_block_add_up_to_its_price_and_never_strand_more(pence: int, minutes: int, used: list[int]) -> None:
    first = date(2027, 1, 1)
    delivered = {date.fromordinal(first.toordinal() + number): one for number, one in enumerate(used)}
    months = months_between(first, date(2027, 4, 2), date(2027, 5, 1))
    uses = block_use(minutes, pence, first, months, delivered)
    assert sum(use.cost_pence for use in uses) == pence * 13  # 91 days
    assert sum(use.bought_minutes for use in uses) == minutes * 13
    assert all(0 <= use.stranded_pence <= use.cost_pence for use in uses)


def test_areas_are_read_as_people_type_them() -> None:
    assert outwards_of("pr1, PR2;dn12\nPR1") == (["PR1", "PR2", "DN12"], [])
    assert outwards_of("PR1 2HE")[1] == ["2HE"]


async def test_spending_stands_at_its_team_and_stage(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    north = await make_team(db, money, "North", yearly_pence=30_000)
    # £75.00 earned, £100.00 approved and not paid, £20.05 paid by a run on 8 March, which is still to come.
    bill = await money.bill(db, 10_000)
    await money.released(db, await money.bill(db, 2_005))
    await make_accrual(db, money.council, money.organisation, amount_pence=7_500)
    await db.execute(text("UPDATE accruals SET team_id = :team"), {"team": north.id})
    await make_accrual(db, money.council, money.organisation, amount_pence=111)
    north_id, bill_id = north.id, bill.id
    assert bill_id
    finance = await browser.signed_in(money.finance)
    await finance.open("/books")
    table = (await finance.get("/books/spending.csv")).text.splitlines()
    # 300.00 - 75.00 - 100.00 - 20.05 = 104.95; the run pays on 8 March, and today is the 3rd.
    assert table[1] == "North,ASC-North,300.00,0.00,75.00,0.00,120.05,0.00,104.95"
    assert table[2] == "No team,,,0.00,1.11,0.00,0.00,0.00,"
    page = await finance.open(f"/books/teams/{north_id}")
    assert "£195.05" in page.words


async def test_a_team_is_warned_before_it_overspends(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    for name, promised in (("North", 2_501), ("South", 2_500)):
        team = await make_team(db, money, name, yearly_pence=10_000)
        await make_accrual(db, money.council, money.organisation, amount_pence=7_500, team_id=team.id)
        promise = [debit(Purpose.COMMITMENT, promised, team.id), credit(Purpose.COMMITTED, promised)]
        await LedgerService(db).post(money.council.id, "plan-committed", team.id, promise)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/books")
    assert "North will be over its budget by £0.01" in page.words
    assert "South will be over" not in page.words
    assert "South has spent or committed 100% of its budget" in page.words
    balance = await finance.open("/books/trial-balance")
    assert "Memorandum" in balance.words
    assert "£50.01" in balance.words


async def test_the_year_end_is_what_was_owed_on_31_march(browser: Browser, db: Any, clock: FixedClock) -> None:
    money = await make_money(db)
    north = await make_team(db, money, "North")
    # Billed in March: £100.00. Earned in February and billed in no year: £75.00. Earned on 1 April: not of the year.
    await money.bill(db, 10_000)
    await make_accrual(db, money.council, money.organisation, amount_pence=7_500)
    await make_accrual(db, money.council, money.organisation, amount_pence=5_000, earned_on=date(2027, 4, 1))
    await db.execute(text("UPDATE accruals SET team_id = :team"), {"team": north.id})
    clock.move_to(instant(date(2027, 4, 20), clock.now().time()))
    name = money.organisation.name
    finance = await browser.signed_in(money.finance)
    table = (await finance.get("/books/year-end.csv?year=2026")).text.splitlines()
    assert table[1:] == [f"North,ASC-North,{name},75.00,0.00,100.00"]
    page = await finance.open("/books/year-end?year=2026")
    assert "31 March 2027" in page.words
    assert "53 pay weeks for what is paid by the week from a Wednesday" in page.words
    # A year later £75.00 and £50.00 were still not billed.
    assert "125.00,0.00,100.00" in (await finance.get("/books/year-end.csv?year=2027")).text


async def test_the_trial_balance_adds_up_on_its_day(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    await money.bill(db, 10_000)
    finance = await browser.signed_in(money.finance)
    rows = (await finance.get("/books/trial-balance.csv")).text.splitlines()[1:]
    assert "plan_spend,Spending on support planning,,100.00,0.00" in rows
    assert "payable,Owed to suppliers,,0.00,100.00" in rows
    assert 'accrued,"Earned by suppliers, not billed",,0.00,0.00' in rows
    page = await finance.open("/books/trial-balance?on=2027-03-31")
    assert page.words.count("£100.00") == 4
    assert "Nothing was posted" in (await finance.open("/books/trial-balance?on=2026-01-01")).words
    assert "real date" in (await finance.open("/books/trial-balance?on=2027-02-31")).words


async def test_block_contracts_show_each_month_and_what_it_left_unused(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    finance = await browser.signed_in(money.finance)
    await make_block(db, money)
    page = await finance.open("/block-contracts")
    # Nothing was delivered: both months that are over are stranded whole.
    assert "£3,542.86" in page.words
    assert "£6,742.86 went unused" in page.words
    rows = (await finance.get("/block-contracts/utilisation.csv")).text.splitlines()
    assert rows[1].endswith("2027-01,10629,0,0,3542.86,3542.86")
    assert rows[2].endswith("2027-02,9600,0,0,3200.00,3200.00")


async def test_visits_that_took_place_use_a_block_once(browser: Browser, db: Any) -> None:
    scene = await make_scene(db)
    money = await make_money(db, council=scene.council)
    given_ = {"organisation_id": scene.organisation.id, "service_line": service_of(scene.listing.category)}
    # 60 minutes a week from Monday 1 February: 240 minutes for £64.00 in February.
    terms = {"weekly_minutes": 60, "weekly_pence": 1_600, "starts_on": date(2027, 2, 1), **given_}
    first = await make_block(db, money, name="A first", **terms)
    await make_block(db, money, name="B second", **{**terms, "starts_on": date(2027, 2, 15)})
    for day, minutes, status in (
        (date(2027, 2, 2), 90, BookingStatus.APPROVED),
        (date(2027, 2, 16), 60, BookingStatus.CLAIMED),
        (date(2027, 2, 17), 60, BookingStatus.CANCELLED),
        (date(2027, 1, 31), 60, BookingStatus.APPROVED),
    ):
        # The first was counted when it was approved; the second waits for that, and nothing else uses the block.
        counted = first.id if (status, day.month) == (BookingStatus.APPROVED, 2) else None
        await make_booking(db, scene, status, on=day, minutes=minutes, block_contract_id=counted)
    finance = await browser.signed_in(money.finance)
    rows = (await finance.get("/block-contracts/utilisation.csv")).text.splitlines()[1:]
    found = {row.split(",")[0]: row.split(",")[3:] for row in rows}
    # 90 and 60 minutes of 240 are 62 %; 90 unused minutes of 240 cost £24.00.
    assert found["A first"] == ["2027-02", "240", "150", "62", "64.00", "24.00"]
    assert found["B second"] == ["2027-02", "120", "0", "0", "32.00", "32.00"]


async def test_council_without_block_contracts_learns_what_shows_there(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    finance = await browser.signed_in(money.finance)
    assert "No block contracts" in (await finance.open("/block-contracts")).words


PAGES = ["/books", "/books/spending.csv", "/books/trial-balance", "/books/year-end", "/block-contracts"]


@pytest.mark.parametrize("path", PAGES)
async def test_the_books_are_the_councils_own(browser: Browser, db: Any, path: str) -> None:
    money, other = await make_money(db), await make_money(db)
    team = await make_team(db, money, "North")
    await make_accrual(db, money.council, money.organisation, amount_pence=12_345, team_id=team.id)
    await make_block(db, money)
    team_id = team.id
    provider, stranger = await browser.signed_in(money.provider), await browser.signed_in(other.finance)
    await provider.get(path, expect=403)
    words = (await stranger.get(path)).text
    assert "123.45" not in words
    assert "North" not in words
    assert "Evenings" not in words
    await stranger.get(f"/books/teams/{team_id}", expect=404)


async def test_a_credit_note_gives_the_team_its_money_back(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    team = await make_team(db, money, "North", yearly_pence=30_000)
    bill = await money.bill(db, 10_000)
    await db.execute(text("UPDATE accruals SET team_id = :team"), {"team": team.id})
    line_id = await db.scalar(text("SELECT id FROM invoice_lines WHERE invoice_id = :bill"), {"bill": bill.id})
    await CreditNoteService(db).make(money.finance.principal, bill.id, {line_id: 2_501}, "Too much")
    finance = await browser.signed_in(money.finance)
    row = (await finance.get("/books/spending.csv")).text.splitlines()[1].split(",")
    # £100.00 less £25.01, whether the note is approved yet or not; £225.01 of £300.00 are left.
    assert sum(Decimal(cell) for cell in row[4:8]) == Decimal("74.99")
    assert row[8] == "225.01"
