"""Questions about refunds, disputes and the visits that card payments pay for."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.states import SETTLED
from marketplace.core.repository import Repository
from marketplace.payments.models import CardDispute, CardPayment, CardPaymentVisit, CardPurpose, CardRefund
from marketplace.payments.states import CardStatus, DisputeStatus, RefundStatus
from marketplace.providers.models import Organisation

STILL_COUNTS = (RefundStatus.WAITING, RefundStatus.ASKED, RefundStatus.DONE)
AGREED = (RefundStatus.ASKED, RefundStatus.DONE)
"""What the payer may be told: a refund that waits for a second person may still be refused."""
COVERS = (
    CardStatus.CREATED,
    CardStatus.OPEN,
    CardStatus.PAID,
    CardStatus.REFUNDING,
    CardStatus.REFUNDED,
    CardStatus.DISPUTED,
    CardStatus.LOST,
)
"""States in which a payment pays for its visits, or is about to. What a person was given back or a bank keeps is not
asked for a second time; what the platform's own rules gave back is."""


class CardMoneyRepository:
    """Refunds, disputes and covered visits. Whoever changes them has locked the payment."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def refunds(self, payment_id: UUID) -> Sequence[CardRefund]:
        """Return the refunds of a payment, oldest first."""
        return (
            await self.db.scalars(select(CardRefund).where(CardRefund.payment_id == payment_id).order_by(CardRefund.id))
        ).all()

    async def disputes(self, payment_id: UUID) -> Sequence[CardDispute]:
        """Return the disputes of a payment, oldest first."""
        return (
            await self.db.scalars(
                select(CardDispute).where(CardDispute.payment_id == payment_id).order_by(CardDispute.id)
            )
        ).all()

    async def dispute(self, dispute_id: UUID) -> CardDispute | None:
        """Return a dispute in reach."""
        return await self.db.get(CardDispute, dispute_id)

    async def refund_with_payment(self, refund_id: UUID) -> Row[CardRefund, CardPayment] | None:
        """Return a refund in reach with its payment."""
        return (
            await self.db.execute(
                select(CardRefund, CardPayment)
                .join(CardPayment, CardPayment.id == CardRefund.payment_id)
                .where(CardRefund.id == refund_id)
            )
        ).first()

    async def asked(self, payment_id: UUID) -> Sequence[UUID]:
        """Return ids of the refunds of a payment that Stripe has to be told of."""
        return (
            await self.db.scalars(
                select(CardRefund.id)
                .where(CardRefund.payment_id == payment_id, CardRefund.status == RefundStatus.ASKED)
                .order_by(CardRefund.id)
            )
        ).all()

    async def promised_pence(self, payment_id: UUID) -> int:
        """Return what was given back of a payment, is on its way, or waits for a second person."""
        return await self._refunds_pence(payment_id, STILL_COUNTS)

    async def agreed_pence(self, payment_id: UUID) -> int:
        """Return what was given back of a payment or is on its way."""
        return await self._refunds_pence(payment_id, AGREED)

    async def _refunds_pence(self, payment_id: UUID, statuses: Sequence[RefundStatus]) -> int:
        total = await self.db.scalar(
            select(func.coalesce(func.sum(CardRefund.amount_pence), 0)).where(
                CardRefund.payment_id == payment_id, CardRefund.status.in_(statuses)
            )
        )
        return int(total or 0)

    async def visits(self, payment_id: UUID) -> Sequence[Row[CardPaymentVisit, Booking]]:
        """Return the visits that a payment for several pays for, by start."""
        return (
            await self.db.execute(
                select(CardPaymentVisit, Booking)
                .join(Booking, Booking.id == CardPaymentVisit.booking_id)
                .where(CardPaymentVisit.payment_id == payment_id)
                .order_by(Booking.starts_at, Booking.id)
            )
        ).all()

    async def covered_pence(self, booking_ids: Collection[UUID], *, besides: UUID | None = None) -> dict[UUID, int]:
        """Return what card payments pay for visits, now or soon: `covered[booking_id]`; none for most.

        What the platform's own rules gave back of a visit's own payment is taken off, what people gave back is not.
        """
        covered: dict[UUID, int] = {}
        own = (
            select(func.coalesce(func.sum(CardRefund.amount_pence), 0))
            .where(
                CardRefund.payment_id == CardPayment.id,
                CardRefund.asked_by_user_id.is_(None),
                CardRefund.status.in_(STILL_COUNTS),
            )
            .correlate(CardPayment)
            .scalar_subquery()
        )
        singles = select(CardPayment.booking_id, CardPayment.amount_pence - own).where(
            CardPayment.booking_id.in_(booking_ids), CardPayment.status.in_(COVERS)
        )
        several = (
            select(CardPaymentVisit.booking_id, CardPaymentVisit.amount_pence)
            .join(CardPayment, CardPayment.id == CardPaymentVisit.payment_id)
            .where(CardPaymentVisit.booking_id.in_(booking_ids), CardPayment.status.in_(COVERS))
        )
        for question in (singles, several):
            if besides is not None:
                question = question.where(CardPayment.id != besides)
            for booking_id, pence in await self.db.execute(question):
                if booking_id is None:
                    continue
                covered[booking_id] = covered.get(booking_id, 0) + int(pence)
        return covered

    async def settled_by_card(
        self, council_id: UUID, person_id: UUID, *, only: Collection[UUID] | None = None, limit: int = 200
    ) -> Sequence[Row[Booking, Organisation]]:
        """Return a person's approved visits that a card pays for, whole or in part, oldest first."""
        question = (
            select(Booking, Organisation)
            .join(Organisation, Organisation.id == Booking.organisation_id)
            .where(
                Booking.council_id == council_id,
                Booking.person_id == person_id,
                Booking.status.in_(SETTLED),
                or_(Booking.funding == Funding.CARD, Booking.top_up_pence > 0),
            )
            .order_by(Booking.starts_at.desc(), Booking.id.desc())
            .limit(limit)
        )
        if only is not None:
            question = question.where(Booking.id.in_(only))
        return list(reversed((await self.db.execute(question)).all()))

    async def hold_visits(self, booking_ids: Collection[UUID]) -> None:
        """Hold visits until the transaction ends, in one order."""
        await self.db.execute(
            select(Booking.id).where(Booking.id.in_(booking_ids)).order_by(Booking.id).with_for_update()
        )


class RefundRepository(Repository[CardRefund]):
    """Refunds, as people look at them."""

    model_type = CardRefund

    async def waiting(self, council_id: UUID, limit: int) -> Sequence[Row[CardRefund, CardPayment, str]]:
        """Return refunds that wait for a second person, oldest first, with the payee's name."""
        return (
            await self.db.execute(
                _with_payee(self.of(council_id).where(CardRefund.status == RefundStatus.WAITING))
                .order_by(CardRefund.id)
                .limit(limit)
            )
        ).all()

    async def page(
        self, council_id: UUID, organisation_id: UUID | None, *, before: UUID | None, limit: int
    ) -> Sequence[Row[CardRefund, CardPayment, str]]:
        """Return refunds of a council, or of an organisation in it, newest first."""
        question = _with_payee(self.of(council_id)).order_by(CardRefund.id.desc()).limit(limit)
        if organisation_id is not None:
            question = question.where(CardPayment.organisation_id == organisation_id)
        if before is not None:
            question = question.where(CardRefund.id < before)
        return (await self.db.execute(question)).all()


class PaidCardRepository(Repository[CardPayment]):
    """Card payments that took money, as the council and the payee look at them."""

    model_type = CardPayment

    def taken(self, councils: Collection[UUID], organisation_id: UUID | None) -> Select[CardPayment]:
        """Start a question about payments that took money, in councils, of one payee or of all."""
        question = select(CardPayment).where(CardPayment.council_id.in_(councils), CardPayment.paid_at.is_not(None))
        return question if organisation_id is None else question.where(CardPayment.organisation_id == organisation_id)

    async def page(
        self, question: Select[CardPayment], *, before: UUID | None, limit: int
    ) -> Sequence[Row[CardPayment, str]]:
        """Return payments with the payee's name, newest first."""
        rows = question.join(Organisation, Organisation.id == CardPayment.organisation_id).add_columns(
            Organisation.name
        )
        if before is not None:
            rows = rows.where(CardPayment.id < before)
        return (await self.db.execute(rows.order_by(CardPayment.id.desc()).limit(limit))).all()

    async def disputed(
        self, councils: Collection[UUID], organisation_id: UUID | None, limit: int
    ) -> Sequence[Row[CardDispute, CardPayment]]:
        """Return disputes, those that are open first, then the newest."""
        question = (
            select(CardDispute, CardPayment)
            .join(CardPayment, CardPayment.id == CardDispute.payment_id)
            .where(CardPayment.council_id.in_(councils))
            .order_by(
                CardDispute.status.in_([DisputeStatus.WON, DisputeStatus.LOST]),
                CardDispute.opened_at.desc(),
                CardDispute.id,
            )
            .limit(limit)
        )
        if organisation_id is not None:
            question = question.where(CardPayment.organisation_id == organisation_id)
        return (await self.db.execute(question)).all()

    async def visit_days(self, payments: Collection[CardPayment]) -> dict[UUID, list[Booking]]:
        """Return the visits behind payments: `days[payment_id]`, by start."""
        found: dict[UUID, list[Booking]] = {}
        single = {one.booking_id: one.id for one in payments if one.booking_id}
        several = [one.id for one in payments if one.purpose is CardPurpose.VISITS]
        for booking in await self.db.scalars(select(Booking).where(Booking.id.in_(single))):
            for payment in payments:
                if payment.booking_id == booking.id:
                    found.setdefault(payment.id, []).append(booking)
        rows = await self.db.execute(
            select(CardPaymentVisit.payment_id, Booking)
            .join(Booking, Booking.id == CardPaymentVisit.booking_id)
            .where(CardPaymentVisit.payment_id.in_(several))
            .order_by(Booking.starts_at, Booking.id)
        )
        for payment_id, booking in rows:
            found.setdefault(payment_id, []).append(booking)
        return found


def _with_payee(question: Select[CardRefund]) -> Select[CardRefund, CardPayment, str]:
    return (
        question.join(CardPayment, CardPayment.id == CardRefund.payment_id)
        .join(Organisation, Organisation.id == CardPayment.organisation_id)
        .add_columns(CardPayment, Organisation.name)
    )
