"""Journeys of paying when something is not as it should be: rehearsals, refused files, what comes back, wrong bills."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories_paying import Supplier, add_supplier, bill, earn, found_town
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site
from tests.journeys.money_steps import stays_in
from tests.journeys.paying import (
    approve_bill,
    make_run,
    preview_bills,
    propose,
    refuse_file,
    refused,
    rehearse,
    release,
    row,
    second_person,
    send_bank_list,
    take_file,
)
from tests.journeys.walker import Walker
from tests.payments.bacs_reader import read_bacs18

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AS = [
    pytest.param("hodderside", {"scripts": True}, id="desktop"),
    pytest.param("wenningside", {"scripts": False, "width": 390}, id="phone"),
]
"""Each journey as it is at a desk with scripts and on a phone without, in two councils."""


def fits(walker: Walker) -> None:
    """A phone's page never scrolls sideways."""
    stays_in(walker)


@pytest.mark.parametrize(("slug", "way"), AS)
def test_the_bank_refuses_the_whole_file_and_everybody_is_paid_once_by_the_next(
    site: Site, walk: Any, slug: str, way: dict[str, Any]
) -> None:
    """A rehearsal first; the real run is refused; all of it is owed again; the next run says what it pays again."""

    async def arrange(db: AsyncSession) -> list[Supplier]:
        town = await found_town(db, slug, f"{slug.title()} Council")
        made = [
            await add_supplier(db, town, f"{name}-{slug}", f"{name.title()} Planning of {slug.title()}")
            for name in ("north", "south")
        ]
        for supplier, pence in zip(made, (9_900, 8_200), strict=True):
            await earn(db, town, supplier, pence, site.today - timedelta(days=3))
        await bill(db, town)
        return made

    suppliers = site.arrange(arrange)
    until = site.today + timedelta(days=60)
    finance = walk(**way)
    finance.sign_in(f"finance@{slug}.example")

    propose(finance, until)
    rehearsal = rehearse(finance)
    fits(finance)
    assert "This run is practice" in finance.text
    practised = take_file(finance, rehearsal)
    assert "rehearsal" in practised.name
    propose(finance, until)
    assert "£181.00" in finance.text
    run = make_run(finance)
    number = re.search(r"PR-\d{6}", finance.text)
    assert number is not None
    release(second_person(walk, slug), run)
    taken = take_file(finance, run)
    assert sum(item.amount_pence for item in read_bacs18(taken.content).credits) == 18_100
    finance.open(run)
    finance.fill(reference="BNK-77")
    send(finance, "The bank has the file")

    why = "The limit of our service user number is lower than this file"
    refuse_file(finance, why)
    fits(finance)
    assert "Refused by the bank" in finance.text
    assert why in finance.text
    assert finance.page.get_by_role("link", name="Download the Bacs file").count() == 0
    for address in (f"finance@{slug}.example", f"finance-checker@{slug}.example"):
        site.wait_for_mail(address, f"The bank refused payment run {number.group()}")
    for supplier in suppliers:
        site.wait_for_mail(supplier.email, "will come later")

    propose(finance, until)
    again = make_run(finance)
    assert "Pays again what the bank refused" in finance.text
    assert number.group() in finance.text
    release(second_person(walk, slug), again)
    propose(finance, until)
    assert "£181.00" not in finance.text
    finance.open(run)
    assert "Paid instead by" in finance.text


@pytest.mark.parametrize(("slug", "way"), [("douglasside", AS[0].values[1]), ("rothayside", AS[1].values[1])])
def test_a_banks_list_of_returned_payments_is_read_once(site: Site, walk: Any, slug: str, way: dict[str, Any]) -> None:
    """C8: one row fits a payment and opens it, one fits none; a wrong list is refused whole; twice changes nothing."""

    async def arrange(db: AsyncSession) -> Supplier:
        town = await found_town(db, slug, f"{slug.title()} Council")
        made = await add_supplier(db, town, f"back-{slug}", f"Come Back Care of {slug.title()}")
        await earn(db, town, made, 7_777, site.today - timedelta(days=3))
        await bill(db, town)
        return made

    made = site.arrange(arrange)
    finance = walk(**way)
    finance.sign_in(f"finance@{slug}.example")
    propose(finance, site.today + timedelta(days=60))
    run = make_run(finance)
    release(second_person(walk, slug), run)
    take_file(finance, run)
    finance.open(run)
    finance.fill(reference="BNK-78")
    send(finance, "The bank has the file")

    day = f"{site.today:%d/%m/%Y}"
    head = "Date,Amount,Reference,Account number,Code"
    send_bank_list(finance, f"{head}\r\n{day},seventy,SB-000001,,B\r\n")
    assert "Line 2" in finance.text
    good = f"{head}\r\n{day},77.77,SB-000001,,B\r\n{day},12.00,SB-000999,,5\r\n"
    send_bank_list(finance, good)
    fits(finance)
    assert "Account closed" in finance.text
    finance.open(run)
    assert "Came back" in row(finance, made.name).inner_text()
    # What came back shows that the bank did process the file.
    assert finance.page.get_by_role("button", name="The bank refused the whole file").count() == 0
    site.wait_for_mail(made.email, "came back")
    send_bank_list(finance, good)
    finance.open(run)
    assert "1 payment, £77.77" in finance.text
    propose(finance, site.today + timedelta(days=60))
    assert "Came back before" in finance.text
    supplier = walk(**way)
    supplier.sign_in(made.email)
    supplier.open("/earnings/payments")
    fits(supplier)
    assert "Came back" in row(supplier, "£77.77").inner_text()


@pytest.mark.parametrize(("slug", "way"), [("yarrowside", AS[0].values[1]), ("lostockside", AS[1].values[1])])
def test_a_wrong_self_bill_is_taken_back_whole_and_billed_again_once(
    site: Site, walk: Any, slug: str, way: dict[str, Any]
) -> None:
    """Finance's own credit note with its reason, then the earning on a second bill; the supplier reads all three."""

    async def arrange(db: AsyncSession) -> Supplier:
        town = await found_town(db, slug, f"{slug.title()} Council")
        made = await add_supplier(db, town, f"wrong-{slug}", f"Wrongly Billed of {slug.title()}")
        await earn(db, town, made, 8_200, site.today - timedelta(days=3))
        return made

    made = site.arrange(arrange)
    finance = walk(**way)
    finance.sign_in(f"finance@{slug}.example")
    first = site.today - timedelta(days=30)
    preview_bills(finance, first, site.today)
    send(finance, "Make 1 self-bill")
    number = approve_bill(finance, made.name)
    self_bill = path_of(finance)
    finance.follow("Hold single lines, or take it back with a credit note")
    finance.follow("Take some or all of it back with a credit note")
    fits(finance)
    refused(finance, "Make the credit note")
    finance.page.locator("input[name=whole]").check()
    refused(finance, "Make the credit note")
    assert finance.page.locator("input[name=whole]").is_checked()
    finance.fill(reason="The bill names the wrong treatment of VAT")
    send(finance, "Make the credit note")
    assert "SC-000001" in finance.text
    site.wait_for_mail(made.email, "SC-000001")

    finance.open(self_bill)
    fits(finance)
    refused(finance, "Let it be billed again")
    finance.fill(reason="The VAT on it was wrong")
    send(finance, "Let it be billed again")
    assert "1 earning can be billed again" in finance.text
    preview_bills(finance, first, site.today)
    send(finance, "Make 1 self-bill")
    assert approve_bill(finance, made.name) != number
    finance.open(self_bill)
    assert "may be billed again, on another bill" in finance.text
    assert finance.page.get_by_role("button", name="Let it be billed again").count() == 0
    supplier = walk(**way)
    supplier.sign_in(made.email)
    supplier.open("/earnings")
    fits(supplier)
    for words in ("SB-000001", "SC-000001", "SB-000002"):
        assert words in supplier.text, words
