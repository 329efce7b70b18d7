"""Questions about card payments, payees and Stripe's events."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking
from marketplace.core.ids import new_id
from marketplace.core.repository import Repository
from marketplace.payments.models import CardPayee, CardPayment, StripeEventRow
from marketplace.payments.states import CardStatus
from marketplace.payments.stripe_gateway import StripeEvent

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

    async def with_booking(self, payment_id: UUID) -> Row[CardPayment, Booking] | None:
        """Return a payment in reach with its booking."""
        return (
            await self.db.execute(
                select(CardPayment, Booking)
                .join(Booking, Booking.id == CardPayment.booking_id)
                .where(CardPayment.id == payment_id)
            )
        ).first()

    async def locked_under_booking(self, payment_id: UUID) -> CardPayment | None:
        """Return a payment, locked after its booking: parent before child, wherever both are needed."""
        booking_id = await self.db.scalar(select(CardPayment.booking_id).where(CardPayment.id == payment_id))
        if booking_id is None:
            return None
        await self.db.execute(select(Booking.id).where(Booking.id == booking_id).with_for_update())
        return await self.maybe(select(CardPayment).where(CardPayment.id == payment_id), locked=True)

    async def of_booking(self, booking_id: UUID) -> Sequence[CardPayment]:
        """Return the payments of a booking, newest first."""
        return await self.every(
            select(CardPayment).where(CardPayment.booking_id == booking_id).order_by(CardPayment.id.desc()).limit(20)
        )

    async def newest_of_person(self, council_id: UUID, person_id: UUID, limit: int) -> Sequence[CardPayment]:
        """Return a person's payments that took money, newest first."""
        taken = (CardStatus.PAID, CardStatus.REFUNDING, CardStatus.REFUNDED)
        return await self.every(
            self.of_person(council_id, person_id)
            .where(CardPayment.status.in_(taken))
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
        """Return payments to ask Stripe about: at the card page for long, never started, or to be given back."""
        return await self.every(
            select(CardPayment)
            .where(
                or_(
                    and_(CardPayment.status == CardStatus.OPEN, CardPayment.created_at < open_before),
                    and_(CardPayment.status == CardStatus.CREATED, CardPayment.created_at < created_before),
                    CardPayment.status == CardStatus.REFUNDING,
                )
            )
            .order_by(CardPayment.created_at)
            .limit(limit)
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
