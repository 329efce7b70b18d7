"""What a council owes out of a bill: opened when lines are agreed, moved by payment runs."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.payments.models import CREDITS, Invoice, InvoiceLine, Payable
from marketplace.payments.repository.payables import PayableRepository
from marketplace.payments.states import INVOICE, PAYABLE, InvoiceStatus, PayableStatus

FOLLOWS = {
    PayableStatus.OPEN: InvoiceStatus.APPROVED,
    PayableStatus.IN_RUN: InvoiceStatus.IN_RUN,
    PayableStatus.SENT: InvoiceStatus.SENT,
    PayableStatus.PAID: InvoiceStatus.PAID,
}
"""Where a bill is by the payable of it that is furthest from being paid."""


async def open_payable(
    db: AsyncSession, bill: Invoice, lines: Sequence[InvoiceLine], *, by: UUID | None, due_on: date | None = None
) -> Payable:
    """Open what is owed for agreed lines of a bill; of a credit note it is negative.

    The caller posts it to the ledger in the same transaction.

    Args:
        db: The transaction.
        bill: Numbered and in the transaction.
        lines: Clean lines of it that no payable has yet.
        by: Who agreed.
        due_on: Another due day than the bill's, where holds stopped the clock.

    Raises:
        ValueError: No lines, a line that is paid already, or nothing to pay.
    """
    pence = sum(line.amount_pence for line in lines)
    if pence <= 0 or any(line.payable_id is not None or line.invoice_id != bill.id for line in lines):
        raise ValueError("A payable needs lines of its bill that nothing pays yet, worth at least a penny")
    row = Payable(
        id=new_id(),
        council_id=bill.council_id,
        organisation_id=bill.organisation_id,
        invoice_id=bill.id,
        status=PayableStatus.OPEN,
        amount_pence=-pence if bill.kind in CREDITS else pence,
        received_on=bill.received_on,
        due_on=due_on or bill.due_on,
        created_at=clock_of(db).now(),
    )
    db.add(row)
    await db.flush()
    PAYABLE.begin(db, row, by=by)
    for line in lines:
        line.payable_id = row.id
    await db.flush()
    return row


async def follow_payables(db: AsyncSession, invoice_ids: Collection[UUID], *, by: UUID | None, why: str = "") -> None:
    """Bring bills to where their payables are: paid only when all of them are, approved while one is open.

    To be called after any step of payables, in the same transaction. Bills that await approval, are held, or were taken
    back by credit notes stay where they are.
    """
    await db.flush()
    moves: dict[InvoiceStatus, list[UUID]] = defaultdict(list)
    for invoice_id, now, least in await PayableRepository(db).least_advanced(invoice_ids):
        to = FOLLOWS[least]
        if now is not to and now in FOLLOWS.values():
            moves[to].append(invoice_id)
    for to, ids in moves.items():
        await INVOICE.move_many(db, Invoice, ids, to, by=by, why=why)
