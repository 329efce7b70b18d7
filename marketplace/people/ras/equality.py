"""Who gets what: budgets by group of people, with small groups held back so that nobody can be found (R28)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from statistics import median
from typing import Any, Final

import msgspec

from marketplace.accounts.words import ETHNIC_GROUPS, GENDER_LABELS, NEEDS
from marketplace.core.formats import pounds
from marketplace.people.ras.preview import NOT_SAID, Priced
from marketplace.people.ras.repository import Allocated

AGES: Final = ((18, 34), (35, 49), (50, 64), (65, 74), (75, 84), (85, 200))
ROUND_TO: Final = 10
"""Means and medians are shown to the nearest £10: exact ones of two reports tell who came in between."""


class GroupRow(msgspec.Struct, frozen=True, kw_only=True):
    """One group as it may be shown."""

    label: str
    people: str
    mean: str
    middle: str
    against_all: str
    mean_pence: int
    """For the chart; 0 where it is held back."""
    is_held_back: bool


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of one kind."""

    key: str
    title: str
    rows: Sequence[GroupRow]

    @property
    def chart(self) -> list[tuple[str, int, str]]:
        """Bars of the groups that may be shown."""
        return [(row.label, row.mean_pence, row.mean) for row in self.rows if not row.is_held_back]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """All groups; `people` is rounded where a group is held back."""

    people: str
    mean: str
    least: int
    spreads: Sequence[Spread]


def of_people(people: Sequence[Allocated], on: date, least: int) -> Page:
    """Return what the points give people by age, gender, ethnicity and need. Somebody with two needs counts in both."""
    kinds: list[tuple[str, str, Callable[[Allocated], list[str]]]] = [
        ("age", "Age", lambda one: [_age(one.born_on, on)]),
        ("gender", "Gender", lambda one: [_word(one.gender, GENDER_LABELS)]),
        ("ethnicity", "Ethnicity", lambda one: [_word(one.ethnicity, ETHNIC_GROUPS)]),
        ("needs", "Kind of need", lambda one: [_word(need, NEEDS) for need in one.needs] or [NOT_SAID]),
    ]
    found = {key: _grouped((label, one.annual_pence) for one in people for label in of(one)) for key, _, of in kinds}
    return _page([one.annual_pence for one in people], [(key, title, found[key]) for key, title, _ in kinds], least)


def of_sample(cases: Sequence[Priced], kinds: Iterable[tuple[str, str]], least: int) -> Page:
    """Return the same for the cases of a sample, by the groups that its file has."""
    groups = [
        (key, title, _grouped((case.groups[key] or NOT_SAID, case.annual_pence) for case in cases))
        for key, title in kinds
        if any(case.groups[key] for case in cases)
    ]
    return _page([case.annual_pence for case in cases], groups, least)


def _page(everybody: Sequence[int], groups: Sequence[tuple[str, str, Mapping[str, list[int]]]], least: int) -> Page:
    whole = len(everybody)
    is_rough = any(0 < len(sums) < least for _, _, kind in groups for sums in kind.values())
    mean = sum(everybody) / whole if whole >= least else 0
    if whole < least:
        words = f"fewer than {least}" if whole else "0"
        return Page(people=words, mean="", least=least, spreads=[])
    return Page(
        people=f"about {round(whole / 5) * 5:,}" if is_rough else f"{whole:,}",
        mean=pounds(_rounded(mean)),
        least=least,
        spreads=[Spread(key=key, title=title, rows=_rows(kind, mean, least)) for key, title, kind in groups],
    )


def _rows(groups: Mapping[str, list[int]], mean: float, least: int) -> list[GroupRow]:
    small = {label for label, sums in groups.items() if len(sums) < least}
    if small and sum(len(groups[label]) for label in small) < least:
        # One small group alone is the whole less the others; the next smallest goes with it.
        rest = [label for label in groups if label not in small]
        small |= set(sorted(rest, key=lambda label: (len(groups[label]), label))[:1])
    rows = []
    for label in sorted(groups, key=lambda label: (label == NOT_SAID, label)):
        sums = groups[label]
        if label in small:
            words = f"fewer than {least}" if len(sums) < least else "held back"
            rows.append(
                GroupRow(
                    label=label,
                    people=words,
                    mean="held back",
                    middle="held back",
                    against_all="held back",
                    mean_pence=0,
                    is_held_back=True,
                )
            )
            continue
        own = sum(sums) / len(sums)
        rows.append(
            GroupRow(
                label=label,
                people=f"{len(sums):,}",
                mean=pounds(_rounded(own)),
                middle=pounds(_rounded(median(sums))),
                against_all=f"{100 * own / mean - 100:+.0f} per cent" if mean else "",
                mean_pence=_rounded(own),
                is_held_back=False,
            )
        )
    return rows


def _rounded(pence: float) -> int:
    return round(pence / (100 * ROUND_TO)) * 100 * ROUND_TO


def _grouped(pairs: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for label, pence in pairs:
        groups[label].append(pence)
    return groups


def _age(born_on: date | None, on: date) -> str:
    if born_on is None:
        return NOT_SAID
    years = on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
    for least, most in AGES:
        if years <= most:
            return f"{least} and over" if most == AGES[-1][1] else f"{least} to {most}"
    return NOT_SAID


def _word(code: str, words: Mapping[Any, str]) -> str:
    return str(words.get(code, NOT_SAID)) if code else NOT_SAID
