"""Stripe's events: verified at the door, stored once, handled in any order and any number of times.

What an event says of a payment is taken as a fact that only adds up. What may be out of date (a page that closed, a
payee's account) is asked of Stripe itself when the event is handled.
"""

from typing import Any
from uuid import UUID

import structlog

from marketplace.core import outbox
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.ids import parse_id
from marketplace.payments.card_events import StripeEventStored
from marketplace.payments.models import CardPayment, StripeEventRow
from marketplace.payments.repository.cards import CardRepository, StripeEventRepository
from marketplace.payments.service.card_gateway import need_gateway
from marketplace.payments.service.card_payees import read_payee
from marketplace.payments.service.cards import CardService, Facts
from marketplace.payments.stripe_gateway import CheckoutSession, GatewayRefused, StripeEvent
from marketplace.payments.stripe_shapes import dispute_of, refund_of

log = structlog.get_logger(__name__)

PAID_KINDS = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
CLOSED_KINDS = frozenset({"checkout.session.expired", "checkout.session.async_payment_failed"})
CHARGE_KINDS = frozenset({"charge.refunded"})
REFUND_KINDS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
DISPUTE_KINDS = frozenset(
    f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
)
ACCOUNT_KINDS = frozenset({"account.updated", "account.application.deauthorized"})
LATER_KINDS = CHARGE_KINDS | REFUND_KINDS | DISPUTE_KINDS
"""What follows a payment. Such an event may come before the one that tells us the payment's id at Stripe."""
MONEY_KINDS = PAID_KINDS | CLOSED_KINDS | LATER_KINDS
KINDS = MONEY_KINDS | ACCOUNT_KINDS
"""Events that tell us something; all others are stored and done with."""

KEPT = frozenset(
    {
        "amount", "amount_captured", "amount_refunded", "amount_total", "charge", "charges_enabled",
        "client_reference_id", "created", "currency", "details_submitted", "evidence_details", "failure_reason", "id",
        "metadata", "object", "paid", "payment_intent", "payment_status", "payouts_enabled", "reason", "refunded",
        "status",
    }
)  # fmt: skip
"""Parts of an event's object that are stored: what money needs, and nothing about the payer or the evidence."""

NOT_OURS = "no payment of ours"
STRANGER = "unknown account"


async def take_event(maker: SessionMaker, event: StripeEvent, *, is_live: bool) -> bool:
    """Store a verified event, once; False when it had come before. Handling follows in a task."""
    async with transaction(maker, "every") as db:
        cards = CardRepository(db)
        account = event.account or ""
        payment = await cards.of_event(event) if event.kind in MONEY_KINDS else None
        payee = await cards.payee_by_account(account) if event.kind in ACCOUNT_KINDS else None
        outcome = None
        if event.kind not in KINDS:
            outcome = "not used"
        elif event.is_live != is_live:
            outcome = "other mode"
        elif payment is None and payee is None:
            outcome = await _why_not_ours(cards, event)
        if outcome == STRANGER:
            log.warning("stripe-event-of-stranger", kind=event.kind, stripe_account=account, stripe_event=event.id)
        body = {name: value for name, value in event.object.items() if name in KEPT}
        row_id = await StripeEventRepository(db).store(event, body, clock_of(db).now(), outcome=outcome)
        council_id = payment.council_id if payment else await cards.council_of(payee) if payee else None
        # Without a council to send it through, the sweep takes it up within the minute.
        if row_id is not None and outcome is None and council_id is not None:
            outbox.publish(db, StripeEventStored(council_id=council_id, stripe_event_id=row_id))
        return row_id is not None


async def _why_not_ours(cards: CardRepository, event: StripeEvent) -> str | None:
    """Say why an event is about nothing of ours; None when Stripe has to be asked first."""
    if not await cards.knows_account(event.account or ""):
        return STRANGER
    is_open = event.kind in LATER_KINDS and isinstance(event.object.get("payment_intent"), str)
    return None if is_open else NOT_OURS


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
    if row.kind in ACCOUNT_KINDS:
        outcome = await read_payee(maker, row.account_id)
        await _finish(maker, row_id, outcome)
        return
    payment = payment or await _payment_at_stripe(maker, row)
    facts, outcome = (Facts(), NOT_OURS) if payment is None else facts_of(row, payment)
    if payment is not None and not outcome:
        facts = await _asked(row, payment, facts)
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
            return _mismatch(row, payment, "amount or currency")
        return Facts(is_paid=True, intent_id=intent), ""
    if row.kind in LATER_KINDS:
        pence = body.get("amount_refunded") if row.kind in CHARGE_KINDS else body.get("amount")
        if not isinstance(pence, int) or not 0 < pence <= payment.amount_pence or body.get("currency") != "gbp":
            return _mismatch(row, payment, "amount that was given back or disputed")
    if row.kind in REFUND_KINDS:
        return Facts(intent_id=intent, refunds=(refund_of(body),)), ""
    if row.kind in DISPUTE_KINDS:
        return Facts(intent_id=intent, disputes=(dispute_of(body),)), ""
    return Facts(intent_id=intent if row.kind in CHARGE_KINDS else None), ""


def facts_of_session(session: CheckoutSession) -> Facts:
    """Read Stripe's own record of a card page."""
    is_paid = session.payment_status == "paid"
    return Facts(
        is_paid=is_paid,
        is_closed=session.status == "expired" and not is_paid,
        intent_id=session.payment_intent_id if is_paid else None,
    )


async def _asked(row: StripeEventRow, payment: CardPayment, facts: Facts) -> Facts:
    """Ask Stripe for what the event does not say, or says only of a moment that has passed."""
    account = payment.stripe_account_id or None
    if row.kind in CLOSED_KINDS:
        # A page that was paid after all must never be taken for closed.
        return facts_of_session(await need_gateway().get_checkout(str(row.body.get("id")), account))
    if row.kind in CHARGE_KINDS:
        # It names a sum, and a sum falls again when the card's bank turns a refund down. The refunds themselves tell.
        intent = str(row.body.get("payment_intent") or payment.stripe_payment_intent_id)
        return Facts(intent_id=intent, refunds=tuple(await need_gateway().refunds_of(intent, account)))
    return facts


async def _payment_at_stripe(maker: SessionMaker, row: StripeEventRow) -> CardPayment | None:
    """Find the payment of an event that names only Stripe's id of it, by our own id in Stripe's record."""
    intent = row.body.get("payment_intent")
    if row.kind not in LATER_KINDS or not isinstance(intent, str):
        return None
    try:
        ours = parse_id(await need_gateway().attempt_of(intent, row.account_id or None))
    except GatewayRefused:
        return None
    async with transaction(maker, "every") as db:
        payment = await CardRepository(db).reach(ours) if ours else None
    return payment if payment is not None and payment.stripe_account_id == row.account_id else None


async def _finish(maker: SessionMaker, row_id: UUID, outcome: str) -> None:
    async with transaction(maker, "every") as db:
        locked = await StripeEventRepository(db).find(row_id, locked=True)
        if locked is not None and locked.handled_at is None:
            locked.handled_at, locked.outcome = clock_of(db).now(), outcome


def _mismatch(row: StripeEventRow, payment: CardPayment, what: str) -> tuple[Facts, str]:
    log.error("card-event-mismatch", card_payment_id=str(payment.id), stripe_event_id=str(row.id), what=what)
    return Facts(), f"mismatch: {what}"


def _event_of(row: StripeEventRow) -> StripeEvent:
    body: dict[str, Any] = row.body
    return StripeEvent(
        id=row.external_id,
        kind=row.kind,
        account=row.account_id or None,
        created_at=row.created_at,
        object=body,
        is_live=False,
    )
