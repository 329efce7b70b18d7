"""Payments that were made: money back, disputes, what they brought, and what moved a balance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marketplace.payments.stripe_gateway.connection import MOST_PAGES, PAGE_SIZE, StripeConnection, options_for
from marketplace.payments.stripe_shapes import (
    BalanceLine,
    RefundReason,
    StripeDispute,
    StripeRefund,
    StripeSettlement,
    dispute_of,
    refund_of,
)


class Payments(StripeConnection):
    """Calls about payments."""

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
                options_for(connected_account, key),
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
                {"payment_intent": payment_intent_id, "limit": PAGE_SIZE}, options_for(connected_account)
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
                {"payment_intent": payment_intent_id, "limit": PAGE_SIZE}, options_for(connected_account)
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
        intent = await self._ask(intents.retrieve_async(payment_intent_id, {}, options_for(connected_account)))
        return str((intent.to_dict().get("metadata") or {}).get("payment_attempt_id") or "")

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
            page = await self._ask(transactions.list_async(params, options_for(account)))  # type: ignore[arg-type]  # a plain dict of the typed one
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
                options_for(connected_account),
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
