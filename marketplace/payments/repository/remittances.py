"""Questions a payee asks about the payments it had."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, func, select

from marketplace.accounts.models import Council
from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.payments.models import Invoice, InvoiceKind, Payable, PaymentRun, PaymentRunInvoice, PaymentRunLine
from marketplace.payments.states import RELEASED_RUNS


class RemittanceRepository(Repository[PaymentRunLine]):
    """Payments of released runs to one organisation."""

    model_type = PaymentRunLine

    async def listed(
        self, organisation_id: UUID, councils: Sequence[UUID], *, before: UUID | None, limit: int
    ) -> Sequence[Row[PaymentRunLine, PaymentRun, str]]:
        """Return an organisation's payments with their run and the council's name, newest first."""
        question = (
            select(PaymentRunLine, PaymentRun, Council.name)
            .join(PaymentRun, PaymentRun.id == PaymentRunLine.run_id)
            .join(Council, Council.id == PaymentRunLine.council_id)
            .where(
                PaymentRunLine.organisation_id == organisation_id,
                PaymentRunLine.council_id.in_(councils),
                PaymentRun.status.in_(RELEASED_RUNS),
            )
        )
        if before is not None:
            question = question.where(PaymentRunLine.id < before)
        return (await self.db.execute(question.order_by(PaymentRunLine.id.desc()).limit(limit))).all()

    async def own(
        self, organisation_id: UUID, councils: Sequence[UUID], line_id: UUID
    ) -> Row[PaymentRunLine, PaymentRun, str]:
        """Return one of an organisation's payments, with its run and the council's name.

        Raises:
            NotFound: It is not theirs, or not released.
        """
        found = (
            await self.db.execute(
                select(PaymentRunLine, PaymentRun, Council.name)
                .join(PaymentRun, PaymentRun.id == PaymentRunLine.run_id)
                .join(Council, Council.id == PaymentRunLine.council_id)
                .where(
                    PaymentRunLine.id == line_id,
                    PaymentRunLine.organisation_id == organisation_id,
                    PaymentRunLine.council_id.in_(councils),
                    PaymentRun.status.in_(RELEASED_RUNS),
                )
            )
        ).first()
        if found is None:
            raise NotFound
        return found

    async def parts(self, line_id: UUID) -> Sequence[Row[UUID, str, str, InvoiceKind, int]]:
        """Return what a payment is for, by number: rows (invoice_id, number, supplier_number, kind, amount_pence)."""
        return (
            await self.db.execute(
                select(
                    Invoice.id.label("invoice_id"),
                    func.coalesce(Invoice.number, "").label("number"),
                    Invoice.supplier_number,
                    Invoice.kind,
                    Payable.amount_pence,
                )
                .join(PaymentRunInvoice, PaymentRunInvoice.invoice_id == Invoice.id)
                .join(Payable, Payable.id == PaymentRunInvoice.payable_id)
                .where(PaymentRunInvoice.line_id == line_id)
                .order_by(Invoice.number, Payable.id)
            )
        ).all()
