"""Kinds of settings: which fields ask for a value, how it is read and checked, and how it is put into words."""

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from marketplace.core.formats import plural, pounds
from marketplace.core.forms import FormReader
from marketplace.core.money import LARGEST_PENCE

DISTRICT = re.compile(r"[EW]\d{8}", re.ASCII)
FACTOR = re.compile(r"\d{1,2}(\.\d{1,2})?", re.ASCII)
VAT_NUMBER = re.compile(r"(GB)?\d{9}(\d{3})?", re.ASCII)
LEAST_FACTOR, MOST_FACTOR = 1.0, 3.0
LONGEST_LINES = 4_000


class Field(NamedTuple):
    """A field of a form, as a page draws it."""

    look: str
    """ "number", "text", "pounds", "radios", "lines", "email" or "postcode"."""
    name: str
    label: str
    hint: str = ""
    suffix: str = ""
    options: tuple[tuple[str, str], ...] = ()


class Kind(Protocol):
    """What a setting may be. `name` is the field's name, `label` its words in mid-sentence ("the days to pay in")."""

    def fields(self, name: str, label: str) -> list[Field]:
        """Return the fields that ask for a value; each label starts a sentence."""

    def typed(self, name: str, value: Any) -> dict[str, str]:
        """Return a value as it would be typed, by field."""

    def read(self, form: FormReader, name: str, label: str) -> Any:
        """Read a value; what is wrong is noted in the form."""

    def words(self, value: Any) -> str:
        """Put a value into words."""


class Whole(NamedTuple):
    """A whole number of something; with `none_words` it may be left empty, which means that."""

    least: int
    most: int
    one: str = ""
    several: str = ""
    none_words: str = ""

    def fields(self, name: str, label: str) -> list[Field]:
        hint = f"From {self.least:,} to {self.most:,}"
        if self.none_words:
            hint += f". Leave it empty for: {self.none_words.lower()}"
        return [Field("number", name, sentence(label), hint, self._noun)]

    def typed(self, name: str, value: Any) -> dict[str, str]:
        return {name: "" if value is None else str(value)}

    def read(self, form: FormReader, name: str, label: str) -> Any:
        if self.none_words and not form.raw(name):
            return None
        return form.number(name, label, least=self.least, most=self.most)

    def words(self, value: Any) -> str:
        if value is None:
            return self.none_words
        if not self.one:
            return f"{value:,}"
        return f"{value}%" if self.one == "%" else plural(int(value), self.one, self.several or None)

    @property
    def _noun(self) -> str:
        return self.one if self.one in ("", "%") else self.several or f"{self.one}s"


class Pounds(NamedTuple):
    """An amount of money, kept in pence; with `none_words` it may be left empty, which means that."""

    least: int = 0
    most: int = LARGEST_PENCE
    none_words: str = ""

    def fields(self, name: str, label: str) -> list[Field]:
        hint = f"Leave it empty for: {self.none_words}" if self.none_words else ""
        return [Field("pounds", name, sentence(label), hint)]

    def typed(self, name: str, value: Any) -> dict[str, str]:
        return {name: "" if value is None else f"{value // 100}.{value % 100:02d}"}

    def read(self, form: FormReader, name: str, label: str) -> Any:
        if self.none_words and not form.raw(name):
            return None
        return form.pounds(name, label, least=self.least, most=self.most)

    def words(self, value: Any) -> str:
        return self.none_words if value is None else pounds(value)


class YesNo(NamedTuple):
    """Yes or no."""

    def fields(self, name: str, label: str) -> list[Field]:
        return [Field("radios", name, sentence(label), options=(("yes", "Yes"), ("no", "No")))]

    def typed(self, name: str, value: Any) -> dict[str, str]:
        return {name: "yes" if value else "no"}

    def read(self, form: FormReader, name: str, label: str) -> Any:
        return form.option(name, "yes or no", ("yes", "no")) == "yes"

    def words(self, value: Any) -> str:
        return "Yes" if value else "No"


class Choice(NamedTuple):
    """One of some words."""

    options: Mapping[str, str]

    def fields(self, name: str, label: str) -> list[Field]:
        return [Field("radios", name, sentence(label), options=tuple(self.options.items()))]

    def typed(self, name: str, value: Any) -> dict[str, str]:
        return {name: str(value)}

    def read(self, form: FormReader, name: str, label: str) -> Any:
        return form.option(name, label, tuple(self.options))

    def words(self, value: Any) -> str:
        return self.options[value]


class DaysBefore(NamedTuple):
    """Days before something on which somebody is told, the earliest first; 0 is the day itself."""

    most: int = 365
    at_most: int = 6

    def fields(self, name: str, label: str) -> list[Field]:
        hint = "Whole days before, with commas between them, such as 30, 14, 3. 0 is the day itself"
        return [Field("text", name, sentence(label), hint)]

    def typed(self, name: str, value: Any) -> dict[str, str]:
        return {name: ", ".join(map(str, value))}

    def read(self, form: FormReader, name: str, label: str) -> Any:
        parts = [part for part in re.split(r"[\s,;]+", form.text(name, label)) if part]
        if not parts:
            return []
        if not all(part.isascii() and part.isdecimal() and len(part) <= 4 for part in parts):
            form.wrong(name, f"{sentence(label)} must be whole numbers with commas between them, like 30, 14, 3")
            return []
        days = sorted({int(part) for part in parts}, reverse=True)
        if days[0] > self.most:
            form.wrong(name, f"{sentence(label)} must be {self.most} or fewer each")
        elif len(days) > self.at_most:
            form.wrong(name, f"{sentence(label)} must be {self.at_most} numbers or fewer")
        return days

    def words(self, value: Any) -> str:
        if not value:
            return "Never"
        before = [str(day) for day in value if day]
        on_the_day = ["on the day itself"] if 0 in value else []
        parts = [f"{_and(before)} {'day' if before == ['1'] else 'days'} before"] if before else []
        return sentence(" and ".join(parts + on_the_day))


class Lines(NamedTuple):
    """Some lines of text, in order."""

    most: int
    longest: int = 150

    def fields(self, name: str, label: str) -> list[Field]:
        return [Field("lines", name, sentence(label), f"One on each line, {self.most} at most")]

    def typed(self, name: str, value: Any) -> dict[str, str]:
        return {name: "\n".join(value)}

    def read(self, form: FormReader, name: str, label: str) -> Any:
        text = form.text(name, label, longest=LONGEST_LINES)
        lines = [" ".join(line.split()) for line in text.split("\n") if line.strip()]
        if len(lines) > self.most:
            form.wrong(name, f"{sentence(label)} must be {self.most} lines or fewer")
        elif len(set(lines)) < len(lines):
            form.wrong(name, f"{sentence(label)} must all be different")
        elif any(len(line) > self.longest for line in lines):
            form.wrong(name, f"Each line must be {self.longest} characters or fewer")
        return lines

    def words(self, value: Any) -> str:
        return "; ".join(value) or "None"


class Text(NamedTuple):
    """A line of text; `look` is also how it is checked: "text", "email", "postcode" or "vat"."""

    look: str = "text"
    longest: int = 100
    required: bool = False

    def fields(self, name: str, label: str) -> list[Field]:
        hint = "" if self.required else "You can leave it empty"
        if self.look == "vat":
            hint = "Nine or twelve digits, with or without GB. You can leave it empty"
        return [Field("text" if self.look == "vat" else self.look, name, sentence(label), hint)]

    def typed(self, name: str, value: Any) -> dict[str, str]:
        return {name: str(value)}

    def read(self, form: FormReader, name: str, label: str) -> Any:
        if self.look == "email":
            return form.email(name, label, required=self.required)
        if self.look == "postcode":
            return form.postcode(name, label, required=self.required)
        value = " ".join(form.text(name, label, required=self.required, longest=self.longest).split())
        if self.look == "vat":
            value = value.replace(" ", "").upper()
            if value and not VAT_NUMBER.fullmatch(value):
                form.wrong(name, f"{sentence(label)} must have nine or twelve digits, like GB123456789")
        return value

    def words(self, value: Any) -> str:
        return value or "Not given"


class Factors(NamedTuple):
    """How much longer roads are than straight lines: a usual factor, and others for some districts by their code."""

    def fields(self, name: str, label: str) -> list[Field]:
        return [
            Field("text", name, "Usual factor", "Such as 1.3: a mile in a straight line is 1.3 miles by road"),
            Field(
                "lines",
                f"{name}-others",
                "Districts with another factor",
                "One on each line, the district’s code first, such as E07000124 1.5. You can leave it empty",
            ),
        ]

    def typed(self, name: str, value: Any) -> dict[str, str]:
        others = (f"{code} {factor}" for code, factor in sorted(value.items()) if code != "default")
        return {name: str(value.get("default", 1.3)), f"{name}-others": "\n".join(others)}

    def read(self, form: FormReader, name: str, label: str) -> Any:
        found = {"default": self._factor(form, name, form.text(name, "the usual factor", longest=10))}
        text = form.text(f"{name}-others", "the districts", required=False, longest=LONGEST_LINES)
        for line in filter(None, (line.split() for line in text.split("\n"))):
            if len(line) != 2 or not DISTRICT.fullmatch(line[0].upper()):
                form.wrong(f"{name}-others", "Enter a district’s code and a factor on each line, like E07000124 1.5")
                break
            found[line[0].upper()] = self._factor(form, f"{name}-others", line[1])
        return found

    @staticmethod
    def _factor(form: FormReader, name: str, text: str) -> float:
        value = float(text) if FACTOR.fullmatch(text) else 0.0
        if not LEAST_FACTOR <= value <= MOST_FACTOR:
            form.wrong(name, f"A factor must be a number from {LEAST_FACTOR:g} to {MOST_FACTOR:g}, like 1.3")
        return value

    def words(self, value: Any) -> str:
        others = [f"{factor:g} in {code}" for code, factor in sorted(value.items()) if code != "default"]
        return "; ".join([f"{value.get('default', 1.3):g}", *others])


class Parts(NamedTuple):
    """Several values with names that belong together.

    `wrong` is given them when each is right by itself, and returns (the part to point at, words) or None.
    """

    parts: Mapping[str, tuple[str, Kind]]
    wrong: Callable[[Mapping[str, Any]], tuple[str, str] | None] = lambda _: None

    def fields(self, name: str, label: str) -> list[Field]:
        return [field for key, (words, kind) in self.parts.items() for field in kind.fields(f"{name}-{key}", words)]

    def typed(self, name: str, value: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, (_, kind) in self.parts.items():
            found |= kind.typed(f"{name}-{key}", value[key])
        return found

    def read(self, form: FormReader, name: str, label: str) -> Any:
        value = {key: kind.read(form, f"{name}-{key}", words) for key, (words, kind) in self.parts.items()}
        if not form.errors and (found := self.wrong(value)):
            form.wrong(f"{name}-{found[0]}", found[1])
        return value

    def words(self, value: Any) -> str:
        return "; ".join(f"{sentence(words)}: {kind.words(value[key])}" for key, (words, kind) in self.parts.items())


def rising(*keys: str, words: str) -> Callable[[Mapping[str, Any]], tuple[str, str] | None]:
    """Return a rule for parts: each of some numbers is as large as the one before or larger."""

    def wrong(value: Mapping[str, Any]) -> tuple[str, str] | None:
        for before, after in itertools.pairwise(keys):
            if value[after] < value[before]:
                return after, words
        return None

    return wrong


def sentence(words: str) -> str:
    """Start a sentence with some words."""
    return words[:1].upper() + words[1:]


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
