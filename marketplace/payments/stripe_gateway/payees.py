"""Connected accounts of payees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import stripe

from marketplace.payments.stripe_gateway.connection import StripeConnection, options_for
from marketplace.payments.stripe_shapes import PayeeAccount

COUNTRY: Final = "GB"


class Payees(StripeConnection):
    """Calls about connected accounts."""

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
                options_for(None, f"payee-{payee_id}"),
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
