"""Facts about card payments."""

from uuid import UUID

from marketplace.core.events import Event


class StripeEventStored(Event, frozen=True, kw_only=True):
    """An event of Stripe about one of our payments or payees waits to be handled."""

    stripe_event_id: UUID


class CardRefundAsked(Event, frozen=True, kw_only=True):
    """A card payment is to be given back, whole or in part: our row says so, and Stripe has to be told."""

    card_payment_id: UUID
    card_refund_id: UUID | None = None
    """None in messages from before refunds had rows: every refund of the payment that is asked for."""


class CardRefundWaits(Event, frozen=True, kw_only=True):
    """A refund above the council's limit waits for a second person."""

    card_refund_id: UUID


class CardRefundEnded(Event, frozen=True, kw_only=True):
    """A refund reached the card, or did not."""

    card_refund_id: UUID
    is_done: bool


class CardDisputeChanged(Event, frozen=True, kw_only=True):
    """A card holder's bank questions a payment, or has decided about it."""

    card_dispute_id: UUID
    status: str


class CardPayeeChanged(Event, frozen=True, kw_only=True):
    """Stripe lets an organisation take payments, or does not any more."""

    organisation_id: UUID
    can_take_payments: bool
