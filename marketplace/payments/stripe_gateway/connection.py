"""The way to Stripe: the key, the longest wait, how much of a list is read, and what a failed call means."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx
import stripe

from marketplace.payments.stripe_shapes import GatewayError, GatewayRefused, GatewayUnavailable

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 8.0
MAX_NETWORK_RETRIES: Final = 2
PAGE_SIZE: Final = 100
MOST_PAGES: Final = 100
"""Of one list: a connected account that moves more in a few days is read on by the next run."""


# At INFO the SDK logs the texts of Stripe's errors, which may hold a payer's e-mail address.
logging.getLogger("stripe").setLevel(logging.WARNING)


_KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Conflicts that end by themselves: another call with the same key, or on the same object, is under way.
_HEALING_CODES = frozenset({"idempotency_key_in_use", "lock_timeout", "rate_limit"})
_Answer = TypeVar("_Answer")


class StripeConnection:
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


def options_for(account: str | None, key: str | None = None) -> stripe.RequestOptions:
    """Say for whose account a call is, and its idempotency key."""
    options: stripe.RequestOptions = {}
    if account is not None:
        options["stripe_account"] = account
    if key is not None:
        options["idempotency_key"] = key
    return options
