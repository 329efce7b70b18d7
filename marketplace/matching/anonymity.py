"""Taking out of free text what tells who somebody is, before a planner has accepted (K4, V7).

Names, addresses, dates and numbers that we hold are found whatever their case and spacing; postcodes, e-mail addresses
and telephone numbers are found by their shape, so that those of a relative go, too. No rule finds everything a text may
betray: the page where it is written says so and shows what planners will see.
"""

import re
from collections.abc import Iterable
from datetime import date

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
