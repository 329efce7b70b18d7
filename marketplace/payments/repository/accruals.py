"""Questions about what was earned."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Row, Text, case, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert

from marketplace.core.ids import new_id
from marketplace.core.repository import Repository
from marketplace.payments.models import Accrual, AccrualKind, Invoice
from marketplace.providers.models import Organisation


class AccrualRepository(Repository[Accrual]):
    """What organisations have earned."""

    model_type = Accrual

    async def has(self, kind: AccrualKind, source_id: UUID) -> bool:
        """Whether an event earned its row before."""
        found = await self.db.scalar(select(Accrual.id).where(Accrual.kind == kind, Accrual.source_id == source_id))
        return found is not None

    async def insert_once(self, **values: Any) -> UUID | None:
        """Write the row of an event; None when it was there before, also from a transaction at the same moment."""
        added: UUID | None = await self.db.scalar(
            insert(Accrual)
            .values(id=new_id(), **values)
            .on_conflict_do_nothing(index_elements=["kind", "source_id"])
            .returning(Accrual.id)
        )
        return added

    async def unbilled(self, council_id: UUID, starts_on: date, ends_on: date, *, locked: bool) -> Sequence[Accrual]:
        """Return what was earned in [starts_on, ends_on) and stands on no bill, by organisation and day."""
        question = (
            self.of(council_id)
            .where(Accrual.invoice_id.is_(None), Accrual.earned_on >= starts_on, Accrual.earned_on < ends_on)
            .order_by(Accrual.organisation_id, Accrual.earned_on, Accrual.id)
        )
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return await self.every(question)

    async def unbilled_sums(
        self, council_id: UUID, starts_on: date, ends_on: date
    ) -> Sequence[Row[UUID, str, str | None, int, int]]:
        """Return (organisation, name, VAT number, number of rows, pence) of what could be billed, by name."""
        return (
            await self.db.execute(
                select(
                    Organisation.id,
                    Organisation.name,
                    Organisation.vat_number,
                    func.count().label("count"),
                    func.sum(Accrual.amount_pence).label("total_pence"),
                )
                .select_from(Accrual)
                .join(Organisation, Organisation.id == Accrual.organisation_id)
                .where(
                    Accrual.council_id == council_id,
                    Accrual.invoice_id.is_(None),
                    Accrual.earned_on >= starts_on,
                    Accrual.earned_on < ends_on,
                )
                .group_by(Organisation.id, Organisation.name, Organisation.vat_number)
                .order_by(Organisation.name, Organisation.id)
            )
        ).all()

    async def oldest_unbilled(self, council_id: UUID) -> date | None:
        """Return the day of the oldest earning that stands on no bill."""
        found: date | None = await self.db.scalar(
            select(func.min(Accrual.earned_on)).where(Accrual.council_id == council_id, Accrual.invoice_id.is_(None))
        )
        return found

    async def put_on_bill(self, accrual_ids: Sequence[UUID], invoice_id: UUID) -> None:
        """Note on which bill earnings stand."""
        await self.db.execute(update(Accrual).where(Accrual.id.in_(accrual_ids)).values(invoice_id=invoice_id))

    async def by_month(
        self, organisation_id: UUID, councils: Sequence[UUID], since: date
    ) -> Sequence[Row[date, str, int, int]]:
        """Return (first day of the month earned, state, number of rows, pence) of an organisation's earnings.

        The state is that of the bill, or "accrued" where there is none.
        """
        month = cast(func.date_trunc("month", Accrual.earned_on), Date).label("month")
        state = case((Invoice.id.is_(None), "accrued"), else_=cast(Invoice.status, Text)).label("state")
        # Groups go by label: an expression with bound values, written twice, would count as two.
        return (
            await self.db.execute(
                select(month, state, func.count().label("count"), func.sum(Accrual.amount_pence).label("total_pence"))
                .outerjoin(Invoice, Invoice.id == Accrual.invoice_id)
                .where(
                    Accrual.organisation_id == organisation_id,
                    Accrual.council_id.in_(councils),
                    Accrual.earned_on >= since,
                )
                .group_by("month", "state")
                .order_by(month.desc())
            )
        ).all()

    async def waiting(self, organisation_id: UUID, councils: Sequence[UUID], limit: int) -> Sequence[Accrual]:
        """Return an organisation's newest earnings that stand on no bill yet."""
        return await self.every(
            select(Accrual)
            .where(
                Accrual.organisation_id == organisation_id,
                Accrual.council_id.in_(councils),
                Accrual.invoice_id.is_(None),
            )
            .order_by(Accrual.earned_on.desc(), Accrual.id.desc())
            .limit(limit)
        )
