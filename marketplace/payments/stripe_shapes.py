"""What the Stripe gateway answers, and how it fails."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]


class GatewayError(Exception):
    """Stripe did not do what was asked.

    Texts hold Stripe's codes and its request id, by which the whole exchange
    can be found in its dashboard. Its messages are left out: they may repeat
    an e-mail address or part of a key.
    """

    def __init__(
        self,
        *,
        code: str,
        http_status: int | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        facts = [code, param, decline_code, f"HTTP {http_status}" if http_status else None, request_id]
        super().__init__(", ".join(fact for fact in facts if fact))
        self.code = code
        self.http_status = http_status
        self.param = param
        self.decline_code = decline_code
        self.request_id = request_id


class GatewayUnavailable(GatewayError):
    """May heal: no answer in time, 429, 5xx, a conflict with a call under way.

    The work may have been done all the same. Repeat the call with the same
    row id, or ask for the object, before concluding anything.
    """


class GatewayRefused(GatewayError):
    """Will not heal by repeating: the request, the key or the state of the object is wrong (4xx)."""


class EventRefused(GatewayRefused):
    """An event that Stripe did not sign with our secret, or not now."""


class CheckoutSession(msgspec.Struct, frozen=True, kw_only=True):
    """A hosted payment page."""

    id: str
    url: str | None
    """Where to send the browser; None when it can no longer be paid."""
    payment_intent_id: str | None
    """None until the payer first tries to pay."""
    status: Literal["open", "complete", "expired"]
    payment_status: Literal["unpaid", "paid", "no_payment_required"]
    amount_pence: int


class StripeRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as Stripe has it."""

    id: str
    status: str
    """`succeeded`, `pending`, `failed`, `canceled` or `requires_action`."""
    amount_pence: int


class StripeSettlement(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment brought to the account that took it."""

    charge_id: str
    amount_pence: int
    refunded_pence: int
    """Given back so far; Stripe keeps its fee."""
    fee_pence: int
    net_pence: int
    """Amount less fee, refunds not counted."""
    available_at: datetime
    """When Stripe can pay it out."""


class PayeeAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A payee's own account at Stripe (a connected account)."""

    id: str
    can_charge: bool
    """Whether it takes payments; only after its set-up."""
    can_pay_out: bool
    has_submitted: bool
    """Whether the payee has finished the set-up page; Stripe may still be checking."""


class StripeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A verified event. It can come twice, late or out of order: `id` tells repeats apart."""

    id: str
    kind: str
    """Like `checkout.session.completed`."""
    account: str | None
    """Connected account it belongs to; None for the platform's own."""
    created_at: datetime
    object: dict[str, Any]
    """The object as it was at `created_at`."""
    is_live: bool
    """False for test payments, which a live endpoint of a Connect platform receives, too."""
