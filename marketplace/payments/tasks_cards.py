"""Background work of card payments: events, refunds, pages to close, and a sweep for whatever lost its way."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import Role
from marketplace.bookings.events import (
    BookingApproved,
    BookingCancelled,
    BookingDeclined,
    BookingNotHeld,
    TopUpLowered,
)
from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService
from marketplace.payments.card_events import (
    CardDisputeChanged,
    CardPayeeChanged,
    CardRefundAsked,
    CardRefundEnded,
    CardRefundWaits,
    StripeEventStored,
)
from marketplace.payments.repository.card_money import CardMoneyRepository
from marketplace.payments.repository.cards import CardRepository
from marketplace.payments.service import card_calls, card_reconciliation
from marketplace.payments.service.card_gateway import gateway, public_url
from marketplace.payments.service.cards import CardService, due_by_card
from marketplace.payments.states import DisputeStatus, RefundStatus

# What calls Stripe claims no message: it reads its row first and leaves when that is done, so that a message that comes
# twice does nothing, and one whose call to Stripe failed is tried again.


@task("payments.handle_stripe_event", on=StripeEventStored)
async def handle_stripe_event(message_id: UUID, event: StripeEventStored) -> None:
    """Do what a stored event asks for."""
    await card_calls.handle_event(session_maker(), event.stripe_event_id)


@task("payments.send_card_refund", on=CardRefundAsked)
async def send_card_refund(message_id: UUID, event: CardRefundAsked) -> None:
    """Tell Stripe to give a payment back."""
    if event.card_refund_id is None:
        await card_calls.send_refunds(session_maker(), event.card_payment_id)
    else:
        await card_calls.send_refund(session_maker(), event.card_refund_id)


@task("payments.give_back_declined", on=BookingDeclined)
async def give_back_declined(message_id: UUID, event: BookingDeclined) -> None:
    """Give a card payment back when the provider says no."""
    await _give_back(event.council_id, event.booking_id, "The provider declined the visit.", keep_pence=0)


@task("payments.give_back_cancelled", on=BookingCancelled)
async def give_back_cancelled(message_id: UUID, event: BookingCancelled) -> None:
    """Give a card payment back when the terms say so; close a card page that is still open."""
    keep_pence = None
    if event.refund_pence:
        async with transaction(session_maker(), [event.council_id]) as db:
            paid = [one for one in await CardRepository(db).of_booking(event.booking_id) if one.paid_at]
        keep_pence = max(0, sum(one.amount_pence for one in paid) - event.refund_pence)
    await _give_back(event.council_id, event.booking_id, "The visit was cancelled.", keep_pence=keep_pence)


@task("payments.give_back_not_held", on=BookingNotHeld)
async def give_back_not_held(message_id: UUID, event: BookingNotHeld) -> None:
    """Give a card payment back when nobody came."""
    await _give_back(event.council_id, event.booking_id, "Nobody came to the visit.", keep_pence=0)


@task("payments.give_back_unapproved", on=BookingApproved)
async def give_back_unapproved(message_id: UUID, event: BookingApproved) -> None:
    """Give back what a card paid beyond what the person approved."""
    async with transaction(session_maker(), [event.council_id]) as db:
        booking = await CardRepository(db).booking(event.booking_id)
        due = due_by_card(booking) if booking is not None else None
    if due is not None:
        await _give_back(event.council_id, event.booking_id, "A part of the visit was not approved.", keep_pence=due)


@task("payments.give_back_lowered", on=TopUpLowered)
async def give_back_lowered(message_id: UUID, event: TopUpLowered) -> None:
    """Give back what a card paid beyond a price that became lower."""
    await _give_back(event.council_id, event.booking_id, "The visit costs less now.", keep_pence=event.keep_pence)


@task("payments.tell_refund_waits", on=CardRefundWaits)
async def tell_refund_waits(message_id: UUID, event: CardRefundWaits) -> None:
    """Those who agree to large refunds hear that one waits."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.tell_refund_waits", message_id):
            found = await CardMoneyRepository(db).refund_with_payment(event.card_refund_id)
            if found is not None and found[0].status is RefundStatus.WAITING:
                context = {"refund": found[0]}
                await MessagingService(db).tell(
                    event.council_id, "card_refund_waits", context, role=Role.FINANCE_CHECKER
                )


@task("payments.tell_refund_ended", on=CardRefundEnded)
async def tell_refund_ended(message_id: UUID, event: CardRefundEnded) -> None:
    """The payer hears of money on its way to the card; finance and the payee of a refund that did not get there."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_refund_ended", message_id):
            return
        found = await CardMoneyRepository(db).refund_with_payment(event.card_refund_id)
        if found is None or found[0].status is RefundStatus.REFUSED:
            return
        refund, payment = found
        context, messages = {"refund": refund, "payment": payment}, MessagingService(db)
        if event.is_done:
            await messages.tell(event.council_id, "card_refunded", context, person_id=payment.person_id)
        else:
            await messages.tell(event.council_id, "card_refund_failed", context, role=Role.FINANCE)
            await messages.tell(
                event.council_id, "card_refund_failed", context, organisation_id=payment.organisation_id
            )


@task("payments.tell_card_dispute", on=CardDisputeChanged)
async def tell_card_dispute(message_id: UUID, event: CardDisputeChanged) -> None:
    """The payee and finance hear that a bank questions a payment, by when to answer, and how it ended."""
    if event.status == DisputeStatus.UNDER_REVIEW:
        return
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_card_dispute", message_id):
            return
        dispute = await CardMoneyRepository(db).dispute(event.card_dispute_id)
        payment = await CardRepository(db).reach(dispute.payment_id) if dispute else None
        if dispute is None or payment is None:
            return
        template = "card_dispute_opened" if event.status == DisputeStatus.OPEN else "card_dispute_closed"
        context, messages = {"dispute": dispute, "is_won": event.status == DisputeStatus.WON}, MessagingService(db)
        await messages.tell(event.council_id, template, context, organisation_id=payment.organisation_id)
        await messages.tell(event.council_id, template, context, role=Role.FINANCE)


@task("payments.tell_card_payee", on=CardPayeeChanged)
async def tell_card_payee(message_id: UUID, event: CardPayeeChanged) -> None:
    """An organisation hears that it can take cards now, or cannot any more."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.tell_card_payee", message_id):
            template = "card_payee_open" if event.can_take_payments else "card_payee_closed"
            await MessagingService(db).tell(event.council_id, template, {}, organisation_id=event.organisation_id)


@every(timedelta(minutes=1), "payments.sweep_cards")
async def sweep_cards() -> None:
    """Pick up unhandled events, pages left open and refunds that were not sent."""
    if gateway() is not None:
        await card_calls.sweep(session_maker(), public_url())


@every(timedelta(days=1), "payments.reconcile_cards")
async def reconcile_cards() -> None:
    """Compare the ledger with Stripe for every day that is over and not compared yet; look after open disputes."""
    if gateway() is not None:
        await card_calls.check_disputes(session_maker())
        await card_reconciliation.reconcile_days(session_maker())


async def _give_back(council_id: UUID, booking_id: UUID, why: str, *, keep_pence: int | None) -> None:
    async with transaction(session_maker(), [council_id]) as db:
        unpaid = await CardService(db).give_back_booking(booking_id, why, keep_pence=keep_pence)
    for payment_id in unpaid:
        await card_calls.close_payment(session_maker(), payment_id, public_url())
