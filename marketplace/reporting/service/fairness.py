"""Whether everybody is served alike: waiting, distance and fit by group of people, and work by organisation.

Small numbers are held back, so that nobody can be found in them (C13, K3). Shares have Wilson's interval; differences
in waiting have a shuffle test: how often chance alone, dealing the same waits to the groups at random, makes a
difference as large.

Source: matching.md section 9; Wilson, J. Am. Stat. Assoc. 22 (1927).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from math import sqrt
from statistics import mean, median
from typing import Any, Final
from uuid import UUID

import msgspec
import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, settings_of
from marketplace.accounts.words import ETHNIC_GROUPS, NEEDS
from marketplace.core.clock import instant, local, today
from marketplace.core.database import clock_of
from marketplace.core.places import DISTRICT_NAMES, METRES_PER_MILE, distance_metres
from marketplace.matching.words import URGENCY_LABELS
from marketplace.reporting.repository.fairness import FairnessRepository, Served
from marketplace.reporting.service.unmet_need import Suppressor

PERIODS: Final[tuple[tuple[int, str], ...]] = ((3, "3 months"), (6, "6 months"), (12, "12 months"))
SHUFFLES: Final = 499
MOST_SHUFFLED: Final = 5_000
NOT_SAID: Final = "Not said"
_Z: Final = 1.96  # 95 % of a normal distribution.
_MONTH_DAYS: Final = 365.25 / 12


class GroupRow(msgspec.Struct, frozen=True, kw_only=True):
    """One group, with every figure as it may be shown."""

    label: str
    referrals: str
    placed: str
    """Share that has a planner, with its interval."""
    placed_percent: int | None
    """For the chart; None where it is held back."""
    days: str
    """Half of those placed waited no longer."""
    miles: str
    points: str
    first: str
    """Share of those placed whose planner stood first on their shortlist."""
    is_held_back: bool


class Dimension(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of one kind, and what chance says of their differences."""

    key: str
    title: str
    heading: str
    rows: Sequence[GroupRow]
    note: str
    chart: Sequence[tuple[str, int, str]]


class OrganisationRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one organisation was offered and took."""

    name: str
    offers: str
    accepted: str
    placed: str
    share: str
    share_percent: float
    miles: str
    is_over_cap: bool


class FairnessPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows."""

    months: int
    from_day: date
    until_day: date
    least: int
    referrals: str
    placed: str
    days: str
    cap_percent: int | None
    dimensions: Sequence[Dimension]
    organisations: Sequence[OrganisationRow]
    share_chart: Sequence[tuple[str, float, str]]
    is_empty: bool


class FairnessService:
    """Reads how the council's referrals were served."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = FairnessRepository(db)

    async def page(self, principal: Principal, months: int) -> FairnessPage:
        """Return the figures of referrals received in the last months.

        Args:
            principal: Who asks.
            months: One of `PERIODS`.
        """
        principal.require(Permission.MATCH_READ)
        on = today(clock_of(self.db))
        from_day = on - timedelta(days=round(months * _MONTH_DAYS))
        from_at, until_at = instant(from_day, time(0)), instant(on + timedelta(days=1), time(0))
        settings = await settings_of(self.db, principal.council_id, on)
        hold = Suppressor(int(settings["reporting.least_shown"]))
        cap = settings["matching.share_cap_percent"]
        served = await self.rows.served(principal.council_id, from_at, until_at)
        dimensions = [_dimension(kind, served, hold) for kind in _kinds(on)]
        organisations = await self._organisations(principal, served, from_at, until_at, hold, cap)
        return FairnessPage(
            months=months,
            from_day=from_day,
            until_day=on,
            least=hold.least,
            referrals=hold.words(len(served)),
            placed=_share(sum(1 for row in served if row.accepted_at), len(served), hold)[0],
            days=_days(served, hold),
            cap_percent=None if cap is None else int(cap),
            dimensions=[item for item in dimensions if item.rows],
            organisations=organisations,
            share_chart=[(row.name, row.share_percent, row.share) for row in organisations if row.share_percent],
            is_empty=not served,
        )

    async def file(self, principal: Principal, months: int) -> list[tuple[str, ...]]:
        """Return the same figures for a file, held back in the same way."""
        page = await self.page(principal, months)
        groups: list[tuple[str, ...]] = [
            (item.title, row.label, row.referrals, row.placed, row.days, row.miles, row.points, row.first)
            for item in page.dimensions
            for row in item.rows
        ]
        return groups + [
            ("Organisation", row.name, row.offers, row.placed, row.share, row.miles, "", "")
            for row in page.organisations
        ]

    async def _organisations(
        self,
        principal: Principal,
        served: Sequence[Served],
        from_at: datetime,
        until_at: datetime,
        hold: Suppressor,
        cap: int | None,
    ) -> list[OrganisationRow]:
        offers: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for organisation_id, status, count in await self.rows.answers(principal.council_id, from_at, until_at):
            offers[organisation_id][status] += count
        placed: dict[UUID, list[Served]] = defaultdict(list)
        for row in served:
            if row.organisation_id is not None:
                placed[row.organisation_id].append(row)
        names = await self.rows.names([*{*offers, *placed}])
        whole = sum(map(len, placed.values()))
        found = []
        for organisation_id, name in names.items():
            theirs, answers = placed.get(organisation_id, []), offers.get(organisation_id, {})
            share = 100 * len(theirs) / whole if whole else 0.0
            made = sum(answers.values())
            found.append(
                OrganisationRow(
                    name=name,
                    offers=f"{made:,}",
                    accepted=f"{100 * answers.get('accepted', 0) / made:.0f}%" if made else "No offers",
                    placed=f"{len(theirs):,}",
                    share=f"{share:.0f}%",
                    share_percent=round(share, 1),
                    miles=_miles(theirs, hold),
                    is_over_cap=cap is not None and share > cap,
                )
            )
        return sorted(found, key=lambda row: (-row.share_percent, row.name))


class _Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A way of putting referrals into groups; a referral may be in several (needs)."""

    key: str
    title: str
    heading: str
    of: Callable[[Served], Iterable[str]]
    order: Sequence[str] = ()
    """Labels in the order they are shown; others come after them by name."""


def age_band(born_on: date | None, on: date) -> str:
    """Name the band of an age on a day: adults as the national statistics of social care have them."""
    if born_on is None:
        return NOT_SAID
    age = on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
    for until, label in _AGE_BANDS:
        if age < until:
            return label
    return "85 and over"


_AGE_BANDS: Final = ((18, "Under 18"), (65, "18 to 64"), (75, "65 to 74"), (85, "75 to 84"))


def _kinds(on: date) -> list[_Kind]:
    return [
        _Kind(
            key="district",
            title="Where people live",
            heading="District",
            of=lambda row: [DISTRICT_NAMES.get(row.lad_code, "Not known")],
        ),
        _Kind(
            key="age",
            title="Age",
            heading="Age",
            of=lambda row: [age_band(row.born_on, on)],
            order=(*(label for _, label in _AGE_BANDS), "85 and over", NOT_SAID),
        ),
        _Kind(
            key="ethnicity",
            title="Ethnic group",
            heading="Ethnic group",
            of=lambda row: [ETHNIC_GROUPS.get(row.ethnicity, NOT_SAID)],
            order=(*ETHNIC_GROUPS.values(), NOT_SAID),
        ),
        _Kind(
            key="needs",
            title="What support is about",
            heading="Need",
            of=lambda row: [NEEDS.get(code, code) for code in row.needs] or [NOT_SAID],
            order=tuple(NEEDS.values()),
        ),
        _Kind(
            key="urgency",
            title="Urgency",
            heading="Urgency",
            of=lambda row: [URGENCY_LABELS[row.urgency]],
            order=tuple(URGENCY_LABELS.values()),
        ),
        _Kind(
            key="asked",
            title="What people asked for",
            heading="Asked for",
            of=_asked_for,
            order=("A worker of one gender", "A language", "Neither"),
        ),
    ]


def _asked_for(row: Served) -> list[str]:
    found = ["A worker of one gender"] if row.asked_for_gender else []
    return found + (["A language"] if row.asked_for_language else []) or ["Neither"]


def _dimension(kind: _Kind, served: Sequence[Served], hold: Suppressor) -> Dimension:
    groups: dict[str, list[Served]] = defaultdict(list)
    for row in served:
        for label in kind.of(row):
            groups[label].append(row)
    place = {label: number for number, label in enumerate(kind.order)}
    labels = sorted(groups, key=lambda label: (place.get(label, len(place)), label == "Not known", label))
    # Beside a group that is held back, the others' exact counts taken from the whole would give it away.
    is_rounded = any(hold.is_small(len(group)) for group in groups.values())
    rows = [_group(label, groups[label], hold, is_rounded=is_rounded) for label in labels]
    shown = [groups[row.label] for row in rows if not row.is_held_back]
    return Dimension(
        key=kind.key,
        title=kind.title,
        heading=kind.heading,
        rows=rows,
        note=_chance_words(shown),
        chart=[(row.label, row.placed_percent, row.placed) for row in rows if row.placed_percent is not None],
    )


def _group(label: str, rows: Sequence[Served], hold: Suppressor, *, is_rounded: bool) -> GroupRow:
    if hold.is_small(len(rows)):
        held = "Held back"
        return GroupRow(
            label=label, referrals=hold.words(len(rows)), placed=held, placed_percent=None, days=held, miles=held,
            points=held, first=held, is_held_back=True,
        )  # fmt: skip
    placed = [row for row in rows if row.accepted_at is not None]
    share, percent = _share(len(placed), len(rows), hold)
    points = [row.score for row in placed if row.score is not None]
    return GroupRow(
        label=label,
        referrals=hold.about(len(rows)) if is_rounded else hold.words(len(rows)),
        placed=share,
        placed_percent=percent,
        days=_days(rows, hold),
        miles=_miles(placed, hold),
        points=f"{mean(points):,.0f}" if len(points) >= hold.least else _too_few(len(points)),
        first=_share(sum(1 for row in placed if row.rank == 1), len(placed), hold)[0],
        is_held_back=False,
    )


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, from 0 to 1.

    Args:
        part: How many of the whole.
        whole: 1 or more.
    """
    share, square = part / whole, _Z * _Z
    middle = (share + square / (2 * whole)) / (1 + square / whole)
    half = _Z * sqrt(share * (1 - share) / whole + square / (4 * whole * whole)) / (1 + square / whole)
    return max(0.0, middle - half), min(1.0, middle + half)


def _share(part: int, whole: int, hold: Suppressor) -> tuple[str, int | None]:
    """Write a share; to the nearest five per cent where the part or the rest is a small number."""
    if whole < hold.least:
        return _too_few(whole), None
    percent = 100 * part / whole
    if hold.is_small(part) or hold.is_small(whole - part):
        rounded = min(95, max(5, 5 * round(percent / 5)))
        return f"about {rounded}%", rounded
    low, high = wilson(part, whole)
    return f"{percent:.0f}% (likely {100 * low:.0f} to {100 * high:.0f})", round(percent)


def _too_few(number: int) -> str:
    return "None" if not number else "Held back"


def _waited(row: Served) -> int | None:
    """Days from the referral to the planner's yes."""
    return None if row.accepted_at is None else (local(row.accepted_at).date() - local(row.received_at).date()).days


def _days(rows: Iterable[Served], hold: Suppressor) -> str:
    waits = [days for row in rows if (days := _waited(row)) is not None]
    if len(waits) < hold.least:
        return _too_few(len(waits))
    middle = median(waits)
    return f"{middle:g} {'day' if middle == 1 else 'days'}"


def _miles(rows: Iterable[Served], hold: Suppressor) -> str:
    found = [
        distance_metres(row.lat, row.lon, row.planner_lat, row.planner_lon) / METRES_PER_MILE
        for row in rows
        if row.lat is not None and row.lon is not None and row.planner_lat is not None and row.planner_lon is not None
    ]
    return f"{mean(found):.1f} miles" if len(found) >= hold.least else _too_few(len(found))


def shuffle_test(groups: Sequence[Sequence[int]], *, seed: int = 20_270_303) -> float | None:
    """Return how often chance makes differences between group means as large as these.

    The waits are dealt to groups of the same sizes at random, again and again, from a fixed seed.

    Args:
        groups: Waits in days by group, each with at least one.
        seed: Start of the random numbers; one seed, one answer.

    Returns:
        From 1 / (shuffles + 1) to 1; None with fewer than two groups.
    """
    if len(groups) < 2:
        return None
    values = np.concatenate([np.asarray(group, dtype=np.float64) for group in groups])
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    random = np.random.default_rng(seed)
    if len(values) > MOST_SHUFFLED:
        chosen = np.sort(random.choice(len(values), MOST_SHUFFLED, replace=False))
        values, labels = values[chosen], labels[chosen]
    sizes = np.maximum(1, np.bincount(labels, minlength=len(groups)))

    def spread(of: np.ndarray[Any, np.dtype[np.intp]]) -> float:
        sums = np.bincount(of, weights=values, minlength=len(groups))
        return float((sums * sums / sizes).sum())

    # A hair below what was seen, so that equal deals count as equal whatever the order of the additions.
    seen = spread(labels) * (1 - 1e-12)
    reached = sum(spread(random.permutation(labels)) >= seen for _ in range(SHUFFLES))
    return (1 + reached) / (1 + SHUFFLES)


_APART: Final = "The groups waited for different times, more different than chance makes"


def _chance_words(groups: Sequence[Sequence[Served]]) -> str:
    waits: list[list[int]] = []
    for rows in groups:
        of_group = [days for row in rows if (days := _waited(row)) is not None]
        if of_group:
            waits.append(of_group)
    chance = shuffle_test(waits)
    if chance is None:
        return "There are too few groups to compare how long they waited."
    if chance <= 0.01:
        return f"{_APART} 99 times in 100. Look into why."
    if chance <= 0.05:
        return f"{_APART} 95 times in 100. Keep an eye on it."
    return "How long the groups waited differs no more than chance alone would make it."


HEADINGS: Final[Mapping[str, str]] = {
    "kind": "Kind of group",
    "group": "Group",
    "referrals": "Referrals or offers",
    "placed": "Have a planner",
    "days": "Half waited no longer than, or share of the work",
    "miles": "Mean distance",
    "points": "Mean points",
    "first": "Planner stood first",
}
