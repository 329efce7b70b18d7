"""Questions about card payments, payees and Stripe's events."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking
from marketplace.core.ids import new_id
from marketplace.core.repository import Repository
from marketplace.payments.models import (
    CardDispute,
    CardPayee,
    CardPayment,
    CardPaymentVisit,
    CardRefund,
    StripeEventRow,
)
from marketplace.payments.states import CardStatus, RefundStatus
from marketplace.payments.stripe_gateway import StripeEvent
from marketplace.providers.models import Accreditation, Organisation

SOURCE = "stripe"


class CardRepository(Repository[CardPayment]):
    """Card payments."""

    model_type = CardPayment

    def of_person(self, council_id: UUID, person_id: UUID) -> Select[CardPayment]:
        """Start a question about one person's card payments."""
        return self.of(council_id).where(CardPayment.person_id == person_id)

    async def payee(self, organisation_id: UUID) -> CardPayee | None:
        """Return an organisation's account at Stripe when it can take payments."""
        found: CardPayee | None = await self.db.scalar(
            select(CardPayee).where(CardPayee.organisation_id == organisation_id, CardPayee.can_take_payments)
        )
        return found

    async def payee_of(self, organisation_id: UUID, *, locked: bool = False) -> CardPayee | None:
        """Return an organisation's account at Stripe, in whatever state."""
        question = select(CardPayee).where(CardPayee.organisation_id == organisation_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found: CardPayee | None = await self.db.scalar(question)
        return found

    async def payee_by_account(self, account: str, *, locked: bool = False) -> CardPayee | None:
        """Return the payee with an account at Stripe."""
        question = select(CardPayee).where(CardPayee.stripe_account_id == account)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found: CardPayee | None = await self.db.scalar(question)
        return found

    async def council_of(self, payee: CardPayee) -> UUID | None:
        """Return a council through which something about a payee is told: its home, else where it was paid, or works.

        None for an organisation that no council knows yet.
        """
        home: UUID | None = await self.db.scalar(
            select(Organisation.home_council_id).where(Organisation.id == payee.organisation_id)
        )
        if home is not None:
            return home
        paid: UUID | None = await self.db.scalar(
            select(CardPayment.council_id)
            .where(CardPayment.organisation_id == payee.organisation_id)
            .order_by(CardPayment.id.desc())
            .limit(1)
        )
        if paid is not None:
            return paid
        works: UUID | None = await self.db.scalar(
            select(Accreditation.council_id)
            .where(Accreditation.organisation_id == payee.organisation_id)
            .order_by(Accreditation.live_from.desc(), Accreditation.id)
            .limit(1)
        )
        return works

    async def knows_account(self, account: str) -> bool:
        """Whether an account is, or was, one of our payees'."""
        payees = select(CardPayee.stripe_account_id).where(CardPayee.stripe_account_id == account)
        payments = select(CardPayment.stripe_account_id).where(CardPayment.stripe_account_id == account)
        return bool(await self.db.scalar(select(or_(payees.exists(), payments.exists()))))

    async def booking(self, booking_id: UUID) -> Booking | None:
        """Return a visit in reach."""
        return await self.db.get(Booking, booking_id, populate_existing=True)

    async def reach(self, payment_id: UUID) -> CardPayment | None:
        """Return a payment of any council in reach."""
        return await self.maybe(select(CardPayment).where(CardPayment.id == payment_id))

    async def bookings(self, payment: CardPayment) -> list[Booking]:
        """Return the visits that a payment is for, by start."""
        ids = (
            select(CardPaymentVisit.booking_id).where(CardPaymentVisit.payment_id == payment.id)
            if payment.booking_id is None
            else select(CardPayment.booking_id).where(CardPayment.id == payment.id)
        )
        question = select(Booking).where(Booking.id.in_(ids)).order_by(Booking.starts_at, Booking.id)
        return list((await self.db.scalars(question)).all())

    async def locked_under_visits(self, payment_id: UUID) -> CardPayment | None:
        """Return a payment, locked after its visits: parents before the child, by id, wherever both are needed."""
        several = select(CardPaymentVisit.booking_id).where(CardPaymentVisit.payment_id == payment_id)
        single = select(CardPayment.booking_id).where(CardPayment.id == payment_id)
        await self.db.execute(
            select(Booking.id)
            .where(or_(Booking.id.in_(several), Booking.id.in_(single)))
            .order_by(Booking.id)
            .with_for_update()
        )
        return await self.maybe(select(CardPayment).where(CardPayment.id == payment_id), locked=True)

    async def of_booking(self, booking_id: UUID) -> Sequence[CardPayment]:
        """Return the payments of a booking, newest first."""
        return await self.every(
            select(CardPayment).where(CardPayment.booking_id == booking_id).order_by(CardPayment.id.desc()).limit(20)
        )

    async def newest_of_person(self, council_id: UUID, person_id: UUID, limit: int) -> Sequence[CardPayment]:
        """Return a person's payments that took money, newest first."""
        return await self.every(
            self.of_person(council_id, person_id)
            .where(CardPayment.paid_at.is_not(None))
            .order_by(CardPayment.id.desc())
            .limit(limit)
        )

    async def of_event(self, event: StripeEvent) -> CardPayment | None:
        """Return the payment an event is about: by our own id in it, else by the payment's id at Stripe.

        An event of another account than the payment's is about nothing of ours.
        """
        facts = event.object
        notes = facts.get("metadata")
        ours = facts.get("client_reference_id") or (
            notes.get("payment_attempt_id") if isinstance(notes, dict) else None
        )
        intent = facts.get("payment_intent")
        known = []
        if (payment_id := _uuid(ours)) is not None:
            known.append(CardPayment.id == payment_id)
        if isinstance(intent, str):
            known.append(CardPayment.stripe_payment_intent_id == intent)
        if not known:
            return None
        return await self.maybe(
            select(CardPayment).where(or_(*known), CardPayment.stripe_account_id == (event.account or ""))
        )

    async def stale(self, open_before: datetime, created_before: datetime, limit: int) -> Sequence[CardPayment]:
        """Return payments to ask Stripe about: at the card page for long, or never started."""
        return await self.every(
            select(CardPayment)
            .where(
                or_(
                    and_(CardPayment.status == CardStatus.OPEN, CardPayment.created_at < open_before),
                    and_(CardPayment.status == CardStatus.CREATED, CardPayment.created_at < created_before),
                )
            )
            .order_by(CardPayment.created_at)
            .limit(limit)
        )

    async def unsent(self, limit: int) -> Sequence[UUID]:
        """Return ids of refunds that Stripe was, or should have been, told of and has not confirmed."""
        return (
            await self.db.scalars(
                select(CardRefund.id)
                .where(CardRefund.status == RefundStatus.ASKED)
                .order_by(CardRefund.asked_at)
                .limit(limit)
            )
        ).all()

    async def undecided(self, limit: int) -> Sequence[CardPayment]:
        """Return payments with a dispute that is not decided as far as we know."""
        open_ones = select(CardDispute.payment_id).where(CardDispute.closed_at.is_(None))
        return await self.every(
            select(CardPayment).where(CardPayment.id.in_(open_ones)).order_by(CardPayment.id).limit(limit)
        )


class StripeEventRepository:
    """Stripe's events: stored once, handled once. They belong to no council until they are matched."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def store(
        self, event: StripeEvent, body: dict[str, object], now: datetime, *, outcome: str | None
    ) -> UUID | None:
        """Store an event; None when it was stored before. One with an outcome needs no handling."""
        row_id: UUID | None = await self.db.scalar(
            insert(StripeEventRow)
            .values(
                id=new_id(),
                source=SOURCE,
                external_id=event.id,
                account_id=event.account or "",
                kind=event.kind,
                created_at=event.created_at,
                body=body,
                received_at=now,
                handled_at=now if outcome is not None else None,
                outcome=outcome or "",
            )
            .on_conflict_do_nothing(index_elements=["source", "external_id"])
            .returning(StripeEventRow.id)
        )
        return row_id

    async def find(self, row_id: UUID, *, locked: bool = False) -> StripeEventRow | None:
        """Return an event by our id."""
        question = select(StripeEventRow).where(StripeEventRow.id == row_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found: StripeEventRow | None = await self.db.scalar(question)
        return found

    async def unhandled(self, received_before: datetime, limit: int) -> Sequence[UUID]:
        """Return ids of events that stayed unhandled, oldest first."""
        return (
            await self.db.scalars(
                select(StripeEventRow.id)
                .where(StripeEventRow.handled_at.is_(None), StripeEventRow.received_at < received_before)
                .order_by(StripeEventRow.received_at)
                .limit(limit)
            )
        ).all()


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) and len(value) in (32, 36) else None
    except ValueError:
        return None
