"""Card payments through Stripe's official SDK, and nothing of Stripe beyond this folder.

The gateway knows no tables: it takes ids and pence, and answers with small
frozen structs. Calls may be repeated: their idempotency keys are made from
our row ids. Money has moved when Stripe's signed event says so, not when a
call here returns.

The card page sends the browser on by redirect, so pages whose forms lead to
it name its origin in their `form-action` policy.
"""

from marketplace.payments.stripe_gateway.gateway import StripeGateway
from marketplace.payments.stripe_shapes import (
    BalanceLine,
    CheckoutSession,
    EventRefused,
    GatewayError,
    GatewayRefused,
    GatewayUnavailable,
    PayeeAccount,
    RefundReason,
    StripeDispute,
    StripeEvent,
    StripeRefund,
    StripeSettlement,
)

__all__ = [
    "BalanceLine",
    "CheckoutSession",
    "EventRefused",
    "GatewayError",
    "GatewayRefused",
    "GatewayUnavailable",
    "PayeeAccount",
    "RefundReason",
    "StripeDispute",
    "StripeEvent",
    "StripeGateway",
    "StripeRefund",
    "StripeSettlement",
]
