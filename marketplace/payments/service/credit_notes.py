"""Credit notes: the only way in which a bill that has a number is taken back, whole or in part."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.formats import pounds
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.events import CreditNoteIssued, InvoiceReceived
from marketplace.payments.models import CREDITS, SELF_BILLED, Invoice, InvoiceKind, InvoiceLine
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.series import CREDIT_NOTES, SELF_BILL_CREDITS, take_numbers
from marketplace.payments.service.bills import WAITING, BillService, end_hold
from marketplace.payments.service.documents import parties_of
from marketplace.payments.service.payables import open_payable
from marketplace.payments.states import INVOICE, InvoiceStatus, LineStatus
from marketplace.payments.vat import vat_of_part

CREDITABLE = frozenset(set(InvoiceStatus) - {InvoiceStatus.DRAFT, InvoiceStatus.WITHDRAWN, InvoiceStatus.REFUSED})


class CreditNoteService:
    """Makes credit notes: the council's own for its self-bills, suppliers' for their invoices."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.bills = BillRepository(db)

    async def make(self, principal: Principal, invoice_id: UUID, parts: Mapping[UUID, int], reason: str) -> Invoice:
        """Take back lines of a self-bill. The council agrees to its own note: it counts at once.

        Args:
            principal: Somebody of finance.
            invoice_id: The self-bill.
            parts: Pence to take back, by line.
            reason: What the supplier reads.

        Raises:
            Forbidden: The role may not.
            NotFound: No such bill in the council.
            InvalidInput: Nothing, more than is left of a line, or a part of a line that is not payable yet.
            Conflict: It is no self-bill.
        """
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.sent(principal.council_id, invoice_id, locked=True)
        if bill.kind is not InvoiceKind.SELF_BILL:
            raise Conflict("Only the supplier makes credit notes for its own invoices.")
        note = await self._issue(principal, bill, parts, reason, "")
        await self._count(principal, note, bill)
        return note

    async def send(
        self,
        principal: Principal,
        invoice_id: UUID,
        parts: Mapping[UUID, int],
        reason: str,
        supplier_number: str,
    ) -> Invoice:
        """Send in a supplier's credit note for its own invoice; finance agrees to it.

        Raises:
            Forbidden: The role may not.
            NotFound: Not the supplier's invoice.
            InvalidInput: As `make`, or its number was used before.
        """
        principal.require(Permission.EARNINGS_OWN)
        organisation_id = principal.need_organisation()
        bill = await self.bills.own(organisation_id, principal.councils, invoice_id, locked=True)
        if bill.kind is not InvoiceKind.PROVIDER_INVOICE:
            raise Conflict("The council makes the credit notes for its own bills. Ask it to.")
        if await self.bills.number_taken(bill.council_id, organisation_id, [supplier_number]):
            raise InvalidInput({"supplier_number": "You used this number before. Give the credit note its own"})
        note = await self._issue(principal, bill, parts, reason, supplier_number)
        outbox.publish(
            self.db,
            InvoiceReceived(
                council_id=bill.council_id, invoice_id=note.id, organisation_id=bill.organisation_id, held_lines=0
            ),
        )
        await self.db.flush()
        return note

    async def approve(self, principal: Principal, invoice_id: UUID) -> Invoice:
        """Agree to a supplier's credit note: what it takes back is set off in the next run.

        Raises:
            Conflict: It is none, or takes a part of a line that is not payable yet.
        """
        principal.require(Permission.INVOICES_APPROVE)
        found = await self.bills.sent(principal.council_id, invoice_id)
        if found.kind not in CREDITS or found.credits_id is None:
            raise Conflict("This is no credit note.")
        # The bill before its note, as making one does.
        bill = await self.bills.sent(principal.council_id, found.credits_id, locked=True)
        note = await self.bills.sent(principal.council_id, invoice_id, locked=True)
        if note.status is InvoiceStatus.ISSUED:
            await self._count(principal, note, bill)
        return note

    async def _issue(
        self, principal: Principal, bill: Invoice, parts: Mapping[UUID, int], reason: str, supplier_number: str
    ) -> Invoice:
        if bill.status not in CREDITABLE:
            raise Conflict("This bill was refused, so there is nothing to take back.")
        day = today(self.clock)
        lines = [line for line in await self.bills.lines(bill.id, locked=True) if parts.get(line.id)]
        credited = await self.bills.credited([line.id for line in lines])
        self._check(bill, lines, parts, credited)
        is_self = bill.kind in SELF_BILLED
        series, prefix = (SELF_BILL_CREDITS, "SC") if is_self else (CREDIT_NOTES, "CN")
        [number] = await take_numbers(self.db, bill.council_id, series, 1)
        terms_days: int = await setting(self.db, bill.council_id, "payments.terms_days", day)
        vat = {
            line.id: vat_of_part(line.vat_pence, line.amount_pence, credited.get(line.id, 0), parts[line.id])
            for line in lines
        }
        total = sum(parts[line.id] for line in lines)
        note = Invoice(
            id=new_id(),
            council_id=bill.council_id,
            organisation_id=bill.organisation_id,
            kind=InvoiceKind.SELF_BILL_CREDIT if is_self else InvoiceKind.CREDIT_NOTE,
            number=f"{prefix}-{number:06}",
            supplier_number=supplier_number,
            status=InvoiceStatus.ISSUED,
            period_starts_on=bill.period_starts_on,
            period_ends_on=bill.period_ends_on,
            issued_on=day,
            received_on=day,
            due_on=day + timedelta(days=terms_days),
            net_pence=total - sum(vat.values()),
            vat_pence=sum(vat.values()),
            total_pence=total,
            buyer_reference=bill.buyer_reference,
            parties=await parties_of(
                self.db,
                bill.council_id,
                await SelfBillRepository(self.db).organisation(bill.organisation_id),
                day,
            ),
            credits_id=bill.id,
            self_billing_agreement_id=bill.self_billing_agreement_id,
            reason=reason,
            submitted_by_user_id=principal.user_id,
            created_at=self.clock.now(),
        )
        self.db.add(note)
        await self.db.flush()
        self.db.add_all(
            InvoiceLine(
                council_id=bill.council_id,
                invoice_id=note.id,
                position=position,
                is_credit=True,
                accrual_id=line.accrual_id,
                credits_line_id=line.id,
                booking_id=line.booking_id,
                service_on=line.service_on,
                description=line.description,
                amount_pence=parts[line.id],
                vat_pence=vat[line.id],
                vat_category=line.vat_category,
                vat_rate=line.vat_rate,
                vat_reason=line.vat_reason,
            )
            for position, line in enumerate(lines, start=1)
        )
        INVOICE.begin(self.db, note, by=principal.user_id, why=reason)
        BillService(self.db).record(
            principal,
            f"payments.make_{note.kind.value}",
            note,
            after={"credits": bill.number, "total_pence": total},
            why=reason,
        )
        await self.db.flush()
        return note

    def _check(
        self, bill: Invoice, lines: Sequence[InvoiceLine], parts: Mapping[UUID, int], credited: Mapping[UUID, int]
    ) -> None:
        wanted = {line_id for line_id, pence in parts.items() if pence}
        if not wanted:
            raise InvalidInput({"lines": "Enter how much to take back of at least one line"})
        if wanted != {line.id for line in lines}:
            raise InvalidInput({"lines": "Choose lines of this bill"})
        wrong: dict[str, str] = {}
        for line in lines:
            left = line.amount_pence - credited.get(line.id, 0)
            pence = parts[line.id]
            name = f"pounds-{line.position}"
            if line.status is LineStatus.REFUSED:
                wrong[name] = f"Line {line.position} was refused, so there is nothing to take back"
            elif not 0 < pence <= left:
                wrong[name] = f"At most {pounds(left)} can be taken back of line {line.position}"
            elif line.payable_id is None and pence != line.amount_pence:
                wrong[name] = (
                    f"Line {line.position} is not payable yet: take back all of it, {pounds(line.amount_pence)}"
                )
        if wrong:
            raise InvalidInput(wrong)

    async def _count(self, principal: Principal, note: Invoice, bill: Invoice) -> None:
        """Let a note count: negative payable for what was payable, nothing but the ledger for what was not yet."""
        lines = await self.bills.lines(note.id, locked=True)
        originals = {line.id: line for line in await self.bills.lines(bill.id, locked=True)}
        accruals = await self.bills.accruals([line.accrual_id for line in lines if line.accrual_id])
        pairs = [(line, originals[line.credits_line_id]) for line in lines if line.credits_line_id]
        paid = [(line, original) for line, original in pairs if original.payable_id is not None]
        unpaid = [(line, original) for line, original in pairs if original.payable_id is None]
        if any(line.amount_pence != original.amount_pence for line, original in unpaid):
            raise Conflict(
                f"Approve {bill.number} first: this note takes back a part of a line that is not payable yet."
            )
        INVOICE.move(self.db, note, InvoiceStatus.APPROVED, by=principal.user_id)
        note.approved_by_user_id = principal.user_id
        note.approved_at = self.clock.now()
        now = self.clock.now()
        holds = await self.bills.open_holds([original.id for _, original in unpaid])
        for _, original in unpaid:
            if original.id in holds:
                end_hold(holds[original.id], now, principal.user_id, f"Taken back by {note.number}")
            original.status, original.reason_code, original.held_at = LineStatus.CLEAN, None, None
        if paid:
            await open_payable(self.db, note, [line for line, _ in paid], by=principal.user_id)
        back = [(accruals[line.accrual_id], line.amount_pence) for line, _ in paid if line.accrual_id]
        earned = [
            (accruals[line.accrual_id], accruals[line.accrual_id].amount_pence) for line, _ in unpaid if line.accrual_id
        ]
        service = BillService(self.db)
        given = await service.given_back([*back, *earned])
        owed, accrued = sum(pence for _, pence in back), sum(pence for _, pence in earned)
        sides = [debit(Purpose.PAYABLE, owed, note.organisation_id)] if owed else []
        sides += [debit(Purpose.ACCRUED, accrued, note.organisation_id)] if accrued else []
        sides += [credit(purpose, pence, owner) for (purpose, owner), pence in given.items()]
        if len(sides) > 1:
            await LedgerService(self.db).post(
                note.council_id, "credit-note", note.id, sides, memo=f"Credit note {note.number} for {bill.number}"
            )
        await self.db.flush()
        await self._close(principal, bill, list(originals.values()))
        service.record(principal, f"payments.approve_{note.kind.value}", note, after={"status": note.status})
        outbox.publish(
            self.db,
            CreditNoteIssued(
                council_id=note.council_id,
                invoice_id=note.id,
                credits_id=bill.id,
                organisation_id=note.organisation_id,
            ),
        )
        await self.db.flush()

    async def _close(self, principal: Principal, bill: Invoice, lines: Sequence[InvoiceLine]) -> None:
        """A bill of which nothing is left before anything was payable is taken back."""
        if bill.status not in WAITING:
            return
        credited = await self.bills.credited([line.id for line in lines], approved=True)
        if all(line.status is LineStatus.REFUSED or credited.get(line.id, 0) == line.amount_pence for line in lines):
            INVOICE.move(self.db, bill, InvoiceStatus.CREDITED, by=principal.user_id, why="Taken back by credit notes")
