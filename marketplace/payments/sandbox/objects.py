"""Builds objects with every field that Stripe's API version shows, most of them empty."""

from __future__ import annotations

import secrets
import string

from marketplace.payments.sandbox.cards import Failure, Payer
from marketplace.payments.sandbox.store import Json

API_VERSION = "2026-10-28.endive"
PLATFORM_ACCOUNT = "acct_1SandboxPlatform00"
DAY_SECONDS = 86_400

_SIGNS = string.ascii_letters + string.digits
_NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_NOT_ENABLED: Json = {"enabled": False}


def new_id(prefix: str, length: int = 24) -> str:
    """An unguessable id like `pi_3…`."""
    return f"{prefix}_{''.join(secrets.choice(_SIGNS) for _ in range(length))}"


def _empty(names: str) -> Json:
    return dict.fromkeys(names.split())


def new_session(*, created: int, session_id: str, url: str) -> Json:
    """An open Checkout Session; the caller fills amounts, addresses and metadata."""
    return {
        **_empty(
            "after_expiration allow_promotion_codes amount_subtotal amount_total billing_address_collection cancel_url"
            " client_reference_id client_secret collected_information consent consent_collection currency"
            " currency_conversion customer customer_account customer_creation customer_details customer_email discounts"
            " integration_identifier invoice locale origin_context payment_intent payment_link"
            " payment_method_configuration_details permissions recovered_from saved_payment_method_options"
            " setup_intent shipping_address_collection shipping_cost submit_type subscription success_url"
            " wallet_options"
        ),
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": created,
        "custom_fields": [],
        "custom_text": _empty("after_submit shipping_address submit terms_of_service_acceptance"),
        "expires_at": created + DAY_SECONDS,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                **_empty("account_tax_ids custom_fields description footer issuer rendering_options"),
                "metadata": {},
            },
        },
        "livemode": False,
        "managed_payments": dict(_NOT_ENABLED),
        "metadata": {},
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": dict(_NOT_ENABLED),
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted",
        "url": url,
    }


def customer_details(payer: Payer) -> Json:
    """Who paid, as a session shows it."""
    return {
        "address": {**_NO_ADDRESS, "country": "GB"},
        "business_name": None,
        "email": payer.email,
        "individual_name": None,
        "name": payer.name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def new_payment_intent(*, created: int, amount: int, currency: str) -> Json:
    """A payment intent that waits for a card."""
    intent_id = new_id("pi", 24)
    return {
        **_empty(
            "application application_fee_amount automatic_payment_methods canceled_at cancellation_reason customer"
            " customer_account description excluded_payment_method_types last_payment_error latest_charge next_action"
            " on_behalf_of payment_method payment_method_configuration_details processing receipt_email review"
            " setup_future_usage shipping source statement_descriptor statement_descriptor_suffix transfer_data"
            " transfer_group"
        ),
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{secrets.token_hex(12)}",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "livemode": False,
        "managed_payments": dict(_NOT_ENABLED),
        "metadata": {},
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def new_charge(*, created: int, intent: Json, payer: Payer, failure: Failure | None) -> Json:
    """An attempt on a card, paid unless there is a failure."""
    paid = failure is None
    return {
        **_empty(
            "application application_fee application_fee_amount balance_transaction customer description"
            " failure_balance_transaction on_behalf_of receipt_email receipt_number receipt_url review shipping source"
            " source_transfer statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
        ),
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "amount_refunded": 0,
        "application_fee_amount": intent["application_fee_amount"],
        "billing_details": {
            "address": {**_NO_ADDRESS, "country": "GB"},
            "email": payer.email,
            "name": payer.name,
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": "SANDBOX",
        "captured": paid,
        "created": created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": failure.code if failure else None,
        "failure_message": failure.message if failure else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network" if failure is None else "declined_by_network",
            "reason": failure.decline_code if failure else None,
            "seller_message": "Payment complete." if failure is None else "The bank declined the payment.",
            "type": "authorized" if failure is None else "issuer_declined",
        },
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": {"card": _card_details(payer, intent["amount"]), "type": "card"},
        "refunded": False,
        "status": "succeeded" if paid else "failed",
    }


def _card_details(payer: Payer, amount: int) -> Json:
    return {
        **_empty(
            "authorization_code incremental_authorization installments mandate network_token network_transaction_id"
            " regulated_status three_d_secure transaction_link_id wallet"
        ),
        "amount_authorized": amount,
        "brand": payer.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "GB",
        "exp_month": payer.expiry_month,
        "exp_year": payer.expiry_year,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": f"sandbox{payer.last4}",
        "funding": "credit",
        "last4": payer.last4,
        "multicapture": {"status": "unavailable"},
        "network": payer.brand,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
    }


def new_refund(*, created: int, charge: Json, amount: int, reason: str | None, metadata: dict[str, str]) -> Json:
    """A refund that has reached the card."""
    return {
        **_empty("balance_transaction customer_account receipt_number source_transfer_reversal transfer_reversal"),
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {"card": {"type": "refund", "reference_status": "pending"}, "type": "card"},
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "status": "succeeded",
    }


def new_balance_transaction(
    *, created: int, source: Json, kind: str, amount: int, fee: int, application_fee: int = 0
) -> Json:
    """A line of the account's Stripe balance; `amount` is negative for a refund."""
    currency = source["currency"]
    fees = [("stripe_fee", "Stripe processing fees", fee), ("application_fee", "Application fee", application_fee)]
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": created + 2 * DAY_SECONDS,
        "balance_type": "payments",
        "created": created,
        "currency": currency,
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee + application_fee,
        "fee_details": [
            {"amount": pence, "application": None, "currency": currency, "description": text, "type": name}
            for name, text, pence in fees
            if pence
        ],
        "net": amount - fee - application_fee,
        "reporting_category": kind,
        "source": source["id"],
        "status": "pending",
        "type": kind,
    }


def new_customer(*, created: int) -> Json:
    """A customer without details."""
    return {
        **_empty("address currency default_source description discount email name phone shipping test_clock"),
        "id": new_id("cus", 14),
        "object": "customer",
        "balance": 0,
        "created": created,
        "delinquent": False,
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": _empty("custom_fields default_payment_method footer rendering_options"),
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
    }


def new_event(
    *, created: int, kind: str, body: Json, before: Json | None, account: str, request: Json, pending: int
) -> Json:
    """A fact about an object, with the object as it was at that moment."""
    event: Json = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": {"object": body} if before is None else {"object": body, "previous_attributes": before},
        "livemode": False,
        "pending_webhooks": pending,
        "request": request,
        "type": kind,
    }
    if account:
        event["account"] = account
    return event
