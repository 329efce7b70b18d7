"""Background work of card payments: events, refunds, pages to close, and a sweep for whatever lost its way."""

from datetime import timedelta
from uuid import UUID

from marketplace.bookings.events import BookingCancelled, BookingDeclined
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import task
from marketplace.core.schedule import every
from marketplace.payments.card_events import CardRefundAsked, StripeEventStored
from marketplace.payments.service import card_calls
from marketplace.payments.service.cards import CardService, gateway, public_url

# None of these claims its message: each reads its row first and leaves when that is done, so that a message that comes
# twice does nothing, and one whose call to Stripe failed is tried again.


@task("payments.handle_stripe_event", on=StripeEventStored)
async def handle_stripe_event(message_id: UUID, event: StripeEventStored) -> None:
    """Do what a stored event asks for."""
    await card_calls.handle_event(session_maker(), event.stripe_event_id)


@task("payments.send_card_refund", on=CardRefundAsked)
async def send_card_refund(message_id: UUID, event: CardRefundAsked) -> None:
    """Tell Stripe to give a payment back."""
    await card_calls.send_refund(session_maker(), event.card_payment_id)


@task("payments.give_back_declined", on=BookingDeclined)
async def give_back_declined(message_id: UUID, event: BookingDeclined) -> None:
    """Give a card payment back when the provider says no."""
    await _give_back(event.council_id, event.booking_id, "The provider declined the visit.")


@task("payments.give_back_cancelled", on=BookingCancelled)
async def give_back_cancelled(message_id: UUID, event: BookingCancelled) -> None:
    """Give a card payment back when the terms say so; close a card page that is still open."""
    await _give_back(event.council_id, event.booking_id, "The visit was cancelled.", is_owed=bool(event.refund_pence))


@every(timedelta(minutes=1), "payments.sweep_cards")
async def sweep_cards() -> None:
    """Pick up unhandled events, pages left open and refunds that were not sent."""
    if gateway() is not None:
        await card_calls.sweep(session_maker(), public_url())


async def _give_back(council_id: UUID, booking_id: UUID, why: str, *, is_owed: bool = True) -> None:
    async with transaction(session_maker(), [council_id]) as db:
        unpaid = await CardService(db).give_back_booking(booking_id, why, is_owed=is_owed)
    for payment_id in unpaid:
        await card_calls.close_payment(session_maker(), payment_id, public_url())
