"""Questions of finance's workspace: what waits, what is owed and how long, what was spent on what."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from marketplace.core.repository import Repository
from marketplace.payments.models import (
    CREDITS,
    Accrual,
    AccrualKind,
    Invoice,
    InvoiceLine,
    LateInterest,
    LineHold,
    Payable,
    PaymentRun,
    ReturnedItem,
    Tariff,
)
from marketplace.payments.states import InterestStatus, InvoiceStatus, LineStatus, PayableStatus, RunStatus
from marketplace.providers.models import Accreditation, Lot, Organisation, ServiceLine

OWED = (PayableStatus.OPEN, PayableStatus.IN_RUN)
UNPAID_BILLS = (
    InvoiceStatus.ISSUED,
    InvoiceStatus.HELD,
    InvoiceStatus.APPROVED,
    InvoiceStatus.IN_RUN,
    InvoiceStatus.SENT,
    InvoiceStatus.PAID,
)
"""Bills whose lines without a payable may still be paid."""
DEAD_BILLS = (InvoiceStatus.DRAFT, InvoiceStatus.WITHDRAWN, InvoiceStatus.REFUSED)


def bucket(age: ColumnElement[Any], edges: Sequence[int]) -> ColumnElement[int]:
    """Number the group of a number of days: 0 up to the first edge, 1 up to the second …"""
    return case(*((age <= edge, literal(place)) for place, edge in enumerate(edges)), else_=literal(len(edges)))


class WorkspaceRepository(Repository[Payable]):
    """Sums over a council's bills, lines, payables, runs and earnings."""

    model_type = Payable

    async def bills(self, council_id: UUID) -> Sequence[Any]:
        """Return (kind, status, number, pence) of bills that wait for approval or are held whole."""
        found: Sequence[Any] = (
            await self.db.execute(
                select(Invoice.kind, Invoice.status, func.count(), func.sum(Invoice.total_pence))
                .where(
                    Invoice.council_id == council_id,
                    Invoice.status.in_((InvoiceStatus.ISSUED, InvoiceStatus.HELD)),
                )
                .group_by(Invoice.kind, Invoice.status)
            )
        ).all()
        return found

    async def held(self, council_id: UUID) -> Sequence[Any]:
        """Return (reason, number, pence, held the longest since, answered by the supplier) of held lines."""
        found: Sequence[Any] = (
            await self.db.execute(
                select(
                    InvoiceLine.reason_code,
                    func.count(),
                    func.sum(InvoiceLine.amount_pence),
                    func.min(InvoiceLine.held_at),
                    func.count().filter(LineHold.answered_at.is_not(None)),
                )
                .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
                .outerjoin(LineHold, and_(LineHold.line_id == InvoiceLine.id, LineHold.ended_at.is_(None)))
                .where(
                    InvoiceLine.council_id == council_id,
                    InvoiceLine.status == LineStatus.HELD,
                    Invoice.status.in_(UNPAID_BILLS),
                )
                .group_by(InvoiceLine.reason_code)
                .order_by(func.sum(InvoiceLine.amount_pence).desc(), InvoiceLine.reason_code)
            )
        ).all()
        return found

    async def due(self, council_id: UUID, today: date, edges: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return (number, pence) of what is approved and in no run, by days until it is due: -1 and less is late."""
        # The difference of two dates is a number of days.
        group = bucket(Payable.due_on - literal(today), (-1, *edges)).label("place")
        rows = await self.db.execute(
            select(group, func.count(), func.sum(Payable.amount_pence))
            .where(Payable.council_id == council_id, Payable.status == PayableStatus.OPEN)
            .group_by("place")
        )
        return {int(place): (int(number), int(pence)) for place, number, pence in rows}

    async def due_rows(self, council_id: UUID, until: date, limit: int) -> Sequence[Any]:
        """Return (payable, bill number, kind, organisation) due before a day and in no run, earliest first."""
        found: Sequence[Any] = (
            await self.db.execute(
                select(Payable, Invoice.number, Invoice.kind, Organisation.name)
                .join(Invoice, Invoice.id == Payable.invoice_id)
                .join(Organisation, Organisation.id == Payable.organisation_id)
                .where(Payable.council_id == council_id, Payable.status == PayableStatus.OPEN, Payable.due_on < until)
                .order_by(Payable.due_on, Payable.id)
                .limit(limit)
            )
        ).all()
        return found

    async def runs(self, council_id: UUID) -> dict[RunStatus, tuple[int, int]]:
        """Return (number, pence) of real runs that are not done, by state."""
        rows = await self.db.execute(
            select(PaymentRun.status, func.count(), func.sum(PaymentRun.total_pence))
            .where(
                PaymentRun.council_id == council_id,
                PaymentRun.is_rehearsal.is_(False),
                PaymentRun.status.in_((RunStatus.MADE, RunStatus.RELEASED, RunStatus.SUBMITTED)),
            )
            .group_by(PaymentRun.status)
        )
        return {status: (int(number), int(pence)) for status, number, pence in rows}

    async def counts(self, council_id: UUID, since: date) -> dict[str, tuple[int, int]]:
        """Return (number, pence) of returned items, unmatched ones and claims of interest."""
        returned = select(
            func.count().filter(ReturnedItem.returned_on >= since),
            func.coalesce(func.sum(ReturnedItem.amount_pence).filter(ReturnedItem.returned_on >= since), 0),
            func.count().filter(ReturnedItem.line_id.is_(None), ReturnedItem.settled_at.is_(None)),
            func.coalesce(
                func.sum(ReturnedItem.amount_pence).filter(
                    ReturnedItem.line_id.is_(None), ReturnedItem.settled_at.is_(None)
                ),
                0,
            ),
        ).where(ReturnedItem.council_id == council_id)
        back = (await self.db.execute(returned)).one()
        claims = (
            await self.db.execute(
                select(
                    func.count(),
                    func.coalesce(func.sum(LateInterest.interest_pence + LateInterest.fixed_pence), 0),
                ).where(LateInterest.council_id == council_id, LateInterest.status == InterestStatus.CLAIMED)
            )
        ).one()
        return {
            "returned": (int(back[0]), int(back[1])),
            "unmatched": (int(back[2]), int(back[3])),
            "interest": (int(claims[0]), int(claims[1])),
        }

    async def ageing(self, council_id: UUID, today: date, edges: Sequence[int]) -> Sequence[Any]:
        """Return (organisation's id, name, part, group of days since receipt, pence) of what is owed or may be.

        The parts are "approved" (payables), "waiting" (clean lines of bills not approved) and "held" (held lines).
        Credit notes count against it.
        """
        approved = select(
            Payable.organisation_id.label("organisation_id"),
            literal("approved").label("part"),
            Payable.received_on.label("received_on"),
            Payable.amount_pence.label("pence"),
        ).where(Payable.council_id == council_id, Payable.status.in_(OWED))
        sign = case((Invoice.kind.in_(CREDITS), -1), else_=1)
        lines = (
            select(
                Invoice.organisation_id,
                case((InvoiceLine.status == LineStatus.HELD, "held"), else_="waiting"),
                Invoice.received_on,
                InvoiceLine.amount_pence * sign,
            )
            .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
            .where(
                InvoiceLine.council_id == council_id,
                InvoiceLine.payable_id.is_(None),
                or_(
                    InvoiceLine.status == LineStatus.HELD,
                    and_(
                        InvoiceLine.status == LineStatus.CLEAN,
                        Invoice.status.in_((InvoiceStatus.ISSUED, InvoiceStatus.HELD)),
                    ),
                ),
                Invoice.status.in_(UNPAID_BILLS),
            )
        )
        every = union_all(approved, lines).subquery()
        place = bucket(literal(today) - every.c.received_on, edges).label("place")
        found: Sequence[Any] = (
            await self.db.execute(
                select(Organisation.id, Organisation.name, every.c.part, place, func.sum(every.c.pence))
                .join(Organisation, Organisation.id == every.c.organisation_id)
                .group_by(Organisation.id, Organisation.name, every.c.part, "place")
                .order_by(Organisation.name, Organisation.id)
            )
        ).all()
        return found

    async def spend(self, council_id: UUID, starts_on: date, until_on: date) -> Sequence[Any]:
        """Return (lot, service line, tariff, kind, number, pence) of what was earned in a period less its credits.

        The lot is that of the accreditation that counted on the day; None where it was recorded by hand.
        """
        line = case(
            (Accrual.service_line.is_not(None), Accrual.service_line),
            (
                Accrual.kind.in_((AccrualKind.PLAN, AccrualKind.PLAN_STAGE, AccrualKind.REVIEW)),
                literal(ServiceLine.SUPPORT_PLANNING, Accrual.service_line.type),
            ),
            (
                Accrual.kind == AccrualKind.MONEY_MANAGEMENT,
                literal(ServiceLine.MONEY_MANAGEMENT, Accrual.service_line.type),
            ),
        )
        lot = (
            select(Lot.code + " " + Lot.name)
            .join(Accreditation, Accreditation.lot_id == Lot.id)
            .where(
                Accreditation.council_id == Accrual.council_id,
                Accreditation.organisation_id == Accrual.organisation_id,
                Accreditation.service_line == line,
                Accreditation.live_from <= Accrual.earned_on,
                Accreditation.live_until > Accrual.earned_on,
            )
            .order_by(Accreditation.live_from.desc(), Accreditation.id)
            .limit(1)
            .correlate(Accrual)
            .scalar_subquery()
        )
        original = aliased(InvoiceLine)
        credited = (
            select(InvoiceLine.accrual_id, func.sum(InvoiceLine.amount_pence).label("pence"))
            .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
            .join(original, original.id == InvoiceLine.credits_line_id)
            .where(
                InvoiceLine.council_id == council_id,
                InvoiceLine.is_credit,
                InvoiceLine.accrual_id.is_not(None),
                # Taken back and billed again: spent all the same.
                original.billed_again_on.is_(None),
                InvoiceLine.status != LineStatus.REFUSED,
                Invoice.status.not_in(DEAD_BILLS),
            )
            .group_by(InvoiceLine.accrual_id)
            .subquery()
        )
        rows = (
            select(
                lot.label("lot"),
                line.label("line"),
                Tariff.name.label("tariff"),
                Accrual.kind.label("kind"),
                (Accrual.amount_pence - func.coalesce(credited.c.pence, 0)).label("pence"),
            )
            .outerjoin(Tariff, Tariff.id == Accrual.tariff_id)
            .outerjoin(credited, credited.c.accrual_id == Accrual.id)
            .where(Accrual.council_id == council_id, Accrual.earned_on >= starts_on, Accrual.earned_on < until_on)
            .subquery()
        )
        found: Sequence[Any] = (
            await self.db.execute(
                select(rows.c.lot, rows.c.line, rows.c.tariff, rows.c.kind, func.count(), func.sum(rows.c.pence))
                .group_by(rows.c.lot, rows.c.line, rows.c.tariff, rows.c.kind)
                .order_by(func.sum(rows.c.pence).desc())
            )
        ).all()
        return found
