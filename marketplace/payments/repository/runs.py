"""Questions about payment runs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, func, select

from marketplace.accounts.models import Council
from marketplace.core.repository import Repository
from marketplace.payments.models import Invoice, Payable, PaymentRun, PaymentRunInvoice, PaymentRunLine
from marketplace.payments.states import InvoiceStatus, PayableStatus, RunStatus
from marketplace.providers.models import Accreditation, Organisation
from marketplace.providers.repository.accreditations import live_on


class PaymentRunRepository(Repository[PaymentRun]):
    """Runs, their lines and the bills they pay."""

    model_type = PaymentRun

    async def any_council(self, run_id: UUID) -> PaymentRun:
        """Return a run by id, of whichever council the transaction reaches (command line).

        Raises:
            NotFound: There is none.
        """
        return await self.one(select(PaymentRun).where(PaymentRun.id == run_id))

    async def listed(self, council_id: UUID, *, before: int | None, limit: int) -> Sequence[PaymentRun]:
        """Return a council's runs, highest number first, below the number `before`."""
        question = self.of(council_id)
        if before is not None:
            question = question.where(PaymentRun.number < before)
        return await self.every(question.order_by(PaymentRun.number.desc()).limit(limit))

    async def summaries(self, limit: int) -> Sequence[Row[PaymentRun, str]]:
        """Return the newest runs of all councils the transaction reaches, with the council's slug."""
        return (
            await self.db.execute(
                select(PaymentRun, Council.slug)
                .join(Council, Council.id == PaymentRun.council_id)
                .order_by(PaymentRun.made_at.desc(), PaymentRun.id.desc())
                .limit(limit)
            )
        ).all()

    async def payable(self, council_id: UUID, due_until: date, limit: int) -> Sequence[Row[Invoice, str]]:
        """Return approved bills due on or before a day with their organisation's name, by organisation and due day."""
        return (
            await self.db.execute(
                select(Invoice, Organisation.name)
                .join(Organisation, Organisation.id == Invoice.organisation_id)
                .where(
                    Invoice.council_id == council_id,
                    Invoice.status == InvoiceStatus.APPROVED,
                    Invoice.due_on <= due_until,
                )
                .order_by(Organisation.name, Invoice.organisation_id, Invoice.due_on, Invoice.id)
                .limit(limit)
            )
        ).all()

    async def bills_locked(self, council_id: UUID, ids: Iterable[UUID]) -> Sequence[Row[Invoice, str]]:
        """Return a council's bills by id with their organisation's name, locked in the order of their ids."""
        await self.db.execute(
            select(Invoice.id)
            .where(Invoice.council_id == council_id, Invoice.id.in_(list(ids)))
            .order_by(Invoice.id)
            .with_for_update()
        )
        return (
            await self.db.execute(
                select(Invoice, Organisation.name)
                .join(Organisation, Organisation.id == Invoice.organisation_id)
                .where(Invoice.council_id == council_id, Invoice.id.in_(list(ids)))
                .order_by(Organisation.name, Invoice.organisation_id, Invoice.due_on, Invoice.id)
                .execution_options(populate_existing=True)
            )
        ).all()

    async def accredited(self, council_id: UUID, organisation_ids: Iterable[UUID], day: date) -> set[UUID]:
        """Return which organisations a council accredits for anything on a day."""
        rows = await self.db.scalars(
            select(Accreditation.organisation_id)
            .where(
                Accreditation.council_id == council_id,
                Accreditation.organisation_id.in_(list(organisation_ids)),
                live_on(day),
            )
            .distinct()
        )
        return set(rows)

    async def usual_pence(self, council_id: UUID, organisation_ids: Iterable[UUID]) -> dict[UUID, int]:
        """Return the mean of earlier payments by organisation, for those paid at least three times."""
        rows = await self.db.execute(
            select(PaymentRunLine.organisation_id, func.round(func.avg(PaymentRunLine.amount_pence)))
            .join(PaymentRun, PaymentRun.id == PaymentRunLine.run_id)
            .where(
                PaymentRunLine.council_id == council_id,
                PaymentRunLine.organisation_id.in_(list(organisation_ids)),
                PaymentRun.status == RunStatus.RELEASED,
            )
            .group_by(PaymentRunLine.organisation_id)
            .having(func.count() >= 3)
        )
        return {organisation_id: int(mean) for organisation_id, mean in rows}

    async def lines(self, run_id: UUID) -> Sequence[PaymentRunLine]:
        """Return a run's lines in their order."""
        return (
            await self.db.scalars(
                select(PaymentRunLine).where(PaymentRunLine.run_id == run_id).order_by(PaymentRunLine.position)
            )
        ).all()

    async def names(self, organisation_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return names of organisations by id."""
        rows = await self.db.execute(
            select(Organisation.id, Organisation.name).where(Organisation.id.in_(list(organisation_ids)))
        )
        return {row.id: row.name for row in rows}

    async def bills(self, run_id: UUID) -> Sequence[Row[Invoice, UUID]]:
        """Return a run's bills with the line that pays each, by number."""
        return (
            await self.db.execute(
                select(Invoice, PaymentRunInvoice.line_id)
                .join(PaymentRunInvoice, PaymentRunInvoice.invoice_id == Invoice.id)
                .where(PaymentRunInvoice.run_id == run_id)
                .order_by(Invoice.number)
            )
        ).all()

    async def open_payables(self, invoice_ids: Iterable[UUID]) -> dict[UUID, list[Payable]]:
        """Return what is owed and in no run, by bill, locked in the order of their ids."""
        found: dict[UUID, list[Payable]] = defaultdict(list)
        for row in await self.db.scalars(
            select(Payable)
            .where(Payable.invoice_id.in_(list(invoice_ids)), Payable.status == PayableStatus.OPEN)
            .order_by(Payable.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ):
            found[row.invoice_id].append(row)
        return found

    async def payables_of_run_locked(self, run_id: UUID) -> Sequence[Payable]:
        """Return what a run pays, locked in the order of their ids."""
        return (
            await self.db.scalars(
                select(Payable)
                .join(PaymentRunInvoice, PaymentRunInvoice.payable_id == Payable.id)
                .where(PaymentRunInvoice.run_id == run_id)
                .order_by(Payable.id)
                .with_for_update(of=Payable)
                .execution_options(populate_existing=True)
            )
        ).all()

    async def bills_of_run_locked(self, run_id: UUID) -> Sequence[Invoice]:
        """Return a run's bills, locked in the order of their ids."""
        return (
            await self.db.scalars(
                select(Invoice)
                .join(PaymentRunInvoice, PaymentRunInvoice.invoice_id == Invoice.id)
                .where(PaymentRunInvoice.run_id == run_id)
                .order_by(Invoice.id)
                .with_for_update(of=Invoice)
                .execution_options(populate_existing=True)
            )
        ).all()
