"""The sandbox's own endpoints under `/sandbox/`: faults, deliveries, health."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any

import msgspec
from litestar import Request, delete, get, post
from litestar.response import Response

from marketplace.payments.sandbox.api import api_key_of
from marketplace.payments.sandbox.faults import FaultPlan
from marketplace.payments.sandbox.pages import sandbox_of

ControlRequest = Request[Any, Any, Any]


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


@get("/sandbox/health", sync_to_thread=False)
def show_health() -> Response[Any]:
    """Whether the sandbox answers."""
    return _json({"status": "ok"})


def _refusal(request: ControlRequest) -> Response[Any] | None:
    """Only this machine, and only with the sandbox's key."""
    # No client at all means a unix socket or a call inside the process.
    if request.client is not None and not _is_loopback(request.client.host):
        return _json({"error": {"message": "Only from this machine.", "type": "invalid_request_error"}}, status=403)
    key = api_key_of({"authorization": request.headers.get("authorization", "")})
    if key is None or not hmac.compare_digest(key.encode(), sandbox_of(request).config.api_key.encode()):
        return _json(
            {"error": {"message": "The sandbox's key is needed.", "type": "invalid_request_error"}}, status=401
        )
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"}


def _json(content: object, *, status: int = 200) -> Response[Any]:
    return Response(msgspec.json.encode(content), media_type="application/json", status_code=status)
