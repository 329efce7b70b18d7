"""Finance's workspace: sums by hand, ages at their edges, spend by lot and tariff, nothing of other councils."""

from datetime import date
from typing import Any

import pytest

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock, instant
from marketplace.providers.models import ServiceLine
from tests.browser import Browser
from tests.factories import make_accreditation, make_member
from tests.factories_frameworks import make_framework, make_lot, make_version
from tests.factories_payments import make_accrual, make_money, make_tariff, reload
from tests.payments.test_queries import NINE, held_line


def table(page: Any) -> list[list[str]]:
    """The rows of a CSV."""
    return [line.split(",") for line in page.text.splitlines()]


async def test_the_workspace_counts_what_waits(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    await held_line(db, money)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/finance")
    # One self-bill of £75.00 and £20.00, of which £20.00 is held.
    assert "£95.00" in page.words
    assert "The price is above what was agreed" in page.words
    assert "Nothing is due" in page.words
    rows = table(await finance.get("/finance/ageing.csv"))
    assert rows[1][1:] == ["95.00", "0.00", "0.00", "0.00", "0.00", "75.00", "20.00", "95.00"]
    assert rows[2][0] == "All organisations"
    assert rows[2][-1] == "95.00"
    await finance.open("/finance/ageing")


async def test_what_is_approved_is_due_until_it_is_in_a_run(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    bill = await money.bill(db, 12_345)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/finance")
    assert "£123.45 (1)" in page.words
    assert "£123.45" in (await finance.open("/finance/due")).words
    assert table(await finance.get("/finance/due.csv"))[1][-1] == "123.45"
    await reload(db)
    await money.run(db, bill)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/finance")
    assert "Nothing is due" in page.words
    # It is owed until it leaves for the bank.
    assert table(await finance.get("/finance/ageing.csv"))[1][-1] == "123.45"
    assert "Nothing is due within 30 days" in (await finance.open("/finance/due")).words


@pytest.mark.parametrize(("day", "place"), [(2, 1), (3, 2)])
async def test_ages_change_after_their_last_day(
    browser: Browser, db: Any, clock: FixedClock, day: int, place: int
) -> None:
    money = await make_money(db)
    await money.bill(db, 5_000)
    # Received on 3 March: 2 April is day 30, 3 April day 31.
    clock.move_to(instant(date(2027, 4, day), NINE))
    finance = await browser.signed_in(money.finance)
    row = table(await finance.get("/finance/ageing.csv"))[1]
    assert [row[index] for index in (1, 2)] == (["50.00", "0.00"] if place == 1 else ["0.00", "50.00"])


async def test_spend_by_lot_and_tariff_is_by_the_day_it_was_earned(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    tariff = await make_tariff(db, money.council)
    version = await make_version(db, await make_framework(db, money.council))
    lot = await make_lot(db, version, code="2b", name="Care at home", service_line=ServiceLine.HOME_CARE)
    await make_accreditation(db, money.organisation, money.council, ServiceLine.HOME_CARE, lot_id=lot.id)
    await make_accrual(db, money.council, money.organisation, amount_pence=7_501, tariff_id=tariff.id)
    visit = {"service_line": ServiceLine.HOME_CARE, "kind": "visit", "description": "Visit"}
    await make_accrual(db, money.council, money.organisation, amount_pence=10_099, **visit)
    await make_accrual(db, money.council, money.organisation, amount_pence=1, **visit)
    await make_accrual(db, money.council, money.organisation, amount_pence=99_999, earned_on=date(2026, 3, 31))
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/finance/spend")
    assert "£176.01" in page.words
    rows = table(await finance.get("/finance/spend.csv"))[1:]
    assert ["lot", "Lot 2b Care at home", "2", "101.00"] in rows
    assert ["tariff", "Visits", "2", "101.00"] in rows
    assert ["tariff", "Support plans 2026", "1", "75.01"] in rows
    assert ["lot", '"Support planning', ' no lot"', "1", "75.01"] in rows
    before = await finance.open("/finance/spend?year=2025-04-01")
    assert "£999.99" in before.words
    assert "Nothing was earned" in (await finance.open("/finance/spend?year=2024-04-01")).words


async def test_other_councils_and_roles_see_nothing_of_it(browser: Browser, db: Any) -> None:
    money, other = await make_money(db), await make_money(db)
    await money.bill(db, 12_345)
    social_worker = await make_member(db, Role.SOCIAL_WORKER, money.council)
    elsewhere, worker = await browser.signed_in(other.finance), await browser.signed_in(social_worker)
    provider = await browser.signed_in(money.provider)
    for path in ("/finance", "/finance/due", "/finance/ageing", "/finance/spend"):
        assert "£123.45" not in (await elsewhere.open(path)).words
    await worker.get("/finance", expect=403)
    await provider.get("/finance", expect=403)
