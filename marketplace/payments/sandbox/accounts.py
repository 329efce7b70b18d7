"""Connected accounts and their onboarding links."""

from __future__ import annotations

import secrets

from marketplace.payments.sandbox.objects import PLATFORM_ACCOUNT, new_id
from marketplace.payments.sandbox.store import Json

LINK_LIFE_SECONDS = 300
EXAMPLE_PREFIX = "acct_demo_"
"""How ids of accounts of the example data start."""
_DUE = ["business_profile.url", "external_account", "tos_acceptance.date", "tos_acceptance.ip"]


def new_account(*, created: int, kind: str, country: str, account_id: str | None = None) -> Json:
    """A connected account that has not been set up yet."""
    account_id = account_id or new_id("acct", 16)
    body: Json = {
        "id": account_id,
        "object": "account",
        "business_profile": dict.fromkeys(
            (
                "annual_revenue",
                "estimated_worker_count",
                "mcc",
                "minority_owned_business_designation",
                "name",
                "product_description",
                "support_address",
                "support_email",
                "support_phone",
                "support_url",
                "url",
            )
        ),
        "business_type": None,
        "capabilities": {"card_payments": "inactive", "transfers": "inactive"},
        "charges_enabled": False,
        "controller": {"is_controller": True, "type": "application"},
        "country": country,
        "created": created,
        "default_currency": "gbp",
        "details_submitted": False,
        "email": None,
        "external_accounts": {
            "data": [],
            "has_more": False,
            "object": "list",
            "url": f"/v1/accounts/{account_id}/external_accounts",
        },
        "future_requirements": _requirements([]),
        "metadata": {},
        "payouts_enabled": False,
        "requirements": _requirements(_DUE),
        "settings": {
            "bacs_debit_payments": {"display_name": None, "service_user_number": None},
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
            "card_payments": {"statement_descriptor_prefix": None},
            "dashboard": {"display_name": None, "timezone": "Europe/London"},
            "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": None},
            "payments": {"statement_descriptor": None},
            "payouts": {
                "debit_negative_balances": True,
                "schedule": {"delay_days": 3, "interval": "daily"},
                "statement_descriptor": None,
            },
            "sepa_debit_payments": {},
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": kind,
    }
    return body


def platform_account(created: int) -> Json:
    """The account that the API key belongs to."""
    body = new_account(created=created, kind="standard", country="GB", account_id=PLATFORM_ACCOUNT)
    complete_onboarding(body)
    return body


def example_account(account_id: str, created: int) -> Json:
    """An account of the example data, open for payments: the loader writes its id without calling the sandbox."""
    body = new_account(created=created, kind="standard", country="GB", account_id=account_id)
    complete_onboarding(body)
    return body


_CHANGED = ("capabilities", "charges_enabled", "details_submitted", "payouts_enabled", "requirements")


def leave_incomplete(account: Json) -> Json:
    """Note that the form was sent, but a proof of identity is owed; returns the fields as they were before."""
    before = {name: account[name] for name in _CHANGED}
    account["details_submitted"] = True
    account["requirements"] = _requirements(["individual.verification.document"])
    return before


def restrict(account: Json) -> Json:
    """Stop an account that took payments until its owner proves more; returns the fields as they were before."""
    before = {name: account[name] for name in _CHANGED}
    account["capabilities"] = dict.fromkeys(account["capabilities"], "inactive")
    account["charges_enabled"] = account["payouts_enabled"] = False
    account["requirements"] = _requirements(["individual.verification.document", "external_account"])
    return before


def complete_onboarding(account: Json) -> Json:
    """Let an account take payments; returns the fields as they were before."""
    before = {name: account[name] for name in _CHANGED}
    account["capabilities"] = dict.fromkeys(account["capabilities"], "active")
    account["charges_enabled"] = account["details_submitted"] = account["payouts_enabled"] = True
    account["requirements"] = _requirements([])
    return before


def new_account_link(*, created: int, base_url: str) -> tuple[str, Json]:
    """A secret, and the link made of it that leads to the onboarding page once."""
    secret = secrets.token_urlsafe(24)
    return secret, {
        "object": "account_link",
        "created": created,
        "expires_at": created + LINK_LIFE_SECONDS,
        "url": f"{base_url}/onboard/{secret}",
    }


def _requirements(due: list[str]) -> Json:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": "requirements.past_due" if due else None,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due),
        "pending_verification": [],
    }
