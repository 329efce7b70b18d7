"""The gateway: every call, and the events that come back."""

from __future__ import annotations

from datetime import datetime

from marketplace.payments.stripe_events import TOLERANCE_SECONDS, read_event
from marketplace.payments.stripe_gateway.checkouts import Checkouts
from marketplace.payments.stripe_gateway.payees import Payees
from marketplace.payments.stripe_gateway.payments import Payments
from marketplace.payments.stripe_shapes import StripeEvent


class StripeGateway(Checkouts, Payments, Payees):
    """One Stripe platform account, or the sandbox in its place."""

    def parse_event(
        self, body: bytes, signature: str, now: datetime, tolerance_seconds: int = TOLERANCE_SECONDS
    ) -> StripeEvent:
        """Verify a webhook and read it.

        Args:
            body: The request body, byte for byte.
            signature: The `Stripe-Signature` header.
            now: Aware.
            tolerance_seconds: How far the signature's time may lie before or
                after `now`. The SDK alone would accept any time to come.

        Raises:
            EventRefused: Forged, tampered with, too old, from the future, or
                no event at all.
        """
        return read_event(body, signature, self._webhook_secret, now, tolerance_seconds)
