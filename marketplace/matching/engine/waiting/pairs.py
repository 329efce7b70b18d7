"""Which candidates may be offered which cases, and with how many points: `check` and `score` for a whole list.

One block is some cases that live near each other, for the same service and council, times the candidates accredited
for it who could reach them. Inside a block the cheap rules run on a matrix that stays in the processor's cache; what
is left goes on as flat pairs. Eligibility and totals are those of the one-case ranking, to the point: tests hold the
two against each other.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Weights
from marketplace.matching.engine.waiting.columns import CaseColumns, rows_by_id
from marketplace.matching.engine.waiting.eligible import (
    Accredited,
    FirstDays,
    barred_rows,
    blocks,
    checked_pairs,
    next_weeks,
    survivors,
)
from marketplace.matching.engine.waiting.points import Statics, Whole, base_points, points_by_day, spare_points

_MOST_PAIRS: Final = 150_000_000  # 14 bytes each: 2 GB. Beyond, a county is split into shards.


class PairTable:
    """Every eligible pair of a list, flat: pair e is case `case[e]` with the candidate in row `row[e]`.

    Attributes:
        base: Points without the parts that depend on the week: `waiting`, `urgency` and `spare-capacity`.
        days: Days from the start asked for to the first day with a place.
        places: Free places to plan with, `places[week, row]`, week 0 being `table.first_week`; those of the table
            unless some are kept back or taken.
        start, count: The pairs of case i are `start[i] : start[i] + count[i]`; `count` is of all eligible candidates.
        top: Indexes of the k best pairs of each case by total at the first day.
        group: Number of a case's service and council; `live[group, week, row]` says whether the accreditation holds
            on the Monday of the week `table.first_week + week`.
    """

    def __init__(
        self, columns: CaseColumns, table: CandidateTable, weights: Weights, places: NDArray[np.int16]
    ) -> None:
        self.columns, self.table, self.weights, self.places = columns, table, weights, places
        self.case: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self.row: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self.base: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self.days: NDArray[np.int16] = np.zeros(0, dtype=np.int16)
        self.start: Whole = np.zeros(len(columns), dtype=np.int64)
        self.count: Whole = np.zeros(len(columns), dtype=np.int64)
        self.top: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.group: NDArray[np.intp] = np.zeros(len(columns), dtype=np.intp)
        self.live: NDArray[np.bool_] = np.zeros((0, len(table.free_places), len(table)), dtype=np.bool_)
        self._by_day, self._tier = points_by_day(columns, weights)

    def __len__(self) -> int:
        return len(self.case)

    def totals(self, pairs: NDArray[np.int64] | slice = slice(None)) -> Whole:
        """Totals of pairs for a start on their first day: those of the one-case ranking."""
        days, rows = self.days[pairs].astype(np.int64), self.row[pairs]
        totals = self.base[pairs] + self.timed_points(self.case[pairs], days)
        if self.weights.spare_capacity:
            week = (self.columns.start_day[self.case[pairs]] + days - 1) // 7 - self.table.first_week
            totals += spare_points(self.table, self.weights)[week, rows]
        return totals

    def timed_points(self, case: NDArray[np.int32] | NDArray[np.intp] | int, days: Whole) -> Whole:
        """Points of cases for starts so many days after the day asked for: the parts `waiting` and `urgency`."""
        points: Whole = self._by_day[self._tier[case], days]
        return points

    def of_case(self, index: int) -> slice:
        """Where the pairs of a case lie."""
        return slice(int(self.start[index]), int(self.start[index] + self.count[index]))

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Drop the pairs that are not kept, for good."""
        place = np.cumsum(kept) - 1
        self.count = np.bincount(self.case[kept], minlength=len(self.columns)).astype(np.int64)
        before = np.concatenate([[0], np.cumsum(kept)])
        self.start = before[self.start]
        self.case, self.row, self.base, self.days = (
            self.case[kept],
            self.row[kept],
            self.base[kept],
            self.days[kept],
        )
        self.top = place[self.top[kept[self.top]]]

    def insert(self, index: int, row: int, base: int, first_day: int) -> None:
        """Add a pair to a case that has none; it joins `top`."""
        at = len(self.case)
        self.case = np.append(self.case, np.int32(index))
        self.row = np.append(self.row, np.int32(row))
        self.base = np.append(self.base, np.int32(base))
        self.days = np.append(self.days, np.int16(first_day - int(self.columns.start_day[index])))
        self.start[index], self.count[index] = at, 1
        self.top = np.append(self.top, at)


def eligible_pairs(
    columns: CaseColumns,
    table: CandidateTable,
    weights: Weights,
    *,
    k: int,
    places: NDArray[np.int16] | None = None,
    refused: Mapping[int, NDArray[np.intp]] | None = None,
    progress: Callable[[float], None] | None = None,
) -> PairTable:
    """Find all eligible pairs with their points, and the k best of each case.

    Args:
        columns: The cases, in the codes of this table.
        table: The candidates.
        weights: The council's weights.
        k: How many candidates of each case `top` names.
        places: Places to plan with instead of those of the table.
        refused: Rows that a named person has ruled out for a case, by the case's index.
        progress: Told the share of cases done, 0 to 1.

    Raises:
        ValueError: More pairs than fit a machine's memory.
    """
    pairs = PairTable(columns, table, weights, table.free_places if places is None else places)
    barred = barred_rows(columns, table, refused or {})
    statics = Statics(table, weights)
    order, next_week = rows_by_id(table), next_weeks(pairs.places)
    parts: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int16]]] = []
    tops: list[NDArray[np.int64]] = []
    live, done, size = [], 0, 0
    for number, (service, council, members) in enumerate(columns.groups()):
        accredited = Accredited(table, order, service, council)
        live.append(accredited.live_on_mondays(table))
        pairs.group[members] = number
        first = FirstDays(columns, members, accredited, table, next_week)
        quick = members[~columns.by_check[members] & ~columns.one_by_one[members]]
        slow = members[columns.by_check[members] & ~columns.one_by_one[members]]
        done += len(members) - len(quick) - len(slow)
        for block in (*blocks(columns, quick), *blocks(columns, slow)):
            if columns.by_check[block[0]]:
                case, row, metres, days = checked_pairs(columns, table, accredited, first, block, barred)
            else:
                case, row, metres, days = survivors(columns, table, accredited, first, block, barred)
            base = base_points(columns, table, weights, statics, case, row, metres)
            pairs.start[block] = size + np.searchsorted(case, block)
            pairs.count[block] = np.bincount(np.searchsorted(block, case), minlength=len(block))
            totals = base + pairs.timed_points(case, days)
            if weights.spare_capacity:
                totals += statics.spare[(columns.start_day[case] + days - 1) // 7 - table.first_week, row]
            tops.append(size + best_of_each(case, totals, k))
            parts.append((case.astype(np.int32), row.astype(np.int32), base.astype(np.int32), days.astype(np.int16)))
            size += len(case)
            if size > _MOST_PAIRS:
                raise ValueError(f"more than {_MOST_PAIRS:,} eligible pairs: split the list into shards")
            done += len(block)
            if progress is not None:
                progress(done / len(columns))
    if parts:
        # A column at a time, each let go once it is joined: the parts and the whole together would take twice as much.
        cases, rows, bases, days_of = (list(column) for column in zip(*parts, strict=True))
        parts.clear()
        pairs.case = np.concatenate(cases)
        cases.clear()
        pairs.row = np.concatenate(rows)
        rows.clear()
        pairs.base = np.concatenate(bases)
        bases.clear()
        pairs.days = np.concatenate(days_of)
        pairs.top, pairs.live = np.concatenate(tops), np.array(live, dtype=np.bool_)
    return pairs


def best_of_each(case: NDArray[np.intp], totals: Whole, k: int) -> NDArray[np.int64]:
    """Indexes of the k largest totals of each case; `case` is sorted, ties go to the first."""
    if not len(case):
        return np.zeros(0, dtype=np.int64)
    # One number to sort by: case, then points from the top, then place. A block has below 2**15 cases, 2**30 pairs and
    # 2**18 points; the indexes of its cases may lie far apart.
    of_block = np.concatenate([[0], np.cumsum(case[1:] != case[:-1])])
    keys = (of_block << 48) + ((totals.max() - totals) << 30) + np.arange(len(case))
    keys.sort()
    ordered = keys & ((1 << 30) - 1)
    began = np.searchsorted(case, case[ordered])
    return np.sort(ordered[np.arange(len(case)) - began < k])
