"""The test cards, and the reading of what was typed on the test payment page."""

from __future__ import annotations

import re
from datetime import date
from enum import Enum
from typing import Any

import msgspec


class Outcome(Enum):
    """What a test card does."""

    PAYS = "pays"
    DECLINED = "is declined"
    NO_FUNDS = "has insufficient funds"
    ASKS = "asks for a second confirmation (3-D Secure)"
    DISPUTED = "pays, and is disputed at once"
    REFUND_FAILS = "pays; a refund looks done and is then turned down"
    REFUND_WAITS = "pays; a refund waits before it is done"


class TestCard(msgspec.Struct, frozen=True):
    """A card number that no bank has issued."""

    number: str
    brand: str
    outcome: Outcome

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def spaced(self) -> str:
        return " ".join(re.findall("....", self.number))


TEST_CARDS = (
    TestCard("4242424242424242", "visa", Outcome.PAYS),
    TestCard("5555555555554444", "mastercard", Outcome.PAYS),
    TestCard("4000002500003155", "visa", Outcome.ASKS),
    TestCard("4000000000000002", "visa", Outcome.DECLINED),
    TestCard("4000000000009995", "visa", Outcome.NO_FUNDS),
    TestCard("4000000000000259", "visa", Outcome.DISPUTED),
    TestCard("4000000000005126", "visa", Outcome.REFUND_FAILS),
    TestCard("4000000000007726", "visa", Outcome.REFUND_WAITS),
)
_BY_NUMBER = {card.number: card for card in TEST_CARDS}


class Payer(msgspec.Struct, frozen=True):
    """Who pays with which card. Holds no card number, so that it may be kept."""

    email: str
    name: str
    last4: str
    brand: str
    outcome: str
    expiry_month: int
    expiry_year: int


class Failure(msgspec.Struct, frozen=True):
    """Why a bank did not pay."""

    code: str
    decline_code: str | None
    message: str


DECLINES = {
    Outcome.DECLINED: Failure("card_declined", "generic_decline", "Your card was declined."),
    Outcome.NO_FUNDS: Failure("card_declined", "insufficient_funds", "Your card has insufficient funds."),
}
NOT_CONFIRMED = Failure(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)

_EXPIRY = re.compile(r"\s*(\d{1,2})\s*/\s*(?:20)?(\d{2})\s*|\s*(\d{2})(\d{2})\s*", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")


def is_email(text: str) -> bool:
    """Whether a text can be an e-mail address."""
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


def read_payer(form: dict[str, Any], known_email: str | None, today: date) -> Payer | dict[str, str]:
    """Read the test payment page.

    Args:
        form: Fields `email`, `name`, `number`, `expiry`, `cvc`.
        known_email: Given by the platform, then not asked for.
        today: A card is good until the end of its month.

    Returns:
        The payer, or a message per wrong field in the order of the page.
    """
    typed = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    errors: dict[str, str] = {}
    email = known_email or typed.get("email", "")
    if not is_email(email):
        errors["email"] = "Enter an email address, like name@example.com"
    name = typed.get("name", "")
    if not name or len(name) > 200:
        errors["name"] = "Enter the name on the card"
    card = _BY_NUMBER.get(re.sub(r"[\s-]", "", typed.get("number", "")))
    if card is None:
        errors["number"] = "Enter one of the test card numbers on this page, never a real card number"
    expiry = _read_expiry(typed.get("expiry", ""))
    if expiry is None:
        errors["expiry"] = "Enter the expiry date, like 12/34"
    elif expiry < (today.year, today.month):
        errors["expiry"] = "The expiry date must be this month or later"
    if not re.fullmatch(r"[0-9]{3}", typed.get("cvc", "")):
        errors["cvc"] = "Enter any three digits as the security code"
    if errors or card is None or expiry is None:
        return errors
    return Payer(email, name, card.last4, card.brand, card.outcome.value, expiry_month=expiry[1], expiry_year=expiry[0])


def _read_expiry(text: str) -> tuple[int, int] | None:
    match = _EXPIRY.fullmatch(text)
    if match is None:
        return None
    month, year = (int(part) for part in match.groups() if part is not None)
    return (2000 + year, month) if 1 <= month <= 12 else None
