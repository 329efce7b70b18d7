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
import logging
import re
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import stripe

from marketplace.payments.stripe_events import TOLERANCE_SECONDS, read_event
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
    dispute_of,
    refund_of,
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

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 8.0
MAX_NETWORK_RETRIES: Final = 2
PAGE_SIZE: Final = 100
MOST_PAGES: Final = 100
"""Of one list: a connected account that moves more in a few days is read on by the next run."""
CURRENCY: Final = "gbp"
COUNTRY: Final = "GB"

# At INFO the SDK logs the texts of Stripe's errors, which may hold a payer's e-mail address.
logging.getLogger("stripe").setLevel(logging.WARNING)

_KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Conflicts that end by themselves: another call with the same key, or on the same object, is under way.
_HEALING_CODES = frozenset({"idempotency_key_in_use", "lock_timeout", "rate_limit"})
_Answer = TypeVar("_Answer")


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
        await self._http_client.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it unannotated

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
        return _checkout_of(await self._ask(sessions.create_async(params, options)))  # type: ignore[arg-type]  # a plain dict of the typed one

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
        # No key of ours: expiring twice is harmless, and a failure kept under a fixed key could not heal.
        return _checkout_of(await self._ask(sessions.expire_async(checkout_id, {}, _options(account))))

    async def refund(
        self,
        *,
        refund_id: UUID | str,
        payment_intent_id: str,
        amount_pence: int,
        reason: RefundReason,
        connected_account: str | None,
        attempt: int = 0,
    ) -> StripeRefund:
        """Give money back to the card.

        Args:
            refund_id: Our row; repeating the call with it refunds once.
            payment_intent_id: The payment, of the same account.
            amount_pence: 1 to what is left of the payment.
            reason: One of the three that Stripe knows.
            connected_account: As in `create_checkout`.
            attempt: Raised only after Stripe's own list shows that no earlier call refunded: under one key it repeats
                even the answer of its own breakdown.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also for more than is left (`param` is `amount`).
        """
        key = f"refund-{refund_id}" if not attempt else f"refund-{refund_id}-{attempt}"
        answer = await self._ask(
            self._client.v1.refunds.create_async(
                {
                    "payment_intent": payment_intent_id,
                    "amount": amount_pence,
                    "reason": reason,
                    "metadata": {"refund_id": str(refund_id)},
                },
                _options(connected_account, key),
            )
        )
        return refund_of(answer.to_dict())

    async def refunds_of(self, payment_intent_id: str, connected_account: str | None) -> list[StripeRefund]:
        """All refunds of a payment, whoever made them.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also when the payment belongs to another account.
        """
        found = await self._ask(
            self._client.v1.refunds.list_async(
                {"payment_intent": payment_intent_id, "limit": PAGE_SIZE}, _options(connected_account)
            )
        )
        return [refund_of(one.to_dict()) for one in found.data]

    async def disputes_of(self, payment_intent_id: str, connected_account: str | None) -> list[StripeDispute]:
        """All disputes of a payment.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also when the payment belongs to another account.
        """
        found = await self._ask(
            self._client.v1.disputes.list_async(
                {"payment_intent": payment_intent_id, "limit": PAGE_SIZE}, _options(connected_account)
            )
        )
        return [dispute_of(one.to_dict()) for one in found.data]

    async def attempt_of(self, payment_intent_id: str, connected_account: str | None) -> str:
        """Our own id in a payment, for an event that names only Stripe's; "" when it is none of ours.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also when the payment belongs to another account.
        """
        intents = self._client.v1.payment_intents
        intent = await self._ask(intents.retrieve_async(payment_intent_id, {}, _options(connected_account)))
        return str((intent.to_dict().get("metadata") or {}).get("payment_attempt_id") or "")

    async def find_checkout(
        self, attempt_id: UUID | str, account: str | None, since: datetime, until: datetime
    ) -> CheckoutSession | None:
        """Find the session of an attempt whose opening was never answered, among those opened in [since, until).

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Will not heal.
        """
        params: dict[str, Any] = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
            "limit": PAGE_SIZE,
        }
        sessions = self._client.v1.checkout.sessions
        for _ in range(MOST_PAGES):
            page = await self._ask(sessions.list_async(params, _options(account)))  # type: ignore[arg-type]  # a plain dict of the typed one
            for one in page.data:
                if one.client_reference_id == str(attempt_id):
                    return _checkout_of(one)
            if not page.has_more:
                break
            params["starting_after"] = page.data[-1].id
        return None

    async def balance_lines(self, account: str | None, since: datetime, until: datetime) -> list[BalanceLine]:
        """What changed the balance of an account in [since, until), newest first.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also when the account took our access away.
        """
        params: dict[str, Any] = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
            "limit": PAGE_SIZE,
            "expand": ["data.source"],
        }
        lines: list[BalanceLine] = []
        transactions = self._client.v1.balance_transactions
        for _ in range(MOST_PAGES):
            page = await self._ask(transactions.list_async(params, _options(account)))  # type: ignore[arg-type]  # a plain dict of the typed one
            lines += [_line_of(one.to_dict()) for one in page.data]
            if not page.has_more:
                break
            params["starting_after"] = page.data[-1].id
        return lines

    async def get_settlement(self, payment_intent_id: str, connected_account: str | None) -> StripeSettlement | None:
        """What a payment brought after Stripe's fee; None while it is not paid or not yet booked.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also when the payment belongs to another account.
        """
        intents = self._client.v1.payment_intents
        intent: Any = await self._ask(
            intents.retrieve_async(
                payment_intent_id,
                {"expand": ["latest_charge.balance_transaction"]},
                _options(connected_account),
            )
        )
        charge = intent.latest_charge
        if charge is None or not charge.paid or charge.balance_transaction is None:
            return None
        line = charge.balance_transaction
        return StripeSettlement(
            charge_id=charge.id,
            amount_pence=line.amount,
            refunded_pence=charge.amount_refunded,
            fee_pence=line.fee,
            net_pence=line.net,
            available_at=datetime.fromtimestamp(line.available_on, UTC),
        )

    async def create_payee(self, *, payee_id: UUID | str, email: str, metadata: Mapping[str, str]) -> PayeeAccount:
        """Open a connected account for a payee, who then sets it up on Stripe's page.

        Args:
            payee_id: Our row; repeating the call with it opens one account.
            email: Of the payee's organisation; Stripe writes to it.
            metadata: Own ids, no personal data.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Will not heal.
        """
        account = await self._ask(
            self._client.v1.accounts.create_async(
                {
                    "type": "express",
                    "country": COUNTRY,
                    "email": email,
                    "capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": True}},
                    "metadata": {**metadata, "payee_id": str(payee_id)},
                },
                _options(None, f"payee-{payee_id}"),
            )
        )
        return _payee_of(account)

    async def get_payee(self, account: str) -> PayeeAccount:
        """Read a connected account again.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Will not heal.
        """
        return _payee_of(await self._ask(self._client.v1.accounts.retrieve_async(account)))

    async def onboarding_url(self, account: str, *, return_url: str, refresh_url: str) -> str:
        """An address on which a payee sets the account up, good once and for a few minutes.

        Args:
            account: The connected account.
            return_url: Where the payee comes back, finished or not.
            refresh_url: Where one comes whose address is used up; it leads to a new one.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Will not heal.
        """
        link = await self._ask(
            self._client.v1.account_links.create_async(
                {
                    "account": account,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                }
            )
        )
        return link.url

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


def _payee_of(account: stripe.Account) -> PayeeAccount:
    wanted = account.to_dict().get("requirements") or {}
    return PayeeAccount(
        id=account.id,
        can_charge=bool(account.charges_enabled),
        can_pay_out=bool(account.payouts_enabled),
        has_submitted=bool(account.details_submitted),
        asked_for=tuple(sorted({*(wanted.get("currently_due") or ()), *(wanted.get("past_due") or ())})),
        disabled_why=str(wanted.get("disabled_reason") or ""),
    )


def _line_of(body: dict[str, Any]) -> BalanceLine:
    source = body.get("source")
    facts = source if isinstance(source, dict) else {}
    notes = facts.get("metadata")
    return BalanceLine(
        id=body["id"],
        kind=body["type"],
        source_id=str(facts.get("id") or source or ""),
        payment_intent_id=str(facts.get("payment_intent") or ""),
        council=str(notes.get("council_id") or "") if isinstance(notes, dict) else "",
        currency=body["currency"],
        amount_pence=body["amount"],
        fee_pence=body["fee"],
        net_pence=body["net"],
        created_at=datetime.fromtimestamp(body["created"], UTC),
    )
