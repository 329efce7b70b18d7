"""What card payments ask of Stripe. No transaction stays open across a call; each call may be repeated."""

from collections.abc import Awaitable
from datetime import timedelta
from uuid import UUID

import structlog

from marketplace.accounts import Principal
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.errors import NotFound, Unavailable
from marketplace.payments.models import CardPayment
from marketplace.payments.repository.card_money import CardMoneyRepository
from marketplace.payments.repository.cards import CardRepository, StripeEventRepository
from marketplace.payments.service.card_gateway import need_gateway
from marketplace.payments.service.card_inbox import facts_of_session, handle_event, take_event
from marketplace.payments.service.card_refunds import RefundService
from marketplace.payments.service.cards import HOLD, START_WITHIN, CardService, Facts, description_of
from marketplace.payments.states import CardStatus, RefundStatus
from marketplace.payments.stripe_gateway import (
    CheckoutSession,
    GatewayError,
    GatewayRefused,
    StripeGateway,
)

__all__ = ["card_page", "check_payment", "close_payment", "handle_event", "send_refund", "sweep", "take_event"]

log = structlog.get_logger(__name__)

SWEEP_BATCH = 50
ASK_AFTER = timedelta(minutes=3)
NEW_KEY_AFTER = timedelta(hours=1)
"""Under one key Stripe repeats even the answer of its own breakdown. After this long, and after its list showed that
nothing was refunded, a refund is asked for under the next key."""


async def card_page(
    maker: SessionMaker, principal: Principal, payment_id: UUID, stripe: StripeGateway | None, public_url: str
) -> str | None:
    """Return the address of the hosted card page, opened at the first call; None when it is too late or paid.

    Raises:
        NotFound: Not the person's payment.
        Unavailable: Stripe does not answer.
    """
    async with transaction(maker, principal.councils) as db:
        cards = CardRepository(db)
        question = cards.of_person(principal.council_id, principal.need_person())
        payment = await cards.one(question.where(CardPayment.id == payment_id))
        words = await _words(cards, payment)
        now = clock_of(db).now()
    if payment.status is CardStatus.OPEN and payment.checkout_url:
        return payment.checkout_url
    if payment.status is not CardStatus.CREATED or now >= payment.created_at + START_WITHIN:
        return None
    if stripe is None:
        raise Unavailable("Card payments are not available at the moment. Try again in a few minutes.")
    try:
        session = await _open_session(stripe, payment, words, public_url)
        async with transaction(maker, principal.councils) as db:
            is_open = await CardService(db).note_checkout(payment_id, session.id, session.url)
        if not is_open and session.status == "open":
            await stripe.expire_checkout(session.id, payment.stripe_account_id or None)
    except GatewayError as error:
        log.warning("card-page-refused", card_payment_id=str(payment_id), cause=str(error))
        raise Unavailable("The card page does not answer. Nothing was paid. Try again in a few minutes.") from error
    return session.url if is_open else None


async def close_payment(maker: SessionMaker, payment_id: UUID, public_url: str) -> None:
    """Make sure that nobody can pay a payment any more, or take it as paid if somebody did.

    Raises:
        GatewayUnavailable: Try again.
    """
    async with transaction(maker, "every") as db:
        cards = CardRepository(db)
        payment = await cards.reach(payment_id)
        words = await _words(cards, payment) if payment else ""
        now = clock_of(db).now()
    if payment is None or payment.status not in {CardStatus.CREATED, CardStatus.OPEN}:
        return
    stripe, account = need_gateway(), payment.stripe_account_id or None
    session_id = payment.stripe_session_id
    if session_id is None and now < payment.created_at + HOLD:
        # A call may have opened the page and died before writing it down: the same call finds that page again.
        try:
            session_id = (await _open_session(stripe, payment, words, public_url)).id
        except GatewayRefused as error:
            # Too late to open it, most likely.
            log.info("card-page-not-found-again", card_payment_id=str(payment_id), cause=str(error))
    if session_id is None:
        # Stripe's list has the page if there ever was one.
        found = await stripe.find_checkout(
            payment.id, account, payment.created_at - timedelta(minutes=5), payment.created_at + HOLD
        )
        if found is None:
            await _settle(maker, payment, Facts(is_closed=True))
            return
        session_id = found.id
    try:
        session = await stripe.expire_checkout(session_id, account)
    except GatewayRefused:
        session = await stripe.get_checkout(session_id, account)
    await _settle(maker, payment, facts_of_session(session))


async def check_payment(maker: SessionMaker, payment: CardPayment) -> None:
    """Ask Stripe for all that it knows of a payment whose events did not come.

    Raises:
        GatewayUnavailable, GatewayRefused: As the gateway.
    """
    account, intent = payment.stripe_account_id or None, payment.stripe_payment_intent_id
    if payment.stripe_session_id is not None and intent is None:
        session = await need_gateway().get_checkout(payment.stripe_session_id, account)
        await _settle(maker, payment, facts_of_session(session))
        intent = session.payment_intent_id if session.payment_status == "paid" else None
    if intent is not None:
        refunds = await need_gateway().refunds_of(intent, account)
        disputes = await need_gateway().disputes_of(intent, account)
        if refunds or disputes:
            await _settle(maker, payment, Facts(refunds=tuple(refunds), disputes=tuple(disputes)))


async def send_refund(maker: SessionMaker, refund_id: UUID) -> None:
    """Tell Stripe to give money back. The row stays as it is until Stripe's event says that the money moved.

    Raises:
        GatewayUnavailable: Try again; the call repeats under the same key.
    """
    async with transaction(maker, "every") as db:
        found = await CardMoneyRepository(db).refund_with_payment(refund_id)
        now = clock_of(db).now()
    if found is None or found[0].status is not RefundStatus.ASKED or found[0].stripe_refund_id is not None:
        return
    refund, payment = found
    if payment.stripe_payment_intent_id is None:
        log.error("card-refund-without-payment", card_payment_id=str(payment.id))
        return
    asked_at = refund.agreed_at or refund.asked_at
    attempt = max(0, (now - asked_at) // NEW_KEY_AFTER)
    if attempt:
        # Before any new key, Stripe's own list: an earlier call may have refunded and not been heard.
        await check_payment(maker, payment)
        async with transaction(maker, "every") as db:
            found = await CardMoneyRepository(db).refund_with_payment(refund_id)
        if found is None or found[0].stripe_refund_id is not None or found[0].status is not RefundStatus.ASKED:
            return
    try:
        answer = await need_gateway().refund(
            refund_id=refund.id,
            payment_intent_id=payment.stripe_payment_intent_id,
            amount_pence=refund.amount_pence,
            reason="requested_by_customer",
            connected_account=payment.stripe_account_id or None,
            attempt=attempt,
        )
    except GatewayRefused as error:
        # Given back already, by an earlier call or by hand: Stripe's own record settles it. Else people have to look.
        log.warning("card-refund-refused", card_refund_id=str(refund_id), cause=str(error))
        await check_payment(maker, payment)
        async with transaction(maker, [payment.council_id]) as db:
            found = await CardMoneyRepository(db).refund_with_payment(refund_id)
            if found is not None and found[0].stripe_refund_id is None:
                await RefundService(db).fail(refund_id, error.code)
        return
    async with transaction(maker, [payment.council_id]) as db:
        await RefundService(db).note_sent(refund_id, answer.id)


async def send_refunds(maker: SessionMaker, payment_id: UUID) -> None:
    """Send every refund of a payment that is asked for (messages from before refunds had rows)."""
    async with transaction(maker, "every") as db:
        asked = await CardMoneyRepository(db).asked(payment_id)
    for refund_id in asked:
        await send_refund(maker, refund_id)


async def sweep(maker: SessionMaker, public_url: str) -> int:
    """Pick up what lost its way: unhandled events, pages left open, refunds not sent. Returns how many were tried."""
    async with transaction(maker, "every") as db:
        now = clock_of(db).now()
        cards = CardRepository(db)
        events = await StripeEventRepository(db).unhandled(now - timedelta(minutes=1), SWEEP_BATCH)
        payments = await cards.stale(now - ASK_AFTER, now - START_WITHIN, SWEEP_BATCH)
        refunds = await cards.unsent(SWEEP_BATCH)
    for row_id in events:
        await _try(handle_event(maker, row_id), "stripe_event", row_id)
    for payment in payments:
        work = (
            close_payment(maker, payment.id, public_url)
            if payment.status is CardStatus.CREATED
            else check_payment(maker, payment)
        )
        await _try(work, "card_payment", payment.id)
    for refund_id in refunds:
        await _try(_sweep_refund(maker, refund_id), "card_refund", refund_id)
    return len(events) + len(payments) + len(refunds)


async def check_disputes(maker: SessionMaker) -> int:
    """Ask Stripe how the open disputes stand, in case an event was lost. Returns how many were asked for."""
    async with transaction(maker, "every") as db:
        payments = await CardRepository(db).undecided(SWEEP_BATCH)
    for payment in payments:
        await _try(check_payment(maker, payment), "card_payment", payment.id)
    return len(payments)


async def _sweep_refund(maker: SessionMaker, refund_id: UUID) -> None:
    async with transaction(maker, "every") as db:
        found = await CardMoneyRepository(db).refund_with_payment(refund_id)
    if found is not None and found[0].stripe_refund_id is not None:
        await check_payment(maker, found[1])
    else:
        await send_refund(maker, refund_id)


async def _try(work: Awaitable[None], kind: str, row_id: UUID) -> None:
    """Do one piece of a sweep; one that fails does not keep the others waiting, and comes again at the next sweep."""
    try:
        await work
    except GatewayError as error:
        log.warning("card-sweep-failed", subject_kind=kind, subject_id=str(row_id), cause=str(error))
    except Exception:  # One row that cannot be worked on must not stop the money of all others; the check names it.
        log.exception("card-sweep-broken", subject_kind=kind, subject_id=str(row_id))


async def _settle(maker: SessionMaker, payment: CardPayment, facts: Facts) -> None:
    async with transaction(maker, [payment.council_id]) as db:
        await CardService(db).settle(payment.id, facts)


async def _words(cards: CardRepository, payment: CardPayment) -> str:
    bookings = await cards.bookings(payment)
    if not bookings:
        raise NotFound
    return description_of(payment, bookings)


async def _open_session(
    stripe: StripeGateway, payment: CardPayment, description: str, public_url: str
) -> CheckoutSession:
    """Open the card page of a payment, or find it again: everything said comes from rows that do not change."""
    notes = {"council_id": str(payment.council_id)}
    if payment.booking_id is not None:
        notes["booking_id"] = str(payment.booking_id)
    return await stripe.create_checkout(
        attempt_id=payment.id,
        amount_pence=payment.amount_pence,
        description=description,
        success_url=f"{public_url}/payments/cards/{payment.id}/done",
        cancel_url=f"{public_url}/payments/cards/{payment.id}/stopped",
        customer_email=None,
        connected_account=payment.stripe_account_id or None,
        expires_at=payment.created_at + HOLD,
        metadata=notes,
    )
