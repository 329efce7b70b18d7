"""What somebody's own plan needs before they share it, and how two wordings of a section are brought together.

Nothing here touches the database. Words speak to the person.
"""

from collections.abc import Sequence

import msgspec

from marketplace.plans.content import (
    MOST_ITEMS,
    ItemContent,
    PlanContent,
    join_money,
    split_money,
)
from marketplace.plans.sections import BY_KEY, Place, outcomes_text

KEEP = ("mine", "theirs", "both")
"""What somebody may choose where two people wrote in one section."""


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed in a section: words, or outcomes."""

    key: str
    words: str = ""
    items: tuple[ItemContent, ...] = ()

    @property
    def text(self) -> str:
        """The same as text, to compare and to show."""
        return outcomes_text(self.items) if BY_KEY[self.key].place is Place.ITEMS else self.words


def joined(saved: Typed, mine: Typed) -> Typed:
    """Put two wordings of a section together: what is saved first, then what was typed; nothing twice."""
    if BY_KEY[mine.key].place is Place.ITEMS:
        known = [outcomes_text([item]) for item in saved.items]
        more = [item for item in mine.items if outcomes_text([item]) not in known]
        return msgspec.structs.replace(mine, items=numbered([*saved.items, *more]))
    if mine.key == "money":
        parts = zip(split_money(saved.words), split_money(mine.words), strict=True)
        held, why_over = (_both(first, second) for first, second in parts)
        return msgspec.structs.replace(mine, words=join_money(held, why_over))
    return msgspec.structs.replace(mine, words=_both(saved.words, mine.words))


def numbered(items: Sequence[ItemContent]) -> tuple[ItemContent, ...]:
    """Number outcomes from 1, at most as many as a plan holds."""
    return tuple(msgspec.structs.replace(item, row=row) for row, item in enumerate(items[:MOST_ITEMS], start=1))


def _both(first: str, second: str) -> str:
    if second in first:
        return first
    return second if first in second else f"{first}\n\n{second}"


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a plan lacks. `place` is the field of the section's form where it is put right."""

    key: str
    place: str
    advice: str

    @property
    def address(self) -> str:
        """Where it is put right, below the address of the plan's sections."""
        return f"{self.key}#{self.place}"


def missing(content: PlanContent, budget_pence: int) -> tuple[Missing, ...]:
    """Say all that somebody's own plan lacks before they share it, in the order of the sections.

    Args:
        content: The plan.
        budget_pence: What it may cost now, pence a week; 0 where no sum is known yet.

    Source: Care Act 2014 s.25(1). Needs, eligibility and advice are the council's to state, so they hold nobody up.
    """
    found: list[Missing] = []
    if not content.about_me:
        found.append(Missing(key="about_me", place="words", advice="Say who you are and what matters to you"))
    found += [Missing(key="outcomes", place=place, advice=advice) for place, advice in _gaps(content.items)]
    if not content.risks:
        found.append(Missing(key="risks", place="words", advice="Say what could go wrong and what you will do"))
    if not content.money_held:
        found.append(Missing(key="money", place="money_held", advice="Say who will look after the money"))
    if budget_pence and content.weekly_pence > budget_pence and not content.why_over:
        advice = "Your plan costs more than your budget. Say why you need more"
        found.append(Missing(key="money", place="why_over", advice=advice))
    return tuple(found)


def with_section(content: PlanContent, typed: Typed) -> PlanContent:
    """Return a plan with one section as it is being typed: for the list of what is missing while somebody writes."""
    place = BY_KEY[typed.key].place
    if place is Place.ITEMS:
        return msgspec.structs.replace(content, items=typed.items)
    if typed.key == "money":
        held, why_over = split_money(typed.words)
        return msgspec.structs.replace(content, money_held=held, why_over=why_over)
    if place is Place.COLUMN:
        return msgspec.structs.replace(content, **{typed.key: typed.words})
    return msgspec.structs.replace(content, others={**content.others, typed.key: typed.words})


def _gaps(items: Sequence[ItemContent]) -> list[tuple[str, str]]:
    """Say what each outcome lacks, with its field; empty when there is nothing to do."""
    if not items:
        return [("outcome-1", "Add at least one thing that you want")]
    gaps = []
    for item in items:
        name = f"number {item.row}" + (f": {_short(item.outcome)}" if item.outcome else "")
        if not item.outcome:
            gaps.append((f"outcome-{item.row}", f"Say what you want in number {item.row}"))
        if not item.what:
            gaps.append((f"what-{item.row}", f"Say what will happen in {name}"))
        if item.helped_by is None:
            gaps.append((f"helped_by-{item.row}", f"Choose who helps with {name}"))
    return gaps


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
