"""The `/v1/` API: authentication, idempotency, faults, and the table of endpoints."""

from __future__ import annotations

import asyncio
import base64
import binascii
import copy
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from marketplace.payments.sandbox.accounts import EXAMPLE_PREFIX, example_account
from marketplace.payments.sandbox.checkout import create_session, current_session, expire_session
from marketplace.payments.sandbox.errors import ApiError
from marketplace.payments.sandbox.faults import CallFault
from marketplace.payments.sandbox.forms import read_form
from marketplace.payments.sandbox.objects import API_VERSION, PLATFORM_ACCOUNT, new_id
from marketplace.payments.sandbox.refunds import create_refund
from marketplace.payments.sandbox.resources import (
    create_account,
    create_account_link,
    expanded,
    list_objects,
    own_account,
    save_customer,
    update_account,
    update_payment_intent,
)
from marketplace.payments.sandbox.state import Call, Sandbox
from marketplace.payments.sandbox.store import Answer, Json

KEY_LIFE_SECONDS = 24 * 60 * 60
MAX_KEY_LENGTH = 255

Endpoint = Callable[..., Json]


class ApiRequest(msgspec.Struct, frozen=True):
    """What the API needs of an HTTP request; header names are lower case."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]


class ApiAnswer(msgspec.Struct, frozen=True):
    """An answer, ready to be sent."""

    status: int
    body: Json
    headers: dict[str, str]


def _get(kind: str) -> Endpoint:
    def endpoint(sandbox: Sandbox, call: Call, object_id: str) -> Json:
        owner = "" if kind == "account" else call.account
        if kind == "account":
            _know_example(sandbox, object_id)
        return sandbox.store.get(kind, object_id, owner).body

    return endpoint


def _list(kind: str, url: str) -> Endpoint:
    return partial(list_objects, kind=kind, url=url)


def _session(sandbox: Sandbox, call: Call, object_id: str) -> Json:
    return current_session(sandbox, object_id, call.account).body


_ID = r"([A-Za-z0-9_]{1,255})"
_ENDPOINTS: list[tuple[str, re.Pattern[str], Endpoint]] = [
    (method, re.compile(path), endpoint)
    for method, path, endpoint in (
        ("POST", "/v1/checkout/sessions", create_session),
        ("GET", "/v1/checkout/sessions", _list("checkout.session", "/v1/checkout/sessions")),
        ("GET", f"/v1/checkout/sessions/{_ID}", _session),
        ("POST", f"/v1/checkout/sessions/{_ID}/expire", expire_session),
        ("GET", "/v1/payment_intents", _list("payment_intent", "/v1/payment_intents")),
        ("GET", f"/v1/payment_intents/{_ID}", _get("payment_intent")),
        ("POST", f"/v1/payment_intents/{_ID}", update_payment_intent),
        ("GET", "/v1/charges", _list("charge", "/v1/charges")),
        ("GET", f"/v1/charges/{_ID}", _get("charge")),
        ("POST", "/v1/refunds", create_refund),
        ("GET", "/v1/refunds", _list("refund", "/v1/refunds")),
        ("GET", f"/v1/refunds/{_ID}", _get("refund")),
        ("GET", "/v1/disputes", _list("dispute", "/v1/disputes")),
        ("GET", f"/v1/disputes/{_ID}", _get("dispute")),
        ("POST", "/v1/customers", save_customer),
        ("GET", "/v1/customers", _list("customer", "/v1/customers")),
        ("GET", f"/v1/customers/{_ID}", _get("customer")),
        ("POST", f"/v1/customers/{_ID}", save_customer),
        ("GET", "/v1/account", own_account),
        ("POST", "/v1/accounts", create_account),
        ("GET", f"/v1/accounts/{_ID}", _get("account")),
        ("POST", f"/v1/accounts/{_ID}", update_account),
        ("POST", "/v1/account_links", create_account_link),
        ("GET", "/v1/balance_transactions", _list("balance_transaction", "/v1/balance_transactions")),
        ("GET", f"/v1/balance_transactions/{_ID}", _get("balance_transaction")),
        ("GET", "/v1/events", _list("event", "/v1/events")),
        ("GET", f"/v1/events/{_ID}", _get("event")),
    )
]


async def answer_call(sandbox: Sandbox, request: ApiRequest) -> ApiAnswer:
    """Answer one API call: faults first, then authentication, idempotency and the work itself."""
    request_id = new_id("req", 14)
    fault = sandbox.faults.next_call(request.path)
    try:
        if fault is not None and fault.stage == "before" and fault.action == "hang":
            await asyncio.sleep(fault.seconds)
        status, body, extra = await _answer(sandbox, request, request_id, fault)
        if fault is not None and fault.stage == "after":
            if fault.action == "fail":
                raise fault.error()
            await asyncio.sleep(fault.seconds)
    except ApiError as error:
        status, body, extra = error.status, error.body, {}
    headers = {"Request-Id": request_id, "Stripe-Version": request.headers.get("stripe-version", API_VERSION)}
    return ApiAnswer(status, body, headers | extra)


async def _answer(
    sandbox: Sandbox, request: ApiRequest, request_id: str, fault: CallFault | None
) -> tuple[int, Json, dict[str, str]]:
    account = _authenticate(sandbox, request.headers)
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    if key is None:
        return await _work(sandbox, request, Call(account, request_id=request_id), fault)
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise ApiError(400, "idempotency_error", f"Idempotency keys hold at most {MAX_KEY_LENGTH} characters.")
    fingerprint = hashlib.sha256(b"\0".join([request.path.encode(), request.query.encode(), request.body])).hexdigest()
    known = sandbox.store.answer(account, key)
    if known is not None and known.created + KEY_LIFE_SECONDS > sandbox.now_seconds():
        return _replay(known, fingerprint, key)
    if (account, key) in sandbox.keys_in_use:
        raise ApiError(
            409,
            "idempotency_error",
            f"There is currently another in-progress request using this Idempotent Key ({key}).",
            code="idempotency_key_in_use",
        )
    sandbox.keys_in_use.add((account, key))
    try:
        call = Call(account, request_id=request_id, idempotency_key=key)
        try:
            status, body, extra = await _work(sandbox, request, call, fault)
        except ApiError as error:
            if error.kept:
                _keep(sandbox, call, fingerprint, error.status, error.body)
            raise
        _keep(sandbox, call, fingerprint, status, body)
        return status, body, extra | {"Idempotency-Key": key, "Original-Request": request_id}
    finally:
        sandbox.keys_in_use.discard((account, key))


async def _work(
    sandbox: Sandbox, request: ApiRequest, call: Call, fault: CallFault | None
) -> tuple[int, Json, dict[str, str]]:
    if fault is not None and fault.stage == "before" and fault.action == "fail":
        raise fault.error()
    params = read_form(request.query)
    if request.method == "POST":
        params |= read_form(_as_text(request.body))
    for method, pattern, endpoint in _ENDPOINTS:
        match = pattern.fullmatch(request.path)
        if match is not None and method == request.method:
            try:
                call = Call(call.account, params, call.request_id, call.idempotency_key)
                body = endpoint(sandbox, call, *match.groups())
                return 200, expanded(sandbox, copy.deepcopy(body), call.account, params.get("expand")), {}
            finally:
                sandbox.store.commit()
    raise ApiError(404, "invalid_request_error", f"Unrecognized request URL ({request.method}: {request.path}).")


def _authenticate(sandbox: Sandbox, headers: Mapping[str, str]) -> str:
    """The account that the call acts for; empty for the platform."""
    key = api_key_of(headers)
    if key is None:
        raise ApiError(401, "invalid_request_error", "You did not provide an API key.")
    if not hmac.compare_digest(key.encode(), sandbox.config.api_key.encode()):
        raise ApiError(401, "invalid_request_error", f"Invalid API Key provided: {_masked(key)}")
    account = headers.get("stripe-account", "")
    if account in {"", PLATFORM_ACCOUNT}:
        return ""
    _know_example(sandbox, account)
    if sandbox.store.anyones("account", account) is None:
        raise ApiError(
            403,
            "invalid_request_error",
            f"The provided key '{_masked(key)}' does not have access to account '{account[:40]}' (or that account"
            " does not exist). Application access may have been revoked.",
            code="account_invalid",
        )
    return account


def _know_example(sandbox: Sandbox, account_id: str) -> None:
    """Open an account of the example data when it is first named."""
    if account_id.startswith(EXAMPLE_PREFIX) and sandbox.store.anyones("account", account_id) is None:
        sandbox.store.add(example_account(account_id, sandbox.now_seconds()), "")


def api_key_of(headers: Mapping[str, str]) -> str | None:
    """The key of a call, from a Bearer token or as the user name of Basic authentication."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * 12}{key[-4:]}" if len(key) > 16 else "*" * len(key)


def _keep(sandbox: Sandbox, call: Call, fingerprint: str, status: int, body: Json) -> None:
    answer = Answer(fingerprint, status, copy.deepcopy(body), str(call.request_id), sandbox.now_seconds())
    sandbox.store.keep_answer(call.account, str(call.idempotency_key), answer)
    sandbox.store.commit()


def _replay(known: Answer, fingerprint: str, key: str) -> tuple[int, Json, dict[str, str]]:
    if known.fingerprint != fingerprint:
        raise ApiError(
            400,
            "idempotency_error",
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
        )
    extra = {"Idempotency-Key": key, "Idempotent-Replayed": "true", "Original-Request": known.request_id}
    if known.status >= 500:
        # Asking again cannot help: the same failure would come back.
        extra["Stripe-Should-Retry"] = "false"
    return known.status, known.body, extra


def _as_text(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise ApiError(400, "invalid_request_error", "The request body could not be read.") from error


def dump(body: Json) -> bytes:
    """An answer as Stripe writes it: indented JSON."""
    return json.dumps(body, indent=2).encode()
