"""Questions about what stands between councils and suppliers: self-billing agreements, VAT, uploaded files."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, Date, Row, Select, and_, cast, func, or_, select
from sqlalchemy.orm import aliased

from marketplace.accounts.models import Council
from marketplace.core.repository import Repository
from marketplace.payments.models import (
    Accrual,
    Invoice,
    InvoiceBatch,
    InvoiceKind,
    InvoiceLine,
    SelfBillingAgreement,
    VatTreatment,
)
from marketplace.payments.states import InvoiceStatus, LineStatus, SelfBillingStatus
from marketplace.providers.models import Accreditation, Organisation, ServiceLine
from marketplace.providers.repository.accreditations import is_accredited


class SelfBillingRepository(Repository[SelfBillingAgreement]):
    """Agreements under which a council makes out a supplier's bills."""

    model_type = SelfBillingAgreement

    async def of_organisations(
        self, council_id: UUID, organisation_ids: Collection[UUID]
    ) -> dict[UUID, list[SelfBillingAgreement]]:
        """Return the agreements of some suppliers with a council, newest first."""
        found: dict[UUID, list[SelfBillingAgreement]] = {}
        question = (
            self.of(council_id)
            .where(SelfBillingAgreement.organisation_id.in_(organisation_ids))
            .order_by(SelfBillingAgreement.id.desc())
        )
        for row in await self.every(question):
            found.setdefault(row.organisation_id, []).append(row)
        return found

    async def of_supplier(
        self, organisation_id: UUID, councils: Sequence[UUID]
    ) -> Sequence[Row[SelfBillingAgreement, str]]:
        """Return a supplier's agreements with the councils' names, newest first."""
        return (
            await self.db.execute(
                select(SelfBillingAgreement, Council.name)
                .join(Council, Council.id == SelfBillingAgreement.council_id)
                .where(
                    SelfBillingAgreement.organisation_id == organisation_id,
                    SelfBillingAgreement.council_id.in_(councils),
                )
                .order_by(SelfBillingAgreement.id.desc())
                .limit(100)
            )
        ).all()

    async def own(
        self, organisation_id: UUID, councils: Sequence[UUID], agreement_id: UUID, *, locked: bool = False
    ) -> SelfBillingAgreement:
        """Return a supplier's own agreement.

        Raises:
            NotFound: It is not theirs.
        """
        question = select(SelfBillingAgreement).where(
            SelfBillingAgreement.id == agreement_id,
            SelfBillingAgreement.organisation_id == organisation_id,
            SelfBillingAgreement.council_id.in_(councils),
        )
        return await self.one(question, locked=locked)

    async def suppliers(
        self, council_id: UUID, *, words: str, after: str, limit: int
    ) -> Sequence[Row[UUID, str, str | None]]:
        """Return (id, name, VAT number) of who earned from a council or was asked to sign, by name."""
        earned = select(Accrual.organisation_id).where(Accrual.council_id == council_id)
        asked = select(SelfBillingAgreement.organisation_id).where(SelfBillingAgreement.council_id == council_id)
        question = select(Organisation.id, Organisation.name, Organisation.vat_number).where(
            or_(Organisation.id.in_(earned), Organisation.id.in_(asked))
        )
        if words:
            question = question.where(Organisation.name.icontains(words, autoescape=True))
        if after:
            question = question.where(Organisation.name > after)
        return (await self.db.execute(question.order_by(Organisation.name, Organisation.id).limit(limit))).all()

    async def needing_renewal(self, until: date, limit: int) -> Sequence[Row[SelfBillingAgreement, str | None]]:
        """Return signed agreements that end before a day or whose VAT number is another now, and the number now."""
        number_now = func.coalesce(Organisation.vat_number, "")
        return (
            await self.db.execute(
                select(SelfBillingAgreement, Organisation.vat_number)
                .join(Organisation, Organisation.id == SelfBillingAgreement.organisation_id)
                .where(
                    SelfBillingAgreement.status == SelfBillingStatus.SIGNED,
                    or_(SelfBillingAgreement.ends_on <= until, SelfBillingAgreement.vat_number != number_now),
                )
                .order_by(SelfBillingAgreement.id)
                .limit(limit)
            )
        ).all()


class VatRepository(Repository[VatTreatment]):
    """How VAT applies to suppliers' services."""

    model_type = VatTreatment

    async def of_organisations(
        self, council_id: UUID, organisation_ids: Collection[UUID]
    ) -> dict[UUID, list[VatTreatment]]:
        """Return what stands for some suppliers with a council, newest first; what was corrected is left out."""
        found: dict[UUID, list[VatTreatment]] = {}
        question = (
            self.of(council_id)
            .where(VatTreatment.organisation_id.in_(organisation_ids), VatTreatment.corrected_at.is_(None))
            .order_by(VatTreatment.service_line, VatTreatment.starts_on.desc())
        )
        for row in await self.every(question):
            found.setdefault(row.organisation_id, []).append(row)
        return found

    async def standing(
        self, council_id: UUID, organisation_id: UUID, service_line: ServiceLine, starts_on: date
    ) -> VatTreatment | None:
        """Return the statement from a day that no other took the place of, locked; a waiting one before an agreed."""
        question = (
            self.of(council_id)
            .where(
                VatTreatment.organisation_id == organisation_id,
                VatTreatment.service_line == service_line,
                VatTreatment.starts_on == starts_on,
                VatTreatment.corrected_at.is_(None),
            )
            .order_by(VatTreatment.agreed_at.is_(None).desc(), VatTreatment.id)
        )
        return await self.maybe(question, locked=True)

    async def billed_as(
        self, row: VatTreatment, kind: InvoiceKind = InvoiceKind.SELF_BILL
    ) -> list[tuple[InvoiceLine, Accrual]]:
        """Return lines of bills of a kind that say of VAT what a treatment said, with their earnings, by bill.

        Lines that were refused or of which any was taken back before are left out: people decide about those.
        """
        question = _said(kind).where(VatTreatment.id == row.id).order_by(InvoiceLine.invoice_id, InvoiceLine.position)
        return [(line, earning) for line, earning, _, _ in await self.db.execute(question)]

    async def sent_wrong(
        self, council_id: UUID, treatment_id: UUID | None, *, limit: int
    ) -> Sequence[Row[InvoiceLine, Accrual, VatTreatment, Invoice]]:
        """Return lines of suppliers' own invoices that say what a corrected treatment said, the oldest bill first.

        Args:
            council_id: Whose.
            treatment_id: Only of this treatment; of all that were corrected where it is None.
            limit: How many lines at most.
        """
        question = _said(InvoiceKind.PROVIDER_INVOICE).where(
            VatTreatment.council_id == council_id, VatTreatment.corrected_at.is_not(None)
        )
        if treatment_id is not None:
            question = question.where(VatTreatment.id == treatment_id)
        return (await self.db.execute(question.order_by(Invoice.id, InvoiceLine.position).limit(limit))).all()

    async def of_supplier(self, organisation_id: UUID, councils: Sequence[UUID]) -> Sequence[Row[VatTreatment, str]]:
        """Return a supplier's statements with the councils' names."""
        return (
            await self.db.execute(
                select(VatTreatment, Council.name)
                .join(Council, Council.id == VatTreatment.council_id)
                .where(VatTreatment.organisation_id == organisation_id, VatTreatment.council_id.in_(councils))
                .order_by(Council.name, VatTreatment.service_line, VatTreatment.starts_on.desc())
                .limit(200)
            )
        ).all()

    async def listed(
        self, council_id: UUID, *, waiting: bool, after: UUID | None, limit: int
    ) -> Sequence[Row[VatTreatment, str, str | None]]:
        """Return a council's statements with the supplier's name and VAT number, in the order they came."""
        question = (
            select(VatTreatment, Organisation.name, Organisation.vat_number)
            .join(Organisation, Organisation.id == VatTreatment.organisation_id)
            .where(VatTreatment.council_id == council_id)
        )
        if waiting:
            question = question.where(VatTreatment.agreed_at.is_(None))
        if after:
            question = question.where(VatTreatment.id > after)
        return (await self.db.execute(question.order_by(VatTreatment.id).limit(limit))).all()

    async def accredited_lines(self, organisation_id: UUID, council_id: UUID) -> list[ServiceLine]:
        """Return the services an organisation was ever accredited for by a council."""
        rows = await self.db.scalars(
            select(Accreditation.service_line)
            .where(Accreditation.organisation_id == organisation_id, Accreditation.council_id == council_id)
            .distinct()
        )
        return sorted(rows, key=list(ServiceLine).index)

    async def accredited_days(
        self, organisation_id: UUID, council_id: UUID, service: ServiceLine, days: Collection[date]
    ) -> set[date]:
        """Return on which of some days an organisation's accreditation for a service counted."""
        if not days:
            return set()
        day = func.unnest(cast(sorted(days), ARRAY(Date))).column_valued("day")
        return set(await self.db.scalars(select(day).where(is_accredited(organisation_id, council_id, service, day))))


class BatchRepository(Repository[InvoiceBatch]):
    """Files of visits that suppliers sent in."""

    model_type = InvoiceBatch

    async def own(
        self, organisation_id: UUID, councils: Sequence[UUID], batch_id: UUID, *, locked: bool = False
    ) -> InvoiceBatch:
        """Return a supplier's own file.

        Raises:
            NotFound: It is not theirs.
        """
        question = select(InvoiceBatch).where(
            InvoiceBatch.id == batch_id,
            InvoiceBatch.organisation_id == organisation_id,
            InvoiceBatch.council_id.in_(councils),
        )
        return await self.one(question, locked=locked)

    async def sent_before(self, council_id: UUID, organisation_id: UUID, sha256: str) -> InvoiceBatch | None:
        """Return the same file, where it was sent before."""
        return await self.maybe(
            self.of(council_id).where(
                InvoiceBatch.organisation_id == organisation_id,
                InvoiceBatch.sha256 == sha256,
                InvoiceBatch.status == "sent",
            )
        )

    async def of_supplier(
        self, organisation_id: UUID, councils: Sequence[UUID], *, before: UUID | None, limit: int
    ) -> Sequence[Row[InvoiceBatch, str]]:
        """Return a supplier's files with the council's name, newest first."""
        question = (
            select(InvoiceBatch, Council.name)
            .join(Council, Council.id == InvoiceBatch.council_id)
            .where(InvoiceBatch.organisation_id == organisation_id, InvoiceBatch.council_id.in_(councils))
        )
        if before:
            question = question.where(InvoiceBatch.id < before)
        return (await self.db.execute(question.order_by(InvoiceBatch.id.desc()).limit(limit))).all()

    async def invoices(self, batch_id: UUID) -> Sequence[Invoice]:
        """Return the invoices of a file, in the order in which it names them."""
        return (await self.db.scalars(select(Invoice).where(Invoice.batch_id == batch_id).order_by(Invoice.id))).all()

    async def lines(self, batch_id: UUID) -> Sequence[InvoiceLine]:
        """Return every line of a file, by invoice."""
        return (
            await self.db.scalars(
                select(InvoiceLine)
                .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
                .where(Invoice.batch_id == batch_id)
                .order_by(Invoice.id, InvoiceLine.position)
            )
        ).all()

    async def held_lines(
        self, batch_id: UUID, *, after: tuple[UUID, int] | None, limit: int
    ) -> Sequence[Row[InvoiceLine, str]]:
        """Return held lines of a file with the supplier's number of their invoice."""
        question = (
            select(InvoiceLine, Invoice.supplier_number)
            .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
            .where(Invoice.batch_id == batch_id, InvoiceLine.status == LineStatus.HELD)
        )
        if after:
            question = question.where(
                or_(Invoice.id > after[0], and_(Invoice.id == after[0], InvoiceLine.position > after[1]))
            )
        return (await self.db.execute(question.order_by(Invoice.id, InvoiceLine.position).limit(limit))).all()


def _said(kind: InvoiceKind) -> Select[InvoiceLine, Accrual, VatTreatment, Invoice]:
    """Ask for lines of a kind of bill with the treatments whose words they carry; nothing of them was taken back."""
    credited = aliased(InvoiceLine)
    note = aliased(Invoice)
    gone = (InvoiceStatus.DRAFT, InvoiceStatus.WITHDRAWN, InvoiceStatus.REFUSED)
    return (
        select(InvoiceLine, Accrual, VatTreatment, Invoice)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .join(Accrual, Accrual.id == InvoiceLine.accrual_id)
        .join(
            VatTreatment,
            and_(
                VatTreatment.council_id == Invoice.council_id,
                VatTreatment.organisation_id == Invoice.organisation_id,
                VatTreatment.starts_on <= Accrual.earned_on,
                VatTreatment.category == InvoiceLine.vat_category,
                VatTreatment.rate == InvoiceLine.vat_rate,
                VatTreatment.reason == InvoiceLine.vat_reason,
            ),
        )
        .where(
            Invoice.kind == kind,
            Invoice.status.not_in(gone),
            Accrual.invoice_id == Invoice.id,
            InvoiceLine.status != LineStatus.REFUSED,
            InvoiceLine.billed_again_on.is_(None),
            ~select(credited.id)
            .join(note, note.id == credited.invoice_id)
            .where(
                credited.credits_line_id == InvoiceLine.id,
                credited.status != LineStatus.REFUSED,
                note.status.not_in(gone),
            )
            .exists(),
        )
    )
