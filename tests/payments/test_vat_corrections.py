"""A wrong VAT treatment: another from the same day takes its place, and what was billed under it is billed again."""

from datetime import date

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core import outbox
from marketplace.core.database import SessionMaker
from marketplace.core.errors import Conflict, Forbidden, InvalidInput
from marketplace.ledger import Purpose
from marketplace.payments import tasks_invoices  # noqa: F401 - registers the tasks
from marketplace.payments.checks import CHECKS
from marketplace.payments.models import Invoice, InvoiceKind, InvoiceLine, VatTreatment
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.service.billing_again import BillingAgainService
from marketplace.payments.service.bills import BillService
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.payments.service.invoices import InvoiceService
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.payments.service.vat import VatForm, VatService
from marketplace.providers.models import ServiceLine, VatCategory
from tests.browser import Browser, count
from tests.factories_payments import FEBRUARY, Money, balance, handled, make_accrual, make_money, make_vat, reload

PLANNING = ServiceLine.SUPPORT_PLANNING
FROM = date(2026, 4, 1)
RIGHT = VatForm(PLANNING, VatCategory.STANDARD, "", "Letter of HMRC of 3 March 2027", FROM)


async def broken(db: AsyncSession) -> list[str]:
    await db.flush()
    facts = [await check(db) for check in CHECKS]
    return [f"{fact.name}: {fact.detail}" for fact in facts if not fact.ok and "plan version" not in fact.name]


async def billed(db: AsyncSession, *pence: int) -> tuple[Money, Invoice]:
    """A self-bill made and approved under a treatment that was agreed from 1 April 2026: exempt."""
    money = await make_money(db, vat_number="GB123456789")
    for amount in pence:
        await make_accrual(db, money.council, money.organisation, amount_pence=amount, service_line=PLANNING)
    [bill] = await SelfBillService(db).make(money.finance.principal, FEBRUARY)
    await BillService(db).approve(money.finance.principal, bill.id)
    return money, bill


async def corrected(db: AsyncSession, money: Money, form: VatForm = RIGHT) -> VatTreatment:
    service = VatService(db)
    row = await service.state(money.provider.principal, money.council.id, form)
    return await service.agree(money.finance.principal, row.id, "Letter seen")


async def test_a_wrong_treatment_is_corrected_from_its_own_day_and_its_lines_are_billed_again(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money, bill = await billed(db, 12_000, 6_000)
    council, owner = money.council.id, money.organisation.id
    row = await corrected(db, money)
    wrong = await db.get_one(VatTreatment, row.corrects_id)
    # History stays: the wrong statement, its bill and what the bill said.
    assert (wrong.category, wrong.agreed_at is not None, wrong.corrected_at is not None) == (
        VatCategory.EXEMPT_WELFARE,
        True,
        True,
    )
    assert {line.vat_category for line in await BillRepository(db).lines(bill.id)} == {VatCategory.EXEMPT_WELFARE}
    [note] = await db.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.SELF_BILL_CREDIT))
    assert (note.credits_id, note.total_pence, note.vat_pence) == (bill.id, 18_000, 0)
    assert note.reason == "The VAT stated from 1 April 2026 was wrong"
    assert await balance(db, council, Purpose.ACCRUED, owner) == 18_000
    [again] = await SelfBillService(db).make(money.finance.principal, FEBRUARY)
    assert (again.total_pence, again.vat_pence) == (18_000, 3_000)
    await BillService(db).approve(money.finance.principal, again.id)
    await reload(db)
    assert await balance(db, council, Purpose.PAYABLE, owner) == 18_000
    assert -await balance(db, council, Purpose.PLAN_SPEND) == 18_000
    assert await broken(db) == []
    assert await count(db, "audit_entries", "action = 'payments.correct_vat'") == 1
    # Agreeing twice, as with a second click, takes nothing back again.
    await VatService(db).agree(money.finance.principal, row.id, "Once more")
    assert await count(db, "invoices", "kind = 'self_bill_credit'") == 1
    # A correction can be wrong, too.
    back = VatForm(PLANNING, VatCategory.EXEMPT_WELFARE, "Exempt: welfare", "The letter was for another firm", FROM)
    await corrected(db, money, back)
    [third] = await SelfBillService(db).make(money.finance.principal, FEBRUARY)
    assert (third.total_pence, third.vat_pence) == (18_000, 0)
    assert await broken(db) == []


async def test_lines_that_were_taken_back_for_another_reason_are_left_alone(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money, bill = await billed(db, 12_000, 6_000, 3_000)
    whole, part, untouched = await BillRepository(db).lines(bill.id)
    finance = money.finance.principal
    await CreditNoteService(db).make(finance, bill.id, {whole.id: 12_000, part.id: 1_000}, "Never happened")
    await corrected(db, money)
    lines = (await db.execute(select(InvoiceLine).where(InvoiceLine.billed_again_on.is_not(None)))).scalars().all()
    assert [line.id for line in lines] == [untouched.id]
    [again] = await SelfBillService(db).make(finance, FEBRUARY)
    assert (again.total_pence, again.vat_pence) == (3_000, 500)
    assert await broken(db) == []


async def test_a_line_that_was_taken_back_in_parts_is_not_owed_again(db: AsyncSession, maker: SessionMaker) -> None:
    money, bill = await billed(db, 10_000)
    [line] = await BillRepository(db).lines(bill.id)
    finance = money.finance.principal
    for pence in (3_000, 7_000):
        await CreditNoteService(db).make(finance, bill.id, {line.id: pence}, "Charged too much")
    with pytest.raises(Conflict, match="taken back whole"):
        await BillingAgainService(db).free(finance, bill.id, "VAT")


async def test_only_lines_of_the_service_and_from_the_days_of_the_wrong_treatment_are_taken_back(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db, vat_number="GB123456789")
    council, organisation = money.council, money.organisation
    await make_vat(db, council, organisation, service_line=ServiceLine.MONEY_MANAGEMENT)
    later = {"category": VatCategory.EXEMPT_OTHER, "reason": "Exempt: other", "starts_on": date(2027, 2, 10)}
    await make_vat(db, council, organisation, **later)
    for pence, on, line in (
        (1_000, date(2027, 2, 3), PLANNING),
        (2_000, date(2027, 2, 3), ServiceLine.MONEY_MANAGEMENT),
        (4_000, date(2027, 2, 12), PLANNING),
    ):
        await make_accrual(db, council, organisation, amount_pence=pence, earned_on=on, service_line=line)
    await SelfBillService(db).make(money.finance.principal, FEBRUARY)
    await corrected(db, money)
    assert await count(db, "invoice_lines", "billed_again_on IS NOT NULL AND amount_pence = 1000") == 1
    assert await count(db, "invoice_lines", "billed_again_on IS NOT NULL") == 1
    assert await broken(db) == []


async def test_a_correction_needs_evidence_a_difference_and_an_agreed_statement(db: AsyncSession) -> None:
    money, _ = await billed(db, 12_000)
    service, council, provider = VatService(db), money.council.id, money.provider.principal
    rows = await count(db, "vat_treatments")
    [stated] = await db.scalars(select(VatTreatment).where(VatTreatment.organisation_id == money.organisation.id))
    for form, field in (
        (msgspec.structs.replace(RIGHT, evidence=""), "evidence"),
        (VatForm(PLANNING, stated.category, stated.reason, "Charity", FROM), "category"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await service.state(provider, council, form)
        assert set(refused.value.fields) == {field}
    assert await count(db, "vat_treatments") == rows
    waiting = await service.state(provider, council, RIGHT)
    with pytest.raises(InvalidInput, match="from that day before"):
        await service.state(provider, council, msgspec.structs.replace(RIGHT, category=VatCategory.REDUCED))
    with pytest.raises(Forbidden):
        await service.agree(provider, waiting.id, "Mine")
    # Turned down: what stood goes on to stand, and another correction may follow.
    await service.turn_down(money.finance.principal, waiting.id, "The letter is of another firm")
    assert stated.corrected_at is None
    assert await count(db, "invoices", "kind = 'self_bill_credit'") == 0
    await service.state(provider, council, RIGHT)


async def test_finance_reads_what_a_correction_does_and_the_supplier_what_became_of_it(
    browser: Browser, db: AsyncSession
) -> None:
    money, _ = await billed(db, 12_000)
    row = await VatService(db).state(money.provider.principal, money.council.id, RIGHT)
    wanted = row.id
    await reload(db)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/vat-treatments")
    assert "It corrects what was agreed from the same day" in page.words
    sent = {f"seen-{wanted}": "Letter seen", "outcome": "agree"}
    await finance.post(f"/vat-treatments/{wanted}", sent, expect=303)
    assert "Corrected" in (await finance.open("/vat-treatments?show=all")).words
    await reload(db)
    provider = await browser.signed_in(money.provider)
    assert "Corrected" in (await provider.open("/provider/vat")).words


async def test_a_supplier_is_asked_for_credit_notes_of_its_own_invoices_and_finance_sees_them_until_they_come(
    browser: Browser, db: AsyncSession
) -> None:
    money = await make_money(db, agreed=False, vat_number="GB123456789")
    council, provider = money.council.id, money.provider.principal
    for pence, number in ((12_000, "A-1"), (6_000, "A-2")):
        await make_accrual(
            db, money.council, money.organisation, amount_pence=pence, service_line=PLANNING, agreed=False
        )
        await InvoiceService(db).send_delivered(provider, council, FEBRUARY, number)
    await corrected(db, money)
    # Nothing is taken back: the invoices are the supplier's own.
    assert await count(db, "invoices", "credits_id IS NOT NULL") == 0
    for item in await outbox.relay(db):
        await handled(db, item)
        await handled(db, item)
    assert await count(db, "messages", "template = 'vat_corrected'") == 1
    wanted = "template = 'vat_corrected' AND body LIKE '%A-1%A-2%/provider/invoices%credit note%'"
    assert await count(db, "messages", wanted) == 1
    finance = await browser.signed_in(money.finance)
    words = (await finance.open("/vat-treatments")).words
    assert "2 invoices of suppliers say VAT that was corrected since" in words
    await reload(db)
    for number in ("A-1", "A-2"):
        invoice = (await db.scalars(select(Invoice).where(Invoice.supplier_number == number))).one()
        parts = {line.id: line.amount_pence for line in await BillRepository(db).lines(invoice.id)}
        await CreditNoteService(db).send(money.provider.principal, invoice.id, parts, "Wrong VAT", f"C-{number}")
    assert "wait for a credit note" not in (await finance.open("/vat-treatments")).words
    other = await make_money(db, name="Elsewhere")
    assert (
        "wait for a credit note" not in (await (await browser.signed_in(other.finance)).open("/vat-treatments")).words
    )
