"""Facts about card payments."""

from uuid import UUID

from marketplace.core.events import Event


class StripeEventStored(Event, frozen=True, kw_only=True):
    """An event of Stripe about one of our payments waits to be handled."""

    stripe_event_id: UUID


class CardRefundAsked(Event, frozen=True, kw_only=True):
    """A card payment is to be given back: our row says so, and Stripe has to be told."""

    card_payment_id: UUID
