"""Self-bills: made for a period, approved or held, never twice for one earning."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.events import SelfBillHeld, SelfBillIssued
from marketplace.payments.models import Invoice, InvoiceKind, InvoiceLine
from marketplace.payments.repository.accruals import AccrualRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.series import SELF_BILLS, take_numbers
from marketplace.payments.schemas import BillPreview, PeriodForm
from marketplace.payments.service.documents import parties_of
from marketplace.payments.service.payables import open_payable
from marketplace.payments.states import INVOICE, InvoiceStatus

APPROVED_OR_LATER = frozenset({InvoiceStatus.APPROVED, InvoiceStatus.IN_RUN, InvoiceStatus.SENT})


class SelfBillService:
    """The verbs of self-bills."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.bills = SelfBillRepository(db)
        self.accruals = AccrualRepository(db)

    async def preview(self, principal: Principal, period: PeriodForm) -> list[BillPreview]:
        """Return the bills that would be made, by name of the organisation."""
        principal.require(Permission.INVOICES_APPROVE)
        rows = await self.accruals.unbilled_sums(principal.council_id, period.starts_on, period.ends_on)
        return [BillPreview(row[0], row[1], bool(row[2]), row[3], int(row[4])) for row in rows]

    async def make(self, principal: Principal, period: PeriodForm, expected_pence: int | None = None) -> list[Invoice]:
        """Make one bill for each organisation with unbilled earnings in the period.

        Args:
            principal: Somebody of finance.
            period: Days on which it was earned, half-open.
            expected_pence: The total the preview showed; something else is refused, so that nobody makes bills unseen.

        Returns:
            The bills in the order of their numbers.

        Raises:
            Forbidden: The role may not.
            InvalidInput: Nothing to bill, or not what the preview showed.
        """
        principal.require(Permission.INVOICES_APPROVE)
        council_id, day = principal.council_id, today(self.clock)
        # The series comes first: a second person waits here and then finds these earnings billed.
        await take_numbers(self.db, council_id, SELF_BILLS, 0)
        earnings = await self.accruals.unbilled(council_id, period.starts_on, period.ends_on, locked=True)
        if not earnings:
            raise InvalidInput({"first_on": "Nothing was earned on these days that is not on a self-bill already"})
        if expected_pence is not None and sum(row.amount_pence for row in earnings) != expected_pence:
            raise InvalidInput({"first_on": "What was earned has changed since you looked. Check the list again"})
        terms_days: int = await setting(self.db, council_id, "payments.terms_days", day)
        groups = [(owner, list(rows)) for owner, rows in groupby(earnings, key=lambda row: row.organisation_id)]
        numbers = await take_numbers(self.db, council_id, SELF_BILLS, len(groups))
        bills = []
        for number, (organisation_id, rows) in zip(numbers, groups, strict=True):
            bill = Invoice(
                id=new_id(),
                council_id=council_id,
                organisation_id=organisation_id,
                kind=InvoiceKind.SELF_BILL,
                number=f"SB-{number:06}",
                status=InvoiceStatus.ISSUED,
                period_starts_on=period.starts_on,
                period_ends_on=period.ends_on,
                issued_on=day,
                received_on=day,
                due_on=day + timedelta(days=terms_days),
                net_pence=sum(row.amount_pence for row in rows),
                total_pence=sum(row.amount_pence for row in rows),
                parties=await parties_of(self.db, council_id, await self.bills.organisation(organisation_id), day),
                created_at=self.clock.now(),
            )
            self.db.add(bill)
            bills.append(bill)
        await self.db.flush()
        for bill, (_, rows) in zip(bills, groups, strict=True):
            self.db.add_all(
                InvoiceLine(
                    council_id=council_id,
                    invoice_id=bill.id,
                    accrual_id=row.id,
                    position=position,
                    description=row.description,
                    amount_pence=row.amount_pence,
                )
                for position, row in enumerate(rows, start=1)
            )
            await self.accruals.put_on_bill([row.id for row in rows], bill.id)
            INVOICE.begin(self.db, bill, by=principal.user_id)
            self._record(principal, "payments.make_self_bill", bill, after={"total_pence": bill.total_pence})
            outbox.publish(
                self.db,
                SelfBillIssued(council_id=council_id, invoice_id=bill.id, organisation_id=bill.organisation_id),
            )
        await self.db.flush()
        return bills

    async def approve(self, principal: Principal, invoice_id: UUID) -> Invoice:
        """Approve a bill: it becomes payable. Approving it again does nothing.

        Raises:
            Forbidden: The role may not.
            NotFound: No such bill in the council.
            StepRefused: It is held.
        """
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.find(principal.council_id, invoice_id, locked=True)
        if bill.status in APPROVED_OR_LATER:
            return bill
        lines = await self.bills.lines(bill.id)
        if bill.total_pence != sum(line.amount_pence for line in lines):
            raise Conflict("The lines of this bill do not add up to its total. Do not pay it; tell support.")
        INVOICE.move(self.db, bill, InvoiceStatus.APPROVED, by=principal.user_id)
        bill.approved_by_user_id = principal.user_id
        bill.approved_at = self.clock.now()
        await open_payable(self.db, bill, lines, by=principal.user_id)
        await LedgerService(self.db).post(
            bill.council_id,
            "self-bill",
            bill.id,
            [
                debit(Purpose.ACCRUED, bill.total_pence, bill.organisation_id),
                credit(Purpose.PAYABLE, bill.total_pence, bill.organisation_id),
            ],
            memo=f"Self-bill {bill.number}",
        )
        self._record(principal, "payments.approve_self_bill", bill, after={"status": bill.status})
        await self.db.flush()
        return bill

    async def approve_many(self, principal: Principal, invoice_ids: Iterable[UUID]) -> int:
        """Approve several bills, all or none. Returns how many."""
        ids = sorted(set(invoice_ids))
        if not ids:
            raise InvalidInput({"bills": "Select the self-bills to approve"})
        for invoice_id in ids:
            await self.approve(principal, invoice_id)
        return len(ids)

    async def hold(self, principal: Principal, invoice_id: UUID, reason: str) -> Invoice:
        """Hold a bill until a question is answered; the organisation is told why."""
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.find(principal.council_id, invoice_id, locked=True)
        INVOICE.move(self.db, bill, InvoiceStatus.HELD, by=principal.user_id, why=reason)
        bill.hold_reason = reason
        self._record(principal, "payments.hold_self_bill", bill, after={"status": bill.status}, why=reason)
        outbox.publish(
            self.db,
            SelfBillHeld(council_id=bill.council_id, invoice_id=bill.id, organisation_id=bill.organisation_id),
        )
        await self.db.flush()
        return bill

    async def release_hold(self, principal: Principal, invoice_id: UUID) -> Invoice:
        """End a hold: the bill waits for approval again."""
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.find(principal.council_id, invoice_id, locked=True)
        INVOICE.move(self.db, bill, InvoiceStatus.ISSUED, by=principal.user_id, why="The question was answered")
        bill.hold_reason = ""
        self._record(principal, "payments.end_hold", bill, after={"status": bill.status})
        await self.db.flush()
        return bill

    async def own(self, principal: Principal, invoice_id: UUID) -> Invoice:
        """Return a bill of the reader's own organisation.

        Raises:
            NotFound: It is another organisation's.
        """
        principal.require(Permission.EARNINGS_OWN)
        return await self.bills.own(principal.need_organisation(), principal.councils, invoice_id)

    def _record(
        self, principal: Principal, action: str, bill: Invoice, *, after: dict[str, object], why: str = ""
    ) -> None:
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
