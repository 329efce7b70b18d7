"""The form of one entry of a profile's tool."""

from typing import Any

import msgspec

from marketplace.core.forms import FormReader
from marketplace.people.models import PartOfDay, ProfileEntry, ProfileTool
from marketplace.people.profile_words import CIRCLES, SYMBOLS, WEEKDAYS

LONGEST_WORDS = 300
"""Characters of an entry: one thought, not a page."""
LONGEST_NAME = 80
LONGEST_RELATION = 60


class EntryForm(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody says about their life."""

    words: str
    relation: str
    weekday: int | None
    part_of_day: PartOfDay | None
    circle: int | None
    symbol: str
    is_private: bool
    drops_picture: bool
    """Take the picture of one's own away."""
    version: int
    """Row version the page showed; 0 for a new entry."""

    @classmethod
    def read(cls, data: dict[str, Any], tool: ProfileTool) -> "EntryForm":
        """Read the form of a tool; fields of other tools are not looked at.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        is_week, is_people = tool is ProfileTool.WEEK, tool is ProfileTool.PEOPLE
        label = "a name" if is_people else "what you do" if is_week else "some words"
        words = form.text("words", label, longest=LONGEST_NAME if is_people else LONGEST_WORDS)
        relation = (
            form.text("relation", "who they are to you", required=False, longest=LONGEST_RELATION) if is_people else ""
        )
        weekday = form.option("weekday", "a day", [str(day) for day in range(len(WEEKDAYS))]) if is_week else ""
        part = form.choice("part_of_day", "a part of the day", PartOfDay) if is_week else None
        circle = form.option("circle", "a circle", [str(number) for number in CIRCLES]) if is_people else ""
        found = cls(
            words=words,
            relation=relation,
            weekday=int(weekday) if weekday else None,
            part_of_day=part,
            circle=int(circle) if circle else None,
            symbol=form.option("symbol", "a picture", SYMBOLS, required=False),
            is_private=form.ticked("is_private"),
            drops_picture=form.ticked("drops_picture"),
            version=form.number("version", "the version", least=0, most=1_000_000_000, required=False),
        )
        form.done()
        return found


def entry_values(entry: ProfileEntry) -> dict[str, str]:
    """Return an entry as the values of its form."""
    return {
        "words": entry.words,
        "relation": entry.relation,
        "weekday": "" if entry.weekday is None else str(entry.weekday),
        "part_of_day": entry.part_of_day.value if entry.part_of_day else "",
        "circle": "" if entry.circle is None else str(entry.circle),
        "symbol": entry.symbol,
        "is_private": "yes" if entry.is_private else "",
        "version": str(entry.version),
    }
