"""Questions about bills of every kind, their lines and holds."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select, update

from marketplace.accounts.models import Council
from marketplace.bookings.models import Booking
from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.ledger import Purpose
from marketplace.ledger.models import LedgerAccount, LedgerEntry, LedgerLine, Side
from marketplace.payments.models import Accrual, Invoice, InvoiceKind, InvoiceLine, LineHold
from marketplace.payments.states import HoldReason, InvoiceStatus, LineStatus
from marketplace.providers.models import Organisation

NOT_SENT = (InvoiceStatus.DRAFT, InvoiceStatus.WITHDRAWN)
AT_ONCE = 5_000
"""Ids in one question: below the driver's limit of parameters."""


class Before(NamedTuple):
    """Where a page of bills goes on: below this day and id."""

    on: date
    id: UUID


class HeldBefore(NamedTuple):
    """Where a page of held lines goes on: above this moment and id, oldest first."""

    at: datetime
    id: UUID


class BillRepository(Repository[Invoice]):
    """Self-bills, suppliers' invoices and credit notes."""

    model_type = Invoice

    async def sent(self, council_id: UUID, invoice_id: UUID, *, locked: bool = False) -> Invoice:
        """Return a bill that was issued or sent in: the council does not see drafts.

        Raises:
            NotFound: There is none, it is another council's, or it was never sent.
        """
        question = self.of(council_id).where(Invoice.id == invoice_id, Invoice.status.not_in(NOT_SENT))
        return await self.one(question, locked=locked)

    async def own(
        self, organisation_id: UUID, councils: Sequence[UUID], invoice_id: UUID, *, locked: bool = False
    ) -> Invoice:
        """Return an organisation's own bill.

        Raises:
            NotFound: It is not theirs.
        """
        question = select(Invoice).where(
            Invoice.id == invoice_id, Invoice.organisation_id == organisation_id, Invoice.council_id.in_(councils)
        )
        return await self.one(question, locked=locked)

    async def listed(
        self,
        council_id: UUID,
        *,
        kind: InvoiceKind | None,
        status: InvoiceStatus | None,
        words: str,
        before: Before | None,
        limit: int,
    ) -> Sequence[Row[Invoice, str]]:
        """Return a council's bills with their supplier's name, newest first."""
        question = (
            select(Invoice, Organisation.name)
            .join(Organisation, Organisation.id == Invoice.organisation_id)
            .where(Invoice.council_id == council_id, Invoice.status.not_in(NOT_SENT))
        )
        if kind is not None:
            question = question.where(Invoice.kind == kind)
        if status is not None:
            question = question.where(Invoice.status == status)
        if words:
            question = question.where(
                or_(
                    Organisation.name.icontains(words, autoescape=True),
                    Invoice.supplier_number.icontains(words, autoescape=True),
                    Invoice.number == words.upper(),
                )
            )
        if before:
            question = question.where(
                or_(
                    Invoice.issued_on < before.on,
                    and_(Invoice.issued_on == before.on, Invoice.id < before.id),
                )
            )
        ordered = question.order_by(Invoice.issued_on.desc(), Invoice.id.desc()).limit(limit)
        return (await self.db.execute(ordered)).all()

    async def of_supplier(
        self,
        organisation_id: UUID,
        councils: Sequence[UUID],
        kinds: Collection[InvoiceKind],
        *,
        before: Before | None,
        limit: int,
    ) -> Sequence[Row[Invoice, str]]:
        """Return an organisation's bills with the council's name, newest first; drafts too, given up ones not."""
        question = (
            select(Invoice, Council.name)
            .join(Council, Council.id == Invoice.council_id)
            .where(
                Invoice.organisation_id == organisation_id,
                Invoice.council_id.in_(councils),
                Invoice.kind.in_(kinds),
                Invoice.status != InvoiceStatus.WITHDRAWN,
                # The lines of a file that was not sent are shown with the file.
                or_(Invoice.batch_id.is_(None), Invoice.status != InvoiceStatus.DRAFT),
            )
        )
        if before:
            question = question.where(
                or_(
                    Invoice.issued_on < before.on,
                    and_(Invoice.issued_on == before.on, Invoice.id < before.id),
                )
            )
        ordered = question.order_by(Invoice.issued_on.desc(), Invoice.id.desc()).limit(limit)
        return (await self.db.execute(ordered)).all()

    async def lines(self, invoice_id: UUID, *, locked: bool = False) -> Sequence[InvoiceLine]:
        """Return all lines of a bill in their order."""
        question = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id).order_by(InvoiceLine.position)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return (await self.db.scalars(question)).all()

    async def line_page(
        self, invoice_id: UUID, *, after: int, limit: int, status: LineStatus | None = None
    ) -> Sequence[InvoiceLine]:
        """Return lines of a bill after a position."""
        question = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id, InvoiceLine.position > after)
        if status is not None:
            question = question.where(InvoiceLine.status == status)
        return (await self.db.scalars(question.order_by(InvoiceLine.position).limit(limit))).all()

    async def line_sums(self, invoice_id: UUID) -> dict[LineStatus, tuple[int, int]]:
        """Return (number, pence) of a bill's lines by state."""
        rows = await self.db.execute(
            select(InvoiceLine.status, func.count(), func.sum(InvoiceLine.amount_pence))
            .where(InvoiceLine.invoice_id == invoice_id)
            .group_by(InvoiceLine.status)
        )
        return {status: (number, int(pence)) for status, number, pence in rows}

    async def line(self, council_id: UUID, line_id: UUID) -> InvoiceLine:
        """Return a council's line.

        Raises:
            NotFound: There is none, or it is another council's or of a draft.
        """
        found: InvoiceLine | None = await self.db.scalar(
            select(InvoiceLine)
            .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
            .where(
                InvoiceLine.id == line_id,
                InvoiceLine.council_id == council_id,
                Invoice.status.not_in(NOT_SENT),
            )
        )
        return _there(found)

    async def own_line(self, organisation_id: UUID, councils: Sequence[UUID], line_id: UUID) -> InvoiceLine:
        """Return a line of an organisation's own bill.

        Raises:
            NotFound: It is not theirs.
        """
        found: InvoiceLine | None = await self.db.scalar(
            select(InvoiceLine)
            .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
            .where(
                InvoiceLine.id == line_id,
                Invoice.organisation_id == organisation_id,
                Invoice.council_id.in_(councils),
                Invoice.status.not_in(NOT_SENT),
            )
        )
        return _there(found)

    async def locked_line(self, line_id: UUID) -> InvoiceLine:
        """Lock a line and read it afresh; its bill is locked before it."""
        return (
            await self.db.scalars(
                select(InvoiceLine)
                .where(InvoiceLine.id == line_id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).one()

    async def open_hold(self, line_id: UUID) -> LineHold | None:
        """Return the hold of a line that has not ended."""
        found: LineHold | None = await self.db.scalar(
            select(LineHold).where(LineHold.line_id == line_id, LineHold.ended_at.is_(None))
        )
        return found

    async def holds_of_line(self, line_id: UUID) -> Sequence[LineHold]:
        """Return every hold of a line, newest first."""
        return (
            await self.db.scalars(
                select(LineHold)
                .where(LineHold.line_id == line_id)
                .order_by(LineHold.held_at.desc(), LineHold.id.desc())
            )
        ).all()

    async def holds_of_bill(self, invoice_id: UUID) -> Sequence[LineHold]:
        """Return every hold of a bill's lines, oldest first."""
        return (
            await self.db.scalars(
                select(LineHold)
                .join(InvoiceLine, InvoiceLine.id == LineHold.line_id)
                .where(InvoiceLine.invoice_id == invoice_id)
                .order_by(LineHold.held_at, LineHold.id)
            )
        ).all()

    async def open_holds(self, line_ids: Collection[UUID]) -> dict[UUID, LineHold]:
        """Return the holds of some lines that have not ended, by line."""
        rows = await self.db.scalars(
            select(LineHold).where(LineHold.line_id.in_(line_ids), LineHold.ended_at.is_(None))
        )
        return {row.line_id: row for row in rows}

    async def held(
        self, council_id: UUID, *, reason: HoldReason | None, after: HeldBefore | None, limit: int
    ) -> Sequence[Row[InvoiceLine, Invoice, str]]:
        """Return a council's held lines with their bill and supplier, the longest held first."""
        question = (
            select(InvoiceLine, Invoice, Organisation.name)
            .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
            .join(Organisation, Organisation.id == Invoice.organisation_id)
            .where(
                InvoiceLine.council_id == council_id,
                InvoiceLine.status == LineStatus.HELD,
                Invoice.status.not_in((*NOT_SENT, InvoiceStatus.REFUSED)),
            )
        )
        if reason is not None:
            question = question.where(InvoiceLine.reason_code == reason)
        if after:
            question = question.where(
                or_(
                    InvoiceLine.held_at > after.at,
                    and_(InvoiceLine.held_at == after.at, InvoiceLine.id > after.id),
                )
            )
        ordered = question.order_by(InvoiceLine.held_at, InvoiceLine.id).limit(limit)
        return (await self.db.execute(ordered)).all()

    async def held_sums(self, council_id: UUID) -> dict[HoldReason, tuple[int, int]]:
        """Return (number, pence) of a council's held lines by reason."""
        rows = await self.db.execute(
            select(InvoiceLine.reason_code, func.count(), func.sum(InvoiceLine.amount_pence))
            .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
            .where(
                InvoiceLine.council_id == council_id,
                InvoiceLine.status == LineStatus.HELD,
                Invoice.status.not_in((*NOT_SENT, InvoiceStatus.REFUSED)),
            )
            .group_by(InvoiceLine.reason_code)
        )
        return {reason: (number, int(pence)) for reason, number, pence in rows if reason is not None}

    async def number_taken(
        self, council_id: UUID, organisation_id: UUID, numbers: Collection[str]
    ) -> dict[str, Row[str, date]]:
        """Return (our number, day received) of invoices that use the supplier's numbers already, by number in capitals.

        What was refused, given up or never sent does not count: its number may be used again.
        """
        key = func.upper(Invoice.supplier_number)
        rows = await self.db.execute(
            select(key.label("key"), Invoice.number, Invoice.received_on).where(
                Invoice.council_id == council_id,
                Invoice.organisation_id == organisation_id,
                key.in_(sorted({number.upper() for number in numbers})),
                Invoice.status.not_in((*NOT_SENT, InvoiceStatus.REFUSED)),
            )
        )
        return {row.key: row for row in rows}

    async def freed(self, invoice_id: UUID) -> int:
        """Return how many lines of a bill may go on another bill since a credit note took them back."""
        freed = InvoiceLine.invoice_id == invoice_id, InvoiceLine.billed_again_on.is_not(None)
        return int(await self.db.scalar(select(func.count()).select_from(InvoiceLine).where(*freed)) or 0)

    async def credited(self, line_ids: Collection[UUID], *, approved: bool = False) -> dict[UUID, int]:
        """Return how many pence of lines were taken back, by line; of credit notes that were not refused.

        Args:
            line_ids: Lines of bills that are no credit notes.
            approved: Only by credit notes that finance agreed.
        """
        states = [InvoiceStatus.REFUSED, *NOT_SENT]
        if approved:
            states += [InvoiceStatus.ISSUED, InvoiceStatus.HELD]
        found: dict[UUID, int] = {}
        ids = list(line_ids)
        for start in range(0, len(ids), AT_ONCE):
            rows = await self.db.execute(
                select(InvoiceLine.credits_line_id, func.sum(InvoiceLine.amount_pence))
                .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
                .where(
                    InvoiceLine.credits_line_id.in_(ids[start : start + AT_ONCE]),
                    InvoiceLine.status != LineStatus.REFUSED,
                    Invoice.status.not_in(states),
                )
                .group_by(InvoiceLine.credits_line_id)
            )
            found |= {line_id: int(pence) for line_id, pence in rows if line_id is not None}
        return found

    async def credit_notes(self, invoice_id: UUID) -> Sequence[Invoice]:
        """Return the credit notes of a bill, oldest first."""
        return (
            await self.db.scalars(
                select(Invoice)
                .where(Invoice.credits_id == invoice_id, Invoice.status.not_in(NOT_SENT))
                .order_by(Invoice.id)
            )
        ).all()

    async def accruals(self, accrual_ids: Collection[UUID], *, locked: bool = False) -> dict[UUID, Accrual]:
        """Return earnings by id, locked in the order of their ids if asked."""
        ids = sorted(accrual_ids)
        found: dict[UUID, Accrual] = {}
        for start in range(0, len(ids), AT_ONCE):
            question = select(Accrual).where(Accrual.id.in_(ids[start : start + AT_ONCE])).order_by(Accrual.id)
            if locked:
                question = question.with_for_update().execution_options(populate_existing=True)
            found |= {row.id: row for row in await self.db.scalars(question)}
        return found

    async def put_on_bill(self, accrual_ids: Collection[UUID], invoice_id: UUID | None) -> None:
        """Note on which bill earnings stand; None frees them for another."""
        ids = list(accrual_ids)
        for start in range(0, len(ids), AT_ONCE):
            batch = ids[start : start + AT_ONCE]
            await self.db.execute(
                update(Accrual)
                .where(Accrual.id.in_(batch))
                .values(invoice_id=invoice_id)
                .execution_options(synchronize_session="fetch")
            )

    async def known_bookings(self, booking_ids: Collection[UUID]) -> set[UUID]:
        """Return which of some ids are visits."""
        ids, found = list(booking_ids), set[UUID]()
        for start in range(0, len(ids), AT_ONCE):
            found |= set(await self.db.scalars(select(Booking.id).where(Booking.id.in_(ids[start : start + AT_ONCE]))))
        return found

    async def spent_from(self, rows: Sequence[Accrual]) -> dict[UUID, tuple[Purpose, UUID | None]]:
        """Return from which account earnings were paid when they accrued, by earning: what a credit note gives back.

        The entry that credited what the organisation has earned names it. The rest of a part-approved visit was posted
        under the visit's own id: there the person says it.
        """
        found: dict[UUID, tuple[Purpose, UUID | None]] = {}
        by_source = {row.source_id: row for row in rows}
        sources = list(by_source)
        earned = (
            select(LedgerLine.entry_id)
            .join(LedgerAccount, LedgerAccount.id == LedgerLine.account_id)
            .where(LedgerLine.side == Side.CREDIT, LedgerAccount.purpose == Purpose.ACCRUED)
        )
        for start in range(0, len(sources), AT_ONCE):
            answers = await self.db.execute(
                select(LedgerEntry.source_id, LedgerAccount.purpose, LedgerAccount.owner_id)
                .join(LedgerLine, LedgerLine.entry_id == LedgerEntry.id)
                .join(LedgerAccount, LedgerAccount.id == LedgerLine.account_id)
                .where(
                    LedgerEntry.source_id.in_(sources[start : start + AT_ONCE]),
                    LedgerLine.side == Side.DEBIT,
                    LedgerEntry.id.in_(earned.where(LedgerLine.entry_id == LedgerEntry.id).correlate(LedgerEntry)),
                )
                .order_by(LedgerEntry.posted_at.desc(), LedgerLine.amount_pence)
            )
            for source_id, purpose, owner_id in answers:
                found[by_source[source_id].id] = (purpose, owner_id)
        for row in rows:
            if row.id not in found:
                paid_by_person = row.person_id is not None and row.tariff_id is None
                found[row.id] = (
                    (Purpose.DIRECT_PAYMENT, row.person_id) if paid_by_person else (Purpose.PLAN_SPEND, None)
                )
        return found


def _there(row: InvoiceLine | None) -> InvoiceLine:
    if row is None:
        raise NotFound
    return row
