"""What card payments ask of Stripe. No transaction stays open across a call; each call may be repeated."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from marketplace.accounts import Principal
from marketplace.bookings import Booking
from marketplace.core import outbox
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.errors import NotFound, Unavailable
from marketplace.payments.card_events import StripeEventStored
from marketplace.payments.models import CardPayment, StripeEventRow
from marketplace.payments.repository.cards import CardRepository, StripeEventRepository
from marketplace.payments.service.cards import (
    HOLD,
    START_WITHIN,
    CardService,
    Facts,
    description_of,
    need_gateway,
)
from marketplace.payments.states import CardStatus
from marketplace.payments.stripe_gateway import (
    CheckoutSession,
    GatewayError,
    GatewayRefused,
    GatewayUnavailable,
    StripeEvent,
    StripeGateway,
)

log = structlog.get_logger(__name__)

PAID_KINDS = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
CLOSED_KINDS = frozenset({"checkout.session.expired", "checkout.session.async_payment_failed"})
REFUND_KINDS = frozenset({"charge.refunded"})
REFUND_STATE_KINDS = frozenset({"refund.failed", "refund.updated", "charge.refund.updated"})
KINDS = PAID_KINDS | CLOSED_KINDS | REFUND_KINDS | REFUND_STATE_KINDS
"""Events that tell us something; all others are stored and done with."""

KEPT = frozenset(
    {
        "amount", "amount_captured", "amount_refunded", "amount_total", "charge", "client_reference_id", "currency",
        "failure_reason", "id", "metadata", "object", "paid", "payment_intent", "payment_status", "refunded", "status",
    }
)  # fmt: skip
"""Parts of an event's object that are stored: what money needs, and nothing about the payer."""

SWEEP_BATCH = 50
ASK_AFTER = timedelta(minutes=3)


async def take_event(maker: SessionMaker, event: StripeEvent, *, is_live: bool) -> bool:
    """Store a verified event, once; False when it had come before. Handling follows in a task."""
    async with transaction(maker, "every") as db:
        payment = await CardRepository(db).of_event(event) if event.kind in KINDS else None
        outcome = None
        if event.kind not in KINDS:
            outcome = "not used"
        elif event.is_live != is_live:
            outcome = "other mode"
        elif payment is None:
            outcome = "no payment of ours"
        body = {name: value for name, value in event.object.items() if name in KEPT}
        row_id = await StripeEventRepository(db).store(event, body, clock_of(db).now(), outcome=outcome)
        if row_id is not None and outcome is None and payment is not None:
            outbox.publish(db, StripeEventStored(council_id=payment.council_id, stripe_event_id=row_id))
        return row_id is not None


async def handle_event(maker: SessionMaker, row_id: UUID) -> None:
    """Do what a stored event asks for, once.

    Raises:
        GatewayUnavailable: Stripe had to be asked and did not answer; try again.
    """
    async with transaction(maker, "every") as db:
        row = await StripeEventRepository(db).find(row_id)
        if row is None or row.handled_at is not None:
            return
        payment = await CardRepository(db).of_event(_event_of(row))
    facts, outcome = facts_of(row, payment) if payment is not None else (Facts(), "no payment of ours")
    if payment is not None and row.kind in CLOSED_KINDS:
        # An event says how things were. A page that was paid after all must never be taken for closed.
        session = await need_gateway().get_checkout(str(row.body.get("id")), payment.stripe_account_id or None)
        facts = facts_of_session(session)
    async with transaction(maker, "every") as db:
        locked = await StripeEventRepository(db).find(row_id, locked=True)
        if locked is None or locked.handled_at is not None:
            return
        if payment is not None and not outcome:
            outcome = await CardService(db).settle(payment.id, facts)
        locked.handled_at, locked.outcome = clock_of(db).now(), outcome


def facts_of(row: StripeEventRow, payment: CardPayment) -> tuple[Facts, str]:
    """Read an event: facts, and an outcome when there is nothing to do or something does not fit."""
    body = row.body
    intent = body.get("payment_intent") if isinstance(body.get("payment_intent"), str) else None
    if row.kind in PAID_KINDS:
        if body.get("payment_status") != "paid":
            return Facts(), "not paid yet"
        if body.get("amount_total") != payment.amount_pence or body.get("currency") != "gbp":
            log.error("card-payment-mismatch", card_payment_id=str(payment.id), stripe_event_id=str(row.id))
            return Facts(), "mismatch: amount or currency"
        return Facts(is_paid=True, intent_id=intent), ""
    if row.kind in REFUND_KINDS:
        refunded = body.get("amount_refunded")
        if not isinstance(refunded, int) or not 0 < refunded <= payment.amount_pence or body.get("currency") != "gbp":
            log.error("card-refund-mismatch", card_payment_id=str(payment.id), stripe_event_id=str(row.id))
            return Facts(), "mismatch: refunded amount"
        return Facts(intent_id=intent, refunded_pence=refunded), ""
    if row.kind in REFUND_STATE_KINDS:
        has_failed = body.get("status") in {"failed", "canceled"}
        return Facts(is_refund_failed=has_failed), "" if has_failed else "not used"
    return Facts(), ""


def facts_of_session(session: CheckoutSession) -> Facts:
    """Read Stripe's own record of a card page."""
    is_paid = session.payment_status == "paid"
    return Facts(
        is_paid=is_paid,
        is_closed=session.status == "expired" and not is_paid,
        intent_id=session.payment_intent_id if is_paid else None,
    )


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
        found = await cards.with_booking(payment_id)
        now = clock_of(db).now()
    if found is None:
        raise NotFound
    if payment.status is CardStatus.OPEN and payment.checkout_url:
        return payment.checkout_url
    if payment.status is not CardStatus.CREATED or now >= payment.created_at + START_WITHIN:
        return None
    if stripe is None:
        raise Unavailable("Card payments are not available at the moment. Try again in a few minutes.")
    try:
        session = await _open_session(stripe, payment, found[1], public_url)
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
        found = await CardRepository(db).with_booking(payment_id)
    if found is None or found[0].status not in {CardStatus.CREATED, CardStatus.OPEN}:
        return
    payment, booking = found
    stripe, account = need_gateway(), payment.stripe_account_id or None
    session_id = payment.stripe_session_id
    if session_id is None:
        # A call may have opened the page and died before writing it down. The same call finds that page again; when it
        # is refused for being too late, there never was one.
        try:
            session_id = (await _open_session(stripe, payment, booking, public_url)).id
        except GatewayRefused:
            await _settle(maker, payment, Facts(is_closed=True))
            return
    try:
        session = await stripe.expire_checkout(session_id, account)
    except GatewayRefused:
        session = await stripe.get_checkout(session_id, account)
    await _settle(maker, payment, facts_of_session(session))


async def check_payment(maker: SessionMaker, payment: CardPayment) -> None:
    """Ask Stripe about a payment at the card page whose events did not come."""
    if payment.stripe_session_id is not None:
        session = await need_gateway().get_checkout(payment.stripe_session_id, payment.stripe_account_id or None)
        await _settle(maker, payment, facts_of_session(session))


async def send_refund(maker: SessionMaker, payment_id: UUID) -> None:
    """Tell Stripe to give a payment back. The row stays as it is until Stripe's event says that the money moved.

    Raises:
        GatewayUnavailable: Try again; the call repeats under the same key.
    """
    async with transaction(maker, "every") as db:
        found = await CardRepository(db).with_booking(payment_id)
    payment = found[0] if found else None
    if payment is None or payment.status is not CardStatus.REFUNDING or payment.refund_id is None:
        return
    if payment.stripe_payment_intent_id is None:
        log.error("card-refund-without-payment", card_payment_id=str(payment_id))
        return
    try:
        await need_gateway().refund(
            refund_id=payment.refund_id,
            payment_intent_id=payment.stripe_payment_intent_id,
            amount_pence=payment.amount_pence - payment.refunded_pence,
            reason="requested_by_customer",
            connected_account=payment.stripe_account_id or None,
        )
    except GatewayRefused as error:
        # Already given back, by an earlier call or by hand: Stripe's own record settles it.
        log.warning("card-refund-refused", card_payment_id=str(payment_id), cause=str(error))
        await check_refund(maker, payment)


async def check_refund(maker: SessionMaker, payment: CardPayment) -> bool:
    """Ask Stripe what was given back, for a refund whose event did not come. Returns whether all of it was."""
    settlement = await need_gateway().get_settlement(
        str(payment.stripe_payment_intent_id), payment.stripe_account_id or None
    )
    refunded = settlement.refunded_pence if settlement else 0
    if refunded:
        await _settle(maker, payment, Facts(refunded_pence=refunded))
    return refunded >= payment.amount_pence


async def sweep(maker: SessionMaker, public_url: str) -> int:
    """Pick up what lost its way: unhandled events, pages left open, refunds not sent. Returns how many were tried."""
    async with transaction(maker, "every") as db:
        now = clock_of(db).now()
        events = await StripeEventRepository(db).unhandled(now - timedelta(minutes=1), SWEEP_BATCH)
        payments = await CardRepository(db).stale(now - ASK_AFTER, now - START_WITHIN, SWEEP_BATCH)
    for row_id in events:
        await _try(handle_event(maker, row_id), "stripe_event", row_id)
    for payment in payments:
        await _try(_sweep_one(maker, payment, public_url), "card_payment", payment.id)
    return len(events) + len(payments)


async def _sweep_one(maker: SessionMaker, payment: CardPayment, public_url: str) -> None:
    if payment.status is CardStatus.REFUNDING:
        if not await check_refund(maker, payment):
            await send_refund(maker, payment.id)
    elif payment.status is CardStatus.CREATED:
        await close_payment(maker, payment.id, public_url)
    else:
        await check_payment(maker, payment)


async def _try(work: Any, kind: str, row_id: UUID) -> None:
    """Do one piece of a sweep; one that fails does not keep the others waiting, and comes again at the next sweep."""
    try:
        await work
    except (GatewayUnavailable, GatewayRefused) as error:
        log.warning("card-sweep-failed", subject_kind=kind, subject_id=str(row_id), cause=str(error))


async def _settle(maker: SessionMaker, payment: CardPayment, facts: Facts) -> None:
    async with transaction(maker, [payment.council_id]) as db:
        await CardService(db).settle(payment.id, facts)


async def _open_session(
    stripe: StripeGateway, payment: CardPayment, booking: Booking, public_url: str
) -> CheckoutSession:
    """Open the card page of a payment, or find it again: everything said comes from rows that do not change."""
    return await stripe.create_checkout(
        attempt_id=payment.id,
        amount_pence=payment.amount_pence,
        description=description_of(booking),
        success_url=f"{public_url}/payments/cards/{payment.id}/done",
        cancel_url=f"{public_url}/payments/cards/{payment.id}/stopped",
        customer_email=None,
        connected_account=payment.stripe_account_id or None,
        expires_at=payment.created_at + HOLD,
        metadata={"booking_id": str(payment.booking_id), "council_id": str(payment.council_id)},
    )


def _event_of(row: StripeEventRow) -> StripeEvent:
    return StripeEvent(
        id=row.external_id,
        kind=row.kind,
        account=row.account_id or None,
        created_at=row.created_at,
        object=row.body,
        is_live=False,
    )
