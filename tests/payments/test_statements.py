"""A supplier's own account: the statement by month, what is held and why, when the money comes."""

from datetime import date
from typing import Any

from sqlalchemy import text

from marketplace.core.clock import FixedClock, instant
from tests.browser import Browser
from tests.factories_payments import make_money, reload
from tests.payments.test_queries import NINE, held_line


async def test_a_statement_adds_up_from_month_to_month(browser: Browser, db: Any, clock: FixedClock) -> None:
    money = await make_money(db)
    await money.released(db, await money.bill(db, 12_345))
    await money.bill(db, 7_501, approve=False)
    await db.execute(text("UPDATE payment_run_lines SET returned_on = '2027-04-02'"))
    await reload(db)
    clock.move_to(instant(date(2027, 4, 5), NINE))
    provider = await browser.signed_in(money.provider)
    march = (await provider.get("/earnings/statement/statement.csv?month=2027-03-01")).text.splitlines()
    # £123.45 and £75.01 billed on the 3rd, £123.45 paid on the 8th.
    assert march[1] == "2027-03-01,Owed before,,0.00"
    assert march[2:4] == ["2027-03-03,Bill SB-000001,123.45,123.45", "2027-03-03,Bill SB-000002,75.01,198.46"]
    assert march[4].endswith(",-123.45,75.01")
    april = (await provider.get("/earnings/statement/statement.csv?month=2027-04-01")).text.splitlines()
    assert april[1].endswith(",75.01")
    assert april[2].endswith(",123.45,198.46")
    assert "£198.46" in (await provider.open("/earnings/statement")).words
    assert "Nothing moved" in (await provider.open("/earnings/statement?month=2026-12-01")).words


async def test_a_supplier_sees_what_is_held_and_why_and_when_money_comes(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    await held_line(db, money)
    await money.run(db, await money.bill(db, 12_345))
    provider = await browser.signed_in(money.provider)
    page = await provider.open("/earnings")
    assert "The price is above what was agreed" in page.words
    assert "Planned for 8 Mar 2027" in page.words
    form = await provider.open(page.link(r"/earnings/queries/new\?line="))
    assert form.field("kind") == "suspended"


async def test_another_organisation_and_council_see_nothing(browser: Browser, db: Any) -> None:
    money, other = await make_money(db), await make_money(db)
    await money.bill(db, 12_345)
    council_id = money.council.id
    stranger = await browser.signed_in(other.provider)
    await stranger.get(f"/earnings/statement?council={council_id}", expect=404)
    assert "£123.45" not in (await stranger.open("/earnings/statement")).words
    assert "£123.45" not in (await stranger.open("/earnings")).words
