"""Card payments: our row first, then Stripe, then what Stripe's signed events say. Money moves on events alone.

`CardService` changes rows and never calls out; `card_calls` calls out and holds no transaction open meanwhile.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.bookings import Booking, BookingService, Funding, use_card_desk
from marketplace.bookings.policies import LEAST_CARD_PENCE
from marketplace.bookings.states import SETTLED
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import plural, pounds, uk_date
from marketplace.payments.errors import NoCards, VisitsChanged
from marketplace.payments.models import CardPayment, CardPaymentVisit, CardPurpose
from marketplace.payments.repository.card_money import CardMoneyRepository
from marketplace.payments.repository.cards import CardRepository
from marketplace.payments.service.card_disputes import DisputeService
from marketplace.payments.service.card_gateway import (
    gateway,
    need_gateway,
    open_cards,
    public_url,
    use_gateway,
    use_public_url,
)
from marketplace.payments.service.card_money import post_taken, restate
from marketplace.payments.service.card_refunds import RefundService
from marketplace.payments.states import CARD, CardStatus
from marketplace.payments.stripe_shapes import StripeDispute, StripeRefund

__all__ = [
    "HOLD",
    "START_WITHIN",
    "CardService",
    "Facts",
    "NoCards",
    "PayableVisit",
    "description_of",
    "due_by_card",
    "gateway",
    "need_gateway",
    "open_cards",
    "public_url",
    "use_gateway",
    "use_public_url",
]

HOLD = timedelta(minutes=60)
"""How long a visit's time, and the direct payment's part of it, are held for a card payment; the page closes then."""

START_WITHIN = timedelta(minutes=25)
"""The card page may be opened until then: Stripe wants it to stay open for more than half an hour."""

UNPAID = frozenset({CardStatus.CREATED, CardStatus.OPEN, CardStatus.FAILED, CardStatus.EXPIRED})
MOST_VISITS = 100
NOT_WANTED = "The visit does not take place any more."
PAID_TWICE = "The visits had been paid for already."


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a payment at Stripe. Facts only add up, so that the order in which they come does not matter."""

    is_paid: bool = False
    is_closed: bool = False
    """Nobody can pay it any more. Only ever said by Stripe's own record of the session, never by an event alone."""
    intent_id: str | None = None
    refunds: tuple[StripeRefund, ...] = ()
    disputes: tuple[StripeDispute, ...] = ()

    @property
    def shows_money(self) -> bool:
        """Whether money was taken: what was given back or disputed had been, whether or not that event has come."""
        return self.is_paid or bool(self.disputes) or any(one.is_done for one in self.refunds)


class PayableVisit(msgspec.Struct, frozen=True, kw_only=True):
    """An approved visit that still has to be paid by card."""

    booking: Booking
    organisation_name: str
    pence: int


class CardService:
    """The verbs of card payments."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.cards = CardRepository(db)
        self.money = CardMoneyRepository(db)
        self.refunds = RefundService(db)

    async def open_payment(self, principal: Principal, booking: Booking) -> CardPayment:
        """Write the row of a payment, in the transaction of its booking: all of it, or its top-up.

        Raises:
            NoCards: The provider has no account that can take payments.
        """
        purpose = CardPurpose.BOOKING if booking.funding is Funding.CARD else CardPurpose.TOP_UP
        amount = booking.cost_pence if purpose is CardPurpose.BOOKING else booking.top_up_pence
        return await self._open(principal, purpose, booking, amount, booking.id)

    async def payable(self, principal: Principal, *, only: Collection[UUID] | None = None) -> list[PayableVisit]:
        """Return a person's approved visits that wait to be paid by card, oldest first."""
        rows = await self.money.settled_by_card(principal.council_id, principal.need_person(), only=only)
        covered = await self.money.covered_pence([booking.id for booking, _ in rows])
        found = []
        for booking, organisation in rows:
            pence = (due_by_card(booking) or 0) - covered.get(booking.id, 0)
            if pence > 0:
                found.append(PayableVisit(booking=booking, organisation_name=organisation.name, pence=pence))
        return found

    async def pay_visits(
        self, principal: Principal, booking_ids: Collection[UUID], shown_pence: int | None = None
    ) -> CardPayment:
        """Write the row of one payment for several approved visits of one provider.

        Raises:
            InvalidInput: None chosen, too many, visits of two providers, or less than a card can pay.
            VisitsChanged: One of them was paid meanwhile, or the sum is not the one that was shown.
            NoCards: The provider has no account that can take payments.
        """
        principal.require(Permission.MONEY_OWN)
        if not booking_ids:
            raise InvalidInput({"visits": "Select the visits that you want to pay"})
        if len(booking_ids) > MOST_VISITS:
            raise InvalidInput({"visits": f"Select up to {MOST_VISITS} visits at a time"})
        await self.money.hold_visits(booking_ids)
        visits = await self.payable(principal, only=booking_ids)
        if len(visits) != len(set(booking_ids)):
            raise VisitsChanged("One of the visits was paid or changed meanwhile. Nothing was taken. Choose again.")
        if len({one.booking.organisation_id for one in visits}) > 1:
            raise InvalidInput({"visits": "Select visits of one provider: each provider is paid on their own"})
        total = sum(one.pence for one in visits)
        if shown_pence is not None and shown_pence != total:
            raise VisitsChanged(f"The sum has changed: it is {pounds(total)} now. Nothing was taken. Choose again.")
        if total < LEAST_CARD_PENCE:
            raise InvalidInput({"visits": "A card payment must be 30p or more. Select more visits"})
        payment = await self._open(principal, CardPurpose.VISITS, visits[0].booking, total, None)
        self.db.add_all(
            CardPaymentVisit(
                council_id=payment.council_id, payment_id=payment.id, booking_id=one.booking.id, amount_pence=one.pence
            )
            for one in visits
        )
        await self.db.flush()
        return payment

    async def note_checkout(self, payment_id: UUID, session_id: str, url: str | None) -> bool:
        """Write down the card page that Stripe opened; False when the payment was closed meanwhile."""
        payment = await self.cards.locked_under_visits(payment_id)
        if payment is None or payment.status not in {CardStatus.CREATED, CardStatus.OPEN}:
            return False
        payment.stripe_session_id, payment.checkout_url = session_id, url or ""
        if payment.status is CardStatus.CREATED:
            CARD.move(self.db, payment, CardStatus.OPEN, by=None)
        return True

    async def settle(self, payment_id: UUID, facts: Facts) -> str:
        """Bring a payment, its visits and the ledger to where the facts say they are.

        Facts may come in any order and any number of times: each step looks at what stands and does what is missing.

        Returns:
            What it came to, for the record of the event.
        """
        payment = await self.cards.locked_under_visits(payment_id)
        if payment is None:
            return "unknown payment"
        before = payment.status
        if facts.intent_id and payment.stripe_payment_intent_id is None:
            payment.stripe_payment_intent_id = facts.intent_id
        was_unpaid = payment.status in UNPAID
        if facts.shows_money and was_unpaid:
            await self._take(payment)
        if payment.status not in UNPAID:
            await self._apply(payment, facts)
            if was_unpaid and payment.status is not CardStatus.REFUNDED:
                await self._use(payment)
        elif facts.is_closed and payment.status in {CardStatus.CREATED, CardStatus.OPEN}:
            CARD.move(self.db, payment, CardStatus.EXPIRED, by=None)
            self._note(None, payment, "payments.expire_card_payment", before)
            if payment.booking_id is not None:
                await BookingService(self.db).release_unpaid(payment.booking_id)
        return "nothing new" if payment.status is before else payment.status.value

    async def give_back_booking(self, booking_id: UUID, why: str, *, keep_pence: int | None = None) -> list[UUID]:
        """Ask for the refund of what was paid for a visit beyond what stays with the provider.

        Args:
            booking_id: The visit. Payments for several approved visits are left alone.
            why: What the payer reads.
            keep_pence: What the provider keeps; None: whatever was paid, so that only open pages are closed. What a
                bank holds back goes to the card once the dispute is won.

        Returns:
            Payments that are not paid yet and have to be closed at Stripe.
        """
        unpaid, left_to_keep = [], keep_pence
        for found in await self.cards.of_booking(booking_id):
            payment = await self.cards.locked_under_visits(found.id)
            if payment is None:
                continue
            if payment.status in {CardStatus.CREATED, CardStatus.OPEN}:
                unpaid.append(payment.id)
            elif left_to_keep is not None and payment.status not in UNPAID:
                left = await self.refunds.left_pence(payment, also_withheld=True)
                kept = min(left, left_to_keep)
                left_to_keep -= kept
                payment.return_pence = left - kept
                await self._return(payment, why)
        return unpaid

    async def _open(
        self, principal: Principal, purpose: CardPurpose, booking: Booking, amount_pence: int, booking_id: UUID | None
    ) -> CardPayment:
        payee = await self.cards.payee(booking.organisation_id)
        if payee is None:
            raise NoCards
        payment = CardPayment(
            council_id=booking.council_id,
            purpose=purpose,
            booking_id=booking_id,
            person_id=booking.person_id,
            organisation_id=booking.organisation_id,
            status=CardStatus.CREATED,
            amount_pence=amount_pence,
            stripe_account_id=payee.stripe_account_id,
            created_at=self.clock.now(),
        )
        self.db.add(payment)
        await self.db.flush()
        CARD.begin(self.db, payment, by=principal.user_id)
        self._note(principal, payment, "payments.open_card_payment", None)
        return payment

    async def _take(self, payment: CardPayment) -> None:
        before = payment.status
        CARD.move(self.db, payment, CardStatus.PAID, by=None)
        payment.paid_at = self.clock.now()
        self._note(None, payment, "payments.take_card_payment", before)
        await self.db.flush()
        await post_taken(self.db, payment)

    async def _use(self, payment: CardPayment) -> None:
        """Let the money do what it is for, or ask for it back when that is not wanted any more."""
        if payment.booking_id is not None:
            if not await BookingService(self.db).mark_funded(payment.booking_id):
                await self.refunds.give_back(payment, payment.amount_pence, NOT_WANTED)
            return
        # The page had closed, the visits were paid for another way, and then this payment came after all.
        visits = await self.money.visits(payment.id)
        others = await self.money.covered_pence([booking.id for _, booking in visits], besides=payment.id)
        too_much = sum(
            min(line.amount_pence, max(0, others.get(booking.id, 0) + line.amount_pence - (due_by_card(booking) or 0)))
            for line, booking in visits
        )
        if too_much:
            await self.refunds.give_back(payment, too_much, PAID_TWICE)

    async def _return(self, payment: CardPayment, why: str) -> None:
        """Give back what is due to the card, as far as no bank holds it; the rest waits for the bank."""
        refund = await self.refunds.give_back(payment, payment.return_pence, why) if payment.return_pence else None
        if refund is not None:
            payment.return_pence -= refund.amount_pence

    async def _apply(self, payment: CardPayment, facts: Facts) -> None:
        before = (payment.status, payment.refunded_pence, payment.disputed_pence)
        await self.refunds.apply(payment, facts.refunds)
        await DisputeService(self.db).apply(payment, facts.disputes)
        await restate(self.db, payment)
        # What a bank gave to the card holder, or somebody gave back by hand, is not due any more.
        payment.return_pence = min(payment.return_pence, await self.refunds.left_pence(payment, also_withheld=True))
        await self._return(payment, NOT_WANTED)
        if before == (payment.status, payment.refunded_pence, payment.disputed_pence):
            return
        self._note(None, payment, "payments.settle_card_payment", before[0])
        if payment.booking_id is not None and payment.status is CardStatus.REFUNDED:
            await BookingService(self.db).end_refunded(payment.booking_id)

    def _note(
        self, principal: Principal | None, payment: CardPayment, action: str, before: CardStatus | None, why: str = ""
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=payment.council_id,
            subject_kind="card_payment",
            subject_id=payment.id,
            before={"status": before} if before else None,
            after={
                "status": payment.status,
                "amount_pence": payment.amount_pence,
                "refunded_pence": payment.refunded_pence,
                "disputed_pence": payment.disputed_pence,
            },
            why=why,
        )


def due_by_card(booking: Booking) -> int | None:
    """What a card pays of a visit that the person has settled, in pence; None while it is not settled.

    A top-up is used before the direct payment (`bookings.service.settlement`), so what was not approved goes back to
    the card last.
    """
    if booking.status not in SETTLED:
        return None
    approved = booking.cost_pence if booking.approved_pence is None else booking.approved_pence
    return approved if booking.funding is Funding.CARD else min(approved, booking.top_up_pence)


def description_of(payment: CardPayment, bookings: list[Booking]) -> str:
    """Words on the card page: days alone, nothing about anybody. From rows alone: a repeated call says the same."""
    days = sorted({booking.visit_on for booking in bookings})
    if payment.purpose is CardPurpose.VISITS:
        when = uk_date(days[0]) if len(days) == 1 else f"{uk_date(days[0])} to {uk_date(days[-1])}"
        return f"{plural(len(bookings), 'visit')}, {when}"
    words = "Rest of the visit" if payment.purpose is CardPurpose.TOP_UP else "Visit"
    return f"{words} on {uk_date(days[0])}"


class Desk:
    """What bookings asks of payments; see `marketplace.bookings.desk`."""

    async def takes_cards(self, db: AsyncSession, organisation_id: UUID) -> bool:
        """Whether an organisation can be paid by card now."""
        return gateway() is not None and await CardRepository(db).payee(organisation_id) is not None

    async def open_payment(self, db: AsyncSession, principal: Principal, booking: Booking) -> str:
        """Write the payment's row; returns the address that leads on to the card page."""
        payment = await CardService(db).open_payment(principal, booking)
        return f"/payments/cards/{payment.id}/go"


use_card_desk(Desk())
