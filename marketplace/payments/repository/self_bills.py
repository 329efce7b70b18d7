"""Questions about self-bills."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Row, exists, func, or_, select
from sqlalchemy.orm import aliased

from marketplace.accounts.models import Council
from marketplace.core.errors import NotFound
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.payments.models import (
    Accrual,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    PaymentRun,
    PaymentRunInvoice,
    PaymentRunLine,
    SelfBillingAgreement,
)
from marketplace.payments.repository.payables import batches
from marketplace.payments.states import DEAD_RUNS, InvoiceStatus, LineStatus
from marketplace.providers.models import Organisation

_STANDS = (
    PaymentRun.status.not_in(DEAD_RUNS),
    PaymentRun.is_rehearsal.is_(False),
    PaymentRunLine.returned_on.is_(None),
)
"""A run pays something: neither cancelled nor refused by the bank, no rehearsal, and the payment has not come back."""


class SelfBillRepository(Repository[Invoice]):
    """Bills that a council makes out for its suppliers."""

    model_type = Invoice

    async def listed(
        self, council_id: UUID, *, status: InvoiceStatus | None, words: str, before: str | None, limit: int
    ) -> Sequence[Row[Invoice, str]]:
        """Return bills with their organisation's name, highest number first, below the number `before`."""
        question = (
            select(Invoice, Organisation.name)
            .join(Organisation, Organisation.id == Invoice.organisation_id)
            .where(Invoice.council_id == council_id, Invoice.kind == InvoiceKind.SELF_BILL)
        )
        if status is not None:
            question = question.where(Invoice.status == status)
        if words:
            question = question.where(Organisation.name.icontains(words, autoescape=True))
        if before:
            question = question.where(Invoice.number < before)
        return (await self.db.execute(question.order_by(Invoice.number.desc()).limit(limit))).all()

    async def sums(self, council_id: UUID) -> dict[InvoiceStatus, tuple[int, int]]:
        """Return (number, pence) of a council's bills by state."""
        rows = await self.db.execute(
            select(Invoice.status, func.count(), func.sum(Invoice.total_pence))
            .where(Invoice.council_id == council_id, Invoice.kind == InvoiceKind.SELF_BILL)
            .group_by(Invoice.status)
        )
        return {status: (number, int(pence)) for status, number, pence in rows}

    async def lines(self, invoice_id: UUID) -> Sequence[InvoiceLine]:
        """Return the lines of a bill in their order."""
        return (
            await self.db.scalars(
                select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id).order_by(InvoiceLine.position)
            )
        ).all()

    async def steps(self, kind: str, subject_id: UUID) -> Sequence[Step]:
        """Return what happened to a row, oldest first."""
        return (
            await self.db.scalars(
                select(Step)
                .where(Step.subject_kind == kind, Step.subject_id == subject_id)
                .order_by(Step.at, Step.id)
                .limit(200)
            )
        ).all()

    async def organisation(self, organisation_id: UUID) -> Organisation:
        """Return the organisation that a row names."""
        return await self.db.get_one(Organisation, organisation_id)

    async def organisations(self, organisation_ids: Collection[UUID]) -> Sequence[Organisation]:
        """Return organisations by name."""
        return (
            await self.db.scalars(
                select(Organisation)
                .where(Organisation.id.in_(organisation_ids))
                .order_by(Organisation.name, Organisation.id)
            )
        ).all()

    async def earned_here(self, council_id: UUID, organisation_id: UUID) -> None:
        """Refuse an organisation that has nothing to do with a council's money.

        Raises:
            NotFound: It earned nothing there and was never asked to sign anything.
        """
        earned = select(Accrual.id).where(Accrual.council_id == council_id, Accrual.organisation_id == organisation_id)
        asked = select(SelfBillingAgreement.id).where(
            SelfBillingAgreement.council_id == council_id, SelfBillingAgreement.organisation_id == organisation_id
        )
        if not await self.db.scalar(select(or_(exists(earned), exists(asked)))):
            raise NotFound

    async def run_of(self, invoice_id: UUID) -> PaymentRun | None:
        """Return the newest payment run a bill is in or was paid by; no rehearsal, and none whose payment came back."""
        found: PaymentRun | None = await self.db.scalar(
            select(PaymentRun)
            .join(PaymentRunInvoice, PaymentRunInvoice.run_id == PaymentRun.id)
            .join(PaymentRunLine, PaymentRunLine.id == PaymentRunInvoice.line_id)
            .where(PaymentRunInvoice.invoice_id == invoice_id, *_STANDS)
            .order_by(PaymentRun.number.desc())
            .limit(1)
        )
        return found

    async def of_organisation(
        self, organisation_id: UUID, councils: Sequence[UUID], *, before: UUID | None, limit: int
    ) -> Sequence[Row[Invoice, str, PaymentRun | None]]:
        """Return an organisation's bills with the council's name and the run that pays each, newest first."""
        paying = aliased(PaymentRun)
        newest = (
            select(PaymentRun.id)
            .join(PaymentRunInvoice, PaymentRunInvoice.run_id == PaymentRun.id)
            .join(PaymentRunLine, PaymentRunLine.id == PaymentRunInvoice.line_id)
            .where(PaymentRunInvoice.invoice_id == Invoice.id, PaymentRun.council_id.in_(councils), *_STANDS)
            .order_by(PaymentRun.number.desc())
            .limit(1)
            .correlate(Invoice)
            .scalar_subquery()
        )
        question = (
            select(Invoice, Council.name, paying)
            .join(Council, Council.id == Invoice.council_id)
            .outerjoin(paying, paying.id == newest)
            .where(Invoice.organisation_id == organisation_id, Invoice.council_id.in_(councils))
        )
        if before is not None:
            question = question.where(Invoice.id < before)
        return (await self.db.execute(question.order_by(Invoice.id.desc()).limit(limit))).all()

    async def own(self, organisation_id: UUID, councils: Sequence[UUID], invoice_id: UUID) -> Invoice:
        """Return an organisation's own bill.

        Raises:
            NotFound: It is not theirs.
        """
        return await self.one(
            select(Invoice).where(
                Invoice.id == invoice_id,
                Invoice.organisation_id == organisation_id,
                Invoice.council_id.in_(councils),
            )
        )

    async def taken_back_whole(self, line_ids: Collection[UUID]) -> set[UUID]:
        """Return which lines one credit note that finance agreed to took back whole."""
        original = aliased(InvoiceLine)
        found: set[UUID] = set()
        for batch in batches(line_ids):
            found.update(
                await self.db.scalars(
                    select(original.id)
                    .join(InvoiceLine, InvoiceLine.credits_line_id == original.id)
                    .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
                    .where(
                        original.id.in_(batch),
                        InvoiceLine.status != LineStatus.REFUSED,
                        InvoiceLine.amount_pence == original.amount_pence,
                        Invoice.approved_at.is_not(None),
                        Invoice.status != InvoiceStatus.REFUSED,
                    )
                )
            )
        return found
