"""Disputes: a card holder complains at their bank, which takes the money back until it has decided."""

from __future__ import annotations

from marketplace.payments.sandbox.errors import refused
from marketplace.payments.sandbox.objects import DAY_SECONDS, new_balance_transaction, new_id
from marketplace.payments.sandbox.state import Call, Sandbox
from marketplace.payments.sandbox.store import Entry, Json

ANSWER_DAYS = 7
FEE_PENCE = 2_000
"""What a dispute costs the payee, given back when it is won."""
_EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal"
    " customer_communication customer_email_address customer_name customer_purchase_ip customer_signature"
    " duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt"
    " refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation"
    " shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number"
    " uncategorized_file uncategorized_text"
)


def open_dispute(
    sandbox: Sandbox, charge: Entry, *, amount: int | None = None, reason: str = "fraudulent", is_question: bool = False
) -> Entry:
    """Dispute a paid charge, whole or in part; a mere question of the bank (an inquiry) takes no money yet."""
    if not charge.body["paid"] or charge.body["disputed"]:
        raise refused(f"Charge {charge.id} cannot be disputed.")
    created = sandbox.now_seconds()
    status = "warning_needs_response" if is_question else "needs_response"
    body: Json = {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": charge.body["amount"] if amount is None else amount,
        "balance_transactions": [],
        "charge": charge.id,
        "created": created,
        "currency": charge.body["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE.split()), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": created + ANSWER_DAYS * DAY_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": is_question,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge.body["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge.body["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if is_question else "chargeback",
                "network": charge.body["payment_method_details"]["card"]["brand"],
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": status,
    }
    dispute = sandbox.store.add(body, charge.account)
    charge.body["disputed"] = True
    sandbox.store.touch(charge)
    call = Call(account=charge.account)
    if not is_question:
        _move_money(sandbox, dispute, -body["amount"], FEE_PENCE)
    sandbox.publish("charge.dispute.created", dispute, call)
    if not is_question:
        sandbox.publish("charge.dispute.funds_withdrawn", dispute, call)
    return dispute


def answer_dispute(sandbox: Sandbox, dispute: Entry) -> None:
    """The payee sent its evidence: the bank looks at it."""
    _need_open(dispute)
    is_question = dispute.body["status"].startswith("warning_")
    dispute.body["status"] = "warning_under_review" if is_question else "under_review"
    dispute.body["evidence_details"].update(has_evidence=True, submission_count=1)
    sandbox.store.touch(dispute)
    sandbox.publish("charge.dispute.updated", dispute, Call(account=dispute.account))


def decide_dispute(sandbox: Sandbox, dispute: Entry, *, is_won: bool) -> None:
    """The bank has decided: won gives the money back to the payee, lost leaves it with the card holder."""
    _need_open(dispute)
    call = Call(account=dispute.account)
    if dispute.body["status"].startswith("warning_"):
        dispute.body["status"] = "warning_closed"
    elif is_won:
        dispute.body["status"] = "won"
        _move_money(sandbox, dispute, dispute.body["amount"], -FEE_PENCE)
        sandbox.publish("charge.dispute.funds_reinstated", dispute, call)
    else:
        dispute.body["status"] = "lost"
    sandbox.store.touch(dispute)
    sandbox.publish("charge.dispute.closed", dispute, call)


def _move_money(sandbox: Sandbox, dispute: Entry, amount: int, fee: int) -> None:
    line = new_balance_transaction(
        created=sandbox.now_seconds(), source=dispute.body, kind="adjustment", amount=amount, fee=fee
    )
    line["reporting_category"] = "dispute" if amount < 0 else "dispute_reversal"
    sandbox.store.add(line, dispute.account)
    dispute.body["balance_transactions"].append(line)
    sandbox.store.touch(dispute)


def _need_open(dispute: Entry) -> None:
    if dispute.body["status"] in {"won", "lost", "warning_closed"}:
        raise refused(f"Dispute {dispute.id} is decided.")
