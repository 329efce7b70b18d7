"""Forms of the workbench: settings, one domain with its answers, the day of publishing."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from marketplace.core.forms import FormReader
from marketplace.people.models import RasVersion, SliceOrder, WeeksOfYear
from marketplace.people.ras.engine import MOST_POINTS, WHOLE_SLICE
from marketplace.people.ras.sample import key_of

MOST_ANSWERS: Final = 8
MOST_DOMAINS: Final = 40
MOST_PEOPLE: Final = 1_000_000
MOST_VERSIONS: Final = 1_000_000_000


class SettingsForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the money is, for how many, and how it is shared out."""

    title: str
    budget_pence: int
    people_count: int
    slice_basis_points: int
    slice_order: SliceOrder
    weeks: WeeksOfYear
    note: str
    version: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> "SettingsForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        found = cls(
            title=form.text("title", "a name for this version", longest=100),
            budget_pence=form.pounds("budget", "the budget of a year", least=100) or 0,
            people_count=form.number("people", "how many people use support now", least=1, most=MOST_PEOPLE),
            slice_basis_points=_percent(form, "slice", "the protected slice"),
            slice_order=form.choice("slice_order", "when the slice comes off", SliceOrder) or SliceOrder.FIRST,
            weeks=form.choice("weeks", "how a year becomes weeks", WeeksOfYear) or WeeksOfYear.WEEKS_52,
            note=form.text("note", "the note", required=False, longest=2_000),
            version=read_version(form),
        )
        form.done()
        return found


class DomainForm(msgspec.Struct, frozen=True, kw_only=True):
    """One domain of the assessment, with its answers."""

    label: str
    help: str
    place: int
    """Where it stands among the domains, from 1."""
    answers: list[dict[str, Any]]
    version: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> "DomainForm":
        """Read the form: rows `answer_1`, `points_1`, `key_1` and so on. Empty rows are left out.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        label = form.text("label", "what is asked about", longest=100)
        if label and not key_of(label):
            form.wrong("label", "What is asked about must hold letters or figures")
        help_text = form.text("help", "the help", required=False, longest=500)
        place = form.number("place", "the place among the domains", least=1, most=MOST_DOMAINS)
        answers: list[dict[str, Any]] = []
        keys: set[str] = set()
        labels: set[str] = set()
        for row in range(1, MOST_ANSWERS + 1):
            words = form.text(f"answer_{row}", "the answer", required=False, longest=120)
            if not words and not form.raw(f"points_{row}"):
                continue
            if not words:
                form.wrong(f"answer_{row}", f"Enter answer {row}, or take its points away")
            if words.lower() in labels:
                form.wrong(f"answer_{row}", f"Answer {row} came before")
            labels.add(words.lower())
            points = form.number(f"points_{row}", f"the points of answer {row}", least=0, most=MOST_POINTS)
            # A key stays when the words change, because assessments hold it.
            key = _free_key(key_of(form.raw(f"key_{row}")) or key_of(words) or f"answer_{row}", keys)
            answers.append({"key": key, "label": words, "points": points})
        if len(answers) < 2:
            form.wrong("answer_1", "Enter at least two answers")
        elif max(int(answer["points"]) for answer in answers) == 0:
            form.wrong("points_1", "At least one answer must have points")
        version = read_version(form)
        form.done()
        return cls(label=label, help=help_text, place=place, answers=answers, version=version)


class PublishForm(msgspec.Struct, frozen=True, kw_only=True):
    """From when a version counts."""

    starts_on: date
    version: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> "PublishForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        day = form.day("starts_on", "the first day")
        version = read_version(form)
        form.done()
        return cls(starts_on=day or date.min, version=version)


def read_version(form: FormReader) -> int:
    """Read which state of the row the form was drawn from."""
    return form.number("version", "the version", least=0, most=MOST_VERSIONS)


def settings_values(row: RasVersion) -> dict[str, Any]:
    """Return a row as its form shows it."""
    return {
        "title": row.title,
        "budget": f"{row.budget_pence / 100:.2f}" if row.budget_pence else "",
        "people": row.people_count or "",
        "slice": percent_words(row.slice_basis_points),
        "slice_order": row.slice_order.value,
        "weeks": row.weeks.value,
        "note": row.note,
        "version": row.version,
    }


def domain_values(domains: Sequence[dict[str, Any]], key: str, version: int) -> dict[str, Any]:
    """Return a domain as its form shows it; an empty one for a key that is not there."""
    place, domain = next(
        ((place, one) for place, one in enumerate(domains, start=1) if one["key"] == key), (len(domains) + 1, None)
    )
    values: dict[str, Any] = {"place": place, "version": version}
    if domain is not None:
        values |= {"label": domain["label"], "help": domain["help"]}
        for row, answer in enumerate(domain["answers"], start=1):
            values |= {
                f"answer_{row}": answer["label"],
                f"points_{row}": answer["points"],
                f"key_{row}": answer["key"],
            }
    return values


def percent_words(basis_points: int) -> str:
    """Write hundredths of a per cent: "15", "12.5"."""
    return f"{Decimal(basis_points) / 100:f}"


def _percent(form: FormReader, name: str, label: str) -> int:
    """Read a share in per cent, as hundredths of a per cent."""
    text = form.raw(name).removesuffix("%").strip()
    whole, _, part = text.partition(".")
    if not text:
        form.wrong(name, f"Enter {label}, like 15")
    elif not (whole.isascii() and whole.isdecimal() and len(whole) <= 3) or not (
        part == "" or (part.isascii() and part.isdecimal() and len(part) <= 2)
    ):
        form.wrong(name, f"{label.capitalize()} must be a share in per cent, like 15 or 12.5")
    else:
        share = int(whole) * 100 + int(part.ljust(2, "0") or 0)
        if share >= WHOLE_SLICE:
            form.wrong(name, f"{label.capitalize()} must be less than 100 per cent")
        return min(share, WHOLE_SLICE - 1)
    return 0


def _free_key(wanted: str, taken: set[str]) -> str:
    key, number = wanted, 2
    while key in taken:
        key, number = f"{wanted}_{number}", number + 1
    taken.add(key)
    return key
