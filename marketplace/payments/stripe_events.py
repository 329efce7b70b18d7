"""Verifies and reads the events that Stripe posts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import stripe

from marketplace.payments.stripe_shapes import EventRefused, StripeEvent

TOLERANCE_SECONDS: Final = 300


class _EventData(msgspec.Struct):
    object: dict[str, Any]


class _EventBody(msgspec.Struct):
    id: str
    type: str
    created: int
    data: _EventData
    livemode: bool
    account: str | None = None


def read_event(body: bytes, signature: str, secret: str, now: datetime, tolerance_seconds: int) -> StripeEvent:
    """Verify a webhook and read it; see `StripeGateway.parse_event`."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, tolerance=None)
        signed_at = _signed_at(signature)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # TypeError and ValueError: header or body that are not even text of the right kind.
        raise EventRefused(code="signature_invalid") from None
    if abs(now.timestamp() - signed_at) > tolerance_seconds:
        raise EventRefused(code="signature_out_of_time")
    try:
        event = msgspec.json.decode(body, type=_EventBody)
        created_at = datetime.fromtimestamp(event.created, UTC)
    except (msgspec.DecodeError, ValueError, OverflowError, OSError):
        raise EventRefused(code="event_malformed") from None
    return StripeEvent(
        id=event.id,
        kind=event.type,
        account=event.account,
        created_at=created_at,
        object=event.data.object,
        is_live=event.livemode,
    )


def _signed_at(signature: str) -> int:
    """The time in the header that was verified: the first `t`, as the SDK takes it."""
    return next(int(value) for name, _, value in (part.partition("=") for part in signature.split(",")) if name == "t")
