"""Card payments: our row first, then Stripe, then what Stripe's signed events say. Money moves on events alone.

`CardService` changes rows and never calls out; `card_calls` calls out and holds no transaction open meanwhile.
"""

from datetime import timedelta
from uuid import UUID, uuid5

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.bookings import Booking, BookingService, use_card_desk
from marketplace.core import outbox
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict
from marketplace.core.formats import uk_date
from marketplace.core.ids import new_id
from marketplace.core.settings import Settings
from marketplace.ledger import LedgerRepository, LedgerService, Purpose, credit, debit
from marketplace.payments.card_events import CardRefundAsked
from marketplace.payments.models import CardPayment
from marketplace.payments.repository.cards import CardRepository
from marketplace.payments.states import CARD, CardStatus
from marketplace.payments.stripe_gateway import GatewayUnavailable, StripeGateway

log = structlog.get_logger(__name__)

HOLD = timedelta(minutes=60)
"""How long a visit's time is held for a card payment; the card page closes then."""

START_WITHIN = timedelta(minutes=25)
"""The card page may be opened until then: Stripe wants it to stay open for more than half an hour."""

UNPAID = frozenset({CardStatus.CREATED, CardStatus.OPEN, CardStatus.FAILED, CardStatus.EXPIRED})

_gateway: StripeGateway | None = None
_public_url = "http://localhost:8000"


def use_gateway(made: StripeGateway | None) -> None:
    """Set the card gateway of this process (start-up, tests)."""
    global _gateway
    _gateway = made


def gateway() -> StripeGateway | None:
    """Return the card gateway of this process; None where no cards are taken."""
    return _gateway


def public_url() -> str:
    """Return the site's address, which stands in the links of card pages and so in calls that must repeat exactly."""
    return _public_url


def use_public_url(address: str) -> None:
    """Set the site's address (start-up, tests)."""
    global _public_url
    _public_url = address


def need_gateway() -> StripeGateway:
    """Return the card gateway.

    Raises:
        GatewayUnavailable: None is set in this process; work that waits for one is tried again.
    """
    if _gateway is None:
        raise GatewayUnavailable(code="gateway_missing")
    return _gateway


def open_cards(settings: Settings) -> StripeGateway | None:
    """Open the card gateway that the settings name and make it this process's; None without keys."""
    use_public_url(settings.public_url)
    if not settings.stripe_secret_key or not settings.stripe_webhook_secret:
        use_gateway(None)
        return None
    made = StripeGateway(settings.stripe_secret_key, settings.stripe_api_base, settings.stripe_webhook_secret)
    use_gateway(made)
    return made


class NoCards(Conflict):
    """The organisation cannot be paid by card."""

    code = "no-cards"
    title = "This provider does not take cards here yet"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a payment at Stripe. Facts only add up, so that the order in which they come does not matter."""

    is_paid: bool = False
    is_closed: bool = False
    """Nobody can pay it any more. Only ever said by Stripe's own record of the session, never by an event alone."""
    intent_id: str | None = None
    refunded_pence: int = 0
    """Given back so far, in all."""
    is_refund_failed: bool = False


class CardService:
    """The verbs of card payments."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.cards = CardRepository(db)

    async def open_payment(self, principal: Principal, booking: Booking) -> CardPayment:
        """Write the row of a payment, in the transaction of its booking.

        Raises:
            NoCards: The provider has no account that can take payments.
        """
        payee = await self.cards.payee(booking.organisation_id)
        if payee is None:
            raise NoCards
        payment = CardPayment(
            council_id=booking.council_id,
            booking_id=booking.id,
            person_id=booking.person_id,
            organisation_id=booking.organisation_id,
            status=CardStatus.CREATED,
            amount_pence=booking.cost_pence,
            stripe_account_id=payee.stripe_account_id,
            created_at=self.clock.now(),
        )
        self.db.add(payment)
        await self.db.flush()
        CARD.begin(self.db, payment, by=principal.user_id)
        self._note(principal, payment, "payments.open_card_payment", None)
        return payment

    async def note_checkout(self, payment_id: UUID, session_id: str, url: str | None) -> bool:
        """Write down the card page that Stripe opened; False when the payment was closed meanwhile."""
        payment = await self.cards.locked_under_booking(payment_id)
        if payment is None or payment.status not in {CardStatus.CREATED, CardStatus.OPEN}:
            return False
        payment.stripe_session_id, payment.checkout_url = session_id, url or ""
        if payment.status is CardStatus.CREATED:
            CARD.move(self.db, payment, CardStatus.OPEN, by=None)
        return True

    async def settle(self, payment_id: UUID, facts: Facts) -> str:
        """Bring a payment, its booking and the ledger to where the facts say they are.

        Facts may come in any order and any number of times: each step looks at what stands and does what is missing.

        Returns:
            What it came to, for the record of the event.
        """
        payment = await self.cards.locked_under_booking(payment_id)
        if payment is None:
            return "unknown payment"
        bookings, booking_id = BookingService(self.db), payment.booking_id
        if booking_id is None:
            raise LookupError(f"Card payment {payment.id} is for no single visit")
        before, refunded = payment.status, min(facts.refunded_pence, payment.amount_pence)
        if facts.intent_id and payment.stripe_payment_intent_id is None:
            payment.stripe_payment_intent_id = facts.intent_id
        # Money that was given back had been taken, whether or not that event has come yet.
        if (facts.is_paid or refunded) and payment.status in UNPAID:
            await self._take(payment)
            is_wanted = refunded < payment.amount_pence and await bookings.mark_funded(booking_id)
            if not is_wanted and refunded < payment.amount_pence:
                self._ask_refund(payment, "The visit does not take place any more.")
        if refunded > payment.refunded_pence:
            await self._give_back(payment, refunded)
            if payment.status is CardStatus.REFUNDED:
                await bookings.end_refunded(booking_id)
        if facts.is_refund_failed and payment.status is CardStatus.REFUNDING:
            CARD.move(self.db, payment, CardStatus.PAID, by=None, why="Stripe could not refund the card.")
            self._note(None, payment, "payments.fail_card_refund", CardStatus.REFUNDING)
            log.error("card-refund-failed", card_payment_id=str(payment.id))
        if facts.is_closed and payment.status in {CardStatus.CREATED, CardStatus.OPEN}:
            CARD.move(self.db, payment, CardStatus.EXPIRED, by=None)
            self._note(None, payment, "payments.expire_card_payment", before)
            await bookings.release_unpaid(booking_id)
        return "nothing new" if payment.status is before else payment.status.value

    async def give_back_booking(self, booking_id: UUID, why: str, *, is_owed: bool) -> list[UUID]:
        """Ask for the refund of what was paid for a booking, where it is owed.

        Returns:
            Payments that are not paid yet and have to be closed at Stripe.
        """
        unpaid = []
        for found in await self.cards.of_booking(booking_id):
            payment = await self.cards.locked_under_booking(found.id)
            if payment is None:
                continue
            if payment.status in {CardStatus.CREATED, CardStatus.OPEN}:
                unpaid.append(payment.id)
            elif is_owed and payment.status is CardStatus.PAID and payment.refund_id is None:
                self._ask_refund(payment, why)
        return unpaid

    async def _take(self, payment: CardPayment) -> None:
        before = payment.status
        CARD.move(self.db, payment, CardStatus.PAID, by=None)
        payment.paid_at = self.clock.now()
        self._note(None, payment, "payments.take_card_payment", before)
        await self.db.flush()
        await LedgerService(self.db).post(
            payment.council_id,
            "card-payment",
            payment.id,
            [
                debit(Purpose.STRIPE_CLEARING, payment.amount_pence),
                credit(Purpose.CARD_RECEIVED, payment.amount_pence, payment.organisation_id),
            ],
            memo="Card payment for a visit",
        )

    async def _give_back(self, payment: CardPayment, refunded_pence: int) -> None:
        """Post what came back since the last time and remember the sum."""
        more, before = refunded_pence - payment.refunded_pence, payment.status
        await LedgerService(self.db).post(
            payment.council_id,
            "card-refund",
            # One entry for each sum reached, so that a repeated or late event posts nothing again.
            uuid5(payment.id, str(refunded_pence)),
            [
                debit(Purpose.CARD_RECEIVED, more, payment.organisation_id),
                credit(Purpose.STRIPE_CLEARING, more),
            ],
            memo="Card payment given back",
            reverses_id=await LedgerRepository(self.db).has_entry("card-payment", payment.id),
        )
        payment.refunded_pence = refunded_pence
        if refunded_pence == payment.amount_pence:
            CARD.move(self.db, payment, CardStatus.REFUNDED, by=None)
        self._note(None, payment, "payments.refund_card_payment", before)

    def _ask_refund(self, payment: CardPayment, why: str) -> None:
        payment.refund_id = new_id()
        CARD.move(self.db, payment, CardStatus.REFUNDING, by=None, why=why)
        self._note(None, payment, "payments.ask_card_refund", CardStatus.PAID, why)
        outbox.publish(self.db, CardRefundAsked(council_id=payment.council_id, card_payment_id=payment.id))

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
            },
            why=why,
        )


def description_of(booking: Booking) -> str:
    """Words on the card page. From the row alone, since a repeated call must say the same."""
    return f"Visit on {uk_date(booking.visit_on)}"


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
