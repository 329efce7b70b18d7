"""Questions about suppliers' questions."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select

from marketplace.accounts.models import Council
from marketplace.core.repository import Repository
from marketplace.payments.models import (
    Invoice,
    InvoiceLine,
    PaymentQuery,
    PaymentRun,
    PaymentRunInvoice,
    PaymentRunLine,
)
from marketplace.payments.models.supply import QueryKind
from marketplace.payments.states import RELEASED_RUNS, PaymentQueryStatus
from marketplace.providers.models import Organisation


class QueryRepository(Repository[PaymentQuery]):
    """What suppliers ask about money."""

    model_type = PaymentQuery

    def _rows(self) -> Select[PaymentQuery, str, str, str | None, int]:
        return (
            select(PaymentQuery, Organisation.name, Council.name, Invoice.number, InvoiceLine.position)
            .join(Organisation, Organisation.id == PaymentQuery.organisation_id)
            .join(Council, Council.id == PaymentQuery.council_id)
            .outerjoin(Invoice, Invoice.id == PaymentQuery.invoice_id)
            .outerjoin(InvoiceLine, InvoiceLine.id == PaymentQuery.line_id)
        )

    async def of_organisation(
        self, organisation_id: UUID, councils: Sequence[UUID], *, before: UUID | None, limit: int
    ) -> Sequence[Any]:
        """Return (question, organisation, council, bill number, line) of an organisation's own, newest first."""
        question = self._rows().where(
            PaymentQuery.organisation_id == organisation_id, PaymentQuery.council_id.in_(councils)
        )
        if before is not None:
            question = question.where(PaymentQuery.id < before)
        found: Sequence[Any] = (await self.db.execute(question.order_by(PaymentQuery.id.desc()).limit(limit))).all()
        return found

    async def of_council(
        self,
        council_id: UUID,
        *,
        status: PaymentQueryStatus | None,
        kind: QueryKind | None,
        after: UUID | None,
        limit: int | None,
    ) -> Sequence[Any]:
        """Return the same of a council's suppliers: open ones oldest first, others newest first."""
        question = self._rows().where(PaymentQuery.council_id == council_id)
        is_oldest_first = status is PaymentQueryStatus.OPEN
        if status is not None:
            question = question.where(PaymentQuery.status == status)
        if kind is not None:
            question = question.where(PaymentQuery.kind == kind)
        if after is not None:
            question = question.where(PaymentQuery.id > after if is_oldest_first else PaymentQuery.id < after)
        order = PaymentQuery.id.asc() if is_oldest_first else PaymentQuery.id.desc()
        question = question.order_by(order)
        if limit is not None:
            question = question.limit(limit)
        found: Sequence[Any] = (await self.db.execute(question)).all()
        return found

    async def one_row(self, query_id: UUID, councils: Sequence[UUID], organisation_id: UUID | None = None) -> Any:
        """Return one of them, an organisation's own where one is given; None when there is none."""
        question = self._rows().where(PaymentQuery.id == query_id, PaymentQuery.council_id.in_(councils))
        if organisation_id is not None:
            question = question.where(PaymentQuery.organisation_id == organisation_id)
        return (await self.db.execute(question)).one_or_none()

    async def own(self, organisation_id: UUID, councils: Sequence[UUID], query_id: UUID) -> PaymentQuery:
        """Return an organisation's own question, locked.

        Raises:
            NotFound: It is not theirs.
        """
        return await self.one(
            select(PaymentQuery).where(
                PaymentQuery.id == query_id,
                PaymentQuery.organisation_id == organisation_id,
                PaymentQuery.council_id.in_(councils),
            ),
            locked=True,
        )

    async def asked_already(
        self,
        organisation_id: UUID,
        council_id: UUID,
        kind: QueryKind,
        invoice_id: UUID | None,
        line_id: UUID | None,
        question: str,
    ) -> PaymentQuery | None:
        """Return an open question of the kind about the same bill and line; without a bill, in the same words."""
        asked = select(PaymentQuery).where(
            PaymentQuery.organisation_id == organisation_id,
            PaymentQuery.council_id == council_id,
            PaymentQuery.kind == kind,
            PaymentQuery.status == PaymentQueryStatus.OPEN,
            PaymentQuery.invoice_id.is_not_distinct_from(invoice_id),
            PaymentQuery.line_id.is_not_distinct_from(line_id),
        )
        if invoice_id is None:
            asked = asked.where(PaymentQuery.question == question)
        found: PaymentQuery | None = await self.db.scalar(asked.order_by(PaymentQuery.id).limit(1))
        return found

    async def lock_organisation(self, organisation_id: UUID) -> None:
        """Let one question of an organisation in at a time, so that a second tab sees the first one's."""
        await self.db.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(f"payment-query:{organisation_id}", 0)))
        )

    async def bill(self, organisation_id: UUID, councils: Sequence[UUID], invoice_id: UUID) -> Invoice | None:
        """Return an organisation's own bill that has a number."""
        found: Invoice | None = await self.db.scalar(
            select(Invoice).where(
                Invoice.id == invoice_id,
                Invoice.organisation_id == organisation_id,
                Invoice.council_id.in_(councils),
                Invoice.number.is_not(None),
            )
        )
        return found

    async def line(
        self, organisation_id: UUID, councils: Sequence[UUID], line_id: UUID
    ) -> Row[InvoiceLine, Invoice] | None:
        """Return a line of an organisation's own bill that has a number, with the bill."""
        return (
            await self.db.execute(
                select(InvoiceLine, Invoice)
                .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
                .where(
                    InvoiceLine.id == line_id,
                    Invoice.organisation_id == organisation_id,
                    Invoice.council_id.in_(councils),
                    Invoice.number.is_not(None),
                )
            )
        ).one_or_none()

    async def payment(
        self, organisation_id: UUID, councils: Sequence[UUID], line_id: UUID
    ) -> Row[PaymentRun, PaymentRunLine] | None:
        """Return a payment to an organisation with its run."""
        return (
            await self.db.execute(
                select(PaymentRun, PaymentRunLine)
                .join(PaymentRunLine, PaymentRunLine.run_id == PaymentRun.id)
                .where(
                    PaymentRunLine.id == line_id,
                    PaymentRunLine.organisation_id == organisation_id,
                    PaymentRunLine.council_id.in_(councils),
                    PaymentRun.status.in_(RELEASED_RUNS),
                    PaymentRun.is_rehearsal.is_(False),
                )
            )
        ).one_or_none()

    async def only_bill_of(self, payment_id: UUID) -> UUID | None:
        """Return the bill that a payment pays; None where it pays several."""
        found = (
            await self.db.scalars(
                select(PaymentRunInvoice.invoice_id).where(PaymentRunInvoice.line_id == payment_id).distinct().limit(2)
            )
        ).all()
        return found[0] if len(found) == 1 else None

    async def open_figures(self, council_id: UUID, today: date) -> tuple[int, int, int]:
        """Return (open, past their day, chased) of a council's questions."""
        row = (
            await self.db.execute(
                select(
                    func.count(),
                    func.count().filter(PaymentQuery.answer_by < today),
                    func.count().filter(PaymentQuery.chase_count > 0),
                ).where(PaymentQuery.council_id == council_id, PaymentQuery.status == PaymentQueryStatus.OPEN)
            )
        ).one()
        return int(row[0]), int(row[1]), int(row[2])

    async def own_figures(self, organisation_id: UUID, councils: Sequence[UUID]) -> dict[PaymentQueryStatus, int]:
        """Return how many questions an organisation has by state."""
        rows = await self.db.execute(
            select(PaymentQuery.status, func.count())
            .where(PaymentQuery.organisation_id == organisation_id, PaymentQuery.council_id.in_(councils))
            .group_by(PaymentQuery.status)
        )
        return {status: int(number) for status, number in rows}
