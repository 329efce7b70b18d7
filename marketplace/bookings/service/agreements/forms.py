"""What people fill in about agreements: the terms, a new agreement, a change of terms, a signature, a notice."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from marketplace.bookings.models import AgreementTerms, Funding, PayBasis, Relation, Side, SupportAgreement
from marketplace.bookings.service.agreements.pattern_form import PatternLine, line_fields, read_lines
from marketplace.bookings.service.agreements.prices import TermsView
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.providers.models import DayKind, Listing, PriceUnit

LONGEST_WORDS: Final = 3_000
LONGEST_REASON: Final = 1_000
HIGHEST_RATE_PENCE: Final = 100_000
"""£1,000 for an hour, a visit or a night: above it is a slip of the keys."""
RATE_FIELDS: Final = {
    "rate": DayKind.ANY,
    "rate_weekday": DayKind.WEEKDAY,
    "rate_saturday": DayKind.SATURDAY,
    "rate_sunday": DayKind.SUNDAY,
    "rate_bank_holiday": DayKind.BANK_HOLIDAY,
}
NIGHT_FIELDS: Final = {"night": DayKind.ANY, "night_bank_holiday": DayKind.BANK_HOLIDAY}
_RATE_LABELS: Final = {
    "rate": "the usual price",
    "rate_weekday": "the price from Monday to Friday",
    "rate_saturday": "the price on Saturdays",
    "rate_sunday": "the price on Sundays",
    "rate_bank_holiday": "the price on bank holidays",
    "night": "the price of a sleep-in",
    "night_bank_holiday": "the price of a sleep-in on a bank holiday",
}


class TermsForm(msgspec.Struct, frozen=True, kw_only=True):
    """Prices and conditions of one version."""

    rates: dict[DayKind, int]
    nights: dict[DayKind, int]
    notice_days: int
    free_cancel_hours: int
    late_cancel_percent: int = 100
    retainer_percent: int = 0
    retainer_days: int = 0
    pay_basis: PayBasis = PayBasis.CAPPED
    tolerance_minutes: int = 5
    second_worker_percent: int = 100
    words: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of `AgreementTerms` that it fills."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("rates", "nights")}


def read_terms(form: FormReader, side: Side, unit: PriceUnit, rates: dict[DayKind, int]) -> TermsForm:
    """Read prices and conditions; what is wrong is noted in the form.

    A person does not write prices: `rates`, those of the listing, count. They say notice and cancelling, and the rest
    is as usual.
    """
    notice = form.number("notice_days", "the days of notice", least=0, most=365)
    hours = form.number("free_cancel_hours", "the hours for cancelling free of charge", least=0, most=720)
    words = form.text("words", "what else you agree", required=False, longest=LONGEST_WORDS)
    if side is Side.PERSON:
        return TermsForm(rates=rates, nights={}, notice_days=notice, free_cancel_hours=hours, words=words)
    basis = form.choice("pay_basis", "what a visit is paid by", PayBasis)
    return TermsForm(
        rates={} if unit is PriceUnit.FREE else _prices(form, RATE_FIELDS),
        nights={} if unit is PriceUnit.FREE else _prices(form, NIGHT_FIELDS),
        notice_days=notice,
        free_cancel_hours=hours,
        late_cancel_percent=_percent(form, "late_cancel_percent", "the part of the price that is owed"),
        retainer_percent=_percent(form, "retainer_percent", "the part of the price in a pause"),
        retainer_days=form.number("retainer_days", "the days of a pause", least=0, most=365, required=False),
        pay_basis=basis or PayBasis.CAPPED,
        tolerance_minutes=form.number(
            "tolerance_minutes", "the minutes of difference", least=0, most=60, required=False
        ),
        second_worker_percent=_percent(form, "second_worker_percent", "the price of the second worker"),
        words=words,
    )


def _percent(form: FormReader, name: str, label: str) -> int:
    return form.number(name, f"{label}, in per cent,", least=0, most=100)


def _prices(form: FormReader, fields: Mapping[str, DayKind]) -> dict[DayKind, int]:
    found: dict[DayKind, int] = {}
    for name, kind in fields.items():
        pence = form.pounds(name, _RATE_LABELS[name], most=HIGHEST_RATE_PENCE, required=name == "rate")
        if pence is not None:
            found[kind] = pence
    if "night" in fields and found and DayKind.ANY not in found:
        form.wrong("night", "Enter the price of a sleep-in, like 75.50")
    return found


class AgreementForm(msgspec.Struct, frozen=True, kw_only=True):
    """A whole new agreement, as one side writes it."""

    starts_on: date
    ends_on: date | None
    """The first day without it."""
    funding: Funding
    terms: TermsForm
    lines: tuple[PatternLine, ...]
    relation: Relation | None = None
    lives_with: bool | None = None

    @classmethod
    def read(
        cls, data: Mapping[str, Any], side: Side, listing: Listing, rates: dict[DayKind, int], *, asks_relation: bool
    ) -> "AgreementForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        starts_on = form.day("starts_on", "the first day")
        last_on = form.day("last_on", "the last day", required=False)
        funding = form.choice("funding", "how it is paid", Funding)
        lines = read_lines(
            form,
            least_minutes=listing.least_minutes,
            is_place=listing.session_places is not None,
            concessions=listing.concessions,
            is_alone=listing.worker_id is not None,
        )
        terms = read_terms(form, side, listing.price_unit, rates)
        relation, lives_with = read_relation(form) if asks_relation else (None, None)
        if starts_on and last_on and last_on < starts_on:
            form.wrong("last_on", "The last day must be the first day or later")
        form.done()
        if starts_on is None or funding is None:
            raise InvalidInput(form.errors)
        return cls(
            starts_on=starts_on,
            ends_on=last_on + timedelta(days=1) if last_on else None,
            funding=funding,
            terms=terms,
            lines=lines,
            relation=relation,
            lives_with=lives_with,
        )


def read_relation(form: FormReader) -> tuple[Relation | None, bool | None]:
    """Read how person and assistant are related and whether they live together."""
    relation = form.choice("relation", "how you are related", Relation)
    home = form.option("lives_with", "whether you live in the same home", ("yes", "no"))
    return relation, home == "yes" if home else None


class SignForm(msgspec.Struct, frozen=True, kw_only=True):
    """A signature: a typed name under what was read."""

    name: str
    seen: str
    """The print of what was on the page (`signing.seen_print`)."""
    relation: Relation | None = None
    lives_with: bool | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any], *, asks_relation: bool) -> "SignForm":
        """Read a signature.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        name = form.text("name", "your full name", longest=120)
        if name and sum(letter.isalpha() for letter in name) < 2:
            form.wrong("name", "Enter your full name as you would sign it")
        if not form.ticked("agree"):
            form.wrong("agree", "Tick the box to say that you have read it and agree")
        relation, lives_with = read_relation(form) if asks_relation else (None, None)
        form.done()
        return cls(name=name, seen=form.raw("seen"), relation=relation, lives_with=lives_with)


class ChangeForm(msgspec.Struct, frozen=True, kw_only=True):
    """New terms of an agreement that runs, from a day on."""

    starts_on: date
    answer_by: date
    reason: str
    terms: TermsForm

    @classmethod
    def read(cls, data: Mapping[str, Any], unit: PriceUnit) -> "ChangeForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        starts_on = form.day("starts_on", "the first day of the new terms")
        answer_by = form.day("answer_by", "the last day to answer", required=False)
        reason = form.text("reason", "why they change", longest=LONGEST_REASON)
        terms = read_terms(form, Side.PROVIDER, unit, {})
        if starts_on and answer_by and answer_by >= starts_on:
            form.wrong("answer_by", "The last day to answer must be before the first day of the new terms")
        form.done()
        if starts_on is None:
            raise InvalidInput(form.errors)
        last = answer_by or starts_on - timedelta(days=1)
        return cls(starts_on=starts_on, answer_by=last, reason=reason, terms=terms)


class EndForm(msgspec.Struct, frozen=True, kw_only=True):
    """A notice: the last day and why."""

    last_on: date
    reason: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "EndForm":
        """Read a notice.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        last_on = form.day("last_on", "the last day")
        reason = form.text("reason", "why it ends", required=False, longest=LONGEST_REASON)
        form.done()
        if last_on is None:
            raise InvalidInput(form.errors)
        return cls(last_on=last_on, reason=reason)


def day_fields(name: str, day: date | None) -> dict[str, str]:
    """Write a day as the three fields of a date."""
    if day is None:
        return {}
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


def terms_fields(view: TermsView) -> dict[str, str]:
    """Write terms as the fields of their form."""
    terms: AgreementTerms = view.terms
    fields = {
        name: str(getattr(terms, name))
        for name in (
            "notice_days",
            "free_cancel_hours",
            "late_cancel_percent",
            "retainer_percent",
            "retainer_days",
            "tolerance_minutes",
            "second_worker_percent",
            "words",
        )
    }
    fields["pay_basis"] = terms.pay_basis.value
    fields |= {name: _amount(view.rates[kind]) for name, kind in RATE_FIELDS.items() if kind in view.rates}
    fields |= {name: _amount(view.nights[kind]) for name, kind in NIGHT_FIELDS.items() if kind in view.nights}
    return fields


def agreement_fields(agreement: SupportAgreement, view: TermsView, lines: tuple[PatternLine, ...]) -> dict[str, Any]:
    """Write an agreement as the fields of its form."""
    last_on = agreement.ends_on - timedelta(days=1) if agreement.ends_on else None
    fields: dict[str, Any] = {
        **day_fields("starts_on", agreement.starts_on),
        **day_fields("last_on", last_on),
        "funding": agreement.funding.value,
        **terms_fields(view),
        **line_fields(lines),
    }
    if agreement.relation is not None:
        fields |= {"relation": agreement.relation.value, "lives_with": "yes" if agreement.lives_with else "no"}
    return fields


def first_fields(rates: dict[DayKind, int], free_cancel_hours: int) -> dict[str, Any]:
    """Return what an empty form begins with."""
    return {
        "notice_days": "28",
        "free_cancel_hours": str(free_cancel_hours),
        "late_cancel_percent": "100",
        "retainer_percent": "0",
        "retainer_days": "0",
        "tolerance_minutes": "5",
        "second_worker_percent": "100",
        "pay_basis": PayBasis.CAPPED.value,
        "funding": Funding.DIRECT_PAYMENT.value,
        **{name: _amount(rates[kind]) for name, kind in RATE_FIELDS.items() if kind in rates},
    }


def _amount(pence: int) -> str:
    return f"{pence // 100}.{pence % 100:02}"
