"""Journey of new bank details: the password again, a call, two people of finance, days of waiting, told everywhere."""

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories_paying import Supplier, add_supplier, found_town
from tests.journeys.accreditation import send
from tests.journeys.conftest import Site
from tests.journeys.money_steps import stays_in
from tests.journeys.paying import refused, row
from tests.journeys.walker import PASSWORD, Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WHOLE = ("87654321", "200415", "20-04-15")
"""What no page and no message may hold."""
MASKED = "••••4321"
WAYS = [
    pytest.param("brathayside", {"scripts": True}, id="desktop"),
    pytest.param("mintside", {"scripts": True, "width": 390}, id="phone"),
    pytest.param("sprintside", {"scripts": False, "width": 390}, id="phone without scripts"),
]


def masked(walker: Walker) -> None:
    """The page fits, and nowhere in its source stands the whole number."""
    stays_in(walker)
    source = walker.page.content()
    assert not [number for number in WHOLE if number in source], walker.page.url


def confirm(walker: Walker, opener: str) -> None:
    """Give the password again; once it is wrong."""
    send(walker, opener)
    walker.page.get_by_label("Password", exact=True).fill("not-my-password")
    refused(walker, "Continue")
    walker.page.get_by_label("Password", exact=True).fill(PASSWORD)
    walker.press("Continue")
    expect(walker.page).to_have_url(re.compile("/bank-details"))
    walker.look()


@pytest.mark.parametrize(("slug", "way"), WAYS)
def test_new_bank_details_take_a_call_two_people_and_some_days(
    site: Site, walk: Any, slug: str, way: dict[str, Any]
) -> None:
    """V15: nobody alone moves a supplier's money elsewhere, and whom we knew before hears of it."""

    async def arrange(db: AsyncSession) -> Supplier:
        town = await found_town(db, slug, f"{slug.title()} Council")
        name = f"Moving Bank Care of {slug.title()}"
        return await add_supplier(db, town, "mover", name, email=f"office@{slug}.org.example")

    made = site.arrange(arrange)
    supplier, finance, checker = walk(**way), walk(**way), walk(**way)

    supplier.sign_in(made.email)
    supplier.open("/bank-details")
    assert supplier.page.locator("[name=sort_code]").count() == 0
    confirm(supplier, "Confirm it is you, then go on")
    supplier.fill(account_name=made.name[:18], sort_code="20-04-1", account_number="123")
    refused(supplier, "Send for checking")
    assert supplier.page.locator(".govuk-error-summary a").count() == 2
    supplier.fill(sort_code=WHOLE[2], account_number=WHOLE[0])
    send(supplier, "Send for checking")
    masked(supplier)
    assert "Waiting for a check" in row(supplier, MASKED).inner_text()
    supplier.open("/bank-details-to-check", status=403)
    for address in (made.email, f"office@{slug}.org.example"):
        site.wait_for_mail(address, f"New bank details for {made.name}")
    site.wait_for_mail(f"finance@{slug}.example", f"Bank details to check: {made.name}")

    finance.sign_in(f"finance@{slug}.example")
    finance.follow(re.compile("bank account to check"))
    masked(finance)
    assert "Call them" in row(finance, made.name).inner_text()
    finance.follow(made.name)
    masked(finance)
    path = finance.page.url.removeprefix(finance.address)
    confirm(finance, "Confirm it is you, then decide")
    finance.choose("answer", "accept")
    finance.fill(reason="The name fits")
    finance.press("Save")
    finance.look()
    assert "record the call" in finance.text
    finance.open(path)
    refused(finance, "Record the call")
    finance.choose("number_from", "agreement")
    finance.fill(spoke_to="Pat, treasurer")
    refused(finance, "Record the call")
    assert finance.page.locator("input[name=spoke_to]").input_value() == "Pat, treasurer"
    finance.page.locator("input[name=agreed]").check()
    send(finance, "Record the call")
    masked(finance)
    assert "You made the call" in finance.text
    assert finance.page.get_by_label("Yes, use them").count() == 0

    checker.sign_in(f"finance-checker@{slug}.example")
    checker.open("/bank-details-to-check")
    assert "Accept or refuse" in row(checker, made.name).inner_text()
    checker.follow(made.name)
    confirm(checker, "Confirm it is you, then decide")
    refused(checker, "Save")
    checker.choose("answer", "accept")
    checker.fill(reason="The call agrees with the letter")
    send(checker, "Save")
    masked(checker)
    live_on = site.today + timedelta(days=4)
    assert f"Payments go to this account from {live_on.day} {live_on:%B %Y}" in checker.text
    assert "Accepted, not paid to yet" in checker.text
    checker.follow(made.name)
    masked(checker)
    assert "Stop these details" in checker.text
    site.wait_for_mail(made.email, "Your bank details have been checked")
    supplier.open("/bank-details")
    masked(supplier)
    assert "Checked" in row(supplier, MASKED).inner_text()
    assert "In use" in supplier.text
    letters = [path.read_text() for path in (site.data_dir / "outbox").glob("*.eml") if made.name in path.read_text()]
    assert not [letter for letter in letters if any(number in letter for number in WHOLE)]
