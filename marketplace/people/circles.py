"""Drawing the people in somebody's life: where each stands on its ring around the middle (D2)."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from marketplace.people.models import ProfileEntry
from marketplace.people.profile_words import CIRCLES

SIZE: Final = 320
"""Width and height of the drawing, in its own units; letters of 11 units are readable on a phone of 390 pixels."""
MIDDLE: Final = SIZE / 2
RADII: Final[dict[int, int]] = {1: 50, 2: 84, 3: 118, 4: 150}
"""Of the rings' outer lines, by number of the circle."""
MOST_NAMES: Final[dict[int, int]] = {1: 4, 2: 7, 3: 9, 4: 11}
"""Names that fit on a ring beside each other; beyond that the numbers alone are drawn, and the table says the rest."""
LONGEST_NAME: Final = 9
TITLES: Final = frozenset({"dr", "miss", "mr", "mrs", "ms", "nurse"})


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A person on the drawing."""

    number: int
    """As in the table, from 1."""
    x: float
    y: float
    name: str
    """Short enough to be drawn; empty where there is no room."""


def spots(entries: Sequence[ProfileEntry]) -> list[Spot]:
    """Place people on their rings, evenly, each ring turned a little so that neighbours do not stand in line.

    Args:
        entries: People in the order of the table: from the inner circle out.
    """
    found = []
    for circle in CIRCLES:
        ring = [(number, entry) for number, entry in enumerate(entries, start=1) if (entry.circle or 4) == circle]
        inner = RADII.get(circle - 1, 14)
        radius = (inner + RADII[circle]) / 2
        for place, (number, entry) in enumerate(ring):
            angle = 2 * math.pi * place / len(ring) + circle * 0.7 - math.pi / 2
            found.append(
                Spot(
                    number=number,
                    x=round(MIDDLE + radius * math.cos(angle), 1),
                    y=round(MIDDLE + radius * math.sin(angle), 1),
                    name=_short(entry.words) if len(ring) <= MOST_NAMES[circle] else "",
                )
            )
    return found


def _short(name: str) -> str:
    parts = name.split()
    # "Mrs Khan" is drawn as Khan, not as Mrs.
    first = next((part for part in parts if part.lower().rstrip(".") not in TITLES), name.strip())
    return first if len(first) <= LONGEST_NAME else f"{first[: LONGEST_NAME - 1]}…"
