"""Journeys of paying organisations: tariffs, self-bills, files of visits, runs, late interest, documents."""

import csv
import hashlib
import io
import re
from collections.abc import Generator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from lxml import etree
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import LONDON, FixedClock, instant
from marketplace.providers.models import ServiceLine
from tests.factories_paying import (
    VISIT_PENCE,
    Round,
    Supplier,
    Town,
    add_supplier,
    bill,
    change_vat_number,
    deliver_visits,
    earn,
    finish_plan,
    found_town,
    make_agreement,
    pay_everything,
)
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site, serving
from tests.journeys.money_steps import move_to, name_of, stays_in
from tests.journeys.paying import (
    INVOICE,
    answer_question,
    approve_bill,
    download,
    fetched,
    file_of_visits,
    held_row,
    make_run,
    next_saturday,
    open_held,
    pounds_of,
    preview_bills,
    propose,
    refused,
    release,
    row,
    sign_agreement,
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
from tests.payments.pdf_text import pdf_words, squeezed

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DATE_PARTS = ("day", "month", "year")
DELIVERED = 498
"""Visits of the file of 500 rows; the last of them is priced too high."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: its last journeys move the clock."""
    with serving(tmp_path_factory.mktemp("paying"), f"paying_{worker_id}") as served:
        yield served


def test_no_self_bill_is_made_before_the_supplier_agreed(site: Site, walk: Any) -> None:
    """V10: never agreed, run out, VAT number changed: what was earned is kept, all are asked, who signs is billed."""

    async def arrange(db: AsyncSession) -> tuple[Town, list[Supplier]]:
        town = await found_town(db, "ribblesdale", "Ribblesdale Council")
        never = await add_supplier(db, town, "never", "Never Asked Advice", agreed=False)
        ended = await add_supplier(db, town, "ended", "Old Terms Support", agreed=False)
        day = site.today
        await make_agreement(
            db, town, ended.organisation, starts_on=day - timedelta(days=250), ends_on=day - timedelta(days=1)
        )
        changed = await add_supplier(db, town, "changed", "New Number Care", vat_number="123456782")
        await change_vat_number(db, changed, "987654321")
        fine = await add_supplier(db, town, "fine", "Well Agreed Planning")
        for supplier in (never, ended, changed, fine):
            await earn(db, town, supplier, 8_200, day - timedelta(days=3))
        return town, [never, ended, changed, fine]

    _, (never, ended, changed, fine) = site.arrange(arrange)
    finance, supplier = walk(scripts=True), walk(scripts=False, width=390)
    finance.sign_in("finance@ribblesdale.example")
    first = site.today - timedelta(days=30)
    preview_bills(finance, first, site.today)
    assert "1 self-bill, £82.00 in all" in finance.text
    for who, why in (
        (never, "There is no signed self-billing agreement"),
        (ended, "The self-billing agreement has ended"),
        (changed, "The VAT number changed, so a new agreement is needed"),
    ):
        assert why in row(finance, who.name).inner_text()
    send(finance, "Make 1 self-bill")
    number = approve_bill(finance, fine.name)

    # All three are asked; what they earned is kept and shown.
    for who in (never, ended, changed):
        site.wait_for_mail(who.email, "Please sign")
    site.wait_for_mail(fine.email, number)
    supplier.sign_in(never.email)
    supplier.open("/earnings")
    stays_in(supplier)
    assert "£82.00" in supplier.text
    assert "SB-" not in supplier.text
    sign_agreement(supplier)
    stays_in(supplier)
    supplier.sign_in(changed.email)
    supplier.open("/provider/self-billing")
    assert "For another VAT number: sign the new one" in supplier.text
    sign_agreement(supplier)

    # Who signed is billed now, who did not is left out still, and nobody is billed twice.
    preview_bills(finance, first, site.today)
    assert "2 self-bills, £164.00 in all" in finance.text
    assert "The self-billing agreement has ended" in row(finance, ended.name).inner_text()
    send(finance, "Make 2 self-bills")
    approve_bill(finance, never.name)
    finance.open("/self-billing")
    assert "Asked to sign" in finance.text
    supplier.sign_in(never.email)
    supplier.open("/earnings")
    assert "SB-" in supplier.text


def test_a_file_with_three_bad_rows_is_paid_but_for_those(site: Site, walk: Any) -> None:
    """V12 and C6: 500 rows, 497 go on; the dear one is agreed to, the stranger's refused, the one sent twice waits."""

    async def arrange(db: AsyncSession) -> tuple[Supplier, Round]:
        town = await found_town(db, "calderside", "Calderside Council")
        made = await add_supplier(
            db, town, "office", "Carefully Counted Care", agreed=False, service=ServiceLine.HOME_CARE
        )
        return made, await deliver_visits(db, town, made, DELIVERED)

    made, delivered = site.arrange(arrange)
    clean_pence = (DELIVERED - 1) * VISIT_PENCE
    supplier, finance = walk(scripts=True, width=390), walk(scripts=True)
    supplier.sign_in(made.email)
    supplier.open("/provider/invoices")
    supplier.follow("Send a file of visits")
    stays_in(supplier)
    refused(supplier, "Check the file")
    file = {"name": "visits.csv", "mimeType": "text/csv", "buffer": file_of_visits(delivered)}
    supplier.page.locator("input[type=file]").set_input_files(files=[file])
    send(supplier, "Check the file")

    # Nothing is sent before the check was read.
    stays_in(supplier)
    for words in (
        "It stands on a bill already",
        "The price is above what was agreed",
        "The reference does not belong to a person you support",
        INVOICE,
    ):
        assert words in supplier.text, words
    assert re.search(r"Fit, to be paid\s*497", supplier.text) or re.search(r"497\s*Fit, to be paid", supplier.text)
    send(supplier, "Send 1 invoice")
    assert "You have sent 1 invoice" in supplier.text
    site.wait_for_mail(made.email, f"Part of {INVOICE} is on hold")
    site.wait_for_mail("finance@calderside.example", "waits for approval")

    # The supplier reads why, and answers.
    supplier.follow(INVOICE)
    assert f"{site.today + timedelta(days=30):%-d %B %Y}" in supplier.text
    supplier.follow("Show only lines on hold")
    stays_in(supplier)
    invoice = path_of(supplier)
    open_held(supplier, "The price is above what was agreed")
    assert "Stand still while it is on hold" in supplier.text
    refused(supplier, "Send the answer")
    supplier.fill(answer="It was a bank holiday, for which our rate is higher.")
    send(supplier, "Send the answer")

    # Finance approves what fits at once; then it looks at what does not.
    finance.sign_in("finance@calderside.example")
    finance.open("/invoices?status=issued")
    finance.follow("PI-000001")
    assert pounds_of(clean_pence) in finance.text
    send(finance, "Approve PI-000001")
    finance.open("/held-lines")
    assert "3 lines" in finance.text
    assert "Answered" in held_row(finance, "The price is above what was agreed").inner_text()
    open_held(finance, "The price is above what was agreed")
    assert "It was a bank holiday" in finance.text
    refused(finance, "Continue")
    finance.choose("outcome", "agree")
    finance.fill(words="The rate of the day counts; we pay what was approved.")
    send(finance, "Continue")
    finance.open("/held-lines")
    open_held(finance, "The reference does not belong")
    finance.choose("outcome", "refuse")
    refused(finance, "Continue")
    finance.fill(words="Nobody of this reference is known to us.")
    send(finance, "Continue")
    finance.open("/held-lines")
    assert "1 line," in finance.text
    site.wait_for_mail(made.email, "it is paid")
    site.wait_for_mail(made.email, "it is not paid")

    # The clean lines and the one that was agreed to are paid; the duplicate waits.
    propose(finance, site.today + timedelta(days=60))
    assert pounds_of(clean_pence) in finance.text
    run = make_run(finance)
    assert pounds_of(clean_pence + VISIT_PENCE) in finance.text
    release(second_person(walk, "calderside"), run)
    supplier.open(invoice)
    for words in (
        "Sent to the bank",
        f"To be paid {pounds_of(DELIVERED * VISIT_PENCE)}",
        "On hold £9.00 1 line",
        "Refused £9.00 1 line",
    ):
        assert words in supplier.text, f"{words!r} is not in {supplier.text}"
    supplier.follow("Show only lines on hold")
    assert "It stands on a bill already" in supplier.text


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
    claim.click()
    supplier.page.wait_for_load_state("load")
    assert supplier.page.get_by_role("button", name=re.compile("^Claim £")).count() == 0

    finance.sign_in("finance@lateham.example")
    finance.open("/late-interest")
    finance.page.locator("summary", has_text="Refuse it").first.click()
    refused(finance, "Refuse")
    finance.page.get_by_role("button", name=re.compile("^Agree to £")).click()
    finance.page.wait_for_load_state("load")
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


def test_a_bill_leaves_as_ubl_pdf_and_csv_for_both_sides(site: Site, walk: Any) -> None:
    """C10: exempt with VAT number and reason, not registered without a word of VAT; the same bytes for both sides."""

    async def arrange(db: AsyncSession) -> list[Supplier]:
        town = await found_town(db, "paperton", "Paperton Council")
        charity = await add_supplier(db, town, "charity", "Friends of Paperton", vat_number="123456782")
        small = await add_supplier(db, town, "small", "Two Chairs Advice")
        for supplier in (charity, small):
            await earn(db, town, supplier, 8_200, site.today - timedelta(days=3))
        await bill(db, town)
        return [charity, small]

    charity, small = site.arrange(arrange)
    finance, supplier = walk(scripts=True), walk(scripts=True, width=390)
    finance.sign_in("finance@paperton.example")
    for who, category in ((charity, "E"), (small, "O")):
        supplier.sign_in(who.email)
        supplier.open("/earnings")
        supplier.follow(re.compile(r"^SB-\d{6}$"))
        stays_in(supplier)
        found = re.search(r"SB-\d{6}", supplier.text)
        assert found is not None
        number = found.group()
        ubl, pdf, table = (
            download(supplier, supplier.page.get_by_role("link", name=re.compile(f"^{number} as {kind}")))
            for kind in ("UBL", "PDF", "CSV")
        )
        document = etree.fromstring(ubl.content)
        assert document.tag.endswith("}SelfBilledInvoice")
        assert b">380<" not in ubl.content
        codes = document.xpath("//*[local-name()='TaxCategory']/*[local-name()='ID']/text()")
        assert set(codes) == {category}
        assert (b"123456782" in ubl.content) is (who is charity)
        assert (b"VAT Act 1994" in ubl.content) is (who is charity)
        words = squeezed(pdf_words(pdf.content))
        for needed in (number, squeezed(who.name), "PapertonCouncil", "£82.00"):
            assert needed in words
        assert "82.00" in table.content.decode("utf-8-sig")

        # The council takes the same away from its own page.
        finance.open("/self-bills")
        finance.follow(number)
        for kind, own in (("ubl", ubl), ("csv", table)):
            link = finance.page.locator(f"main a[href^='/documents/'][href$='/{kind}']")
            assert fetched(finance, str(link.get_attribute("href"))) == own.content


def test_a_supplier_sees_where_its_money_is_and_gets_answers(site: Site, walk: Any) -> None:
    """V13: earned, billed, held and why, paid; a question in two clicks, chased once a day, answered, asked on."""
    before = site.today - timedelta(days=20)
    clock = FixedClock(instant(before, time(10)))

    async def arrange(db: AsyncSession) -> Supplier:
        town = await found_town(db, "askerton", "Askerton Council")
        made = await add_supplier(db, town, "asks", "Friendly Footsteps")
        await earn(db, town, made, 8_200, before)
        await bill(db, town)
        await pay_everything(db, town, clock)
        clock.move_to(site.now)
        for pence, words in ((9_900, "Support plan of a long story"), (10_100, "Support plan of a short story")):
            await earn(db, town, made, pence, site.today - timedelta(days=3), words)
        await bill(db, town, approve=False)
        await earn(db, town, made, 5_500, site.today - timedelta(days=1))
        return made

    made = site.arrange(arrange, clock)
    supplier, finance = walk(scripts=True, width=390), walk(scripts=False)
    finance.sign_in("finance@askerton.example")
    finance.open("/self-bills?status=issued")
    finance.follow("SB-000002")
    finance.follow("Hold single lines")
    refused(finance, "Hold the selected lines")
    row(finance, "Support plan of a long story").locator("input[name=lines]").check()
    finance.page.locator("select[name=reason_code]").select_option("queried")
    refused(finance, "Hold the selected lines")
    finance.fill(words="Which plan is this? We signed off one.")
    send(finance, "Hold the selected lines")
    assert "1 line on hold" in finance.text
    send(finance, "Approve SB-000002")
    site.wait_for_mail(made.email, "Part of SB-000002 is on hold")

    # All of its money at a glance: what is earned, billed, held and why, what was paid and what comes when.
    supplier.sign_in(made.email)
    supplier.open("/earnings")
    stays_in(supplier)
    for words in ("£55.00", "£99.00", "£101.00", "£82.00", "Which plan is this? We signed off one."):
        assert words in supplier.text, words
    supplier.follow("Statement of account by month")
    stays_in(supplier)
    supplier.open("/earnings")
    supplier.follow("Payments you had")
    assert "Paid" in row(supplier, "£82.00").inner_text()
    row(supplier, "£82.00").get_by_role("link").click()
    supplier.page.wait_for_load_state("load")
    supplier.look()
    stays_in(supplier)
    assert "SB-000001" in supplier.text

    # Two clicks from the held line, the question already written; chased once a day.
    supplier.open("/earnings")
    held_row(supplier, "Which plan is this?").get_by_role("link", name=re.compile("^Ask")).click()
    supplier.page.wait_for_load_state("load")
    supplier.look()
    assert "What do you need from us so that it is paid?" in supplier.page.locator("textarea").input_value()
    send(supplier, "Send the question")
    stays_in(supplier)
    assert "You get an answer by" in supplier.text
    site.wait_for_mail("finance@askerton.example", f"{made.name} has a question about money")
    send(supplier, "Chase the answer")
    assert "The council has been reminded" in supplier.text
    stays_in(supplier)
    supplier.page.get_by_role("button", name=re.compile("^Chase")).first.click()
    supplier.page.wait_for_load_state("load")
    assert "You have chased this today already" in supplier.text
    site.wait_for_mail("finance@askerton.example", f"{made.name} waits for an answer")

    finance.open("/finance")
    finance.follow("Questions of suppliers")
    assert "Chased" in row(finance, made.name).inner_text()
    answer_question(finance, made.name, "Give us the reference of the plan.", is_forgotten=True)
    site.wait_for_mail(made.email, "has answered your question")
    supplier.open("/earnings/queries")
    supplier.follow("Why is a payment held?")
    assert "Give us the reference of the plan." in supplier.text
    refused(supplier, "Ask on")
    supplier.fill(more="It is the second one of the two.")
    send(supplier, "Ask on")
    finance.open("/payment-queries")
    answer_question(finance, made.name, "Thank you. We pay it.")
    supplier.sees("Thank you. We pay it.")
    send(supplier, "This settles it")
    finance.open("/payment-queries")
    assert "No question waits" in finance.text


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
    finance.page.locator(f"main a[href='{book}/rules/plan_completed']").click()
    finance.page.wait_for_load_state("load")
    finance.look()
    assert finance.page.locator("input[name=pounds-1]").input_value() == "75.00"
    finance.fill(pounds__1="82")
    send(finance, "Save this price")
    assert "What it would have cost" in finance.text
    assert re.search(r"Difference.*more", finance.text)
    finance.page.get_by_role("button", name=re.compile("^Publish from")).click()
    finance.page.wait_for_load_state("load")
    assert "The first day must be tomorrow or later" in finance.text
    finance.date("starts_on", old_day + timedelta(days=1))
    send(finance, "Save")
    finance.page.get_by_role("button", name=re.compile("^Publish from")).click()
    finance.page.wait_for_load_state("load")
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
    row(finance, small.name).get_by_role("link", name=re.compile("It came back")).click()
    finance.page.wait_for_load_state("load")
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
    assert "Approved" in row(supplier, "SB-").inner_text()
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


def second_person(walk: Any, slug: str) -> Any:
    """The second person of a council's finance team, on a phone without scripts."""
    checker = walk(scripts=False, width=390)
    checker.sign_in(f"finance-checker@{slug}.example")
    return checker


def completed(day: date) -> str:
    """How an earning names a plan that was completed on a day."""
    return f"completed on {day.day} {day:%B %Y}"
