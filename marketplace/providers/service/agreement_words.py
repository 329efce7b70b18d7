"""What an agreement says, its hash, its days, and the form that signs it."""

import hashlib
from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from marketplace.core.formats import plural, uk_date
from marketplace.core.forms import FormReader
from marketplace.providers.models import Agreement, Lot

SHOWN_DIGITS: Final = 12
"""Hexadecimal digits of the hash of the terms that both sides see."""


class SignForm(msgspec.Struct, frozen=True):
    """A signature: a typed name, a role, and a tick that says that the terms are agreed to."""

    name: str
    role: str
    seen_hash: str
    """First digits of the hash of the terms on the page that was signed."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "SignForm":
        """Read the form.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        name = form.text("name", "your full name", longest=120)
        role = form.text("role", "your role", longest=120)
        if not form.ticked("agrees"):
            form.wrong("agrees", "Tick the box to say that you agree to the terms")
        form.done()
        return cls(name, role, form.raw("terms"))


class ExtendForm(msgspec.Struct, frozen=True):
    """A later last day to sign, with the reason for it."""

    sign_by: date
    reason: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "ExtendForm":
        """Read the form.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        sign_by = form.day("sign_by", "the new last day to sign")
        reason = form.text("extension_reason", "the reason for more time", longest=1_000)
        form.done()
        if sign_by is None:
            raise AssertionError("done() refuses a form without it")
        return cls(sign_by, reason)


def shown_hash(row: Agreement) -> str:
    """Return the first digits of the hash of the terms, as both sides see them."""
    return row.terms_hash.hex()[:SHOWN_DIGITS]


def are_terms_true(row: Agreement) -> bool:
    """Whether the terms still have the hash they were offered with."""
    return hash_of(row.terms) == row.terms_hash


def hash_of(terms: str) -> bytes:
    """Return the SHA-256 over the terms."""
    return hashlib.sha256(terms.encode()).digest()


def add_months(day: date, months: int) -> date:
    """Return the same day some months on, or the last of that month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def terms_text(
    written: str,
    *,
    reference: str,
    number: int,
    council: str,
    organisation: str,
    specification: str,
    lots: Sequence[Lot],
    starts_on: date,
) -> str:
    """Write the whole text that both sides sign: who, what, when, then the terms of the specification.

    In the terms `{council}`, `{organisation}`, `{lots}`, `{starts_on}` and `{reference}` stand for what they say.
    Returns text in the form of specifications (see `core.prose`).
    """
    lot_names = [f"Lot {lot.code}: {lot.name}" for lot in lots]
    filled = written.strip()
    for name, words in {
        "{council}": council,
        "{organisation}": organisation,
        "{lots}": "; ".join(lot_names),
        "{starts_on}": uk_date(starts_on),
        "{reference}": reference,
    }.items():
        filled = filled.replace(name, words)
    lines = [
        "## Who agrees",
        f"This is agreement {reference}, version {number}. It is between {council} and {organisation}.",
        f"It rests on {specification}.",
        "",
        "## What it covers",
        *(f"- {name}, for {plural(lot.agreement_months, 'month')}" for name, lot in zip(lot_names, lots, strict=True)),
        "",
        "## When it counts",
        f"It counts from {uk_date(starts_on)}. If both sides have not signed by then, it counts from the day on which "
        "the second side signs.",
    ]
    if not filled.startswith("## "):
        lines += ["", "## Terms"]
    return "\n".join([*lines, "", filled or "The specification sets out the terms."]) + "\n"
