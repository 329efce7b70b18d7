"""Two versions of a plan side by side: what was taken away, what was added, word by word."""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from enum import StrEnum

import msgspec

from marketplace.core.formats import pounds
from marketplace.plans.models import HELP_LABELS
from marketplace.plans.sections import Place, SectionText, Written

_TOKEN = re.compile(r"\s*\S+|\s+")
"""A word with the blanks before it: blanks alone would make unlike texts look alike."""


class Kind(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


class Piece(msgspec.Struct, frozen=True):
    """Some words and what became of them."""

    kind: Kind
    text: str


class Change(StrEnum):
    """What became of a whole row."""

    SAME = "same"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A section or an outcome in both versions."""

    title: str
    change: Change
    left: tuple[Piece, ...]
    """The earlier words: same and removed."""
    right: tuple[Piece, ...]
    """The later words: same and added."""


def pieces(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Compare two texts word by word.

    Returns:
        The earlier text as what stayed and what went, and the later one as what stayed and what came. Put together
        again, the pieces of each side are that text.
    """
    olds, news = _TOKEN.findall(before), _TOKEN.findall(after)
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        gone, come = "".join(olds[i1:i2]), "".join(news[j1:j2])
        kinds = (Kind.SAME, Kind.SAME) if tag == "equal" else (Kind.REMOVED, Kind.ADDED)
        if gone:
            left.append(Piece(kinds[0], gone))
        if come:
            right.append(Piece(kinds[1], come))
    return tuple(left), tuple(right)


def compare(
    old: Sequence[SectionText], old_items: Iterable[Written], new: Sequence[SectionText], new_items: Iterable[Written]
) -> list[Row]:
    """Set two versions side by side: sections in the order of the plan, the outcomes one by one where they stand.

    Sections that say nothing in both are left out.
    """
    later = {text.section.key: text.words for text in new}
    rows: list[Row] = []
    for text in old:
        if text.section.place is Place.ITEMS:
            rows.extend(_outcomes(list(old_items), list(new_items)))
        elif text.words.strip() or later[text.section.key].strip():
            rows.append(_row(text.section.title, text.words, later[text.section.key]))
    return rows


def _outcomes(old: list[Written], new: list[Written]) -> list[Row]:
    """Pair the outcomes: those wanted in the same words belong together, then those in the same place."""
    names = [_name(item) for item in new]
    pairs: list[tuple[Written | None, Written | None]] = []
    taken: set[int] = set()
    for item in old:
        at = next((at for at, name in enumerate(names) if name == _name(item) and at not in taken), None)
        if at is not None:
            taken.add(at)
        pairs.append((item, new[at] if at is not None else None))
    left = [at for at in range(len(new)) if at not in taken]
    for place, (before, after) in enumerate(pairs):
        if after is None and place in left:
            left.remove(place)
            pairs[place] = (before, new[place])
    pairs += [(None, new[at]) for at in left]
    return [
        _row(f"Outcome {number}", _text(before), _text(after)) for number, (before, after) in enumerate(pairs, start=1)
    ]


def _name(item: Written) -> str:
    return " ".join(item.outcome.casefold().split())


def _text(item: Written | None) -> str:
    if item is None:
        return ""
    who = HELP_LABELS[item.helped_by] if item.helped_by else "not chosen yet"
    cost = f"{pounds(item.weekly_pence)} a week" if item.weekly_pence else "nothing"
    lines = [item.outcome or "Not written yet", item.what, f"Who helps: {who}", f"Cost: {cost}"]
    return "\n".join(line for line in lines if line)


def _row(title: str, before: str, after: str) -> Row:
    left, right = pieces(before, after)
    if before == after:
        change = Change.SAME
    elif not before.strip():
        change = Change.ADDED
    elif not after.strip():
        change = Change.REMOVED
    else:
        change = Change.CHANGED
    return Row(title=title, change=change, left=left, right=right)
