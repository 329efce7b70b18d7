"""Questions about what stands behind a supplier's lines: its visits, agreements and earnings."""

from collections.abc import Collection, Sequence
from datetime import date, time
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.bookings.models import Booking, SupportAgreement
from marketplace.bookings.policies import service_of
from marketplace.bookings.states import AgreementStatus, BookingStatus
from marketplace.payments.line_checks import KnownAgreement
from marketplace.payments.models import Accrual, AccrualKind, BlockContract, InvoiceLine
from marketplace.payments.states import LineStatus
from marketplace.providers.models import Listing, ServiceLine

AT_ONCE = 5_000
APPROVED = (BookingStatus.APPROVED, BookingStatus.PART_APPROVED)
OFF = (BookingStatus.CANCELLED, BookingStatus.DECLINED, BookingStatus.NO_SHOW)
SIGNED = (AgreementStatus.AGREED, AgreementStatus.ENDED)
DELIVERED = (BookingStatus.CLAIMED, BookingStatus.DISPUTED)
"""Delivered, and not approved yet."""


class VisitRow(NamedTuple):
    """A visit as the checks need it."""

    id: UUID
    reference: str
    """Of its agreement; empty outside one."""
    visit_on: date
    starts_local: time
    minutes: int
    is_approved: bool
    is_off: bool
    service_line: ServiceLine
    block: str
    """Name of the block contract that it is counted in; empty for others."""


class InvoiceFactRepository:
    """Reads facts in few questions, whatever the number of lines."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def agreements(self, council_id: UUID, organisation_id: UUID) -> list[KnownAgreement]:
        """Return the agreements of a supplier in a council."""
        rows = await self.db.execute(
            select(
                SupportAgreement.reference,
                SupportAgreement.starts_on,
                SupportAgreement.ends_on,
                SupportAgreement.status,
            ).where(SupportAgreement.council_id == council_id, SupportAgreement.organisation_id == organisation_id)
        )
        return [KnownAgreement(row.reference, row.starts_on, row.ends_on, row.status in SIGNED) for row in rows]

    async def visits(self, council_id: UUID, organisation_id: UUID, days: Collection[date]) -> list[VisitRow]:
        """Return the visits of a supplier in a council on some days."""
        found: list[VisitRow] = []
        wanted = sorted(days)
        for start in range(0, len(wanted), AT_ONCE):
            rows = await self.db.execute(
                select(
                    Booking.id,
                    SupportAgreement.reference,
                    Booking.visit_on,
                    Booking.starts_local,
                    func.coalesce(Booking.claimed_minutes, Booking.minutes).label("minutes"),
                    Booking.status,
                    Listing.category,
                    func.coalesce(BlockContract.name, "").label("block"),
                )
                .join(Listing, Listing.id == Booking.listing_id)
                .outerjoin(BlockContract, BlockContract.id == Booking.block_contract_id)
                .outerjoin(SupportAgreement, SupportAgreement.id == Booking.agreement_id)
                .where(
                    Booking.council_id == council_id,
                    Booking.organisation_id == organisation_id,
                    Booking.visit_on.in_(wanted[start : start + AT_ONCE]),
                )
            )
            found += [
                VisitRow(
                    row.id,
                    row.reference or "",
                    row.visit_on,
                    row.starts_local,
                    row.minutes,
                    row.status in APPROVED,
                    row.status in OFF,
                    service_of(row.category),
                    row.block,
                )
                for row in rows
            ]
        return found

    async def visit_earnings(
        self, council_id: UUID, organisation_id: UUID, sources: Collection[UUID], *, locked: bool
    ) -> dict[UUID, Accrual]:
        """Return what visits earned, by source, locked in the order of their ids if asked."""
        found: dict[UUID, Accrual] = {}
        wanted = sorted(sources)
        for start in range(0, len(wanted), AT_ONCE):
            question = (
                select(Accrual)
                .where(
                    Accrual.kind == AccrualKind.VISIT,
                    Accrual.source_id.in_(wanted[start : start + AT_ONCE]),
                    Accrual.council_id == council_id,
                    Accrual.organisation_id == organisation_id,
                )
                .order_by(Accrual.id)
            )
            if locked:
                question = question.with_for_update().execution_options(populate_existing=True)
            found |= {row.source_id: row for row in await self.db.scalars(question)}
        return found

    async def unbilled(
        self,
        council_id: UUID,
        organisation_id: UUID,
        starts_on: date,
        ends_on: date,
        *,
        limit: int,
        locked: bool = False,
    ) -> Sequence[Accrual]:
        """Return a supplier's earnings of [starts_on, ends_on) that stand on no bill, by day."""
        question = (
            select(Accrual)
            .where(
                Accrual.council_id == council_id,
                Accrual.organisation_id == organisation_id,
                Accrual.invoice_id.is_(None),
                Accrual.earned_on >= starts_on,
                Accrual.earned_on < ends_on,
            )
            .order_by(Accrual.earned_on, Accrual.id)
            .limit(limit)
        )
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return (await self.db.scalars(question)).all()

    async def not_approved(
        self, council_id: UUID, organisation_id: UUID, starts_on: date, ends_on: date, limit: int
    ) -> Sequence[Row[UUID, date, time, int, BookingStatus, str]]:
        """Return delivered visits that nobody approved yet: (id, day, start, minutes, status, reference)."""
        return (
            await self.db.execute(
                select(
                    Booking.id,
                    Booking.visit_on,
                    Booking.starts_local,
                    Booking.minutes,
                    Booking.status,
                    func.coalesce(SupportAgreement.reference, "").label("reference"),
                )
                .outerjoin(SupportAgreement, SupportAgreement.id == Booking.agreement_id)
                .where(
                    Booking.council_id == council_id,
                    Booking.organisation_id == organisation_id,
                    Booking.visit_on >= starts_on,
                    Booking.visit_on < ends_on,
                    Booking.status.in_(DELIVERED),
                )
                .order_by(Booking.visit_on, Booking.starts_local, Booking.id)
                .limit(limit)
            )
        ).all()

    async def beside(self, invoice_id: UUID, line_id: UUID, rate: int) -> tuple[int, int]:
        """Return (pence, VAT inside) of a bill's other lines of a VAT rate that were not refused."""
        row = (
            await self.db.execute(
                select(
                    func.coalesce(func.sum(InvoiceLine.amount_pence), 0),
                    func.coalesce(func.sum(InvoiceLine.vat_pence), 0),
                ).where(
                    InvoiceLine.invoice_id == invoice_id,
                    InvoiceLine.id != line_id,
                    InvoiceLine.vat_rate == rate,
                    InvoiceLine.status != LineStatus.REFUSED,
                )
            )
        ).one()
        return int(row[0]), int(row[1])

    async def council_names(self, council_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the names of councils."""
        rows = await self.db.execute(select(Council.id, Council.name).where(Council.id.in_(council_ids)))
        return {row.id: row.name for row in rows}
