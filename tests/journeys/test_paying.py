"""Journeys of paying organisations, the council's side: price lists, payment runs, what comes back, late interest."""

import csv
import hashlib
import io
import re
from collections.abc import Generator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import LONDON, FixedClock, instant
from tests.factories_paying import (
    Supplier,
    add_supplier,
    bill,
    earn,
    finish_plan,
    found_town,
    pay_everything,
)
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site, serving
from tests.journeys.money_steps import move_to, name_of, stays_in
from tests.journeys.paying import (
    download,
    linked_row,
    make_run,
    next_saturday,
    pounds_of,
    propose,
    refused,
    release,
    row,
    second_person,
    take_file,
)
from tests.journeys.plan_steps import (
    agree_to_plan,
    check_plan,
    offer,
    record_referral,
    sign_off,
    take_on,
    write_plan,
)
from tests.payments.bacs_reader import read_bacs18

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DATE_PARTS = ("day", "month", "year")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: its last journeys move the clock."""
    with serving(tmp_path_factory.mktemp("paying"), f"paying_{worker_id}") as served:
        yield served


def test_a_council_that_paid_late_owes_interest_and_says_so_in_its_figures(site: Site, walk: Any) -> None:
    """C9: received, due after 30 days, paid 20 days late; claimed once, agreed, and counted in the notice."""
    received = site.today - timedelta(days=60)
    clock = FixedClock(instant(received, time(10)))

    async def arrange(db: AsyncSession) -> Supplier:
        town = await found_town(db, "lateham", "Lateham Council")
        made = await add_supplier(db, town, "patient", "Patient Partners")
        await earn(db, town, made, 120_000, received)
        await bill(db, town)
        clock.move_to(instant(received + timedelta(days=50), time(10)))
        await pay_everything(db, town, clock)
        return made

    made = site.arrange(arrange, clock)
    supplier, finance = walk(scripts=False, width=390), walk(scripts=True)
    supplier.sign_in(made.email)
    supplier.open("/earnings")
    supplier.follow("Late payments and what you may claim")
    stays_in(supplier)
    due = received + timedelta(days=30)
    line = row(supplier, "SB-000001").inner_text()
    assert f"{due.day} {due:%b %Y}" in line
    assert "£70.00" in line
    claim = supplier.page.get_by_role("button", name=re.compile("^Claim £"))
    claimed = re.search(r"£[\d,.]+", claim.inner_text())
    assert claimed is not None
    supplier.click(claim)
    assert supplier.page.get_by_role("button", name=re.compile("^Claim £")).count() == 0

    finance.sign_in("finance@lateham.example")
    finance.open("/late-interest")
    finance.click(finance.page.locator("summary", has_text="Refuse it").first)
    refused(finance, "Refuse")
    finance.click(finance.page.get_by_role("button", name=re.compile("^Agree to £")))
    finance.look()
    assert claimed.group() in finance.text
    site.wait_for_mail(made.email, "Your claim for a late payment was agreed")
    supplier.open("/earnings/late")
    assert "Agreed" in supplier.text
    supplier.open("/earnings")
    assert claimed.group() in supplier.text

    # The six-month figures, as a page and as a table; the payment may lie in the half-year before this one.
    finance.open("/payment-compliance")
    if "Paid after the due day" not in finance.text:
        finance.page.locator("select[name=period]").select_option(index=1)
        finance.press("Show")
    assert "SB-000001" in finance.text
    table = download(finance, finance.page.get_by_role("link", name="The figures as CSV"))
    figures = dict(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert figures["paid_late"] == "1"
    assert figures["paid_late_pounds"] == "1200.00"
    assert figures["council"] == "Lateham Council"


def test_a_new_price_list_leaves_what_was_completed_before_at_its_old_price(site: Site, walk: Any) -> None:
    """V9 and C3: sent back, mended, signed off, £75 once; £82 is priced on the past, published, counts from its day."""
    council = "lancashire.example"
    walker, finance = walk(scripts=False), walk(scripts=True)
    walker.sign_in(f"selffunder@{council}")
    person = name_of(walker)
    walker.sign_in(f"planner@{council}")
    planner = name_of(walker)
    referral, reference = record_referral(walker, council, person)
    offer(walker, council, referral, planner)
    plan = take_on(walker, council, referral, reference, person)
    write_plan(walker, hours="3")
    check_plan(walker, council, plan, send_back="Say who comes along when the volunteer is ill.")
    site.wait_for_mail(f"planner@{council}", "came back to you")
    walker.sign_in(f"planner@{council}")
    walker.open(plan)
    assert "Say who comes along when the volunteer is ill." in walker.text
    walker.fill(what__1="A volunteer of the supporters' club comes along, or his brother")
    send(walker, "Submit for quality check")
    check_plan(walker, council, plan)
    agree_to_plan(walker, f"selffunder@{council}")
    sign_off(walker, council, plan)
    old_day = site.today
    walker.sign_in(f"planner@{council}")
    walker.open("/earnings")
    walker.sees(completed(old_day))
    assert walker.page.locator("main tr", has_text=completed(old_day)).count() == 1
    assert "£75.00" in row(walker, completed(old_day)).inner_text()

    # Finance drafts the new prices, sees what they would have cost, and cannot change the past.
    finance.sign_in(f"finance@{council}")
    finance.open("/tariffs")
    send(finance, "Start a new price list")
    refused(finance, "Start the draft")
    finance.fill(name="Prices of the coming year", source="Cabinet member decision")
    finance.date("starts_on", old_day)
    send(finance, "Start the draft")
    book = path_of(finance)
    finance.click(finance.page.locator(f"main a[href='{book}/rules/plan_completed']"))
    finance.look()
    assert finance.page.locator("input[name=pounds-1]").input_value() == "75.00"
    finance.fill(pounds__1="82")
    send(finance, "Save this price")
    assert "What it would have cost" in finance.text
    assert re.search(r"Difference.*more", finance.text)
    finance.click(finance.page.get_by_role("button", name=re.compile("^Publish from")))
    assert "The first day must be tomorrow or later" in finance.text
    finance.date("starts_on", old_day + timedelta(days=1))
    send(finance, "Save")
    finance.click(finance.page.get_by_role("button", name=re.compile("^Publish from")))
    finance.look()
    assert "The price list is published" in finance.text
    assert finance.page.get_by_role("button", name=re.compile("^Publish from")).count() == 0

    # The next day's plan earns the new price; the old one keeps its own.
    site.move_clock(hours=24)
    site.arrange(lambda db: finish_plan(db, f"planner@{council}", minutes=210))
    walker.sign_in(f"planner@{council}")
    walker.open("/earnings")
    walker.sees(completed(site.today))
    assert "£82.00" in row(walker, completed(site.today)).inner_text()
    assert "£75.00" in row(walker, completed(old_day)).inner_text()


def test_a_run_is_released_by_a_second_person_and_what_comes_back_is_owed_again(site: Site, walk: Any) -> None:
    """C7 and C8: warnings, the password again, the bank's file once and as a copy, a payment that came back."""

    async def arrange(db: AsyncSession) -> list[Supplier]:
        town = await found_town(db, "wyreside", "Wyreside Council")
        large = await add_supplier(db, town, "large", "Larger Sums Trust")
        small = await add_supplier(db, town, "small", "Small Sums Club")
        lost = await add_supplier(db, town, "lost", "No Account Yet", has_account=False)
        for supplier, pence in ((large, 612_345), (small, 8_200), (lost, 7_500)):
            await earn(db, town, supplier, pence, site.today - timedelta(days=3))
        await bill(db, town)
        return [large, small, lost]

    large, small, lost = site.arrange(arrange)
    finance = walk(scripts=True)
    finance.sign_in("finance@wyreside.example")
    until = site.today + timedelta(days=60)
    propose(finance, until)
    for words in ("Unusually large", "First payment", lost.name, "Left out:"):
        assert words in finance.text, words
    filled = {part: finance.page.locator(f"input[name=pay_on-{part}]").input_value() for part in DATE_PARTS}
    pay_on = date(int(filled["year"]), int(filled["month"]), int(filled["day"]))
    finance.date("pay_on", next_saturday(pay_on))
    refused(finance, "Make the payment run")
    finance.date("pay_on", pay_on)
    run = make_run(finance)
    assert "another person must release it" in finance.text
    assert finance.page.get_by_role("button", name=re.compile("^Release")).count() == 0
    checker = second_person(walk, "wyreside")
    release(checker, run)
    stays_in(checker)

    # The file says what the page says, byte for byte, and is the same when it is taken again, with a reason.
    first = take_file(finance, run)
    read = read_bacs18(first.content)
    total = sum(item.amount_pence for item in read.credits)
    assert total == read.contra.amount_pence == 612_345 + 8_200
    assert {item.account_name for item in read.credits} == {
        name.upper()[:18].strip() for name in (large.name, small.name)
    }
    finance.open(run)
    assert pounds_of(total) in finance.text
    assert hashlib.sha256(first.content).hexdigest() in finance.text.replace(" ", "")
    again = take_file(finance, run, why="The upload broke off half-way")
    assert again.content == first.content
    assert "copy" in again.name
    assert "copy" not in first.name

    finance.open(run)
    refused(finance, "The bank has the file")
    finance.fill(reference="BNK-20416")
    send(finance, "The bank has the file")
    for who in (large, small):
        site.wait_for_mail(who.email, "is paying you")

    # The bank's day: its report must say the same sum.
    move_to(site, datetime.combine(read.processing_on, time(16), LONDON))
    finance.sign_in("finance@wyreside.example")
    finance.open(run)
    finance.fill(total="1.00")
    refused(finance, "The bank has paid")
    finance.fill(total=f"{total / 100:.2f}")
    send(finance, "The bank has paid")
    assert "Processed, by the bank’s report" in finance.text

    # One comes back: it is owed again and never looks settled.
    finance.click(row(finance, small.name).get_by_role("link", name=re.compile("It came back")))
    finance.look()
    refused(finance, "It came back")
    finance.date("returned_on", site.today)
    finance.page.locator("select[name=code]").select_option("B")
    send(finance, "It came back")
    assert "Came back" in row(finance, small.name).inner_text()
    site.wait_for_mail(small.email, "came back")
    supplier = walk(scripts=True, width=390)
    supplier.sign_in(small.email)
    supplier.open("/earnings/payments")
    stays_in(supplier)
    assert "Came back" in row(supplier, "£82.00").inner_text()
    supplier.open("/earnings")
    assert "Due by" in row(supplier, "SB-").inner_text()
    assert "Approved" in linked_row(supplier, "SB-").inner_text()
    propose(finance, until)
    assert "Came back before" in finance.text

    # A notice that fits nothing is looked into, not lost.
    finance.open("/returned-payments/new")
    refused(finance, "Save")
    finance.date("returned_on", site.today)
    finance.fill(amount="31.70", reference="SB-999999", account_ends="1234")
    finance.page.locator("select[name=code]").select_option("5")
    send(finance, "Save")
    assert "No single payment fits this" in finance.text


def completed(day: date) -> str:
    """How an earning names a plan that was completed on a day."""
    return f"completed on {day.day} {day:%B %Y}"
