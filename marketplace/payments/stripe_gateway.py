"""Card payments through Stripe's official SDK, and nothing of Stripe beyond this file.

The gateway knows no tables: it takes ids and pence, and answers with small
frozen structs. Calls may be repeated: their idempotency keys are made from
our row ids. Money has moved when Stripe's signed event says so, not when a
call here returns.

The card page sends the browser on by redirect, so pages whose forms lead to
it name its origin in their `form-action` policy.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import msgspec
import stripe

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 8.0
MAX_NETWORK_RETRIES: Final = 2
TOLERANCE_SECONDS: Final = 300
CURRENCY: Final = "gbp"

RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]

_KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Conflicts that end by themselves: another call with the same key, or on the same object, is under way.
_HEALING_CODES = frozenset({"idempotency_key_in_use", "lock_timeout", "rate_limit"})
_Answer = TypeVar("_Answer")


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


class _EventData(msgspec.Struct):
    object: dict[str, Any]


class _EventBody(msgspec.Struct):
    id: str
    type: str
    created: int
    data: _EventData
    livemode: bool
    account: str | None = None


class StripeGateway:
    """One Stripe platform account, or the sandbox in its place."""

    def __init__(
        self,
        secret_key: str,
        api_base: str | None,
        webhook_secret: str,
        *,
        http_client: stripe.HTTPXClient | None = None,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """Check the key and prepare the client; nothing is sent yet.

        Args:
            secret_key: `sk_test_…`, `sk_live_…`, `rk_test_…` or `rk_live_…`.
            api_base: Address of a sandbox, None for Stripe itself.
            webhook_secret: Verifies events, `whsec_…`.
            http_client: Used instead of the SDK's HTTPX client, in tests.
            total_seconds: Longest wait for an answer, retries included.

        Raises:
            GatewayRefused: No secret key, or a live key or an open network
                on the way to anything but Stripe.
        """
        if not _KEY.fullmatch(secret_key):
            raise GatewayRefused(code="secret_key_malformed")
        self.is_live = "_live_" in secret_key[:8]
        if api_base is not None:
            _check_base(api_base, is_live=self.is_live)
        self._webhook_secret = webhook_secret
        self._total_seconds = total_seconds
        self._http_client = http_client or stripe.HTTPXClient(
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS)
        )
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base.rstrip("/")} if api_base else {},
            http_client=self._http_client,
            max_network_retries=MAX_NETWORK_RETRIES,
        )

    def __repr__(self) -> str:
        return f"StripeGateway(is_live={self.is_live})"

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http_client.close_async()

    async def create_checkout(
        self,
        *,
        attempt_id: UUID | str,
        amount_pence: int,
        description: str,
        success_url: str,
        cancel_url: str,
        customer_email: str | None,
        connected_account: str | None,
        expires_at: datetime | None,
        metadata: Mapping[str, str],
    ) -> CheckoutSession:
        """Open a hosted payment page for one attempt to pay.

        Args:
            attempt_id: Our row; repeating the call with it and the same
                arguments gives the same session, other arguments are refused.
            amount_pence: 30 to 99,999,999.
            description: What the payer reads beside the amount.
            success_url: `{CHECKOUT_SESSION_ID}` in it is filled in by Stripe.
            cancel_url: Where the payer goes who does not want to pay.
            customer_email: Known address of the payer, else the page asks.
            connected_account: Payee whose own charge this is (a direct
                charge); None for the platform itself.
            expires_at: More than 30 minutes and at most 24 hours ahead; from
                the row, so that a repeated call says the same. None for 24 hours.
            metadata: Own ids for the session and the payment, no personal data.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Will not heal.
        """
        notes = {**metadata, "payment_attempt_id": str(attempt_id)}
        params: dict[str, Any] = {
            "mode": "payment",
            "payment_method_types": ["card"],
            "line_items": [
                {
                    "price_data": {
                        "currency": CURRENCY,
                        "unit_amount": amount_pence,
                        "product_data": {"name": description},
                    },
                    "quantity": 1,
                }
            ],
            "success_url": success_url,
            "cancel_url": cancel_url,
            "client_reference_id": str(attempt_id),
            "locale": "en-GB",
            "submit_type": "pay",
            "metadata": notes,
            "payment_intent_data": {"description": description, "metadata": notes},
        }
        if customer_email is not None:
            params["customer_email"] = customer_email
        if expires_at is not None:
            params["expires_at"] = int(expires_at.timestamp())
        sessions = self._client.v1.checkout.sessions
        options = _options(connected_account, f"payment-attempt-{attempt_id}")
        return _checkout_of(await self._ask(sessions.create_async(params, options)))  # type: ignore[arg-type] # a plain dict of the typed one

    async def get_checkout(self, checkout_id: str, account: str | None) -> CheckoutSession:
        """Read a session again, for one whose events did not come.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also when the session belongs to another account.
        """
        sessions = self._client.v1.checkout.sessions
        return _checkout_of(await self._ask(sessions.retrieve_async(checkout_id, {}, _options(account))))

    async def expire_checkout(self, checkout_id: str, account: str | None) -> CheckoutSession:
        """Close an open session, so that nobody can pay it any more.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also when it has been paid or has expired already.
        """
        sessions = self._client.v1.checkout.sessions
        options = _options(account, f"checkout-expiry-{checkout_id}")
        return _checkout_of(await self._ask(sessions.expire_async(checkout_id, {}, options)))

    async def refund(
        self,
        *,
        refund_id: UUID | str,
        payment_intent_id: str,
        amount_pence: int,
        reason: RefundReason,
        connected_account: str | None,
    ) -> StripeRefund:
        """Give money back to the card.

        Args:
            refund_id: Our row; repeating the call with it refunds once.
            payment_intent_id: The payment, of the same account.
            amount_pence: 1 to what is left of the payment.
            reason: One of the three that Stripe knows.
            connected_account: As in `create_checkout`.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also for more than is left (`param` is `amount`).
        """
        answer = await self._ask(
            self._client.v1.refunds.create_async(
                {
                    "payment_intent": payment_intent_id,
                    "amount": amount_pence,
                    "reason": reason,
                    "metadata": {"refund_id": str(refund_id)},
                },
                _options(connected_account, f"refund-{refund_id}"),
            )
        )
        return StripeRefund(id=answer.id, status=answer.status or "pending", amount_pence=answer.amount)

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
        try:
            stripe.WebhookSignature.verify_header(body, signature, self._webhook_secret, tolerance=None)
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

    async def _ask(self, call: Awaitable[_Answer]) -> _Answer:
        try:
            async with asyncio.timeout(self._total_seconds):
                return await call
        except TimeoutError:
            raise GatewayUnavailable(code="timeout") from None
        except stripe.StripeError as error:
            # Without the original: its texts and response may hold what must not be logged.
            raise _as_gateway_error(error) from None


def _as_gateway_error(error: stripe.StripeError) -> GatewayError:
    details = error.error
    code = error.code or (details.code if details else None) or (details.type if details else None)
    status = error.http_status
    healing = status is None or status < 400 or status >= 500 or status == 429 or code in _HEALING_CODES
    family = GatewayUnavailable if healing else GatewayRefused
    return family(
        code=code or ("connection" if isinstance(error, stripe.APIConnectionError) else "api_error"),
        http_status=status,
        param=getattr(error, "param", None),
        decline_code=getattr(details, "decline_code", None),
        request_id=error.request_id,
    )


def _check_base(api_base: str, *, is_live: bool) -> None:
    if is_live:
        raise GatewayRefused(code="live_key_for_sandbox")
    parts = urlsplit(api_base)
    is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_private or not parts.hostname:
        raise GatewayRefused(code="api_base_malformed")


def _options(account: str | None, key: str | None = None) -> stripe.RequestOptions:
    options: stripe.RequestOptions = {}
    if account is not None:
        options["stripe_account"] = account
    if key is not None:
        options["idempotency_key"] = key
    return options


def _checkout_of(session: Any) -> CheckoutSession:
    intent = session.payment_intent
    return CheckoutSession(
        id=session.id,
        url=session.url,
        payment_intent_id=intent if intent is None or isinstance(intent, str) else intent.id,
        status=session.status,
        payment_status=session.payment_status,
        amount_pence=session.amount_total,
    )


def _signed_at(signature: str) -> int:
    """The time in the header that was verified: the first `t`, as the SDK takes it."""
    return next(int(value) for name, _, value in (part.partition("=") for part in signature.split(",")) if name == "t")
