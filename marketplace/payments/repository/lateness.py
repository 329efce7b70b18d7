"""Questions about when suppliers were paid, what was late, and what lead bodies passed on."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select

from marketplace.accounts.models import Council
from marketplace.core.repository import Repository
from marketplace.payments.models import (
    Invoice,
    InvoiceLine,
    LateInterest,
    LineHold,
    OnwardPayment,
    Payable,
    PaymentRun,
    PaymentRunInvoice,
    PaymentRunLine,
)
from marketplace.payments.states import RELEASED_RUNS, InterestStatus, PayableStatus
from marketplace.providers.models import Organisation

# A payable sent more than once was returned in between: the last payment that was not returned counts.
_PAID_ON = (
    select(func.max(PaymentRun.pay_on))
    .join(PaymentRunInvoice, PaymentRunInvoice.run_id == PaymentRun.id)
    .join(PaymentRunLine, PaymentRunLine.id == PaymentRunInvoice.line_id)
    .where(
        PaymentRunInvoice.payable_id == Payable.id,
        PaymentRun.status.in_(RELEASED_RUNS),
        PaymentRun.is_rehearsal.is_(False),
        PaymentRunLine.returned_on.is_(None),
    )
    .correlate(Payable)
    .scalar_subquery()
)
PAID_ON: ColumnElement[Any] = case(
    (Payable.status.in_((PayableStatus.SENT, PayableStatus.PAID)), func.coalesce(Payable.paid_on, _PAID_ON)),
    else_=None,
)
"""Day on which the supplier had, or will have, the money of a payable; None while it is owed."""
_HAD_HOLD = (
    select(LineHold.id)
    .join(InvoiceLine, InvoiceLine.id == LineHold.line_id)
    .where(InvoiceLine.invoice_id == Payable.invoice_id)
    .correlate(Payable)
    .exists()
)


class LatenessRepository(Repository[LateInterest]):
    """Payables by the days that matter."""

    model_type = LateInterest

    async def own_late(
        self, organisation_id: UUID, councils: Sequence[UUID], today: date, limit: int
    ) -> Sequence[Row[Payable, str, date | None, LateInterest | None, str]]:
        """Return what an organisation was paid late, or waits for past its day, newest due day first.

        Each with the bill's number, the day of payment, what was claimed, and the council's name.
        """
        question = (
            select(Payable, Invoice.number, PAID_ON.label("paid_on"), LateInterest, Council.name)
            .join(Invoice, Invoice.id == Payable.invoice_id)
            .join(Council, Council.id == Payable.council_id)
            .outerjoin(LateInterest, LateInterest.payable_id == Payable.id)
            .where(
                Payable.organisation_id == organisation_id,
                Payable.council_id.in_(councils),
                Payable.amount_pence > 0,
                Payable.due_on < func.coalesce(PAID_ON, today),
            )
        )
        return (await self.db.execute(question.order_by(Payable.due_on.desc(), Payable.id.desc()).limit(limit))).all()

    async def own_payable(
        self, organisation_id: UUID, councils: Sequence[UUID], payable_id: UUID
    ) -> Row[Payable, date | None] | None:
        """Return something owed to an organisation, locked, with the day it was paid."""
        question = (
            select(Payable, PAID_ON.label("paid_on"))
            .where(
                Payable.id == payable_id,
                Payable.organisation_id == organisation_id,
                Payable.council_id.in_(councils),
            )
            .with_for_update(of=Payable)
        )
        return (await self.db.execute(question)).one_or_none()

    async def claimed(self, payable_id: UUID) -> LateInterest | None:
        """Return what was claimed on a payable."""
        return await self.maybe(select(LateInterest).where(LateInterest.payable_id == payable_id))

    async def claims(
        self, council_id: UUID, status: InterestStatus, limit: int
    ) -> Sequence[Row[LateInterest, str, str | None]]:
        """Return claims of a state with the organisation's name and the bill's number, oldest first."""
        question = (
            select(LateInterest, Organisation.name, Invoice.number)
            .join(Organisation, Organisation.id == LateInterest.organisation_id)
            .join(Payable, Payable.id == LateInterest.payable_id)
            .join(Invoice, Invoice.id == Payable.invoice_id)
            .where(LateInterest.council_id == council_id, LateInterest.status == status)
            .order_by(LateInterest.id)
            .limit(limit)
        )
        return (await self.db.execute(question)).all()

    def _of_period(self, council_id: UUID, starts_on: date, until_on: date, *columns: Any) -> Select[Any]:
        return select(*columns).where(
            Payable.council_id == council_id,
            Payable.amount_pence > 0,
            or_(
                and_(starts_on <= PAID_ON, until_on > PAID_ON),
                and_(Payable.due_on < until_on, or_(PAID_ON.is_(None), until_on <= PAID_ON)),
            ),
        )

    async def of_period(self, council_id: UUID, starts_on: date, until_on: date) -> Sequence[Any]:
        """Return (pence, received, due, paid, had a dispute) of what was paid in a period or was overdue at its end."""
        paid_on = case((until_on > PAID_ON, PAID_ON), else_=None).label("paid_on")
        question = self._of_period(
            council_id,
            starts_on,
            until_on,
            Payable.amount_pence,
            Payable.received_on,
            Payable.due_on,
            paid_on,
            _HAD_HOLD,
        )
        found: Sequence[Any] = (await self.db.execute(question)).all()
        return found

    async def late_rows(self, council_id: UUID, starts_on: date, until_on: date, limit: int) -> Sequence[Any]:
        """Return what was late in a period with bill number, organisation and day of payment, longest wait first."""
        question = (
            self._of_period(
                council_id, starts_on, until_on, Payable, Invoice.number, Organisation.name, PAID_ON.label("paid_on")
            )
            .join(Invoice, Invoice.id == Payable.invoice_id)
            .join(Organisation, Organisation.id == Payable.organisation_id)
            .where(Payable.due_on < func.coalesce(PAID_ON, until_on))
            .order_by(Payable.due_on, Payable.id)
            .limit(limit)
        )
        found: Sequence[Any] = (await self.db.execute(question)).all()
        return found

    async def interest_of_period(self, council_id: UUID, starts_on: date, until_on: date) -> int:
        """Return the pence of interest and compensation that were agreed in a period."""
        found = await self.db.scalar(
            select(func.coalesce(func.sum(LateInterest.interest_pence + LateInterest.fixed_pence), 0)).where(
                LateInterest.council_id == council_id,
                LateInterest.status == InterestStatus.AGREED,
                func.date(LateInterest.decided_at) >= starts_on,
                func.date(LateInterest.decided_at) < until_on,
            )
        )
        return int(found or 0)

    async def onward(
        self, councils: Sequence[UUID], organisation_id: UUID | None, limit: int
    ) -> Sequence[Row[OnwardPayment, str]]:
        """Return what lead bodies owe their partners with the body's name: unpaid ones first, then the newest."""
        question = (
            select(OnwardPayment, Organisation.name)
            .join(Organisation, Organisation.id == OnwardPayment.organisation_id)
            .where(OnwardPayment.council_id.in_(councils))
        )
        if organisation_id is not None:
            question = question.where(OnwardPayment.organisation_id == organisation_id)
        order = (OnwardPayment.paid_on.is_not(None), OnwardPayment.due_on.desc(), OnwardPayment.id)
        return (await self.db.execute(question.order_by(*order).limit(limit))).all()

    async def own_onward(
        self, organisation_id: UUID, councils: Sequence[UUID], onward_id: UUID
    ) -> OnwardPayment | None:
        """Return one of an organisation's own, locked."""
        found: OnwardPayment | None = await self.db.scalar(
            select(OnwardPayment)
            .where(
                OnwardPayment.id == onward_id,
                OnwardPayment.organisation_id == organisation_id,
                OnwardPayment.council_id.in_(councils),
            )
            .with_for_update()
        )
        return found
