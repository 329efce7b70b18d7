"""The remaining endpoints: reading, listing, customers and connected accounts."""

from __future__ import annotations

import re
from typing import Any

from marketplace.payments.sandbox.accounts import (
    complete_onboarding,
    leave_incomplete,
    new_account,
    new_account_link,
    restrict,
)
from marketplace.payments.sandbox.cards import is_email
from marketplace.payments.sandbox.checkout import expire_when_due
from marketplace.payments.sandbox.config import is_web_address
from marketplace.payments.sandbox.errors import invalid, missing
from marketplace.payments.sandbox.forms import (
    merged_metadata,
    metadata_of,
    needed_text,
    only_known,
    text_of,
    whole_of,
)
from marketplace.payments.sandbox.objects import PLATFORM_ACCOUNT, new_customer
from marketplace.payments.sandbox.state import Call, Sandbox
from marketplace.payments.sandbox.store import Entry, Json

FILTERS: dict[str, frozenset[str]] = {
    "account": frozenset(),
    "balance_transaction": frozenset({"source", "type", "currency"}),
    "charge": frozenset({"customer", "payment_intent"}),
    "checkout.session": frozenset({"customer", "payment_intent", "status"}),
    "customer": frozenset({"email"}),
    "dispute": frozenset({"charge", "payment_intent"}),
    "event": frozenset({"type"}),
    "payment_intent": frozenset({"customer"}),
    "refund": frozenset({"charge", "payment_intent"}),
}
MARK_ONBOARDED = "sandbox_onboarded"
"""Metadata key that lets a new account take payments at once; a demo has nobody to click through the set-up."""

_SECONDS = re.compile(r"[0-9]{1,12}")
_ACCOUNT_FIELDS = frozenset(
    {
        "business_profile",
        "business_type",
        "capabilities",
        "company",
        "controller",
        "country",
        "default_currency",
        "email",
        "individual",
        "metadata",
        "settings",
        "type",
    }
)


def list_objects(sandbox: Sandbox, call: Call, kind: str, url: str) -> Json:
    """A page of objects, newest first, filtered by equality and by `created`."""
    params = call.params
    only_known(params, FILTERS[kind] | {"limit", "starting_after", "created"})
    limit = whole_of(params, "limit")
    limit = 10 if limit is None else limit
    if not 1 <= limit <= 100:
        raise invalid("Invalid limit: must be between 1 and 100", param="limit")
    if kind == "checkout.session":
        for session in sandbox.store.of(kind, call.account):
            expire_when_due(sandbox, session)
    entries = sandbox.store.of(kind, call.account)
    after = text_of(params, "starting_after")
    if after is not None:
        last = sandbox.store.get(kind, after, call.account)
        entries = [entry for entry in entries if entry.sequence < last.sequence]
    wanted = {name: text_of(params, name) for name in FILTERS[kind] if name in params}
    found = [
        entry.body
        for entry in entries
        if all(entry.body.get(name) == value for name, value in wanted.items())
        and _is_created_within(entry.body["created"], params.get("created"))
    ]
    return {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": url}


def update_payment_intent(sandbox: Sandbox, call: Call, intent_id: str) -> Json:
    """`POST /v1/payment_intents/{id}`: description and metadata."""
    only_known(call.params, frozenset({"description", "metadata"}))
    intent = sandbox.store.get("payment_intent", intent_id, call.account)
    if "description" in call.params:
        intent.body["description"] = text_of(call.params, "description")
    intent.body["metadata"] = merged_metadata(intent.body["metadata"], metadata_of(call.params))
    sandbox.store.touch(intent)
    return intent.body


def save_customer(sandbox: Sandbox, call: Call, customer_id: str | None = None) -> Json:
    """`POST /v1/customers` and `POST /v1/customers/{id}`."""
    params = call.params
    texts = ("description", "email", "name", "phone")
    only_known(params, frozenset({*texts, "metadata"}))
    changes: Json = {name: text_of(params, name) for name in texts if name in params}
    if changes.get("email") is not None and not is_email(changes["email"]):
        raise invalid(f"Invalid email address: {changes['email']}", param="email", code="email_invalid")
    metadata = metadata_of(params)
    if customer_id is None:
        entry = sandbox.store.add(new_customer(created=sandbox.now_seconds()), call.account)
    else:
        entry = sandbox.store.get("customer", customer_id, call.account)
    entry.body.update(changes)
    entry.body["metadata"] = merged_metadata(entry.body["metadata"], metadata)
    sandbox.store.touch(entry)
    return entry.body


def create_account(sandbox: Sandbox, call: Call) -> Json:
    """`POST /v1/accounts`: a connected account, closed until its onboarding page is done."""
    params = call.params
    only_known(params, _ACCOUNT_FIELDS)
    kind = text_of(params, "type") or "none"
    if kind not in {"standard", "express", "custom", "none"}:
        raise invalid("Invalid type: must be one of standard, express, or custom", param="type")
    fields = _account_fields(params)
    country = text_of(params, "country") or "GB"
    entry = sandbox.store.add(new_account(created=sandbox.now_seconds(), kind=kind, country=country), "")
    _apply(entry, fields)
    if MARK_ONBOARDED in entry.body["metadata"]:
        complete_onboarding(entry.body)
    return entry.body


def update_account(sandbox: Sandbox, call: Call, account_id: str) -> Json:
    """`POST /v1/accounts/{id}`."""
    only_known(call.params, _ACCOUNT_FIELDS - {"type", "country", "controller"})
    entry = sandbox.store.get("account", account_id, "")
    _apply(entry, _account_fields(call.params))
    sandbox.store.touch(entry)
    _publish_account(sandbox, entry, call)
    return entry.body


def own_account(sandbox: Sandbox, call: Call) -> Json:
    """`GET /v1/account`: the account that the call acts for."""
    return sandbox.store.get("account", call.account or PLATFORM_ACCOUNT, "").body


def create_account_link(sandbox: Sandbox, call: Call) -> Json:
    """`POST /v1/account_links`: an address that opens the onboarding page once, within five minutes."""
    params = call.params
    only_known(params, frozenset({"account", "collection_options", "refresh_url", "return_url", "type"}))
    account = sandbox.store.get("account", needed_text(params, "account"), "")
    if needed_text(params, "type") not in {"account_onboarding", "account_update"}:
        raise invalid("Invalid type: must be one of account_onboarding or account_update", param="type")
    addresses = {name: needed_text(params, name) for name in ("return_url", "refresh_url")}
    for name, address in addresses.items():
        if not is_web_address(address):
            raise invalid("Not a valid URL", param=name, code="url_invalid")
    secret, link = new_account_link(created=sandbox.now_seconds(), base_url=sandbox.config.public_base_url)
    private = {**addresses, "account": account.id, "expires_at": link["expires_at"], "is_used": False}
    sandbox.store.add({"object": "onboarding", "id": secret}, "", private)
    return link


def finish_onboarding(sandbox: Sandbox, link: Entry, *, is_complete: bool = True) -> None:
    """Use a link up: its account can take payments from now on, or still owes a proof of identity."""
    account = sandbox.store.get("account", link.private["account"], "")
    before = complete_onboarding(account.body) if is_complete else leave_incomplete(account.body)
    link.private["is_used"] = True
    sandbox.store.touch(link)
    sandbox.store.touch(account)
    _publish_account(sandbox, account, Call(), before)


def restrict_account(sandbox: Sandbox, account_id: str, *, is_open: bool) -> Entry:
    """Close an account for payments because Stripe wants more of its owner, or open it again."""
    account = sandbox.store.get("account", account_id, "")
    before = complete_onboarding(account.body) if is_open else restrict(account.body)
    sandbox.store.touch(account)
    _publish_account(sandbox, account, Call(), before)
    return account


def _publish_account(sandbox: Sandbox, account: Entry, call: Call, before: Json | None = None) -> None:
    # Facts about a connected account belong to it and carry its id, although the platform owns the row.
    sandbox.publish("account.updated", Entry(account.id, account.body), call, before=before)


def expanded(sandbox: Sandbox, body: Json, account: str, paths: Any) -> Json:
    """A copy of an answer in which ids are replaced by their objects, as `expand[]` asks.

    Raises:
        ApiError: A path that leads to nothing expandable.
    """
    if not paths:
        return body
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise invalid("Invalid array", param="expand")
    for path in paths:
        body = _expand(sandbox, body, account, path.split("."), path)
    return body


def _expand(sandbox: Sandbox, value: Any, account: str, steps: list[str], path: str) -> Any:
    if isinstance(value, list):
        return [_expand(sandbox, item, account, steps, path) for item in value]
    if not steps or value is None:
        return value
    step, *rest = steps
    if not isinstance(value, dict) or step not in value:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    inner = value[step]
    if isinstance(inner, str):
        found = sandbox.store.find(inner, account)
        if found is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        inner = found.body
    return value | {step: _expand(sandbox, inner, account, rest, path)}


def _account_fields(params: Json) -> Json:
    email = text_of(params, "email")
    if email is not None and not is_email(email):
        raise invalid(f"Invalid email address: {email}", param="email", code="email_invalid")
    fields: Json = {"metadata": metadata_of(params)}
    for name in ("business_type", "default_currency", "email"):
        if name in params:
            fields[name] = text_of(params, name)
    profile = params.get("business_profile", {})
    asked = params.get("capabilities", {})
    if not isinstance(profile, dict) or not isinstance(asked, dict):
        raise invalid("Invalid hash", param="business_profile")
    fields["business_profile"] = {name: value for name, value in profile.items() if isinstance(value, str)}
    fields["capabilities"] = list(asked)
    return fields


def _apply(entry: Entry, fields: Json) -> None:
    body = entry.body
    body["metadata"] = merged_metadata(body["metadata"], fields.pop("metadata"))
    known = body["business_profile"]
    known.update({name: value for name, value in fields.pop("business_profile").items() if name in known})
    state = "active" if body["charges_enabled"] else "inactive"
    for name in fields.pop("capabilities"):
        body["capabilities"].setdefault(name, state)
    body.update(fields)


def _is_created_within(created: int, limits: Any) -> bool:
    if limits is None:
        return True
    if isinstance(limits, str):
        limits = {"gte": limits, "lte": limits}
    checks = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    if not isinstance(limits, dict) or not limits.keys() <= checks.keys():
        raise invalid("Invalid range", param="created")
    for name, limit in limits.items():
        if not isinstance(limit, str) or not _SECONDS.fullmatch(limit):
            raise missing(f"created[{name}]")
        if not checks[name](created, int(limit)):
            return False
    return True
