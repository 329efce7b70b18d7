"""What finance does with a bill of any kind: approve it, hold it whole, refuse it. Holds of lines: `holds`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import local
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.events import InvoiceRefused, SelfBillHeld
from marketplace.payments.models import CREDITS, SELF_BILLED, Accrual, Invoice, InvoiceKind, InvoiceLine, LineHold
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.service.payables import open_payable
from marketplace.payments.states import INVOICE, InvoiceStatus, LineStatus

APPROVED_OR_LATER = frozenset({InvoiceStatus.APPROVED, InvoiceStatus.IN_RUN, InvoiceStatus.SENT, InvoiceStatus.PAID})
WAITING = frozenset({InvoiceStatus.ISSUED, InvoiceStatus.HELD})
"""Nothing of it is payable yet."""
MOST_AT_ONCE = 200
"""Bills that may be approved with one form."""

ENTRY_KINDS = {InvoiceKind.SELF_BILL: "self-bill", InvoiceKind.PROVIDER_INVOICE: "provider-invoice"}
"""Kind of the ledger's entry of an approval."""


class BillService:
    """Verbs of finance for bills."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.bills = BillRepository(db)

    async def approve(self, principal: Principal, invoice_id: UUID) -> Invoice:
        """Approve a bill: its clean lines become payable, held ones wait. Approving it again does nothing.

        Raises:
            Forbidden: The role may not.
            NotFound: No such bill in the council, or it was never sent.
            StepRefused: It is held, or was refused or taken back.
            Conflict: A credit note (see `credit_notes`), no clean line, or lines that do not add up.
        """
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.sent(principal.council_id, invoice_id, locked=True)
        if bill.kind in CREDITS:
            raise Conflict("A credit note is agreed on its own page.")
        if bill.status in APPROVED_OR_LATER:
            return bill
        lines = await self.bills.lines(bill.id, locked=True)
        if bill.total_pence != sum(line.amount_pence for line in lines if line.status is not LineStatus.REFUSED):
            raise Conflict("The lines of this bill do not add up to its total. Do not pay it; tell support.")
        taken_back = await self.bills.credited([line.id for line in lines], approved=True)
        clean = [
            line
            for line in lines
            if line.status is LineStatus.CLEAN and line.payable_id is None and not taken_back.get(line.id)
        ]
        INVOICE.move(self.db, bill, InvoiceStatus.APPROVED, by=principal.user_id)
        if not clean:
            raise Conflict("Every line of this bill is on hold. Decide about the lines first.")
        bill.approved_by_user_id = principal.user_id
        bill.approved_at = self.clock.now()
        await self.owe(bill, clean, by=principal.user_id, kind=ENTRY_KINDS[bill.kind], source_id=bill.id)
        self.record(
            principal,
            f"payments.approve_{bill.kind.value}",
            bill,
            after={"status": bill.status, "lines": len(clean), "held": len(lines) - len(clean)},
        )
        await self.db.flush()
        return bill

    async def approve_many(self, principal: Principal, invoice_ids: Iterable[UUID]) -> int:
        """Approve several bills, all or none. Returns how many."""
        ids = sorted(set(invoice_ids))
        if not ids:
            raise InvalidInput({"bills": "Select the self-bills to approve"})
        if len(ids) > MOST_AT_ONCE:
            raise InvalidInput({"bills": f"Select at most {MOST_AT_ONCE} bills"})
        for invoice_id in ids:
            await self.approve(principal, invoice_id)
        return len(ids)

    async def owe(
        self, bill: Invoice, lines: Sequence[InvoiceLine], *, by: UUID | None, kind: str, source_id: UUID
    ) -> None:
        """Make clean lines of a bill payable, and post it: earned becomes owed.

        Lines whose clock stood still for some days are due so much later, with a payable of their own. What was earned
        above a line (the supplier asked for less) goes back to the account it was to be paid from.
        """
        holds: dict[UUID, list[LineHold]] = defaultdict(list)
        for row in await self.bills.holds_of_bill(bill.id):
            holds[row.line_id].append(row)
        by_day: dict[date, list[InvoiceLine]] = defaultdict(list)
        for line in lines:
            by_day[due_day(bill.due_on, holds.get(line.id, ()))].append(line)
        for due_on, due in sorted(by_day.items()):
            if sum(line.amount_pence for line in due):
                await open_payable(self.db, bill, due, by=by, due_on=due_on)
        accruals = await self.bills.accruals([line.accrual_id for line in lines if line.accrual_id])
        owed = sum(line.amount_pence for line in lines)
        rest = await self.given_back(
            [
                (accruals[line.accrual_id], accruals[line.accrual_id].amount_pence - line.amount_pence)
                for line in lines
                if line.accrual_id
            ]
        )
        earned = owed + sum(rest.values())
        await LedgerService(self.db).post(
            bill.council_id,
            kind,
            source_id,
            [
                debit(Purpose.ACCRUED, earned, bill.organisation_id),
                credit(Purpose.PAYABLE, owed, bill.organisation_id),
                *(credit(purpose, pence, owner) for (purpose, owner), pence in rest.items()),
            ],
            memo=f"{'Self-bill' if bill.kind in SELF_BILLED else 'Invoice'} {bill.number}",
        )

    async def given_back(self, parts: Sequence[tuple[Accrual, int]]) -> dict[tuple[Purpose, UUID | None], int]:
        """Return pence by the account that earnings were to be paid from, of parts that are not paid after all."""
        wanted = [(row, pence) for row, pence in parts if pence > 0]
        found: dict[tuple[Purpose, UUID | None], int] = defaultdict(int)
        if wanted:
            accounts = await self.bills.spent_from([row for row, _ in wanted])
            for row, pence in wanted:
                found[accounts[row.id]] += pence
        return dict(sorted(found.items(), key=lambda item: (item[0][0].value, str(item[0][1]))))

    async def hold(self, principal: Principal, invoice_id: UUID, reason: str) -> Invoice:
        """Hold a whole bill until a question is answered; the organisation is told why."""
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.sent(principal.council_id, invoice_id, locked=True)
        INVOICE.move(self.db, bill, InvoiceStatus.HELD, by=principal.user_id, why=reason)
        bill.hold_reason = reason
        self.record(principal, f"payments.hold_{bill.kind.value}", bill, after={"status": bill.status}, why=reason)
        outbox.publish(
            self.db,
            SelfBillHeld(council_id=bill.council_id, invoice_id=bill.id, organisation_id=bill.organisation_id),
        )
        await self.db.flush()
        return bill

    async def release_hold(self, principal: Principal, invoice_id: UUID) -> Invoice:
        """End the hold of a whole bill: it waits for approval again."""
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.sent(principal.council_id, invoice_id, locked=True)
        INVOICE.move(self.db, bill, InvoiceStatus.ISSUED, by=principal.user_id, why="The question was answered")
        bill.hold_reason = ""
        self.record(principal, "payments.end_hold", bill, after={"status": bill.status})
        await self.db.flush()
        return bill

    async def refuse(self, principal: Principal, invoice_id: UUID, reason: str) -> Invoice:
        """Refuse a supplier's invoice or credit note that is not valid; nothing of it may be payable.

        Its earnings are free for another bill, and its number may be used again. Single lines are refused by
        `HoldService.refuse`.

        Raises:
            Conflict: A self-bill: a credit note takes that back.
            StepRefused: It was approved.
        """
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.sent(principal.council_id, invoice_id, locked=True)
        if bill.kind in SELF_BILLED:
            raise Conflict("The council made this bill itself. Take it back with a credit note.")
        INVOICE.move(self.db, bill, InvoiceStatus.REFUSED, by=principal.user_id, why=reason)
        bill.reason = reason
        lines = await self.bills.lines(bill.id, locked=True)
        now = self.clock.now()
        open_holds = await self.bills.open_holds([line.id for line in lines])
        for hold in open_holds.values():
            end_hold(hold, now, principal.user_id, "The invoice was refused")
        for line in lines:
            line.status, line.reason_code, line.held_at = LineStatus.REFUSED, None, None
        if bill.kind is InvoiceKind.PROVIDER_INVOICE:
            await self.bills.put_on_bill([line.accrual_id for line in lines if line.accrual_id], None)
        self.record(principal, f"payments.refuse_{bill.kind.value}", bill, after={"status": bill.status}, why=reason)
        outbox.publish(
            self.db,
            InvoiceRefused(council_id=bill.council_id, invoice_id=bill.id, organisation_id=bill.organisation_id),
        )
        await self.db.flush()
        return bill

    def record(
        self, principal: Principal | None, action: str, bill: Invoice, *, after: dict[str, object], why: str = ""
    ) -> None:
        """Write the audit row of something that was done to a bill."""
        audit.record(
            self.db,
            principal,
            action,
            council_id=bill.council_id,
            subject_kind="invoice",
            subject_id=bill.id,
            after={"number": bill.number, **after},
            why=why,
        )


def end_hold(hold: LineHold, at: datetime, by: UUID | None, outcome: str) -> None:
    """Note how a hold ended."""
    hold.ended_at, hold.ended_by_user_id, hold.outcome = at, by, outcome


def due_day(due_on: date, holds: Iterable[LineHold]) -> date:
    """Return when a line is due whose holds stopped the clock for some days; held twice on one day counts once."""
    stopped: set[date] = set()
    for hold in holds:
        if hold.stops_clock and hold.ended_at is not None:
            first, last = local(hold.held_at).toordinal(), local(hold.ended_at).toordinal()
            stopped |= {date.fromordinal(number) for number in range(first, last)}
    return date.fromordinal(due_on.toordinal() + len(stopped))
