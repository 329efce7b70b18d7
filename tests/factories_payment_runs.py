"""Rows around payment runs for tests: further payees, credit notes, runs at the bank."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.models import Invoice, InvoiceKind, InvoiceLine, Payable, PaymentRun
from marketplace.payments.repository.series import take_numbers
from marketplace.payments.schemas import FileFormat
from marketplace.payments.service.payables import open_payable
from marketplace.payments.service.run_submission import RunSubmissionService
from marketplace.payments.states import INVOICE, InvoiceStatus
from marketplace.providers.models import ServiceLine
from tests.factories import make_accreditation, make_organisation
from tests.factories_payments import Money, make_bank_account

PROCESSED = datetime(2027, 3, 5, 15, tzinfo=UTC)
"""The bank's processing day of a run that pays on 8 March 2027."""


async def another_payee(db: AsyncSession, money: Money, number: int = 1, **given: Any) -> Money:
    """The same council with another organisation that can be paid, at an account of its own."""
    organisation = await make_organisation(db, **given)
    await make_accreditation(db, organisation, money.council, ServiceLine.SUPPORT_PLANNING)
    await make_bank_account(db, organisation, account_number=f"{40_000_000 + number}")
    return Money(money.council, money.finance, money.checker, organisation, money.provider)


async def make_credit(db: AsyncSession, money: Money, bill: Invoice, pence: int) -> Payable:
    """An approved credit note that takes back part of a bill; returns what it leaves to set off."""
    [number] = await take_numbers(db, money.council.id, "self_bill_credit", 1)
    note = Invoice(
        id=new_id(),
        council_id=money.council.id,
        organisation_id=bill.organisation_id,
        kind=InvoiceKind.SELF_BILL_CREDIT,
        number=f"SC-{number:06}",
        status=InvoiceStatus.APPROVED,
        period_starts_on=bill.period_starts_on,
        period_ends_on=bill.period_ends_on,
        issued_on=date(2027, 3, 1),
        received_on=date(2027, 3, 1),
        due_on=date(2027, 3, 31),
        net_pence=pence,
        total_pence=pence,
        credits_id=bill.id,
        reason="Billed twice",
        created_at=clock_of(db).now(),
    )
    db.add(note)
    await db.flush()
    INVOICE.begin(db, note, by=None)
    line = InvoiceLine(
        council_id=note.council_id,
        invoice_id=note.id,
        position=1,
        is_credit=True,
        description="Taken back",
        amount_pence=pence,
    )
    db.add(line)
    await db.flush()
    await LedgerService(db).post(
        note.council_id,
        "self-bill-credit",
        note.id,
        [debit(Purpose.PAYABLE, pence, note.organisation_id), credit(Purpose.PLAN_SPEND, pence)],
    )
    return await open_payable(db, note, [line], by=None)


async def submitted(db: AsyncSession, money: Money, run: PaymentRun) -> PaymentRun:
    """A released run whose file was taken and given to the bank."""
    service = RunSubmissionService(db)
    await service.export(money.finance.principal, run.id, FileFormat.BACS, "")
    return await service.submit(money.finance.principal, run.id, "BANK-1")


async def confirmed(db: AsyncSession, money: Money, run: PaymentRun, clock: FixedClock) -> PaymentRun:
    """A released run that the bank has processed."""
    await submitted(db, money, run)
    clock.move_to(PROCESSED)
    return await RunSubmissionService(db).confirm(money.finance.principal, run.id, run.total_pence)
