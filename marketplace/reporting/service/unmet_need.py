"""Unmet need as commissioners see it: by area, kind and time, with small numbers held back (C13)."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core.clock import today, week_start
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_short_date
from marketplace.providers.models import CATEGORY_LABELS, ListingCategory, UnmetSource
from marketplace.providers.repository.demand import Counted, DemandRepository
from marketplace.providers.service.demand import TIMES_OF_DAY
from marketplace.providers.service.words import WEEKDAYS

PERIODS: Final[tuple[tuple[int, str], ...]] = ((4, "4 weeks"), (13, "3 months"), (52, "12 months"))
SOURCES: Final[dict[str, str]] = {
    "": "Both",
    UnmetSource.SAID.value: "People said that nothing suits",
    UnmetSource.FEW_RESULTS.value: "Searches with few results",
}
NO_CATEGORY: Final = "No kind named"
NO_AREA: Final = "Town or district only"
AREAS_SHOWN: Final = 25
WORDS_SHOWN: Final = 15
ROUND_TO: Final = 5


class Cell(msgspec.Struct, frozen=True):
    """A count as it may be shown."""

    shown: str
    shade: int
    """0 (nothing) to 4 (most), for the heat map; a held back number has the lightest shade."""


class Grid(msgspec.Struct, frozen=True):
    """A heat map: `cells[row][column]`."""

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Cell]]
    totals: Sequence[str]


class Supply(msgspec.Struct, frozen=True):
    """Demand beside what there is, for a kind of support."""

    label: str
    wanted: str
    offers: int


class UnmetNeedPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows."""

    weeks: int
    source: str
    from_day: date
    until_day: date
    total: str
    least: int
    by_area: Grid
    by_time: Grid
    by_week: Sequence[tuple[str, int, str]]
    words: Sequence[tuple[str, str]]
    supply: Sequence[Supply]
    is_empty: bool


class Suppressor:
    """Holds back counts from 1 to below a least one, and rounds the sums in which such a count could be found again."""

    def __init__(self, least: int) -> None:
        self.least = least

    def is_small(self, number: int) -> bool:
        """Whether a count must not be shown."""
        return 0 < number < self.least

    def words(self, number: int) -> str:
        """Write a count: "12", "0" or "fewer than 5"."""
        return f"fewer than {self.least}" if self.is_small(number) else f"{number:,}"

    def total(self, parts: Iterable[int]) -> str:
        """Write the sum of some counts; to the nearest five where one of them is held back."""
        parts = list(parts)
        whole = sum(parts)
        if self.is_small(whole) or not any(self.is_small(part) for part in parts):
            return self.words(whole)
        return self.about(whole)

    def about(self, number: int) -> str:
        """Write a count to the nearest five, never as a number that would be held back."""
        return f"about {max(self.least, round(number / ROUND_TO) * ROUND_TO):,}"


class UnmetNeedService:
    """Reads the council's counts."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.demand = DemandRepository(db)

    async def page(self, principal: Principal, weeks: int, source: str) -> UnmetNeedPage:
        """Return the figures of the last whole weeks and this one."""
        principal.require(Permission.DEMAND_READ)
        until_day = today(clock_of(self.db)) + timedelta(days=1)
        from_day = week_start(until_day - timedelta(days=1)) - timedelta(weeks=weeks - 1)
        least = int(await setting(self.db, principal.council_id, "reporting.least_shown", until_day))
        hold = Suppressor(least)
        rows = [
            row
            for row in await self.demand.counted(principal.council_id, from_day, until_day)
            if source in ("", row.source.value)
        ]
        supply = await self.demand.supply(principal.council_id, until_day)
        weekly = Counter[date]()
        for row in rows:
            weekly[week_start(row.day)] += row.times
        mondays = [from_day + timedelta(weeks=number) for number in range(weeks)]
        by_kind = _count(rows, lambda row: [row.category])
        words = _count(rows, lambda row: [row.wanted] if row.wanted else [])
        return UnmetNeedPage(
            weeks=weeks,
            source=source,
            from_day=from_day,
            until_day=until_day - timedelta(days=1),
            total=hold.total(by_kind.values()),
            least=least,
            by_area=_area_grid(rows, hold),
            by_time=_time_grid(rows, hold),
            # A point of the line is never a held back number: it is drawn as nothing and says why in words.
            by_week=[
                (uk_short_date(monday), 0 if hold.is_small(weekly[monday]) else weekly[monday],
                 hold.words(weekly[monday]))
                for monday in mondays
            ],
            words=[(text, hold.words(times)) for text, times in words.most_common(WORDS_SHOWN) if times >= least],
            supply=[
                Supply(label, hold.words(by_kind[category.value]), supply.get(category.value, 0))
                for category, label in CATEGORY_LABELS.items()
                if by_kind[category.value] or supply.get(category.value)
            ],
            is_empty=not rows,
        )  # fmt: skip

    async def rows(self, principal: Principal, weeks: int, source: str) -> list[tuple[str, ...]]:
        """Return the area and kind counts for a file, held back in the same way as on the page."""
        page = await self.page(principal, weeks, source)
        return [
            (area, kind, cell.shown)
            for area, cells in zip(page.by_area.rows, page.by_area.cells, strict=True)
            for kind, cell in zip(page.by_area.columns, cells, strict=True)
            if cell.shown != "0"
        ]


def _count(rows: Iterable[Counted], keys: Callable[[Counted], Iterable[str]]) -> Counter[str]:
    counts = Counter[str]()
    for row in rows:
        for key in keys(row):
            counts[key] += row.times
    return counts


def _area_grid(rows: Sequence[Counted], hold: Suppressor) -> Grid:
    areas = [area for area, _ in _count(rows, lambda row: [row.outward]).most_common(AREAS_SHOWN)]
    kinds = [*[kind.value for kind in ListingCategory], ""]
    used = _count(rows, lambda row: [row.category])
    kinds = [kind for kind in kinds if used[kind]]
    counts = Counter[tuple[str, str]]()
    for row in rows:
        counts[row.outward, row.category] += row.times
    labels = {kind.value: label for kind, label in CATEGORY_LABELS.items()}
    return _grid(
        [(area, area or NO_AREA) for area in sorted(areas, key=lambda area: (not area, area))],
        [(kind, labels.get(kind, NO_CATEGORY)) for kind in kinds],
        counts,
        hold,
    )


def _time_grid(rows: Sequence[Counted], hold: Suppressor) -> Grid:
    counts = Counter[tuple[str, str]]()
    for row in rows:
        for day in row.days or "-":
            for time in row.times_of_day.split() or ["-"]:
                counts[day, time] += row.times
    days = [(str(number), name) for number, name in enumerate(WEEKDAYS)]
    times = [(name, name.capitalize()) for name in TIMES_OF_DAY]
    return _grid([*days, ("-", "Any day")], [*times, ("-", "Any time")], counts, hold)


def _grid(
    rows: Sequence[tuple[str, str]], columns: Sequence[tuple[str, str]], counts: Counter[tuple[str, str]],
    hold: Suppressor,
) -> Grid:  # fmt: skip
    most = max(counts.values(), default=0) or 1

    def cell(key: tuple[Hashable, Hashable]) -> Cell:
        number = counts[key]  # type: ignore[index]  # Counter of pairs of texts
        shade = 0 if not number else 1 if hold.is_small(number) else 1 + min(3, number * 3 // most)
        return Cell(hold.words(number), shade)

    return Grid(
        rows=[label for _, label in rows],
        columns=[label for _, label in columns],
        cells=[[cell((row, column)) for column, _ in columns] for row, _ in rows],
        totals=[hold.total(counts[row, column] for column, _ in columns) for row, _ in rows],
    )
