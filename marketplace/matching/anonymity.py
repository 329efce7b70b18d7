"""Taking out of free text what tells who somebody is, before a planner has accepted (K4, V7).

Names, addresses, dates and numbers that we hold are found whatever their case and spacing; postcodes, e-mail addresses
and telephone numbers are found by their shape, so that those of a relative go, too. No rule finds everything a text may
betray: the page where it is written says so and shows what planners will see.
"""

import re
from collections.abc import Iterable
from datetime import date

import msgspec

from marketplace.core.formats import uk_date

LEFT_OUT = "[left out]"

_SHAPES = (
    re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>.]+"),
    re.compile(r"\b[A-Z]{1,2}[0-9][0-9A-Z]?\s*[0-9][A-Z]{2}\b", re.IGNORECASE),
    # Telephone and NHS numbers: ten digits or more, however they are grouped.
    re.compile(r"(?<![\w£])\+?\(?\d(?:[\s().-]{0,2}\d){9,14}(?!\w)"),
    re.compile(r"\b\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)?\d{2}\b"),
)
_SHORTEST_NAME = 2
_HOUSE_NUMBER = re.compile(r"^\s*(?:(?:flat\s+)?\d+\w?[\s,/-]+)+", re.IGNORECASE)


def without_identity(text: str, *, names: Iterable[str], places: Iterable[str], born_on: date | None = None) -> str:
    """Return a text with what identifies a person replaced by "[left out]".

    Args:
        text: What was written.
        names: Names of the person and those around them; each part of two letters or more goes by itself, too.
        places: Address line, town, postcode, telephone, e-mail, reference: whole, and a street without its number.
        born_on: Date of birth, in the ways it is usually written.
    """
    for shape in _SHAPES:
        text = shape.sub(LEFT_OUT, text)
    wholes = [place for place in places if place.strip()]
    wholes += [_HOUSE_NUMBER.sub("", place) for place in wholes]
    if born_on:
        wholes += [uk_date(born_on), uk_date(born_on).rsplit(" ", 1)[0], born_on.isoformat()]
    parts = [part for name in names for part in re.split(r"[\s,]+", name) if len(part) >= _SHORTEST_NAME]
    parts += [piece for name in names for piece in re.split(r"[\s,\-]+", name) if len(piece) > _SHORTEST_NAME]
    for whole in sorted({*wholes, *parts}, key=len, reverse=True):
        spaced = r"[\s,.-]*".join(re.escape(piece) for piece in re.split(r"[\s,.-]+", whole) if piece)
        if spaced:
            text = re.sub(rf"(?<!\w){spaced}(?!\w)", LEFT_OUT, text, flags=re.IGNORECASE)
    return re.sub(rf"(?:{re.escape(LEFT_OUT)}[\s,]*)+(?={re.escape(LEFT_OUT)})", "", text)


class Identifier(msgspec.Struct, frozen=True):
    """Something in a text that may tell who somebody is."""

    kind: str
    """What it looks like, in words: "a telephone number"."""
    found: str
    """As it stands in the text."""
    is_certain: bool
    """Whether it must go. A word that is also a name or a place may stand when somebody says that it names nobody."""


_KINDS = (
    ("an e-mail address", _SHAPES[0]),
    ("a postcode", _SHAPES[1]),
    ("an NHS number", re.compile(r"(?<![\w£+])\d{3}[\s-]?\d{3}[\s-]?\d{4}(?!\w)")),
    ("a telephone number", _SHAPES[2]),
    ("a date that may be a date of birth", _SHAPES[3]),
)
_TITLED = re.compile(r"\b(?:Mr|Mrs|Miss|Ms|Dr|Rev)\.?\s+[A-Z][\w’'-]+")


def scan(
    text: str,
    *,
    names: Iterable[str],
    places: Iterable[str],
    numbers: Iterable[str] = (),
    born_on: date | None = None,
) -> list[Identifier]:
    """Return what a text may betray, each once, in the order of the text (K4).

    Args:
        text: What was written.
        names: Names of the person and those around them.
        places: Address line, town, postcode.
        numbers: Telephone, e-mail, reference of the person.
        born_on: Date of birth, in the ways it is usually written.
    """
    found: dict[str, tuple[int, Identifier]] = {}

    def note(kind: str, match: re.Match[str], *, is_certain: bool) -> None:
        words = " ".join(match.group().split())
        found.setdefault(words.lower(), (match.start(), Identifier(kind, words, is_certain)))

    for kind, shape in _KINDS:
        for match in shape.finditer(text):
            note(kind, match, is_certain=True)
    for match in _TITLED.finditer(text):
        note("a name with its title", match, is_certain=False)
    wholes = [whole for whole in places if whole.strip()]
    # A street is a place by itself, and so is each part of a longer address.
    parts = [part.strip() for whole in wholes for part in whole.split(",") if part.strip()]
    streets = {_HOUSE_NUMBER.sub("", part).strip() for part in parts}
    dates = [uk_date(born_on), uk_date(born_on).rsplit(" ", 1)[0], born_on.isoformat()] if born_on else []
    pieces = {piece for name in names for piece in re.split(r"[\s,\-]+", name) if len(piece) >= _SHORTEST_NAME}
    for kind, words, is_certain in (
        ("the person’s address", [part for part in parts if part not in streets], True),
        ("a number we hold of the person", list(numbers), True),
        ("the person’s date of birth", dates, True),
        ("the person’s name", sorted(pieces), False),
        ("a place of the person", sorted(streets), False),
    ):
        for word in words:
            for match in _spaced(word).finditer(text) if word.strip() else ():
                note(kind, match, is_certain=is_certain)
    return [item for _, item in sorted(found.values(), key=lambda pair: pair[0])]


def _spaced(whole: str) -> re.Pattern[str]:
    """A pattern for a text in any case and spacing, as a word of its own."""
    spaced = r"[\s,.-]*".join(re.escape(piece) for piece in re.split(r"[\s,.-]+", whole) if piece)
    return re.compile(rf"(?<!\w){spaced or r'(?!)'}(?!\w)", re.IGNORECASE)
