"""A self-bill that was wrong is taken back whole, and what was earned is billed again: once, with the right VAT."""

from datetime import date, time

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core import outbox
from marketplace.core.database import SessionMaker
from marketplace.core.errors import Conflict, Forbidden, NotFound
from marketplace.ledger import Purpose
from marketplace.payments import tasks_invoices  # noqa: F401 - its tasks wait for events
from marketplace.payments.checks import CHECKS
from marketplace.payments.models import Invoice, InvoiceKind, InvoiceLine
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.service.billing_again import BillingAgainService
from marketplace.payments.service.bills import BillService
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.payments.service.invoices import InvoiceService
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.payments.states import HoldReason, LineStatus
from marketplace.providers.models import ServiceLine, VatCategory
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories_invoices import Supply, file_of, make_supply, row_of
from tests.factories_payments import FEBRUARY, Money, balance, handled, make_accrual, make_money, make_vat, reload

WHY = "The bill said exempt; planning is standard-rated"


async def broken(db: AsyncSession) -> list[str]:
    await db.flush()
    facts = [await check(db) for check in CHECKS]
    return [f"{fact.name}: {fact.detail}" for fact in facts if not fact.ok and "plan version" not in fact.name]


async def taken_back(db: AsyncSession, money: Money, bill: Invoice) -> Invoice:
    """A credit note for all of a bill."""
    lines = await BillRepository(db).lines(bill.id)
    parts = {line.id: line.amount_pence for line in lines}
    return await CreditNoteService(db).make(money.finance.principal, bill.id, parts, WHY)


@pytest.mark.parametrize("is_approved", [True, False])
async def test_an_earning_goes_on_a_second_bill_with_the_right_vat_and_is_owed_once(
    db: AsyncSession, maker: SessionMaker, is_approved: bool
) -> None:
    money = await make_money(db, vat_number="GB123456789")
    for pence in (12_000, 6_000):
        await make_accrual(
            db, money.council, money.organisation, amount_pence=pence, service_line=ServiceLine.SUPPORT_PLANNING
        )
    finance, council, owner = money.finance.principal, money.council.id, money.organisation.id
    [bill] = await SelfBillService(db).make(finance, FEBRUARY)
    if is_approved:
        await BillService(db).approve(finance, bill.id)
    await taken_back(db, money, bill)
    assert -await balance(db, council, Purpose.PLAN_SPEND) == 0
    await make_vat(
        db,
        money.council,
        money.organisation,
        category=VatCategory.STANDARD,
        rate=2_000,
        reason="",
        starts_on=date(2027, 1, 1),
    )
    service = BillingAgainService(db)
    assert [row.vat.category for row in await service.lines(finance, bill) if row.vat] == [VatCategory.STANDARD] * 2
    assert await service.free(finance, bill.id, WHY) == 2
    assert await balance(db, council, Purpose.ACCRUED, owner) == 18_000
    assert await broken(db) == []
    with pytest.raises(Conflict):
        await service.free(finance, bill.id, WHY)
    [again] = await SelfBillService(db).make(finance, FEBRUARY)
    assert (again.number, again.total_pence, again.vat_pence) == ("SB-000002", 18_000, 3_000)
    assert await broken(db) == []
    await BillService(db).approve(finance, again.id)
    await reload(db)
    assert await balance(db, council, Purpose.ACCRUED, owner) == 0
    assert await balance(db, council, Purpose.PAYABLE, owner) == 18_000
    assert -await balance(db, council, Purpose.PLAN_SPEND) == 18_000
    assert await broken(db) == []
    # The second bill may be wrong, too: the same way once more.
    second = await db.get_one(Invoice, again.id)
    await taken_back(db, money, second)
    assert await BillingAgainService(db).free(finance, second.id, WHY) == 2
    [third] = await SelfBillService(db).make(finance, FEBRUARY)
    assert third.number == "SB-000003"
    assert await broken(db) == []


async def test_what_is_not_taken_back_whole_stays_on_its_bill(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    bill = await money.bill(db, 7_500, 2_500)
    first, second = await BillRepository(db).lines(bill.id)
    finance, service = money.finance.principal, BillingAgainService(db)
    with pytest.raises(Conflict, match="taken back whole"):
        await service.free(finance, bill.id, WHY)
    await CreditNoteService(db).make(finance, bill.id, {first.id: 7_500, second.id: 100}, WHY)
    assert [row.line.id for row in await service.lines(finance, bill)] == [first.id]
    assert await service.free(finance, bill.id, WHY) == 1
    [again] = await SelfBillService(db).make(finance, FEBRUARY)
    assert again.total_pence == 7_500
    assert await broken(db) == []


async def test_only_finance_of_the_council_frees_and_no_credit_note(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    bill = await money.bill(db)
    note = await taken_back(db, money, bill)
    service = BillingAgainService(db)
    with pytest.raises(Forbidden):
        await service.free(money.provider.principal, bill.id, WHY)
    with pytest.raises(Conflict):
        await service.free(money.finance.principal, note.id, WHY)
    other = await make_money(db, name="Elsewhere")
    with pytest.raises(NotFound):
        await service.free(other.finance.principal, bill.id, WHY)


async def sent_back(db: AsyncSession, supply: Supply, invoice: Invoice, number: str) -> Invoice:
    """The supplier's credit note for all of its invoice; finance agrees to it."""
    parts = {line.id: line.amount_pence for line in await BillRepository(db).lines(invoice.id)}
    note = await CreditNoteService(db).send(supply.provider.principal, invoice.id, parts, "Wrong number", number)
    return await CreditNoteService(db).approve(supply.finance.principal, note.id)


@pytest.mark.parametrize("is_approved", [True, False])
async def test_a_suppliers_own_invoice_that_was_taken_back_is_invoiced_again_once(
    db: AsyncSession, maker: SessionMaker, is_approved: bool
) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    finance, provider = supply.finance.principal, supply.provider.principal
    council, owner = supply.money.council.id, supply.money.organisation.id
    invoice = await InvoiceService(db).send_delivered(provider, council, FEBRUARY, "A-1")
    if is_approved:
        await BillService(db).approve(finance, invoice.id)
    service = BillingAgainService(db)
    with pytest.raises(Conflict):
        await service.free(finance, invoice.id, WHY)
    await sent_back(db, supply, invoice, "C-1")
    assert await balance(db, council, Purpose.ACCRUED, owner) + await balance(db, council, Purpose.PAYABLE, owner) == 0
    # What was taken back is not on another bill before finance says that it was earned all the same.
    assert (await InvoiceService(db).delivered(provider, council, FEBRUARY)).rows == []
    assert await service.free(finance, invoice.id, WHY) == 2
    assert await balance(db, council, Purpose.ACCRUED, owner) == 3_600
    assert await broken(db) == []
    again = await InvoiceService(db).send_delivered(provider, council, FEBRUARY, "A-2")
    assert again.total_pence == 3_600
    await BillService(db).approve(finance, again.id)
    await reload(db)
    assert await balance(db, council, Purpose.ACCRUED, owner) == 0
    assert await balance(db, council, Purpose.PAYABLE, owner) == 3_600
    assert await broken(db) == []
    with pytest.raises(Conflict):
        await service.free(finance, invoice.id, WHY)
    assert (await InvoiceService(db).delivered(provider, council, FEBRUARY)).rows == []


async def test_the_supplier_hears_once_what_it_may_invoice_again(db: AsyncSession, mailbox: Mailbox) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    finance, provider = supply.finance.principal, supply.provider.principal
    council_id = supply.money.council.id
    invoice = await InvoiceService(db).send_delivered(provider, council_id, FEBRUARY, "A-1")
    invoice_id = invoice.id
    await sent_back(db, supply, invoice, "C-1")
    await BillingAgainService(db).free(finance, invoice_id, WHY)
    await db.flush()
    with pytest.raises(Conflict):
        await BillingAgainService(db).free(finance, invoice_id, WHY)
    waiting = [item for item in await outbox.relay(db) if item.task == "payments.tell_lines_freed"]
    assert len(waiting) == 1
    for item in [*waiting, *waiting]:
        await handled(db, item)
    assert await count(db, "messages", "template = 'lines_freed'") == 1
    body = (await db.scalars(text("SELECT body FROM messages WHERE template = 'lines_freed'"))).one()
    assert "2 lines of invoice A-1" in body
    assert "£36.00 in all" in body
    # What was wrong is for the audit log alone.
    assert WHY not in body
    money = await make_money(db, name="Bills itself")
    bill = await money.bill(db)
    await taken_back(db, money, bill)
    await BillingAgainService(db).free(money.finance.principal, bill.id, WHY)
    await db.flush()
    assert (await events(db)).count("LinesFreed") == 1


async def test_a_line_below_its_earning_is_freed_whole_and_a_file_brings_it_again(
    db: AsyncSession, maker: SessionMaker
) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    finance, provider = supply.finance.principal, supply.provider.principal
    council, owner = supply.money.council.id, supply.money.organisation.id
    rows = file_of(row_of(supply, amount_pounds="17.50"), row_of(supply, start_time="18:00"))
    batch = await InvoiceService(db).check_file(provider, council, "x.csv", rows)
    [invoice] = await InvoiceService(db).send_file(provider, batch.id)
    await BillService(db).approve(finance, invoice.id)
    assert await balance(db, council, Purpose.PAYABLE, owner) == 3_550
    first, _ = await BillRepository(db).lines(invoice.id)
    note = await CreditNoteService(db).send(provider, invoice.id, {first.id: first.amount_pence}, "Too low", "C-1")
    await CreditNoteService(db).approve(finance, note.id)
    assert await BillingAgainService(db).free(finance, invoice.id, WHY) == 1
    assert await balance(db, council, Purpose.ACCRUED, owner) == 1_800
    assert await broken(db) == []
    # The freed visit goes through; the one that is on its bill still is a repetition.
    rows = file_of(row_of(supply, invoice_number="INV-2"), row_of(supply, invoice_number="INV-2", start_time="18:00"))
    batch = await InvoiceService(db).check_file(provider, council, "y.csv", rows)
    [again] = await InvoiceService(db).send_file(provider, batch.id)
    found = [(line.status, line.reason_code) for line in await BillRepository(db).lines(again.id)]
    assert sorted(found) == [(LineStatus.CLEAN, None), (LineStatus.HELD, HoldReason.DUPLICATE)]
    await BillService(db).approve(finance, again.id)
    await reload(db)
    assert await balance(db, council, Purpose.PAYABLE, owner) == 1_800 + 1_800
    assert await balance(db, council, Purpose.ACCRUED, owner) == 0
    assert await broken(db) == []


async def test_finance_lets_a_supplier_invoice_again_and_the_supplier_reads_it(
    browser: Browser, db: AsyncSession
) -> None:
    supply = await make_supply(db)
    await supply.visit(db)
    council = supply.money.council.id
    invoice = await InvoiceService(db).send_delivered(supply.provider.principal, council, FEBRUARY, "A-1")
    await BillService(db).approve(supply.finance.principal, invoice.id)
    await sent_back(db, supply, invoice, "C-1")
    path = f"/invoices/{invoice.id}"
    finance, mine = await browser.signed_in(supply.finance), await browser.signed_in(supply.provider)
    assert "May the supplier invoice it again?" in (await finance.open(path)).words
    assert set((await finance.post(f"{path}/bill-again", {"reason": ""}, expect=422)).errors()) == {"reason"}
    await finance.post(f"{path}/bill-again", {"reason": WHY})
    assert "1 line of it may be invoiced again" in (await finance.open(path)).words
    await finance.post(f"{path}/bill-again", {"reason": WHY}, expect=409)
    assert "which your credit note took back" in (await mine.open(f"/provider{path}")).words


async def test_an_earning_freed_without_a_credit_note_is_found(db: AsyncSession, maker: SessionMaker) -> None:
    supply = await make_supply(db)
    await supply.visit(db)
    council = supply.money.council.id
    invoice = await InvoiceService(db).send_delivered(supply.provider.principal, council, FEBRUARY, "A-1")
    assert await broken(db) == []
    [line] = await BillRepository(db).lines(invoice.id)
    line.billed_again_on = date(2027, 3, 1)
    assert any("billed again was taken back first" in fact for fact in await broken(db))


async def test_the_database_keeps_an_earning_on_one_bill_that_counts(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    bill = await money.bill(db)
    await taken_back(db, money, bill)
    await BillingAgainService(db).free(money.finance.principal, bill.id, WHY)
    await SelfBillService(db).make(money.finance.principal, FEBRUARY)
    [line] = await BillRepository(db).lines(bill.id)
    line.billed_again_on = None
    with pytest.raises(IntegrityError, match="uq_invoice_lines_accrual_id"):
        await db.flush()


async def test_finance_finds_it_on_the_page_of_the_bill(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    bill = await money.bill(db)
    finance = await browser.signed_in(money.finance)
    path = f"/self-bills/{bill.id}"
    assert "Bill it again?" not in (await finance.open(path)).words
    await reload(db)
    await taken_back(db, money, bill)
    assert "Bill it again?" in (await finance.open(path)).words
    page = await finance.post(f"{path}/bill-again", {"reason": ""}, expect=422)
    assert set(page.errors()) == {"reason"}
    assert (await finance.post(f"{path}/bill-again", {"reason": WHY})).location == "/self-bills/new"
    assert "may be billed again, on another bill" in (await finance.open(path)).words
    await finance.post(f"{path}/bill-again", {"reason": WHY}, expect=409)
    assert await count(db, "audit_entries", "action = 'payments.bill_again'") == 1
    kinds = await db.scalars(select(Invoice.kind).join(InvoiceLine, InvoiceLine.invoice_id == Invoice.id))
    assert sorted(kinds) == [InvoiceKind.SELF_BILL, InvoiceKind.SELF_BILL_CREDIT]
