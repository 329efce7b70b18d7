"""The control page under `/sandbox`: what `control.py` takes as JSON, as buttons for a demo in a browser."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.response import Response

from marketplace.payments.sandbox.control import ControlRequest, is_local
from marketplace.payments.sandbox.disputes import answer_dispute, decide_dispute, open_dispute
from marketplace.payments.sandbox.errors import ApiError
from marketplace.payments.sandbox.faults import CallFault, DeliveryFault, FaultPlan
from marketplace.payments.sandbox.objects import PLATFORM_ACCOUNT
from marketplace.payments.sandbox.pages import form_of, message_page, money, page, sandbox_of
from marketplace.payments.sandbox.refunds import fail_refund, finish_refund
from marketplace.payments.sandbox.resources import restrict_account
from marketplace.payments.sandbox.state import Sandbox
from marketplace.payments.sandbox.store import Entry

SHOWN = 20
FAULTS: dict[str, tuple[str, FaultPlan]] = {
    "slow": ("Next 3 calls answer after 5 seconds", FaultPlan([CallFault("hang", count=3, seconds=5)])),
    "silent": ("Next call never answers", FaultPlan([CallFault("hang", seconds=120)])),
    "unheard": (
        "Next call works but its answer is lost",
        FaultPlan([CallFault("hang", stage="after", seconds=120)]),
    ),
    "broken": ("Next 3 calls fail", FaultPlan([CallFault("fail", count=3, status=503)])),
    "busy": ("Next 3 calls are too many", FaultPlan([CallFault("fail", count=3, status=429)])),
    "late": ("Next 3 events come a minute late", FaultPlan([], [DeliveryFault("delay", count=3, seconds=60)])),
    "twice": ("Next 3 events come twice", FaultPlan([], [DeliveryFault("duplicate", count=3, seconds=1)])),
    "turned": ("Next 3 events come in reversed order", FaultPlan([], [DeliveryFault("reorder", count=3, seconds=1)])),
    "lost": ("Next 3 events are lost", FaultPlan([], [DeliveryFault("drop", count=3)])),
}


@get("/sandbox", sync_to_thread=False)
def show_control(request: ControlRequest) -> Response[str]:
    """What can go wrong, the last payments and the payees."""
    return _refusal(request) or _control_page(sandbox_of(request), "")


@post("/sandbox", status_code=200)
async def take_control(request: ControlRequest) -> Response[str]:
    """Do what a button says."""
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    sandbox, form = sandbox_of(request), await form_of(request)
    try:
        said = _do(sandbox, str(form.get("do", "")), str(form.get("id", "")))
    except ApiError as error:
        said = error.body["error"]["message"]
    sandbox.store.commit()
    return _control_page(sandbox, said)


def _do(sandbox: Sandbox, what: str, object_id: str) -> str:
    if what == "forget":
        sandbox.faults.calls.clear()
        sandbox.faults.deliveries.clear()
        return "Nothing goes wrong any more."
    if what in FAULTS:
        text, plan = FAULTS[what]
        # Faults are used up, so each order gets copies of its own.
        sandbox.faults.add(FaultPlan([_copy(one) for one in plan.calls], [_copy(one) for one in plan.deliveries]))
        return f"{text}."
    if what in ("restrict", "open"):
        restrict_account(sandbox, object_id, is_open=what == "open")
        return "The account is open." if what == "open" else "The account is restricted."
    charge = sandbox.store.anyones("charge", object_id)
    if charge is None:
        return "There is no such payment."
    disputes = [one for one in sandbox.store.of("dispute", charge.account) if one.body["charge"] == charge.id]
    refunds = [one for one in sandbox.store.of("refund", charge.account) if one.body["charge"] == charge.id]
    if what in ("dispute", "question"):
        open_dispute(sandbox, charge, is_question=what == "question")
    elif what == "answer" and disputes:
        answer_dispute(sandbox, disputes[0])
    elif what in ("won", "lost") and disputes:
        decide_dispute(sandbox, disputes[0], is_won=what == "won")
    elif what == "finish-refund" and refunds:
        finish_refund(sandbox, refunds[0])
    elif what == "fail-refund" and refunds:
        fail_refund(sandbox, refunds[0])
    else:
        return "That cannot be done."
    return "Done."


def _copy(fault: Any) -> Any:
    return type(fault)(**{name: getattr(fault, name) for name in fault.__struct_fields__})


def _control_page(sandbox: Sandbox, said: str) -> Response[str]:
    charges = [entry for entry in sandbox.store.each("charge") if entry.body["paid"]][:SHOWN]
    accounts = [entry for entry in sandbox.store.each("account") if entry.id != PLATFORM_ACCOUNT][:SHOWN]
    return page(
        "control",
        None,
        said=said,
        action="/sandbox",
        faults=[*((value, text) for value, (text, _) in FAULTS.items()), ("forget", "Forget all faults")],
        calls=sum(fault.count for fault in sandbox.faults.calls),
        deliveries=sum(fault.count for fault in sandbox.faults.deliveries),
        waiting=len(sandbox.deliveries.waiting()),
        charges=[_charge(sandbox, entry) for entry in charges],
        accounts=[_account(entry) for entry in accounts],
    )


def _charge(sandbox: Sandbox, charge: Entry) -> dict[str, Any]:
    body = charge.body
    disputes = [one.body for one in sandbox.store.of("dispute", charge.account) if one.body["charge"] == charge.id]
    refunds = [one.body for one in sandbox.store.of("refund", charge.account) if one.body["charge"] == charge.id]
    choices = [] if disputes else [("dispute", "Dispute it"), ("question", "Let the bank ask a question")]
    if disputes and disputes[0]["status"] not in {"won", "lost", "warning_closed"}:
        choices += [("answer", "Answer the bank"), ("won", "Payee wins"), ("lost", "Payee loses")]
    if refunds and refunds[0]["status"] == "pending":
        choices.append(("finish-refund", "Finish the refund"))
    if refunds and refunds[0]["status"] in {"pending", "succeeded"}:
        choices.append(("fail-refund", "Turn the refund down"))
    state = disputes[0]["status"] if disputes else "refunded" if body["refunded"] else "paid"
    return {"id": charge.id, "amount": money(body["amount"], body["currency"]), "state": state, "choices": choices}


def _account(account: Entry) -> dict[str, str]:
    is_open = account.body["charges_enabled"]
    return {
        "id": account.id,
        "name": account.body["business_profile"]["name"] or account.body["email"] or "Account",
        "state": "takes payments" if is_open else "takes no payments",
        "do": "restrict" if is_open else "open",
        "text": "Restrict it" if is_open else "Open it",
    }


def _refusal(request: ControlRequest) -> Response[str] | None:
    """Only from this machine, and only from the page itself: another site must not press its buttons."""
    is_foreign = request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
    if not is_local(request) or (request.method == "POST" and is_foreign):
        return message_page("Not from here", "Open this page on the machine the sandbox runs on.", status=403)
    return None
