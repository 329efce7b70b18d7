"""Refunds: never more than what is left of the charge."""

from __future__ import annotations

from marketplace.payments.sandbox.cards import Outcome
from marketplace.payments.sandbox.errors import invalid, missing, refused
from marketplace.payments.sandbox.forms import metadata_of, only_known, text_of, whole_of
from marketplace.payments.sandbox.objects import new_balance_transaction, new_refund
from marketplace.payments.sandbox.state import Call, Sandbox
from marketplace.payments.sandbox.store import Entry, Json

REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
_KNOWN = frozenset({"amount", "charge", "metadata", "payment_intent", "reason", "refund_application_fee"})


def create_refund(sandbox: Sandbox, call: Call) -> Json:
    """`POST /v1/refunds`: give back all that is left of a charge, or a part of it."""
    params = call.params
    only_known(params, _KNOWN)
    amount = whole_of(params, "amount")
    if amount is not None and amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.", param="amount", code="parameter_invalid_integer"
        )
    reason = text_of(params, "reason")
    if reason is not None and reason not in REASONS:
        raise invalid(f"Invalid reason: must be one of {', '.join(sorted(REASONS))}", param="reason")
    metadata = metadata_of(params)
    charge = _charge_of(sandbox, call)
    left = charge.body["amount"] - charge.body["amount_refunded"]
    if charge.body["disputed"] and not _may_refund(sandbox, charge):
        raise refused(f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed")
    if charge.body["refunded"]:
        raise refused(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    if amount is not None and amount > left:
        raise refused(
            f"Refund amount ({_pounds(amount)}) is greater than unrefunded amount on charge ({_pounds(left)})",
            param="amount",
        )
    return _refund(sandbox, call, charge, left if amount is None else amount, reason, metadata).body


def _refund(
    sandbox: Sandbox, call: Call, charge: Entry, amount: int, reason: str | None, metadata: dict[str, str]
) -> Entry:
    card = charge.private.get("card")
    body = new_refund(
        created=sandbox.now_seconds(), charge=charge.body, amount=amount, reason=reason, metadata=metadata
    )
    refund = sandbox.store.add(body, call.account)
    if card == Outcome.REFUND_WAITS.value:
        body["status"] = "pending"
    else:
        _book(sandbox, refund, "refund", -amount)
    before = _add_up(sandbox, charge, amount)
    sandbox.publish("refund.created", refund, call)
    sandbox.publish("charge.refunded", charge, call, before=before)
    if card == Outcome.REFUND_FAILS.value:
        fail_refund(sandbox, refund)
    return refund


def fail_refund(sandbox: Sandbox, refund: Entry) -> None:
    """The card's bank turns a refund down: the money is in the account's balance again."""
    if refund.body["status"] not in {"pending", "succeeded"}:
        raise refused(f"Refund {refund.id} is over.")
    call, was_done = Call(account=refund.account), refund.body["status"] == "succeeded"
    refund.body.update(status="failed", failure_reason="expired_or_canceled_card")
    if was_done:
        _book(sandbox, refund, "refund_failure", refund.body["amount"], name="failure_balance_transaction")
    sandbox.store.touch(refund)
    _add_up(sandbox, sandbox.store.get("charge", refund.body["charge"], refund.account), -refund.body["amount"])
    sandbox.publish("refund.updated", refund, call)
    sandbox.publish("refund.failed", refund, call)
    sandbox.publish("charge.refund.updated", refund, call)


def finish_refund(sandbox: Sandbox, refund: Entry) -> None:
    """A refund that waited reaches the card."""
    if refund.body["status"] != "pending":
        raise refused(f"Refund {refund.id} does not wait.")
    refund.body["status"] = "succeeded"
    _book(sandbox, refund, "refund", -refund.body["amount"])
    sandbox.store.touch(refund)
    sandbox.publish("refund.updated", refund, Call(account=refund.account))


def _add_up(sandbox: Sandbox, charge: Entry, amount: int) -> Json:
    before = {name: charge.body[name] for name in ("amount_refunded", "refunded")}
    charge.body["amount_refunded"] += amount
    charge.body["refunded"] = charge.body["amount_refunded"] == charge.body["amount"]
    sandbox.store.touch(charge)
    return before


def _book(sandbox: Sandbox, refund: Entry, kind: str, amount: int, *, name: str = "balance_transaction") -> None:
    line = new_balance_transaction(created=sandbox.now_seconds(), source=refund.body, kind=kind, amount=amount, fee=0)
    refund.body[name] = sandbox.store.add(line, refund.account).id


def _charge_of(sandbox: Sandbox, call: Call) -> Entry:
    charge_id, intent_id = text_of(call.params, "charge"), text_of(call.params, "payment_intent")
    if charge_id is None and intent_id is None:
        raise missing("payment_intent")
    if charge_id is not None and intent_id is not None:
        raise invalid("You may only specify one of these parameters: charge, payment_intent.")
    if intent_id is not None:
        intent = sandbox.store.get("payment_intent", intent_id, call.account)
        if intent.body["status"] != "succeeded":
            raise refused(f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.")
        charge_id = intent.body["latest_charge"]
    charge = sandbox.store.get("charge", str(charge_id), call.account)
    if not charge.body["paid"]:
        raise refused(f"Charge {charge.id} has not been paid and cannot be refunded.")
    return charge


def _may_refund(sandbox: Sandbox, charge: Entry) -> bool:
    disputes = [one.body for one in sandbox.store.of("dispute", charge.account) if one.body["charge"] == charge.id]
    return all(one["status"] == "won" or one["status"].startswith("warning_") for one in disputes)


def _pounds(pence: int) -> str:
    return f"£{pence // 100:,}.{pence % 100:02}"
