"""Billing an earning again after its bill was taken back: the bill said something wrong, what was earned did not.

A credit note takes money back for good. Where only the paper was wrong (VAT most of all), the earning is freed for one
more bill: the credited line no longer holds it, the ledger owes it again, and the next bill takes it up with its VAT as
it is then: the council's next self-bill, or the invoice that the supplier sends. One note
must have taken the line back whole: parts were taken back for reasons of their own, and would be owed again.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.events import LinesFreed
from marketplace.payments.models import Accrual, Invoice, InvoiceKind, InvoiceLine
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.supply import VatRepository
from marketplace.payments.service.bills import BillService
from marketplace.payments.service.facts import vat_of_earning
from marketplace.payments.states import LineStatus
from marketplace.payments.vat import Vat

BILLED_AGAIN = "billed-again"
"""Kind of the ledger entry that owes an earning again; its source is the credited line."""


BILLED = frozenset({InvoiceKind.SELF_BILL, InvoiceKind.PROVIDER_INVOICE})
"""Bills whose lines hold earnings."""


class Again(NamedTuple):
    """A line that was taken back whole, and how VAT would apply to its earning now."""

    line: InvoiceLine
    earning: Accrual
    vat: Vat | None
    """None: nobody has agreed how it applies."""


class BillingAgainService:
    """Frees earnings of credited bills for another one."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.bills = BillRepository(db)

    async def lines(self, principal: Principal, bill: Invoice) -> list[Again]:
        """Return the lines of a bill whose earnings could be billed again, in their order."""
        principal.require(Permission.INVOICES_READ)
        if bill.kind not in BILLED:
            return []
        return await self._found(bill, await self.bills.lines(bill.id))

    async def _found(self, bill: Invoice, rows: Sequence[InvoiceLine], *, locked: bool = False) -> list[Again]:
        back = await SelfBillRepository(self.db).taken_back_whole([line.id for line in rows])
        lines = [
            line
            for line in rows
            if line.accrual_id is not None
            and line.billed_again_on is None
            and line.status is not LineStatus.REFUSED
            and line.id in back
        ]
        if not lines:
            return []
        earnings = await self.bills.accruals([line.accrual_id for line in lines if line.accrual_id], locked=locked)
        organisation = await SelfBillRepository(self.db).organisation(bill.organisation_id)
        treatments = await VatRepository(self.db).of_organisations(bill.council_id, [bill.organisation_id])
        stated = treatments.get(bill.organisation_id, [])
        found = []
        for line in lines:
            earning = earnings[line.accrual_id] if line.accrual_id else None
            if earning is not None and earning.invoice_id == bill.id:
                vat = vat_of_earning(stated, organisation, earning)
                found.append(Again(line, earning, vat))
        return found

    async def free(
        self, principal: Principal, invoice_id: UUID, reason: str, *, only: Collection[UUID] | None = None
    ) -> int:
        """Free the earnings of a bill's credited lines for another bill. Returns how many.

        Args:
            principal: Somebody of finance.
            invoice_id: The self-bill, or the supplier's own invoice.
            reason: What was wrong with it.
            only: Lines to free; all that were taken back whole where it is None.

        Raises:
            Forbidden: The role may not.
            NotFound: No such bill in the council.
            Conflict: It holds no earnings, nothing of it was taken back whole, or it was freed before.
            NotEnoughMoney: A direct payment has no longer what the visit costs.
        """
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.sent(principal.council_id, invoice_id, locked=True)
        if bill.kind not in BILLED:
            raise Conflict("A credit note is not billed again. Open the bill that it takes back.")
        rows = await self.bills.lines(bill.id, locked=True)
        wanted = rows if only is None else [line for line in rows if line.id in only]
        again = await self._found(bill, wanted, locked=True)
        if not again:
            raise Conflict("No line of it was taken back whole, or it can be billed again already.")
        spent = await self.bills.spent_from([row.earning for row in again])
        ledger = LedgerService(self.db)
        for line, earning, _ in again:
            line.billed_again_on = today(self.clock)
            purpose, owner = spent[earning.id]
            pence = earning.amount_pence  # a supplier may have asked for a little less
            await ledger.post(
                bill.council_id,
                BILLED_AGAIN,
                line.id,
                [debit(purpose, pence, owner), credit(Purpose.ACCRUED, pence, bill.organisation_id)],
                memo=f"To be billed again after {bill.number}",
            )
        await self.bills.put_on_bill([row.earning.id for row in again], None)
        BillService(self.db).record(principal, "payments.bill_again", bill, after={"lines": len(again)}, why=reason)
        if bill.kind is InvoiceKind.PROVIDER_INVOICE:
            # The next self-bill comes by itself and has a message of its own; this one the supplier must send.
            outbox.publish(
                self.db,
                LinesFreed(
                    council_id=bill.council_id,
                    invoice_id=bill.id,
                    organisation_id=bill.organisation_id,
                    line_count=len(again),
                    amount_pence=sum(row.earning.amount_pence for row in again),
                ),
            )
        await self.db.flush()
        return len(again)
