"""What the pages of a profile show: sections with their entries, the drawn circles, the week as a table."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from marketplace.people.circles import MIDDLE, RADII, SIZE, spots
from marketplace.people.models import Person, ProfileEntry, ProfileTool
from marketplace.people.profile import entry_text, free_text, in_order
from marketplace.people.profile_words import CIRCLES, PARTS, TOOLS, WEEKDAYS, ToolWords, tool_path


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One tool with what stands in it."""

    tool: ProfileTool
    path: str
    words: ToolWords
    text: str
    """The longer text of the record; empty for most tools."""
    entries: list[ProfileEntry]

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in it."""
        return not self.text and not self.entries


def sections(person: Person, entries: Iterable[ProfileEntry]) -> list[Section]:
    """Return all sections in the order of the page, empty ones too."""
    given = list(entries)
    return [
        Section(
            tool=tool, path=tool_path(tool), words=words, text=free_text(person, tool), entries=in_order(given, tool)
        )
        for tool, words in TOOLS.items()
    ]


def circle_context(entries: Sequence[ProfileEntry]) -> dict[str, Any]:
    """Context of `profile/_circles.html`: the drawing, and the rows of the table beside it."""
    people = in_order(entries, ProfileTool.PEOPLE)
    return {
        "size": SIZE,
        "middle": MIDDLE,
        "rings": [(circle, RADII[circle], label) for circle, label in reversed(CIRCLES.items())],
        "spots": spots(people),
        "rows": [
            [str(number), entry.words, entry.relation or "Not said", CIRCLES[entry.circle or 4]]
            for number, entry in enumerate(people, start=1)
        ],
    }


def week_rows(entries: Sequence[ProfileEntry]) -> list[tuple[str, list[list[ProfileEntry]]]]:
    """Return the week as rows of days with one cell for each part of the day; days without anything, too."""
    week = in_order(entries, ProfileTool.WEEK)
    return [
        (name, [[entry for entry in week if entry.weekday == day and entry.part_of_day is part] for part in PARTS])
        for day, name in enumerate(WEEKDAYS)
    ]


def tool_list(person: Person, entries: Iterable[ProfileEntry]) -> list[dict[str, str]]:
    """Return the tools for a list of links with how much stands in each."""
    return [
        {
            "title": section.words.title,
            "href": f"/profile/tools/{section.path}",
            "hint": section.words.about,
            "symbol": section.words.symbol,
            "state": _how_much(section),
        }
        for section in sections(person, entries)
    ]


def _how_much(section: Section) -> str:
    number = len(section.entries)
    if number:
        return "1 thing" if number == 1 else f"{number} things"
    return "Written" if section.text else "Nothing yet"


__all__ = ["Section", "circle_context", "entry_text", "sections", "tool_list", "week_rows"]
