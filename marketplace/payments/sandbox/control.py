"""The sandbox's own endpoints under `/sandbox/`: faults, deliveries, health."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Request, delete, get, post
from litestar.response import Response

from marketplace.payments.sandbox.api import api_key_of
from marketplace.payments.sandbox.disputes import answer_dispute, decide_dispute, open_dispute
from marketplace.payments.sandbox.errors import ApiError, no_such
from marketplace.payments.sandbox.faults import FaultPlan
from marketplace.payments.sandbox.pages import sandbox_of
from marketplace.payments.sandbox.refunds import fail_refund, finish_refund
from marketplace.payments.sandbox.resources import restrict_account
from marketplace.payments.sandbox.state import Sandbox
from marketplace.payments.sandbox.store import Json

ControlRequest = Request[Any, Any, Any]
Order = TypeVar("Order")


@get("/sandbox/faults", sync_to_thread=False)
def show_faults(request: ControlRequest) -> Response[Any]:
    """The faults that are still to come."""
    return _refusal(request) or _json(sandbox_of(request).faults)


@post("/sandbox/faults")
async def add_faults(request: ControlRequest) -> Response[Any]:
    """Queue faults: a `FaultPlan` as JSON. See `faults.py` for what can go wrong."""
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    try:
        plan = msgspec.json.decode(await request.body(), type=FaultPlan)
    except msgspec.DecodeError as error:
        return _json({"error": {"message": str(error), "type": "invalid_request_error"}}, status=400)
    faults = sandbox_of(request).faults
    faults.add(plan)
    return _json(faults)


@delete("/sandbox/faults", status_code=200, sync_to_thread=False)
def clear_faults(request: ControlRequest) -> Response[Any]:
    """Forget all faults."""
    refusal = _refusal(request)
    if refusal is None:
        faults = sandbox_of(request).faults
        faults.calls.clear()
        faults.deliveries.clear()
    return refusal or _json(sandbox_of(request).faults)


@get("/sandbox/deliveries", sync_to_thread=False)
def show_deliveries(request: ControlRequest) -> Response[Any]:
    """The events that are not delivered yet."""
    return _refusal(request) or _json({"waiting": sandbox_of(request).deliveries.waiting()})


class DisputeOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to the dispute of a payment."""

    payment_intent: str
    action: Literal["open", "question", "answer", "won", "lost"]
    amount: Annotated[int, msgspec.Meta(ge=1)] | None = None


class RefundOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to a refund that was made."""

    refund: str
    action: Literal["finish", "fail"]


class AccountOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to a connected account."""

    account: str
    action: Literal["restrict", "open"]


@post("/sandbox/disputes", status_code=200)
async def order_dispute(request: ControlRequest) -> Response[Any]:
    """Open, answer or decide the dispute of a payment: a `DisputeOrder` as JSON."""

    def carry_out(sandbox: Sandbox, order: DisputeOrder) -> Json:
        intent = sandbox.store.anyones("payment_intent", order.payment_intent)
        charge = sandbox.store.anyones("charge", str(intent.body["latest_charge"])) if intent else None
        if charge is None:
            raise no_such("payment_intent", order.payment_intent)
        if order.action in ("open", "question"):
            is_question = order.action == "question"
            return open_dispute(sandbox, charge, amount=order.amount, is_question=is_question).body
        disputes = [one for one in sandbox.store.of("dispute", charge.account) if one.body["charge"] == charge.id]
        if not disputes:
            raise no_such("dispute", order.payment_intent)
        if order.action == "answer":
            answer_dispute(sandbox, disputes[0])
        else:
            decide_dispute(sandbox, disputes[0], is_won=order.action == "won")
        return disputes[0].body

    return await _order(request, DisputeOrder, carry_out)


@post("/sandbox/refunds", status_code=200)
async def order_refund(request: ControlRequest) -> Response[Any]:
    """Finish a refund that waits, or turn one down: a `RefundOrder` as JSON."""

    def carry_out(sandbox: Sandbox, order: RefundOrder) -> Json:
        refund = sandbox.store.anyones("refund", order.refund)
        if refund is None:
            raise no_such("refund", order.refund)
        (finish_refund if order.action == "finish" else fail_refund)(sandbox, refund)
        return refund.body

    return await _order(request, RefundOrder, carry_out)


@post("/sandbox/accounts", status_code=200)
async def order_account(request: ControlRequest) -> Response[Any]:
    """Restrict a connected account or open it: an `AccountOrder` as JSON."""

    def carry_out(sandbox: Sandbox, order: AccountOrder) -> Json:
        return restrict_account(sandbox, order.account, is_open=order.action == "open").body

    return await _order(request, AccountOrder, carry_out)


async def _order(
    request: ControlRequest, kind: type[Order], carry_out: Callable[[Sandbox, Order], Json]
) -> Response[Any]:
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    sandbox = sandbox_of(request)
    try:
        return _json(carry_out(sandbox, msgspec.json.decode(await request.body(), type=kind)))
    except msgspec.DecodeError as error:
        return _json({"error": {"message": str(error), "type": "invalid_request_error"}}, status=400)
    except ApiError as error:
        return _json(error.body, status=error.status)
    finally:
        sandbox.store.commit()


@get("/sandbox/health", sync_to_thread=False)
def show_health() -> Response[Any]:
    """Whether the sandbox answers."""
    return _json({"status": "ok"})


def _refusal(request: ControlRequest) -> Response[Any] | None:
    """Only this machine, and only with the sandbox's key."""
    if not is_local(request):
        return _json({"error": {"message": "Only from this machine.", "type": "invalid_request_error"}}, status=403)
    key = api_key_of({"authorization": request.headers.get("authorization", "")})
    if key is None or not hmac.compare_digest(key.encode(), sandbox_of(request).config.api_key.encode()):
        return _json(
            {"error": {"message": "The sandbox's key is needed.", "type": "invalid_request_error"}}, status=401
        )
    return None


def is_local(request: ControlRequest) -> bool:
    """Whether a call comes from this machine. No client at all means a unix socket or a call inside the process."""
    return request.client is None or _is_loopback(request.client.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"}


def _json(content: object, *, status: int = 200) -> Response[Any]:
    return Response(msgspec.json.encode(content), media_type="application/json", status_code=status)
