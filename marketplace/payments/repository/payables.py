"""Questions about what councils owe."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, Select, case, func, or_, select

from marketplace.core.repository import Repository
from marketplace.payments.models import Invoice, Payable, PaymentRunInvoice, PaymentRunLine
from marketplace.payments.states import InvoiceStatus, PayableStatus
from marketplace.providers.models import Organisation

AT_ONCE = 5_000
"""Ids in one question: below the driver's limit of parameters."""

ORDER = tuple(PayableStatus)
"""From furthest away from being paid to paid."""


class PayableRepository(Repository[Payable]):
    """What is owed out of bills, and where it is."""

    model_type = Payable

    async def open_due(
        self, council_id: UUID, due_until: date, limit: int
    ) -> Sequence[Row[UUID, UUID, UUID, str, date, int, str]]:
        """Return what is open and due by a day, with every open credit of those it is owed to.

        Returns:
            Rows (id, organisation_id, invoice_id, number, due_on, amount_pence, organisation), by name of the
            organisation, credits first, then by due day; at most `limit`.
        """
        owed = select(Payable.organisation_id).where(
            Payable.council_id == council_id,
            Payable.status == PayableStatus.OPEN,
            Payable.amount_pence > 0,
            Payable.due_on <= due_until,
        )
        return (
            await self.db.execute(
                self._with_names()
                .where(
                    Payable.council_id == council_id,
                    Payable.status == PayableStatus.OPEN,
                    Payable.organisation_id.in_(owed),
                    or_(Payable.amount_pence < 0, Payable.due_on <= due_until),
                )
                .order_by(
                    Organisation.name,
                    Payable.organisation_id,
                    case((Payable.amount_pence < 0, 0), else_=1),
                    Payable.due_on,
                    Payable.id,
                )
                .limit(limit)
            )
        ).all()

    async def open_locked(
        self, council_id: UUID, ids: Collection[UUID]
    ) -> Sequence[Row[UUID, UUID, UUID, str, date, int, str]]:
        """Return those of some payables that are open, with every open credit of those they are owed to, locked.

        Bills are locked before what is owed out of them, both in the order of their ids, as approving a bill does.

        Returns:
            Rows as `open_due`.
        """
        wanted: set[UUID] = set()
        organisations: set[UUID] = set()
        for batch in batches(ids):
            for row in await self.db.execute(
                select(Payable.id, Payable.organisation_id).where(
                    Payable.council_id == council_id, Payable.id.in_(batch), Payable.status == PayableStatus.OPEN
                )
            ):
                wanted.add(row.id)
                organisations.add(row.organisation_id)
        for batch in batches(organisations):
            wanted.update(
                await self.db.scalars(
                    select(Payable.id).where(
                        Payable.council_id == council_id,
                        Payable.organisation_id.in_(batch),
                        Payable.status == PayableStatus.OPEN,
                        Payable.amount_pence < 0,
                    )
                )
            )
        found: list[Row[UUID, UUID, UUID, str, date, int, str]] = []
        for batch in batches(wanted):
            await self.db.execute(
                select(Invoice.id)
                .where(Invoice.id.in_(select(Payable.invoice_id).where(Payable.id.in_(batch))))
                .order_by(Invoice.id)
                .with_for_update()
            )
        for batch in batches(wanted):
            found.extend(
                await self.db.execute(
                    self._with_names()
                    .where(Payable.id.in_(batch), Payable.status == PayableStatus.OPEN)
                    .order_by(Payable.id)
                    .with_for_update(of=Payable)
                )
            )
        found.sort(key=lambda row: (row.organisation, row.organisation_id, row.amount_pence > 0, row.due_on, row.id))
        return found

    @staticmethod
    def _with_names() -> Select[UUID, UUID, UUID, str, date, int, str]:
        return (
            select(
                Payable.id,
                Payable.organisation_id,
                Payable.invoice_id,
                func.coalesce(Invoice.number, "").label("number"),
                Payable.due_on,
                Payable.amount_pence,
                Organisation.name.label("organisation"),
            )
            .join(Invoice, Invoice.id == Payable.invoice_id)
            .join(Organisation, Organisation.id == Payable.organisation_id)
        )

    async def least_advanced(self, invoice_ids: Collection[UUID]) -> list[tuple[UUID, InvoiceStatus, PayableStatus]]:
        """Return (bill, its state, the state of its payable that is furthest from paid), of bills with payables."""
        place = case(*((Payable.status == status, number) for number, status in enumerate(ORDER)))
        found: list[tuple[UUID, InvoiceStatus, PayableStatus]] = []
        for batch in batches(invoice_ids):
            rows = await self.db.execute(
                select(Invoice.id, Invoice.status, func.min(place))
                .join(Payable, Payable.invoice_id == Invoice.id)
                .where(Invoice.id.in_(batch))
                .group_by(Invoice.id, Invoice.status)
            )
            found.extend((invoice_id, status, ORDER[number]) for invoice_id, status, number in rows)
        return found

    async def of_run(self, run_id: UUID, *, without_returned: bool = False) -> Sequence[Row[UUID, UUID]]:
        """Return (payable, bill) of everything that a run pays, locked in the order of their ids."""
        question = (
            select(Payable.id, Payable.invoice_id)
            .join(PaymentRunInvoice, PaymentRunInvoice.payable_id == Payable.id)
            .where(PaymentRunInvoice.run_id == run_id)
        )
        if without_returned:
            question = question.join(PaymentRunLine, PaymentRunLine.id == PaymentRunInvoice.line_id).where(
                PaymentRunLine.returned_on.is_(None)
            )
        return (await self.db.execute(question.order_by(Payable.id).with_for_update(of=Payable))).all()

    async def of_line(self, line_id: UUID) -> Sequence[Row[UUID, UUID]]:
        """Return (payable, bill) of what one payment of a run pays, locked in the order of their ids."""
        return (
            await self.db.execute(
                select(Payable.id, Payable.invoice_id)
                .join(PaymentRunInvoice, PaymentRunInvoice.payable_id == Payable.id)
                .where(PaymentRunInvoice.line_id == line_id)
                .order_by(Payable.id)
                .with_for_update(of=Payable)
            )
        ).all()


def batches(ids: Iterable[UUID]) -> Iterable[list[UUID]]:
    """Cut ids into lists that one question can hold, in their order."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]
