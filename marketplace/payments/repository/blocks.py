"""Questions about block contracts: which one a visit could draw on, and what each has had."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, func, select, text, update

from marketplace.bookings.models import Booking
from marketplace.core.repository import Repository
from marketplace.payments.models import BlockContract
from marketplace.providers.models import Organisation, ServiceLine


class BlockUseRepository(Repository[BlockContract]):
    """Block contracts and the visits that are counted in them."""

    model_type = BlockContract

    async def booking(self, council_id: UUID, booking_id: UUID) -> Row[UUID | None, int, int, str] | None:
        """Return (block contract, minutes as asked for, pence by card, funding) of a visit, locked."""
        return (
            await self.db.execute(
                select(
                    Booking.block_contract_id,
                    func.coalesce(Booking.claimed_minutes, Booking.minutes).label("minutes"),
                    Booking.top_up_pence,
                    Booking.funding,
                )
                .where(Booking.council_id == council_id, Booking.id == booking_id)
                .with_for_update()
            )
        ).first()

    async def covering(
        self, council_id: UUID, organisation_id: UUID, service_line: ServiceLine, day: date
    ) -> Sequence[BlockContract]:
        """Return an organisation's contracts for a service on a day, the one that began first at the front, locked.

        Who holds them counts its visit alone: two approvals at once cannot both take a week's last hour.
        """
        return await self.every(
            self.of(council_id)
            .where(
                BlockContract.organisation_id == organisation_id,
                BlockContract.service_line == service_line,
                BlockContract.starts_on <= day,
                BlockContract.ends_on > day,
            )
            .order_by(BlockContract.starts_on, BlockContract.id)
            .with_for_update()
        )

    async def counted_minutes(self, contract: BlockContract, starts_on: date, ends_on: date) -> int:
        """Return the minutes of visits of [starts_on, ends_on) that are counted in a contract."""
        found = await self.db.scalar(
            select(func.sum(func.coalesce(Booking.claimed_minutes, Booking.minutes))).where(
                Booking.council_id == contract.council_id,
                Booking.block_contract_id == contract.id,
                Booking.visit_on >= starts_on,
                Booking.visit_on < ends_on,
            )
        )
        return int(found or 0)

    async def count_in(self, council_id: UUID, booking_id: UUID, contract_id: UUID) -> None:
        """Note in which contract a visit is counted."""
        await self.db.execute(
            update(Booking)
            .where(Booking.council_id == council_id, Booking.id == booking_id)
            .values(block_contract_id=contract_id)
            .execution_options(synchronize_session="fetch")
        )

    async def named(self, council_id: UUID, contract_id: UUID) -> tuple[str, str] | None:
        """Return (contract, organisation) by name."""
        row = (
            await self.db.execute(
                select(BlockContract.name, Organisation.name.label("organisation"))
                .join(Organisation, Organisation.id == BlockContract.organisation_id)
                .where(BlockContract.council_id == council_id, BlockContract.id == contract_id)
            )
        ).first()
        return (row.name, row.organisation) if row else None

    async def months_counted(self, accrual_ids: Collection[UUID]) -> dict[UUID, tuple[int, int]]:
        """Return (visits, minutes) that are counted in the months of contracts which earnings are for, by earning."""
        if not accrual_ids:
            return {}
        rows = await self.db.execute(text(_MONTHS), {"ids": list(accrual_ids)})
        return {row.id: (int(row.visits), int(row.minutes)) for row in rows}

    async def use(
        self, council_id: UUID, organisation_ids: Sequence[UUID], since: date, until: date
    ) -> Sequence["VisitUse"]:
        """Return visits of [since, until) that took place, summed by how they are paid, service and day."""
        rows = await self.db.execute(
            text(_USE),
            {"council_id": council_id, "organisations": list(organisation_ids), "since": since, "until": until},
        )
        return [_use(row) for row in rows]


class VisitUse(NamedTuple):
    """Visits of an organisation on a day, as a block contract sees them."""

    organisation_id: UUID
    category: str
    """Of the listing, which says the service."""
    visit_on: date
    contract_id: UUID | None
    """The contract they are counted in."""
    is_waiting: bool
    """Nobody approved them yet; once somebody does, they can be counted."""
    visits: int
    minutes: int
    pence: int


# A visit waits to be counted where the council holds the money that pays for it, whole, on its day.
_USE = """
SELECT b.organisation_id, l.category, b.visit_on, b.block_contract_id,
    (b.block_contract_id IS NULL AND b.status IN ('claimed', 'disputed') AND b.funding = 'direct_payment'
        AND b.top_up_pence = 0 AND NOT EXISTS (
            SELECT FROM direct_payment_arrangements h
            WHERE h.council_id = b.council_id AND h.person_id = b.person_id AND h.holding <> 'council_held'
                AND h.starts_on <= b.visit_on AND (h.ends_on IS NULL OR h.ends_on > b.visit_on)
                AND NOT EXISTS (
                    SELECT FROM direct_payment_arrangements x
                    WHERE x.person_id = h.person_id AND x.council_id = h.council_id AND x.starts_on > h.starts_on
                        AND x.starts_on <= b.visit_on AND (x.ends_on IS NULL OR x.ends_on > b.visit_on))
        )) AS is_waiting,
    count(*) AS visits, sum(coalesce(b.claimed_minutes, b.minutes)) AS minutes,
    sum(coalesce(b.approved_pence, b.cost_pence)) AS pence
FROM bookings b JOIN listings l ON l.id = b.listing_id
WHERE b.council_id = :council_id AND b.organisation_id = ANY(:organisations)
    AND b.status IN ('claimed', 'approved', 'part_approved', 'disputed') AND b.called_off_at IS NULL
    AND b.visit_on >= :since AND b.visit_on < :until
GROUP BY 1, 2, 3, 4, 5 ORDER BY 3
"""

_MONTHS = """
SELECT a.id, count(b.id) AS visits, coalesce(sum(coalesce(b.claimed_minutes, b.minutes)), 0) AS minutes
FROM accruals a
JOIN block_contracts c ON c.council_id = a.council_id AND c.organisation_id = a.organisation_id
    AND a.source_id = md5(c.id::text || '\\:' || to_char(a.earned_on, 'YYYY-MM'))::uuid
LEFT JOIN bookings b ON b.block_contract_id = c.id AND b.visit_on >= date_trunc('month', a.earned_on)::date
    AND b.visit_on <= a.earned_on
WHERE a.kind = 'block' AND a.id = ANY(:ids)
GROUP BY a.id
"""


def _use(row: Row[Any]) -> VisitUse:
    return VisitUse(
        row.organisation_id,
        str(row.category),
        row.visit_on,
        row.block_contract_id,
        bool(row.is_waiting),
        int(row.visits),
        int(row.minutes),
        int(row.pence),
    )
