"""Hosted payment pages: opened, read again, found, closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from marketplace.payments.stripe_gateway.connection import MOST_PAGES, PAGE_SIZE, StripeConnection, options_for
from marketplace.payments.stripe_shapes import CheckoutSession

CURRENCY: Final = "gbp"


class Checkouts(StripeConnection):
    """Calls about hosted payment pages."""

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
        options = options_for(connected_account, f"payment-attempt-{attempt_id}")
        return _checkout_of(await self._ask(sessions.create_async(params, options)))  # type: ignore[arg-type]  # a plain dict of the typed one

    async def get_checkout(self, checkout_id: str, account: str | None) -> CheckoutSession:
        """Read a session again, for one whose events did not come.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also when the session belongs to another account.
        """
        sessions = self._client.v1.checkout.sessions
        return _checkout_of(await self._ask(sessions.retrieve_async(checkout_id, {}, options_for(account))))

    async def expire_checkout(self, checkout_id: str, account: str | None) -> CheckoutSession:
        """Close an open session, so that nobody can pay it any more.

        Raises:
            GatewayUnavailable: May heal.
            GatewayRefused: Also when it has been paid or has expired already.
        """
        sessions = self._client.v1.checkout.sessions
        # No key of ours: expiring twice is harmless, and a failure kept under a fixed key could not heal.
        return _checkout_of(await self._ask(sessions.expire_async(checkout_id, {}, options_for(account))))

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
            page = await self._ask(sessions.list_async(params, options_for(account)))  # type: ignore[arg-type]  # a plain dict of the typed one
            for one in page.data:
                if one.client_reference_id == str(attempt_id):
                    return _checkout_of(one)
            if not page.has_more:
                break
            params["starting_after"] = page.data[-1].id
        return None


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
