"""Agreements in words: labels of states, sides, units and conditions, the same on pages, in e-mails and on paper."""

from typing import Any, Final

from marketplace.bookings.models import AgreementTerms, Funding, PayBasis, Relation, Side
from marketplace.bookings.service.agreements.prices import TermsView
from marketplace.bookings.states import AgreementStatus, TermsStatus
from marketplace.core.formats import plural, pounds
from marketplace.providers.models import DayKind, PriceUnit

UNIT_WORDS: Final = {
    PriceUnit.FREE: "free",
    PriceUnit.HOUR: "an hour",
    PriceUnit.VISIT: "a visit",
    PriceUnit.SESSION: "a session",
}
STATUS_WORDS: Final = {
    AgreementStatus.DRAFT: "Not sent yet",
    AgreementStatus.OFFERED: "Waiting for an answer",
    AgreementStatus.AGREED: "Agreed",
    AgreementStatus.ENDED: "Ended",
    AgreementStatus.DECLINED: "Declined",
    AgreementStatus.WITHDRAWN: "Taken back",
}
TERMS_WORDS: Final = {
    TermsStatus.DRAFT: "Not sent yet",
    TermsStatus.OFFERED: "Waiting for an answer",
    TermsStatus.AGREED: "Agreed",
    TermsStatus.DECLINED: "Declined",
    TermsStatus.WITHDRAWN: "Taken back",
    TermsStatus.LAPSED: "Not answered in time",
}
FUNDING_WORDS: Final = {
    Funding.DIRECT_PAYMENT: "From the direct payment, after each visit is approved",
    Funding.CARD: "By card",
}
BASIS_WORDS: Final = {
    PayBasis.CAPPED: "The time the worker was there, but never more than planned",
    PayBasis.PLANNED: "The planned time",
    PayBasis.ACTUAL: "The time the worker was there, also when it was longer",
}
RELATION_WORDS: Final = {
    Relation.NONE: "We are not related",
    Relation.PARTNER: "My husband, wife, civil partner or partner",
    Relation.CLOSE_RELATIVE: "A close relative",
    Relation.OTHER_RELATIVE: "Another relative, such as a cousin",
}
KIND_WORDS: Final = {
    DayKind.ANY: "Usual price",
    DayKind.WEEKDAY: "Monday to Friday",
    DayKind.SATURDAY: "Saturday",
    DayKind.SUNDAY: "Sunday",
    DayKind.BANK_HOLIDAY: "Bank holiday",
}
KIND_ORDER: Final = tuple(KIND_WORDS)


def other_side(side: Side) -> Side:
    """The other of the two."""
    return Side.PROVIDER if side is Side.PERSON else Side.PERSON


def price_rows(view: TermsView) -> list[tuple[str, str]]:
    """Return every price as (for which days, "£16.00 an hour"), in a fixed order; bank holidays are always said."""
    unit = view.terms.price_unit
    if unit is PriceUnit.FREE:
        return [("Every day", "free")]
    rows = [
        (KIND_WORDS[kind], f"{pounds(view.rates[kind])} {UNIT_WORDS[unit]}")
        for kind in KIND_ORDER
        if kind in view.rates
    ]
    if DayKind.BANK_HOLIDAY not in view.rates:
        rows.append((KIND_WORDS[DayKind.BANK_HOLIDAY], "as any other day"))
    for kind in KIND_ORDER:
        if kind in view.nights:
            name = "Sleep-in" if kind is DayKind.ANY else f"Sleep-in, {KIND_WORDS[kind].lower()}"
            rows.append((name, f"{pounds(view.nights[kind])} a night"))
    if not view.nights:
        rows.append(("Sleep-in", "by the hour, as any other visit"))
    return rows


def condition_rows(terms: AgreementTerms) -> list[tuple[str, str]]:
    """Return every condition as (what, words), in a fixed order."""
    return [
        ("Second worker", second_words(terms.second_worker_percent)),
        ("Notice to end", f"{plural(terms.notice_days, 'day')} from either side"),
        ("Cancelling a visit", cancel_words(terms)),
        ("While visits pause", retainer_words(terms)),
        ("Paid by", basis_words(terms)),
        ("Also agreed", terms.words or "Nothing else"),
    ]


def second_words(percent: int) -> str:
    """What the second of two workers costs."""
    if percent == 100:
        return "Costs the same as the first"
    return "Costs nothing more" if percent == 0 else f"Costs {percent}% of the first"


def cancel_words(terms: AgreementTerms) -> str:
    """What calling a visit off costs."""
    if terms.late_cancel_percent == 0:
        return "Free until the visit starts"
    part = "the full price" if terms.late_cancel_percent == 100 else f"{terms.late_cancel_percent}% of the price"
    if terms.free_cancel_hours == 0:
        return f"Free until the visit starts, then {part} is owed"
    return f"Free until {plural(terms.free_cancel_hours, 'hour')} before the start. After that, {part} is owed"


def retainer_words(terms: AgreementTerms) -> str:
    """What keeping the place costs while visits pause."""
    if terms.retainer_percent == 0 or terms.retainer_days == 0:
        return "Nothing is owed"
    return (
        f"{terms.retainer_percent}% of the price for the first {plural(terms.retainer_days, 'day')}, to keep the place"
    )


def basis_words(terms: AgreementTerms) -> str:
    """Which minutes are paid."""
    words = BASIS_WORDS[terms.pay_basis]
    if terms.pay_basis is PayBasis.PLANNED or terms.tolerance_minutes == 0:
        return words
    return f"{words}. A difference of up to {plural(terms.tolerance_minutes, 'minute')} does not count"


def compare_rows(views: list[TermsView]) -> list[dict[str, Any]]:
    """Return versions side by side: a mapping with `label`, `cells` (words of each version) and `changed`.

    `changed[n]` says whether version n differs from the one left of it.
    """
    columns = [dict(price_rows(view)) | dict(condition_rows(view.terms)) for view in views]
    labels: list[str] = []
    for column in columns:
        labels += [label for label in column if label not in labels]
    rows = []
    for label in labels:
        cells = [column.get(label, "as the usual price") for column in columns]
        rows.append(
            {
                "label": label,
                "cells": cells,
                "changed": [bool(n) and cells[n] != cells[n - 1] for n in range(len(cells))],
            }
        )
    return rows
