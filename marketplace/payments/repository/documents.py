"""Questions about the rows that documents are made of."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from sqlalchemy import Row, func, select

from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.payments.models import (
    Invoice,
    InvoiceLine,
    Payable,
    PaymentRun,
    PaymentRunInvoice,
    PaymentRunLine,
)
from marketplace.payments.states import RELEASED_RUNS

PAGE = 200


class DocumentRepository(Repository[Invoice]):
    """Bills with their lines, payments with what they pay."""

    model_type = Invoice

    async def own(self, organisation_id: UUID, councils: Sequence[UUID], invoice_id: UUID) -> Invoice:
        """Return an organisation's own numbered bill.

        Raises:
            NotFound: It is not theirs.
        """
        return await self.one(
            select(Invoice).where(
                Invoice.id == invoice_id,
                Invoice.organisation_id == organisation_id,
                Invoice.council_id.in_(councils),
                Invoice.number.is_not(None),
            )
        )

    async def lines(self, invoice_id: UUID) -> Sequence[InvoiceLine]:
        """Return a bill's lines in their order."""
        return (
            await self.db.scalars(
                select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id).order_by(InvoiceLine.position)
            )
        ).all()

    async def payment(self, councils: Sequence[UUID], line_id: UUID) -> tuple[PaymentRun, PaymentRunLine]:
        """Return a payment with its run.

        Raises:
            NotFound: None in these councils.
        """
        row = (
            await self.db.execute(
                select(PaymentRun, PaymentRunLine)
                .join(PaymentRunLine, PaymentRunLine.run_id == PaymentRun.id)
                .where(PaymentRunLine.id == line_id, PaymentRunLine.council_id.in_(councils))
            )
        ).one_or_none()
        if row is None:
            raise NotFound
        return row[0], row[1]

    async def paid_by(self, line_id: UUID) -> Sequence[Row[Payable, Invoice]]:
        """Return what a payment pays with the bill of each part, by the bill's number."""
        return (
            await self.db.execute(
                select(Payable, Invoice)
                .join(PaymentRunInvoice, PaymentRunInvoice.payable_id == Payable.id)
                .join(Invoice, Invoice.id == Payable.invoice_id)
                .where(PaymentRunInvoice.line_id == line_id)
                .order_by(Invoice.number, Payable.id)
            )
        ).all()

    async def payments_to(
        self, organisation_id: UUID, councils: Sequence[UUID], limit: int
    ) -> Sequence[Row[PaymentRun, PaymentRunLine]]:
        """Return an organisation's newest payments with their runs."""
        return (
            await self.db.execute(
                select(PaymentRun, PaymentRunLine)
                .join(PaymentRunLine, PaymentRunLine.run_id == PaymentRun.id)
                .where(
                    PaymentRunLine.organisation_id == organisation_id,
                    PaymentRunLine.council_id.in_(councils),
                    PaymentRun.status.in_(RELEASED_RUNS),
                    PaymentRun.is_rehearsal.is_(False),
                )
                .order_by(PaymentRun.pay_on.desc(), PaymentRunLine.id.desc())
                .limit(limit)
            )
        ).all()

    async def counts(self, council_id: UUID) -> int:
        """Return how many documents a council has."""
        bills = await self.db.scalar(
            select(func.count()).where(Invoice.council_id == council_id, Invoice.number.is_not(None))
        )
        payments = await self.db.scalar(
            select(func.count())
            .select_from(PaymentRunLine)
            .join(PaymentRun, PaymentRun.id == PaymentRunLine.run_id)
            .where(
                PaymentRun.council_id == council_id,
                PaymentRun.status.in_(RELEASED_RUNS),
                PaymentRun.is_rehearsal.is_(False),
            )
        )
        return int(bills or 0) + int(payments or 0)

    async def every_bill(self, council_id: UUID) -> AsyncIterator[Invoice]:
        """Give a council's numbered bills by number, read page by page."""
        last = ""
        while True:
            rows = await self.every(
                self.of(council_id).where(Invoice.number > last).order_by(Invoice.number).limit(PAGE)
            )
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            last = rows[-1].number or ""
            self.db.expunge_all()

    async def every_payment(self, council_id: UUID) -> AsyncIterator[tuple[PaymentRun, PaymentRunLine]]:
        """Give the payments of a council's released runs by run and position."""
        runs = await self.db.scalars(
            select(PaymentRun)
            .where(
                PaymentRun.council_id == council_id,
                PaymentRun.status.in_(RELEASED_RUNS),
                PaymentRun.is_rehearsal.is_(False),
            )
            .order_by(PaymentRun.number)
        )
        for run in runs.all():
            lines = await self.db.scalars(
                select(PaymentRunLine).where(PaymentRunLine.run_id == run.id).order_by(PaymentRunLine.position)
            )
            for line in lines.all():
                yield run, line
