"""What the Stripe gateway answers, and how it fails."""

from __future__ import annotations

from datetime import UTC, datetime
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
    our_id: str = ""
    """Id of our row, where we asked for it; "" for one made by hand in Stripe's dashboard."""
    failure: str = ""
    """Why the card's bank did not take it, by Stripe's name."""

    @property
    def is_done(self) -> bool:
        """Whether the money left for the card."""
        return self.status == "succeeded"

    @property
    def has_failed(self) -> bool:
        """Whether it is over without the money going back, also when it had looked done before."""
        return self.status in {"failed", "canceled"}


class StripeDispute(msgspec.Struct, frozen=True, kw_only=True):
    """A card holder's complaint at their bank, as Stripe has it."""

    id: str
    status: str
    """`warning_…` for a mere question of the bank; `needs_response`, `under_review`, `won`, `lost`, `prevented`."""
    amount_pence: int
    reason: str
    answer_by: datetime | None
    opened_at: datetime

    @property
    def rank(self) -> int:
        """How far it has come: 0 open, 1 under review, 2 decided. A later event never has a lower one."""
        if self.is_won or self.is_lost:
            return 2
        return int(self.status.endswith("under_review"))

    @property
    def is_won(self) -> bool:
        """Whether it ended without a loss."""
        return self.status in {"won", "warning_closed", "prevented"}

    @property
    def is_lost(self) -> bool:
        """Whether the card holder keeps the money."""
        return self.status == "lost"

    @property
    def withheld_pence(self) -> int:
        """What the bank holds back now, or keeps. A mere question takes nothing."""
        return 0 if self.is_won or self.status.startswith("warning_") else self.amount_pence


class BalanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A balance transaction: what changed the balance of an account at Stripe."""

    id: str
    kind: str
    """Stripe's type: `charge`, `refund`, `refund_failure`, `adjustment` (disputes), `payout` …"""
    source_id: str
    """The charge, refund, dispute or payout behind it."""
    payment_intent_id: str
    """The payment behind that; "" for payouts and the like."""
    council: str
    """Council id in the charge's own metadata, "" elsewhere."""
    currency: str
    amount_pence: int
    fee_pence: int
    net_pence: int
    created_at: datetime


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
    asked_for: tuple[str, ...] = ()
    """Details that Stripe still wants now, by its names."""
    disabled_why: str = ""
    """Why it takes no payments, by Stripe's name: `requirements.past_due`, `under_review`, `rejected.fraud` …"""


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


def refund_of(body: dict[str, Any]) -> StripeRefund:
    """Read a refund object."""
    notes = body.get("metadata") or {}
    return StripeRefund(
        id=str(body["id"]),
        status=body.get("status") or "pending",
        amount_pence=int(body["amount"]),
        our_id=str(notes.get("refund_id") or "") if isinstance(notes, dict) else "",
        failure=body.get("failure_reason") or "",
    )


def dispute_of(body: dict[str, Any]) -> StripeDispute:
    """Read a dispute object. The evidence in it is personal and stays out."""
    due = (body.get("evidence_details") or {}).get("due_by")
    return StripeDispute(
        id=str(body["id"]),
        status=str(body["status"]),
        amount_pence=int(body["amount"]),
        reason=body.get("reason") or "",
        answer_by=datetime.fromtimestamp(due, UTC) if due else None,
        opened_at=datetime.fromtimestamp(body["created"], UTC),
    )
