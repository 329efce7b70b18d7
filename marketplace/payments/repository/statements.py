"""Questions of a supplier's own account with a council: what is held, when it is paid, what moved."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import case, cast, func, literal, select, union_all
from sqlalchemy.types import Text

from marketplace.core.repository import Repository
from marketplace.payments.models import (
    CREDITS,
    Invoice,
    InvoiceLine,
    LineHold,
    Payable,
    PaymentRun,
    PaymentRunInvoice,
    PaymentRunLine,
)
from marketplace.payments.repository.workspace import DEAD_BILLS, OWED, UNPAID_BILLS
from marketplace.payments.states import DEAD_RUNS, RELEASED_RUNS, LineStatus, PayableStatus

_PLANNED_ON = (
    select(func.max(PaymentRun.pay_on))
    .join(PaymentRunInvoice, PaymentRunInvoice.run_id == PaymentRun.id)
    .join(PaymentRunLine, PaymentRunLine.id == PaymentRunInvoice.line_id)
    .where(
        PaymentRunInvoice.payable_id == Payable.id,
        PaymentRun.status.not_in(DEAD_RUNS),
        PaymentRun.is_rehearsal.is_(False),
        PaymentRunLine.returned_on.is_(None),
    )
    .correlate(Payable)
    .scalar_subquery()
)


class StatementRepository(Repository[Invoice]):
    """An organisation's own money, across its councils or with one of them."""

    model_type = Invoice

    async def held(self, organisation_id: UUID, councils: Sequence[UUID], limit: int) -> Sequence[Any]:
        """Return (line, bill number, what the council wrote) of an organisation's held lines, the oldest first."""
        found: Sequence[Any] = (
            await self.db.execute(
                select(InvoiceLine, Invoice.number, func.coalesce(LineHold.reason, ""))
                .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
                .outerjoin(LineHold, (LineHold.line_id == InvoiceLine.id) & LineHold.ended_at.is_(None))
                .where(
                    Invoice.organisation_id == organisation_id,
                    Invoice.council_id.in_(councils),
                    InvoiceLine.status == LineStatus.HELD,
                    Invoice.status.in_(UNPAID_BILLS),
                )
                .order_by(InvoiceLine.held_at, InvoiceLine.id)
                .limit(limit)
            )
        ).all()
        return found

    async def coming(self, organisation_id: UUID, councils: Sequence[UUID], today: date, limit: int) -> Sequence[Any]:
        """Return (payable, bill number, day of its run) of what an organisation will be paid, by the day it is due."""
        found: Sequence[Any] = (
            await self.db.execute(
                select(
                    Payable,
                    Invoice.number,
                    case((Payable.status == PayableStatus.OPEN, None), else_=_PLANNED_ON).label("pay_on"),
                )
                .join(Invoice, Invoice.id == Payable.invoice_id)
                .where(
                    Payable.organisation_id == organisation_id,
                    Payable.council_id.in_(councils),
                    Payable.status.in_(OWED) | ((Payable.status == PayableStatus.SENT) & (today < _PLANNED_ON)),
                )
                .order_by(Payable.due_on, Payable.id)
                .limit(limit)
            )
        ).all()
        return found

    async def moves(self, organisation_id: UUID, council_id: UUID, until: date) -> Sequence[Any]:
        """Return (day, what, reference, pence) of all that moved an account before a day, oldest first.

        Bills add, credit notes and payments take off, a returned payment adds again. Bills that were refused, and what
        was refused of others, are not in it.
        """
        sign = case((Invoice.kind.in_(CREDITS), -1), else_=1)
        bills = select(
            Invoice.received_on.label("day"),
            case((Invoice.kind.in_(CREDITS), "credit"), else_="bill").label("what"),
            Invoice.number.label("reference"),
            (Invoice.total_pence * sign).label("pence"),
        ).where(
            Invoice.organisation_id == organisation_id,
            Invoice.council_id == council_id,
            Invoice.status.not_in(DEAD_BILLS),
            Invoice.number.is_not(None),
            Invoice.received_on < until,
        )
        paid = (
            select(PaymentRun.pay_on, literal("payment"), cast(PaymentRun.number, Text), -PaymentRunLine.amount_pence)
            .join(PaymentRunLine, PaymentRunLine.run_id == PaymentRun.id)
            .where(
                PaymentRunLine.organisation_id == organisation_id,
                PaymentRunLine.council_id == council_id,
                PaymentRun.status.in_(RELEASED_RUNS),
                PaymentRun.is_rehearsal.is_(False),
            )
        )
        back = paid.with_only_columns(
            PaymentRunLine.returned_on, literal("returned"), cast(PaymentRun.number, Text), PaymentRunLine.amount_pence
        ).where(PaymentRunLine.returned_on < until)
        every = union_all(bills, paid.where(PaymentRun.pay_on < until), back).subquery()
        found: Sequence[Any] = (
            await self.db.execute(select(every).order_by(every.c.day, every.c.what, every.c.reference))
        ).all()
        return found
