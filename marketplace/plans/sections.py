"""The sections of a plan: one list for the person, their helpers, the planner, and everybody who reads a plan.

Where the words of a section stand differs: four are columns of the version, the outcomes are rows of `plan_items`, the
others rows of `plan_sections`. `texts_of` reads them all alike; `SectionRepository` (repository/sections.py) loads and
writes. A row of `plan_sections` may also exist for a column or for the outcomes: then its `words` stay empty, and it
tells who wrote last, where the text was filled from, and what stood there before.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from marketplace.core.formats import pounds
from marketplace.plans.models import HELP_LABELS, HelpKind, PlanSection, PlanVersion

LONGEST_TEXT = 4_000
"""Characters of a section: about two pages."""


class Place(StrEnum):
    """Where the words of a section are kept."""

    COLUMN = "column"
    """A column of `plan_versions`, named like the section."""
    ROW = "row"
    """A row of `plan_sections`."""
    ITEMS = "items"
    """Rows of `plan_items`."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a plan. Titles and prompts of the person say "I" and "you"; `staff_title` speaks about them."""

    key: str
    title: str
    staff_title: str
    place: Place
    prompts: tuple[str, ...]
    """Questions that help to write."""
    filled_from: str = ""
    """Where its first words come from: "profile", "assessment", or empty."""
    is_needed: bool = False
    """Whether a plan cannot be shared with the council without it."""


SECTIONS: tuple[Section, ...] = (
    Section(
        key="about_me",
        title="About me",
        staff_title="About the person and their needs",
        place=Place.COLUMN,
        prompts=(
            "What do people like about you?",
            "What matters most to you?",
            "How can people support you well?",
        ),
        filled_from="profile",
        is_needed=True,
    ),
    Section(
        key="people",
        title="People in my life",
        staff_title="People in the person’s life",
        place=Place.ROW,
        prompts=("Who is close to you?", "Who helps you now?", "Who would you like to see more?"),
        filled_from="profile",
    ),
    Section(
        key="good_days",
        title="Good days and bad days",
        staff_title="Good days and bad days",
        place=Place.COLUMN,
        prompts=("What makes a day good?", "What makes a day bad?"),
        filled_from="profile",
    ),
    Section(
        key="week",
        title="My week",
        staff_title="The person’s week",
        place=Place.ROW,
        prompts=("What do you do each day?", "What would you like to keep?", "What would you like to change?"),
        filled_from="profile",
    ),
    Section(
        key="needs",
        title="What I need support with",
        staff_title="Needs found by the assessment",
        place=Place.ROW,
        prompts=("What is hard for you?", "What does nobody help you with yet?"),
        filled_from="assessment",
    ),
    Section(
        key="outcomes",
        title="What I want, and who helps",
        staff_title="What the person wants, and how it will happen",
        place=Place.ITEMS,
        prompts=("What do you want?", "What will happen?", "Who helps?", "What does it cost?"),
        filled_from="assessment",
        is_needed=True,
    ),
    Section(
        key="choices",
        title="How I decide things",
        staff_title="How the person decides things",
        place=Place.ROW,
        prompts=("What do you decide yourself?", "Who helps you decide?", "How do you like to be told things?"),
    ),
    Section(
        key="risks",
        title="How I stay safe",
        staff_title="Risks and what will be done",
        place=Place.COLUMN,
        prompts=("What could go wrong?", "What will you do about it?", "What risks do you want to take?"),
        is_needed=True,
    ),
    Section(
        key="back_up",
        title="If something goes wrong",
        staff_title="What happens if support falls away",
        place=Place.ROW,
        prompts=("What if a helper is ill?", "Who can you call?", "What must happen each day?"),
    ),
    Section(
        key="money",
        title="My money",
        staff_title="How the money is held",
        place=Place.COLUMN,
        prompts=("Who will look after the money?", "Who can help you with bills?"),
        is_needed=True,
    ),
    Section(
        key="information_given",
        title="Advice I was given",
        staff_title="Information and advice given",
        place=Place.COLUMN,
        prompts=("What can help you stay well?", "What could you do so that you need less help later?"),
    ),
    Section(
        key="review",
        title="When we look at it again",
        staff_title="How the plan will be reviewed",
        place=Place.ROW,
        prompts=("How will you know that the plan works?", "Who should be there when you look at it again?"),
    ),
)
"""The sections in the order of the plan."""

BY_KEY: dict[str, Section] = {section.key: section for section in SECTIONS}
KEYS: tuple[str, ...] = tuple(BY_KEY)
COLUMNS: tuple[str, ...] = tuple(section.key for section in SECTIONS if section.place is Place.COLUMN)
ROWS: tuple[str, ...] = tuple(section.key for section in SECTIONS if section.place is Place.ROW)

SOURCE_LABELS: dict[str, str] = {
    "profile": "your one page profile",
    "assessment": "your assessment",
}
"""Where a section was filled from, as the person is told."""


class Written(Protocol):
    """An outcome, typed or stored."""

    @property
    def outcome(self) -> str:
        """What is wanted."""

    @property
    def what(self) -> str:
        """What will happen."""

    @property
    def helped_by(self) -> HelpKind | None:
        """Who or what helps."""

    @property
    def weekly_pence(self) -> int:
        """What it costs a week, pence."""


class SectionText(msgspec.Struct, frozen=True, kw_only=True):
    """A section of one version: what it says, and what is known about its words."""

    section: Section
    words: str
    row: PlanSection | None
    """None: nobody has written it section by section yet."""

    @property
    def source(self) -> str:
        """Where the words came from, while nobody has changed them: "profile", "assessment" or empty."""
        return self.row.source if self.row else ""


def text_of(version: PlanVersion, key: str, rows: Mapping[str, PlanSection], items: Iterable[Written] = ()) -> str:
    """Return the words of one section; the outcomes as lines of text."""
    place = BY_KEY[key].place
    if place is Place.COLUMN:
        words: str = getattr(version, key)
        return words
    if place is Place.ITEMS:
        return outcomes_text(items)
    return rows[key].words if key in rows else ""


def texts_of(version: PlanVersion, rows: Mapping[str, PlanSection], items: Iterable[Written] = ()) -> list[SectionText]:
    """Return every section of a version in order, the empty ones, too.

    Args:
        version: The version.
        rows: Its rows of `plan_sections` by key.
        items: Its outcomes; without them that section is empty.
    """
    held = list(items)
    return [
        SectionText(section=section, words=text_of(version, section.key, rows, held), row=rows.get(section.key))
        for section in SECTIONS
    ]


def outcomes_text(items: Iterable[Written]) -> str:
    """Write outcomes as text, one block each: to compare two wordings, and to keep what was replaced."""
    blocks = []
    for item in items:
        lines = [item.outcome or "(no words yet)"]
        if item.what:
            lines.append(item.what)
        lines.append(f"Who helps: {HELP_LABELS[item.helped_by] if item.helped_by else 'not chosen yet'}")
        lines.append(f"Cost: {pounds(item.weekly_pence)} a week" if item.weekly_pence else "Cost: nothing")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def print_of(words: str) -> str:
    """Return the fingerprint by which a page tells the words that it showed: 32 hexadecimal digits.

    The words are compared, not a number of the row, so that saving another section, or the same words again, is no
    clash.
    """
    return sha256(words.encode()).hexdigest()[:32]


def only_known(keys: Iterable[Any]) -> list[str]:
    """Return those that are keys of sections, in the order of the plan."""
    given = {str(key) for key in keys}
    return [key for key in KEYS if key in given]
