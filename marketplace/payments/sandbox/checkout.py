"""Checkout Sessions, from their creation to a paid, failed or expired end."""

from __future__ import annotations

import re
from typing import Any

from marketplace.payments.sandbox.cards import DECLINES, NOT_CONFIRMED, Failure, Outcome, Payer, is_email
from marketplace.payments.sandbox.config import is_web_address
from marketplace.payments.sandbox.disputes import open_dispute
from marketplace.payments.sandbox.errors import invalid, missing, refused
from marketplace.payments.sandbox.forms import metadata_of, needed_text, only_known, text_of, whole_of
from marketplace.payments.sandbox.objects import (
    customer_details,
    new_balance_transaction,
    new_charge,
    new_id,
    new_payment_intent,
    new_session,
)
from marketplace.payments.sandbox.state import Call, Sandbox
from marketplace.payments.sandbox.store import Entry, Json

MIN_AMOUNT_PENCE = 30
MAX_AMOUNT_PENCE = 99_999_999
SOONEST_EXPIRY_SECONDS = 30 * 60
LATEST_EXPIRY_SECONDS = 24 * 60 * 60

_KNOWN = frozenset(
    {
        "cancel_url",
        "client_reference_id",
        "currency",
        "customer",
        "customer_creation",
        "customer_email",
        "expires_at",
        "line_items",
        "locale",
        "metadata",
        "mode",
        "payment_intent_data",
        "payment_method_types",
        "submit_type",
        "success_url",
    }
)
_KNOWN_INTENT = frozenset(
    {
        "application_fee_amount",
        "capture_method",
        "description",
        "metadata",
        "receipt_email",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
    }
)


def create_session(sandbox: Sandbox, call: Call) -> Json:
    """`POST /v1/checkout/sessions`, for one-off card payments."""
    params = call.params
    only_known(params, _KNOWN)
    if needed_text(params, "mode") != "payment":
        raise invalid("The sandbox only takes mode=payment.", param="mode")
    if params.get("payment_method_types", ["card"]) != ["card"]:
        raise invalid("The sandbox only takes cards.", param="payment_method_types")
    lines, currency, amount = _read_lines(params)
    created = sandbox.now_seconds()
    session_id = new_id("cs_test", 58)
    session = new_session(
        created=created, session_id=session_id, url=f"{sandbox.config.public_base_url}/pay/{session_id}"
    )
    session["success_url"] = _read_address(needed_text(params, "success_url"), "success_url")
    cancel_url = text_of(params, "cancel_url")
    session["cancel_url"] = _read_address(cancel_url, "cancel_url") if cancel_url else None
    session["customer"], session["customer_email"] = _read_payer(sandbox, call)
    session["expires_at"] = _read_expiry(params, created)
    session["client_reference_id"] = text_of(params, "client_reference_id", most=200)
    session["locale"] = text_of(params, "locale")
    session["submit_type"] = text_of(params, "submit_type")
    session["metadata"] = metadata_of(params)
    session["currency"] = currency
    session["amount_subtotal"] = session["amount_total"] = amount
    intent = _read_intent(params, call)
    _refuse_closed_account(sandbox, call)
    return sandbox.store.add(session, call.account, {"lines": lines, "intent": intent}).body


def expire_session(sandbox: Sandbox, call: Call, session_id: str) -> Json:
    """`POST /v1/checkout/sessions/{id}/expire`: nobody can pay it any more."""
    session = current_session(sandbox, session_id, call.account)
    if session.body["status"] != "open":
        raise refused(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session.body['status']}."
        )
    _expire(sandbox, session, call)
    return session.body


def current_session(sandbox: Sandbox, session_id: str, account: str) -> Entry:
    """A session of this account, expired first when its time is over."""
    session = sandbox.store.get("checkout.session", session_id, account)
    expire_when_due(sandbox, session)
    return session


def expire_when_due(sandbox: Sandbox, session: Entry) -> None:
    """Expire an open session whose time is over."""
    if session.body["status"] == "open" and session.body["expires_at"] <= sandbox.now_seconds():
        _expire(sandbox, session, Call(account=session.account))


def expire_due_sessions(sandbox: Sandbox) -> None:
    """Expire every session whose time is over."""
    for session in sandbox.store.each("checkout.session"):
        expire_when_due(sandbox, session)


def pay(sandbox: Sandbox, session: Entry, payer: Payer) -> Failure | None:
    """Try to pay an open session with a test card.

    Returns:
        Why the bank refused; None when it is paid, or when it waits for
        `confirm` (then `waits_for_confirmation` says so).
    """
    intent = _intent_of(sandbox, session)
    outcome = Outcome(payer.outcome)
    if outcome is Outcome.ASKS:
        session.private["waiting"] = {name: getattr(payer, name) for name in payer.__struct_fields__}
        intent.body["status"] = "requires_action"
        url = f"{sandbox.config.public_base_url}/pay/{session.id}/confirm"
        intent.body["next_action"] = {
            "redirect_to_url": {"return_url": session.body["success_url"], "url": url},
            "type": "redirect_to_url",
        }
        _changed(sandbox, session, intent)
        sandbox.publish("payment_intent.requires_action", intent, Call(account=session.account))
        return None
    failure = DECLINES.get(outcome)
    _charge(sandbox, session, intent, payer, failure)
    return failure


def confirm(sandbox: Sandbox, session: Entry, *, accepted: bool) -> Failure | None:
    """Answer the second confirmation that a card asked for."""
    payer = Payer(**session.private["waiting"])
    failure = None if accepted else NOT_CONFIRMED
    _charge(sandbox, session, _intent_of(sandbox, session), payer, failure)
    return failure


def waits_for_confirmation(session: Entry) -> bool:
    """Whether an open session stands at the second confirmation."""
    return session.body["status"] == "open" and "waiting" in session.private


def after_payment_url(session: Entry) -> str:
    """Where the browser goes after payment, with the session's id filled in."""
    return str(session.body["success_url"]).replace("{CHECKOUT_SESSION_ID}", session.id)


def _charge(sandbox: Sandbox, session: Entry, intent: Entry, payer: Payer, failure: Failure | None) -> None:
    created = sandbox.now_seconds()
    call = Call(account=session.account)
    session.private.pop("waiting", None)
    intent.body["payment_method"] = new_id("pm")
    intent.body["next_action"] = None
    charge = sandbox.store.add(
        new_charge(created=created, intent=intent.body, payer=payer, failure=failure),
        session.account,
        {"card": payer.outcome},
    )
    intent.body["latest_charge"] = charge.id
    if failure is not None:
        _fail(intent, charge, failure)
        _changed(sandbox, session, intent)
        sandbox.publish("charge.failed", charge, call)
        sandbox.publish("payment_intent.payment_failed", intent, call)
        return
    _book(sandbox, charge)
    intent.body.update(status="succeeded", amount_received=intent.body["amount"], last_payment_error=None)
    session.body.update(
        status="complete",
        payment_status="paid",
        url=None,
        customer_details=customer_details(payer),
    )
    _changed(sandbox, session, intent)
    sandbox.publish("charge.succeeded", charge, call)
    sandbox.publish("payment_intent.succeeded", intent, call)
    sandbox.publish("checkout.session.completed", session, call)
    if payer.outcome == Outcome.DISPUTED.value:
        open_dispute(sandbox, charge)


def _fail(intent: Entry, charge: Entry, failure: Failure) -> None:
    error: Json = {
        "charge": charge.id,
        "code": failure.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{failure.code.replace('_', '-')}",
        "message": failure.message,
        "type": "card_error",
    }
    if failure.decline_code:
        error["decline_code"] = failure.decline_code
    intent.body.update(status="requires_payment_method", last_payment_error=error, payment_method=None)


def _book(sandbox: Sandbox, charge: Entry) -> None:
    """Write the balance line of a paid charge. The fee is rounded half up, to whole pence."""
    amount = charge.body["amount"]
    fee = (amount * sandbox.config.fee_basis_points + 5_000) // 10_000 + sandbox.config.fee_fixed_pence
    line = new_balance_transaction(
        created=charge.body["created"],
        source=charge.body,
        kind="charge",
        amount=amount,
        fee=fee,
        application_fee=charge.body["application_fee_amount"] or 0,
    )
    charge.body["balance_transaction"] = sandbox.store.add(line, charge.account).id


def _intent_of(sandbox: Sandbox, session: Entry) -> Entry:
    """The session's payment intent, made at the first attempt to pay (as Stripe does)."""
    known = session.body["payment_intent"]
    if known is not None:
        return sandbox.store.get("payment_intent", known, session.account)
    body = new_payment_intent(
        created=sandbox.now_seconds(), amount=session.body["amount_total"], currency=session.body["currency"]
    )
    body.update(session.private["intent"])
    body["customer"] = session.body["customer"]
    intent = sandbox.store.add(body, session.account)
    session.body["payment_intent"] = intent.id
    _changed(sandbox, session, intent)
    sandbox.publish("payment_intent.created", intent, Call(account=session.account))
    return intent


def _expire(sandbox: Sandbox, session: Entry, call: Call) -> None:
    session.body.update(status="expired", url=None)
    session.private.pop("waiting", None)
    known = session.body["payment_intent"]
    if known is not None:
        intent = sandbox.store.get("payment_intent", known, session.account)
        intent.body.update(
            status="canceled",
            canceled_at=sandbox.now_seconds(),
            cancellation_reason="automatic",
            next_action=None,
        )
        sandbox.store.touch(intent)
        sandbox.publish("payment_intent.canceled", intent, call)
    sandbox.store.touch(session)
    sandbox.publish("checkout.session.expired", session, call)


def _changed(sandbox: Sandbox, *entries: Entry) -> None:
    for entry in entries:
        sandbox.store.touch(entry)


def _read_lines(params: Json) -> tuple[list[Json], str, int]:
    given = params.get("line_items")
    if not given:
        raise missing("line_items")
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise invalid("Invalid array", param="line_items")
    lines: list[Json] = []
    currencies = set()
    for number, item in enumerate(given):
        label = f"line_items[{number}]"
        price = item.get("price_data")
        if not isinstance(price, dict):
            raise missing(f"{label}[price_data]")
        product = price.get("product_data")
        if not isinstance(product, dict) or not text_of(product, "name"):
            raise missing(f"{label}[price_data][product_data][name]")
        amount = whole_of(price, "unit_amount", label=f"{label}[price_data][unit_amount]")
        quantity = whole_of(item, "quantity", label=f"{label}[quantity]")
        if amount is None or quantity is None:
            raise missing(f"{label}[price_data][unit_amount]" if amount is None else f"{label}[quantity]")
        if amount < 0 or quantity < 1:
            raise invalid("Invalid non-negative integer", param=label, code="parameter_invalid_integer")
        currency = needed_text(price, "currency").lower()
        if not re.fullmatch(r"[a-z]{3}", currency):
            raise invalid(f"Invalid currency: {currency[:10]}", param=f"{label}[price_data][currency]")
        currencies.add(currency)
        lines.append({"name": product["name"], "amount": amount * quantity, "quantity": quantity})
    if len(currencies) > 1:
        raise invalid("All line items must have the same currency.", param="line_items")
    total = sum(line["amount"] for line in lines)
    if total < MIN_AMOUNT_PENCE:
        raise invalid(
            "The Checkout Session's total amount must convert to at least 30 pence.",
            param="line_items",
            code="amount_too_small",
        )
    if total > MAX_AMOUNT_PENCE:
        raise invalid(
            "The Checkout Session's total amount due must be no more than £999,999.99.",
            param="line_items",
            code="amount_too_large",
        )
    return lines, currencies.pop(), total


def _read_address(text: str, param: str) -> str:
    if not is_web_address(text):
        raise invalid("Not a valid URL", param=param, code="url_invalid")
    return text


def _read_payer(sandbox: Sandbox, call: Call) -> tuple[str | None, str | None]:
    customer, email = text_of(call.params, "customer"), text_of(call.params, "customer_email")
    if customer and email:
        raise invalid("You may only specify one of these parameters: customer, customer_email.")
    if email is not None and not is_email(email):
        raise invalid(f"Invalid email address: {email}", param="customer_email", code="email_invalid")
    if customer is not None:
        sandbox.store.get("customer", customer, call.account)
    return customer, email


def _read_expiry(params: Json, created: int) -> int:
    expires_at = whole_of(params, "expires_at")
    if expires_at is None:
        return created + LATEST_EXPIRY_SECONDS
    if expires_at < created + SOONEST_EXPIRY_SECONDS:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", param="expires_at"
        )
    if expires_at > created + LATEST_EXPIRY_SECONDS:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", param="expires_at"
        )
    return expires_at


def _read_intent(params: Json, call: Call) -> Json:
    given: Any = params.get("payment_intent_data") or {}
    if not isinstance(given, dict):
        raise invalid("Invalid hash", param="payment_intent_data")
    only_known(given, _KNOWN_INTENT)
    intent: Json = {
        name: text_of(given, name)
        for name in ("description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix")
    }
    intent["transfer_group"] = text_of(given, "transfer_group")
    intent["metadata"] = metadata_of(given, "payment_intent_data[metadata]")
    if text_of(given, "capture_method") not in {None, "automatic", "automatic_async"}:
        raise invalid("The sandbox captures at once.", param="payment_intent_data[capture_method]")
    fee = whole_of(given, "application_fee_amount", label="payment_intent_data[application_fee_amount]")
    if fee is not None and not call.account:
        raise invalid("Can only apply an application_fee_amount on a connected account.", param="payment_intent_data")
    intent["application_fee_amount"] = fee
    return intent


def _refuse_closed_account(sandbox: Sandbox, call: Call) -> None:
    if call.account:
        account = sandbox.store.get("account", call.account, "")
        if not account.body["charges_enabled"]:
            raise refused("Your account cannot currently make charges.", code="account_invalid")
