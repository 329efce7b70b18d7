"""Journeys of paying organisations, the supplier's side: self-billing, files of visits, documents, questions."""

import re
from datetime import time, timedelta
from typing import Any

import pytest
from lxml import etree
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock, instant
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
    found_town,
    make_agreement,
    pay_everything,
)
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site
from tests.journeys.money_steps import stays_in
from tests.journeys.paying import (
    INVOICE,
    answer_question,
    approve_bill,
    download,
    fetched,
    file_of_visits,
    file_with_a_wrong_start,
    linked_row,
    make_run,
    open_held,
    pounds_of,
    preview_bills,
    propose,
    refused,
    release,
    row,
    second_person,
    send_invoice,
    sign_agreement,
)
from tests.payments.pdf_text import pdf_words, squeezed

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DELIVERED = 498
"""Visits of the file of 500 rows; the last of them is priced too high."""


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
    assert "Answered" in linked_row(finance, "The price is above what was agreed").inner_text()
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


@pytest.mark.parametrize(("scripts", "width"), [(True, 1280), (False, 390)], ids=["desktop", "phone-without-scripts"])
def test_a_supplier_corrects_a_line_on_hold_and_all_of_the_invoice_is_paid(
    site: Site, walk: Any, scripts: bool, width: int
) -> None:
    """V12: what was typed wrongly is put right by who typed it; the invoice keeps its day, and no line is left."""
    slug = f"hodder{width}"

    async def arrange(db: AsyncSession) -> tuple[Supplier, Round]:
        town = await found_town(db, slug, "Hodder Council")
        made = await add_supplier(db, town, slug, "Second Look Care", agreed=False, service=ServiceLine.HOME_CARE)
        return made, await deliver_visits(db, town, made, 3)

    made, delivered = site.arrange(arrange)
    supplier, finance = walk(scripts=scripts, width=width), walk(scripts=scripts, width=width)
    supplier.sign_in(made.email)
    supplier.open("/provider/invoices")
    supplier.follow("Send a file of visits")
    file = {"name": "visits.csv", "mimeType": "text/csv", "buffer": file_with_a_wrong_start(delivered)}
    supplier.page.locator("input[type=file]").set_input_files(files=[file])
    send(supplier, "Check the file")
    send(supplier, "Send 1 invoice")
    supplier.follow(INVOICE)
    due = f"{site.today + timedelta(days=30):%-d %B %Y}"
    assert due in supplier.text
    invoice = path_of(supplier)
    supplier.follow("Show only lines on hold")
    open_held(supplier, "No visit on that day and at that time is known")
    stays_in(supplier)

    # Still wrong: it is said, what was typed stays, and the line stays on hold.
    supplier.fill(start_time="a quarter past", minutes="0")
    refused(supplier, "Correct the line")
    assert supplier.page.locator("[name=start_time]").input_value() == "a quarter past"
    supplier.fill(start_time="03:09", minutes="30")
    send(supplier, "Correct the line")
    assert "The line is still on hold. No visit on that day" in supplier.page.locator("body").inner_text()
    stays_in(supplier)
    supplier.fill(start_time=f"{delivered.starts[-1]:%H:%M}")
    send(supplier, "Correct the line")
    assert f"at {delivered.starts[-1]:%H:%M}, 30 minutes" in supplier.text
    supplier.open(invoice)
    assert "On hold" not in supplier.text
    assert due in supplier.text
    assert pounds_of(3 * VISIT_PENCE) in supplier.text

    # Nothing waits for finance but the bill itself, whole.
    finance.sign_in(f"finance@{slug}.example")
    finance.open("/held-lines")
    assert "No visit on that day" not in finance.text
    finance.open("/invoices?status=issued")
    finance.follow("PI-000001")
    stays_in(finance)
    send(finance, "Approve PI-000001")
    propose(finance, site.today + timedelta(days=60))
    make_run(finance)
    assert pounds_of(3 * VISIT_PENCE) in finance.text


def test_a_bill_leaves_as_ubl_pdf_and_csv_for_both_sides(site: Site, walk: Any) -> None:
    """C10: exempt with VAT number and reason, not registered without a word of VAT; the same bytes for both sides.

    The rule sets of the norm and of Peppol run over documents of every kind in tests/payments/test_documents.py.
    """

    async def arrange(db: AsyncSession) -> list[Supplier]:
        town = await found_town(db, "paperton", "Paperton Council")
        charity = await add_supplier(db, town, "charity", "Friends of Paperton", vat_number="123456782")
        small = await add_supplier(db, town, "small", "Two Chairs Advice")
        for supplier in (charity, small):
            await earn(db, town, supplier, 8_200, site.today - timedelta(days=3))
        await bill(db, town)
        sends = await add_supplier(db, town, "sends", "Sends Its Own", agreed=False, service=ServiceLine.HOME_CARE)
        await deliver_visits(db, town, sends, 2)
        return [charity, small, sends]

    charity, small, sends = site.arrange(arrange)
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

    # An invoice of the supplier's own, from what was delivered: 380, with the reference that the council asks for.
    supplier.sign_in(sends.email)
    number = send_invoice(supplier, "OWN-7", site.today)
    link = supplier.page.get_by_role("link", name=re.compile(f"^{number} as UBL"))
    document = etree.fromstring(download(supplier, link).content)
    assert document.tag.endswith("}Invoice")
    for name, wanted in (
        ("InvoiceTypeCode", "380"),
        ("ID", "OWN-7"),
        ("BuyerReference", "ADULT-SOCIAL-CARE"),
    ):
        assert document.xpath(f"/*/*[local-name()='{name}']/text()") == [wanted]
    assert set(document.xpath("//*[local-name()='ClassifiedTaxCategory']/*[local-name()='ID']/text()")) == {"O"}


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
    supplier.click(row(supplier, "£82.00").get_by_role("link"))
    supplier.look()
    stays_in(supplier)
    assert "SB-000001" in supplier.text

    # Two clicks from the held line, the question already written; chased once a day.
    supplier.open("/earnings")
    supplier.click(linked_row(supplier, "Which plan is this?").get_by_role("link", name=re.compile("^Ask")))
    supplier.look()
    assert "What do you need from us so that it is paid?" in supplier.page.locator("textarea").input_value()
    send(supplier, "Send the question")
    stays_in(supplier)
    assert "You get an answer by" in supplier.text
    site.wait_for_mail("finance@askerton.example", f"{made.name} has a question about money")
    send(supplier, "Chase the answer")
    assert "The council has been reminded" in supplier.text
    stays_in(supplier)
    supplier.click(supplier.page.get_by_role("button", name=re.compile("^Chase")).first)
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
