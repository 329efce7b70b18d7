"""Questions about payment runs."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, func, or_, select, true
from sqlalchemy.orm import aliased

from marketplace.accounts.models import Council
from marketplace.core.repository import Repository
from marketplace.payments.models import (
    BankAccount,
    Invoice,
    InvoiceKind,
    Payable,
    PaymentRun,
    PaymentRunInvoice,
    PaymentRunLine,
)
from marketplace.payments.repository.payables import batches
from marketplace.payments.states import RELEASED_RUNS, RunStatus
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

    async def accredited(self, council_id: UUID, organisation_ids: Iterable[UUID], day: date) -> set[UUID]:
        """Return which organisations a council accredits for anything on a day."""
        found: set[UUID] = set()
        for batch in batches(organisation_ids):
            found.update(
                await self.db.scalars(
                    select(Accreditation.organisation_id)
                    .where(
                        Accreditation.council_id == council_id,
                        Accreditation.organisation_id.in_(batch),
                        live_on(day),
                    )
                    .distinct()
                )
            )
        return found

    async def paid_before(self, council_id: UUID, organisation_ids: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
        """Return (times, mean pence) of a council's earlier payments by organisation; only of those it has paid."""
        found: dict[UUID, tuple[int, int]] = {}
        for batch in batches(organisation_ids):
            rows = await self.db.execute(
                select(PaymentRunLine.organisation_id, func.count(), func.round(func.avg(PaymentRunLine.amount_pence)))
                .join(PaymentRun, PaymentRun.id == PaymentRunLine.run_id)
                .where(
                    PaymentRunLine.council_id == council_id,
                    PaymentRunLine.organisation_id.in_(batch),
                    PaymentRunLine.returned_on.is_(None),
                    PaymentRun.status.in_(RELEASED_RUNS),
                )
                .group_by(PaymentRunLine.organisation_id)
            )
            found.update({organisation_id: (times, int(mean)) for organisation_id, times, mean in rows})
        return found

    async def returned_to(
        self, council_id: UUID, organisation_ids: Iterable[UUID], since: date
    ) -> dict[UUID, tuple[date, str, str]]:
        """Return the latest payment that came back since a day: (day, sort code, account number) by organisation."""
        found: dict[UUID, tuple[date, str, str]] = {}
        for batch in batches(organisation_ids):
            rows = await self.db.execute(
                select(
                    PaymentRunLine.organisation_id,
                    PaymentRunLine.returned_on,
                    PaymentRunLine.sort_code,
                    PaymentRunLine.account_number,
                )
                .where(
                    PaymentRunLine.council_id == council_id,
                    PaymentRunLine.organisation_id.in_(batch),
                    PaymentRunLine.returned_on >= since,
                )
                .order_by(PaymentRunLine.returned_on, PaymentRunLine.id)
            )
            found.update({row.organisation_id: (row.returned_on, row.sort_code, row.account_number) for row in rows})
        return found

    async def with_other_details(self, run_id: UUID, day: date) -> Sequence[UUID]:
        """Return the organisations of a run whose details that count on a day are not those of their payment."""
        live = (
            select(BankAccount.sort_code, BankAccount.account_number)
            .where(BankAccount.organisation_id == PaymentRunLine.organisation_id, BankAccount.live_from <= day)
            .order_by(BankAccount.live_from.desc(), BankAccount.id.desc())
            .limit(1)
            .lateral()
        )
        return (
            await self.db.scalars(
                select(PaymentRunLine.organisation_id)
                .outerjoin(live, true())
                .where(
                    PaymentRunLine.run_id == run_id,
                    or_(
                        live.c.sort_code.is_distinct_from(PaymentRunLine.sort_code),
                        live.c.account_number.is_distinct_from(PaymentRunLine.account_number),
                    ),
                )
                .order_by(PaymentRunLine.position)
            )
        ).all()

    async def payments(self, run_id: UUID) -> Sequence[Row[UUID, UUID, str, str, str, str, int]]:
        """Return what a file and the ledger need of a run's lines, in their order.

        Returns:
            Rows (id, organisation_id, account_name, sort_code, account_number, reference, amount_pence).
        """
        return (
            await self.db.execute(
                select(
                    PaymentRunLine.id,
                    PaymentRunLine.organisation_id,
                    PaymentRunLine.account_name,
                    PaymentRunLine.sort_code,
                    PaymentRunLine.account_number,
                    PaymentRunLine.reference,
                    PaymentRunLine.amount_pence,
                )
                .where(PaymentRunLine.run_id == run_id)
                .order_by(PaymentRunLine.position)
            )
        ).all()

    async def lines(
        self, run_id: UUID, *, after: int = 0, limit: int | None = None, only_warned: bool = False
    ) -> Sequence[PaymentRunLine]:
        """Return a run's lines in their order, those beyond a position; the ones to look at when asked."""
        question = select(PaymentRunLine).where(PaymentRunLine.run_id == run_id, PaymentRunLine.position > after)
        if only_warned:
            question = question.where(func.jsonb_array_length(PaymentRunLine.warnings) > 0)
        return (await self.db.scalars(question.order_by(PaymentRunLine.position).limit(limit))).all()

    async def line(self, council_id: UUID, line_id: UUID, *, locked: bool = False) -> PaymentRunLine | None:
        """Return one line of a council's runs."""
        question = select(PaymentRunLine).where(PaymentRunLine.id == line_id, PaymentRunLine.council_id == council_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found: PaymentRunLine | None = await self.db.scalar(question)
        return found

    async def warning_counts(self, run_id: UUID) -> dict[str, int]:
        """Return how many of a run's lines carry each warning."""
        warned = func.jsonb_array_elements(PaymentRunLine.warnings).table_valued("value").lateral()
        code = warned.c.value.op("->>")("code")
        rows = await self.db.execute(
            select(code, func.count())
            .select_from(PaymentRunLine)
            .join(warned, true())
            .where(PaymentRunLine.run_id == run_id)
            .group_by(code)
        )
        return {str(name): number for name, number in rows}

    async def returned_sum(self, run_id: UUID) -> tuple[int, int]:
        """Return (number, pence) of a run's payments that came back."""
        row = (
            await self.db.execute(
                select(func.count(), func.coalesce(func.sum(PaymentRunLine.amount_pence), 0)).where(
                    PaymentRunLine.run_id == run_id, PaymentRunLine.returned_on.is_not(None)
                )
            )
        ).one()
        return row[0], int(row[1])

    async def sharing(self, run_id: UUID) -> Sequence[Row[UUID, int, RunStatus]]:
        """Return the other runs, no rehearsals, that paid or pay something that a run pays: (id, number, status)."""
        own, other = aliased(PaymentRunInvoice), aliased(PaymentRunInvoice)
        return (
            await self.db.execute(
                select(PaymentRun.id, PaymentRun.number, PaymentRun.status)
                .join(other, other.run_id == PaymentRun.id)
                .join(own, own.payable_id == other.payable_id)
                .where(own.run_id == run_id, PaymentRun.id != run_id, PaymentRun.is_rehearsal.is_(False))
                .distinct()
                .order_by(PaymentRun.number)
            )
        ).all()

    async def names(self, organisation_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return names of organisations by id."""
        found: dict[UUID, str] = {}
        for batch in batches(set(organisation_ids)):
            rows = await self.db.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(batch)))
            found.update({row.id: row.name for row in rows})
        return found

    async def bills(
        self, run_id: UUID, line_ids: Collection[UUID] | None = None
    ) -> Sequence[Row[UUID, UUID, str, InvoiceKind, int]]:
        """Return what a run pays, or some lines of it: (line_id, invoice_id, number, kind, amount_pence), by number."""
        question = (
            select(
                PaymentRunInvoice.line_id,
                PaymentRunInvoice.invoice_id,
                func.coalesce(Invoice.number, "").label("number"),
                Invoice.kind,
                Payable.amount_pence,
            )
            .join(Payable, Payable.id == PaymentRunInvoice.payable_id)
            .join(Invoice, Invoice.id == PaymentRunInvoice.invoice_id)
            .where(PaymentRunInvoice.run_id == run_id)
        )
        if line_ids is not None:
            question = question.where(PaymentRunInvoice.line_id.in_(line_ids))
        return (await self.db.execute(question.order_by(Invoice.number, Payable.id))).all()
