"""The print of what is signed: whoever signs, signs what they read."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from marketplace.bookings.models import SupportAgreement, VisitPattern
from marketplace.bookings.service.agreements.prices import TermsView

_TERMS: Final = (
    "number",
    "offered_by",
    "starts_on",
    "reason",
    "price_unit",
    "notice_days",
    "free_cancel_hours",
    "late_cancel_percent",
    "retainer_percent",
    "retainer_days",
    "pay_basis",
    "tolerance_minutes",
    "second_worker_percent",
    "words",
)
_AGREEMENT: Final = ("reference", "person_id", "organisation_id", "listing_id", "worker_id", "funding", "starts_on")
_PATTERN: Final = (
    "weekday",
    "starts_local",
    "minutes",
    "every_weeks",
    "anchor_on",
    "starts_on",
    "workers_needed",
    "is_sleep_in",
    "note",
)


def terms_print(agreement: SupportAgreement, view: TermsView, patterns: Iterable[VisitPattern]) -> str:
    """Return the SHA-256 of everything that is signed: who, what, terms, rates and, at first, the weekly visits.

    A later version of terms is signed without the visits: these change by their own agreed ways while it waits, and
    what a week costs is shown afresh (`seen_print`).
    """
    return _hash(
        {name: getattr(agreement, name) for name in _AGREEMENT},
        # A notice given later changes the end; the first version was signed with the end that was agreed.
        agreement.ends_on if view.terms.number == 1 and agreement.notice_at is None else None,
        {name: getattr(view.terms, name) for name in _TERMS},
        sorted((kind.value, pence) for kind, pence in view.rates.items()),
        sorted((kind.value, pence) for kind, pence in view.nights.items()),
        _visits(patterns) if view.terms.number == 1 else [],
    )


def seen_print(agreement: SupportAgreement, view: TermsView, patterns: Iterable[VisitPattern]) -> str:
    """Return the print of what a page shows; a signature names it, so that nothing changes between page and click."""
    rows = list(patterns)
    return _hash(terms_print(agreement, view, rows), _visits(rows))


def _visits(patterns: Iterable[VisitPattern]) -> list[Any]:
    rows = [
        {name: getattr(row, name) for name in _PATTERN} | ({"concession": row.concession} if row.concession else {})
        for row in patterns
    ]
    return sorted(rows, key=lambda row: (row["weekday"], row["starts_local"], row["minutes"], row["note"]))


def _hash(*parts: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()
