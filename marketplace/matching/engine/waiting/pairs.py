"""Which candidates may be offered which cases, and with how many points: `check` and `score` for a whole list.

One block is some cases that live near each other, for the same service and council, times the candidates accredited
for it who could reach them. Inside a block the cheap rules run on a matrix that stays in the processor's cache; what
is left goes on as flat pairs. Eligibility and totals are those of the one-case ranking, to the point: tests hold the
two against each other.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.bitsets import BitSets
from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.model import NO_DAY, Weights
from marketplace.matching.engine.score import (
    capacity_points,
    counted_rating,
    distance_points,
    waiting_points,
)
from marketplace.matching.engine.waiting.columns import ANYBODY, CaseColumns, rows_by_id

Whole = NDArray[np.int64]

_CELL_METRES: Final = 8_000
_BLOCK_CASES: Final = 128
_MOST_DAYS: Final = 367  # A window has at most 366 days.
_MOST_PAIRS: Final = 150_000_000  # 14 bytes each: 2 GB. Beyond, a county is split into shards.


class PairTable:
    """Every eligible pair of a list, flat: pair e is case `case[e]` with the candidate in row `row[e]`.

    Attributes:
        base: Points without the two parts that depend on the week, `waiting` and `spare-capacity`.
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
        self.waiting_by_day: Whole = waiting_points(np.arange(_MOST_DAYS, dtype=np.int64), weights)

    def __len__(self) -> int:
        return len(self.case)

    def totals(self, pairs: NDArray[np.int64] | slice = slice(None)) -> Whole:
        """Totals of pairs for a start on their first day: those of the one-case ranking."""
        days, rows = self.days[pairs].astype(np.int64), self.row[pairs]
        totals = self.base[pairs] + self.waiting_by_day[days]
        if self.weights.spare_capacity:
            week = (self.columns.start_day[self.case[pairs]] + days - 1) // 7 - self.table.first_week
            totals += spare_points(self.table, self.weights)[week, rows]
        return totals

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
    barred = _barred(columns, table, refused or {})
    statics = Statics(table, weights, pairs.places)
    parts: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int16]]] = []
    tops: list[NDArray[np.int64]] = []
    live, done, size = [], 0, 0
    for number, (service, council, members) in enumerate(columns.groups()):
        accredited = _Accredited(table, statics.order, service, council)
        live.append(accredited.live_on_mondays(table))
        pairs.group[members] = number
        first = _FirstDays(columns, members, accredited, table, statics)
        for block in _blocks(columns, members):
            case, row, metres, days = _survivors(columns, table, accredited, first, block, barred)
            base = base_points(columns, table, weights, statics, case, row, metres)
            pairs.start[block] = size + np.searchsorted(case, block)
            pairs.count[block] = np.bincount(np.searchsorted(block, case), minlength=len(block))
            totals = base + pairs.waiting_by_day[days]
            if weights.spare_capacity:
                totals += statics.spare[(columns.start_day[case] + days - 1) // 7 - table.first_week, row]
            tops.append(size + _top(case, totals, k))
            parts.append((case.astype(np.int32), row.astype(np.int32), base.astype(np.int32), days.astype(np.int16)))
            size += len(case)
            if size > _MOST_PAIRS:
                raise ValueError(f"more than {_MOST_PAIRS:,} eligible pairs: split the list into shards")
            done += len(block)
            if progress is not None:
                progress(done / len(columns))
    if parts:
        pairs.case, pairs.row = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        pairs.base, pairs.days = (
            np.concatenate([part[2] for part in parts]),
            np.concatenate([part[3] for part in parts]),
        )
        pairs.top, pairs.live = np.concatenate(tops), np.array(live, dtype=np.bool_)
    return pairs


class Statics:
    """What depends on the candidate alone, by row."""

    def __init__(self, table: CandidateTable, weights: Weights, places: NDArray[np.int16]) -> None:
        numbers = table.numbers
        self.order = rows_by_id(table)
        rating = counted_rating(numbers[Column.RATING], numbers[Column.RATING_COUNT], weights)
        quality = _rounded(weights.quality * (rating / 100.0))
        open_cases = numbers[Column.OPEN_CASES]
        spread = _rounded(weights.fair_spread * np.maximum(0.0, 1.0 - open_cases / weights.fair_spread_cases))
        self.points: Whole = quality + spread
        self.spare: Whole = spare_points(table, weights)
        self.next_week = _next_weeks(places)


def spare_points(table: CandidateTable, weights: Weights) -> Whole:
    """Points for spare capacity, `points[week, row]`, over the diary."""
    capacity = table.numbers[Column.WEEK_CAPACITY]
    weeks = [capacity_points(places.astype(np.int64), capacity, weights) for places in table.free_places]
    return np.array(weeks, dtype=np.int64).reshape(table.free_places.shape)


class _Accredited:
    """The candidates accredited for a service and council at any time, in the order of their ids.

    `from_day[r, i]` and `until_day[r, i]` are the r-th record of the i-th of them; most have one.
    """

    def __init__(self, table: CandidateTable, order: NDArray[np.intp], service: str, council: str) -> None:
        services, councils, from_day, until_day = table.accreditations.values
        here = np.flatnonzero((services == table.code(service)) & (councils == table.code(council)))
        of_row = table.accreditations.rows[here]
        has = np.bincount(of_row, minlength=len(table))
        self.rows: NDArray[np.intp] = order[has[order] > 0]
        place = np.zeros(len(table), dtype=np.intp)
        place[self.rows] = np.arange(len(self.rows))
        within = np.arange(len(here)) - np.searchsorted(of_row, of_row)
        self.from_day: Whole = np.full((int(has.max(initial=0)), len(self.rows)), NO_DAY, dtype=np.int64)
        self.until_day: Whole = np.zeros_like(self.from_day)
        self.from_day[within, place[of_row]] = from_day[here]
        self.until_day[within, place[of_row]] = until_day[here]

    def live(self, days: Whole | int) -> NDArray[np.bool_]:
        """Whether any record covers the day; `days[..., i]` belongs to the i-th candidate."""
        covered = np.zeros(np.broadcast_shapes(np.shape(days), self.rows.shape), dtype=np.bool_)
        for from_day, until_day in zip(self.from_day, self.until_day, strict=True):
            covered |= (from_day <= days) & (days < until_day)
        return covered

    def live_on_mondays(self, table: CandidateTable) -> NDArray[np.bool_]:
        """`live[week, row]` over the diary."""
        live = np.zeros(table.free_places.shape, dtype=np.bool_)
        mondays = (table.first_week + np.arange(len(live), dtype=np.int64)) * 7 + 1
        live[:, self.rows] = self.live(mondays[:, np.newaxis])
        return live


class _FirstDays:
    """First possible day of the accredited candidates for each start day that occurs among some cases.

    `first[day_of[case], i]` is `NO_DAY` where there is none or the accreditation does not hold then.
    """

    def __init__(
        self,
        columns: CaseColumns,
        members: NDArray[np.intp],
        accredited: _Accredited,
        table: CandidateTable,
        statics: Statics,
    ) -> None:
        asked, of_member = np.unique(columns.start_day[members], return_inverse=True)
        self.day_of: NDArray[np.intp] = np.zeros(len(columns), dtype=np.intp)
        self.day_of[members] = of_member
        free_from = table.numbers[Column.FIRST_FREE_DAY][accredited.rows]
        earliest = np.maximum(free_from, asked[:, np.newaxis])
        weeks = len(table.free_places)
        week = np.clip((earliest - 1) // 7 - table.first_week, 0, weeks)
        found = statics.next_week[week, accredited.rows]
        first = np.maximum(earliest, (table.first_week + found) * 7 + 1)
        holds = accredited.live(first) & accredited.live(asked[:, np.newaxis])
        self.first: Whole = np.where((found < weeks) & holds, first, NO_DAY)


def _next_weeks(places: NDArray[np.int16]) -> Whole:
    """`next[week, row]`: the first week of the diary from this one on with a free place; its length for none."""
    weeks = len(places)
    following = np.full((weeks + 1, places.shape[1]), weeks, dtype=np.int64)
    for week in reversed(range(weeks)):
        following[week] = np.where(places[week] > 0, week, following[week + 1])
    return following


def _blocks(columns: CaseColumns, members: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """The cases in runs of neighbours, each run in the order of the index."""
    east, north = columns.x_metres[members] // _CELL_METRES, columns.y_metres[members] // _CELL_METRES
    # Rows of cells are walked to and fro, so that a run never jumps across the county.
    ordered = members[np.lexsort((members, np.where(north % 2, -east, east), north))]
    for first in range(0, len(ordered), _BLOCK_CASES):
        yield np.sort(ordered[first : first + _BLOCK_CASES])


def _survivors(
    columns: CaseColumns,
    table: CandidateTable,
    accredited: _Accredited,
    first: _FirstDays,
    block: NDArray[np.intp],
    barred: Mapping[int, NDArray[np.intp]],
) -> tuple[NDArray[np.intp], NDArray[np.intp], Whole, Whole]:
    """Pairs of a block that break no rule: case, row, metres by road, and days to the first place."""
    x, y = columns.x_metres[block], columns.y_metres[block]
    reach = table.numbers[Column.RADIUS_METRES][accredited.rows]
    east, north = (table.numbers[column][accredited.rows] for column in (Column.X_METRES, Column.Y_METRES))
    beside = np.maximum(0, np.maximum(x.min() - east, east - x.max()))
    above = np.maximum(0, np.maximum(y.min() - north, north - y.max()))
    near = np.flatnonzero(np.maximum(beside, above) <= reach)  # No road is shorter than the straight line.
    dx, dy = (x[:, np.newaxis] - east[near]).astype(np.float64), (y[:, np.newaxis] - north[near]).astype(np.float64)
    # The same expression as `rules.road_metres`: whole squares below 2**53, one square root, one product.
    dx *= dx
    dy *= dy
    dx += dy
    np.sqrt(dx, out=dx)
    dx *= columns.road_factor[block][:, np.newaxis]
    dx += 0.5
    metres = np.floor(dx, out=dx)
    days = first.first[first.day_of[block][:, np.newaxis], near]
    fits = (metres <= reach[near]) & (days <= columns.last_day[block][:, np.newaxis])
    of_block, of_near = np.nonzero(fits)
    case, row = block[of_block], accredited.rows[near[of_near]]
    keep = _asked_for(columns, table, case, row)
    for index in block.tolist():
        if index in barred:
            out = np.zeros(len(table), dtype=np.bool_)
            out[barred[index]] = True
            lies = slice(*np.searchsorted(case, [index, index + 1]))
            keep[lies] &= ~out[row[lies]]
    found = days[fits][keep] - columns.start_day[case[keep]]
    return case[keep], row[keep], metres[fits][keep].astype(np.int64), found


def _asked_for(
    columns: CaseColumns, table: CandidateTable, case: NDArray[np.intp], row: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """The rules that only some cases call for; each is computed only where one of these cases does."""
    keep = ~columns.impossible[case]
    for wanted, has in (
        (columns.gender[case], table.numbers[Column.GENDER]),
        (columns.chosen_organisation[case], table.numbers[Column.ORGANISATION]),
        (columns.chosen_row[case], np.arange(len(table), dtype=np.int64)),
    ):
        if (wanted != ANYBODY).any():
            keep &= (wanted == ANYBODY) | (wanted == has[row])
    for essential, sets in ((columns.languages, table.languages), (columns.skills, table.skills)):
        for word, of_cases in enumerate(essential):
            if of_cases.any():
                wanted_bits = of_cases[case]
                keep &= (sets.words[word][row] & wanted_bits) == wanted_bits
    return keep


def base_points(
    columns: CaseColumns,
    table: CandidateTable,
    weights: Weights,
    statics: Statics,
    case: NDArray[np.intp],
    row: NDArray[np.intp],
    metres: Whole,
) -> Whole:
    """Points of pairs without the parts that depend on the week."""
    points = distance_points(metres, weights) + statics.points[row]
    if weights.specialism:
        met, asked = _shared(table.specialisms, row, columns.needs, case), np.maximum(1, columns.needs_count[case])
        points += _rounded(weights.specialism * (met / asked))
    if weights.interests:
        shared, counted = _shared(table.interests, row, columns.interests, case), weights.interests_counted
        points += _rounded(weights.interests * (np.minimum(shared, counted) / counted))
    if weights.language and columns.wished[:, case].any():
        points += np.where(_shared(table.languages, row, columns.wished, case) > 0, weights.language, 0)
    points += np.where(columns.previous_row[case] == row, weights.continuity, 0)
    if weights.price:
        budget, tariff = columns.budget_pence[case], table.numbers[Column.TARIFF_PENCE][row]
        left = np.maximum(0.0, (budget - tariff) / np.maximum(1, budget))
        points += _rounded(weights.price * np.where((tariff < 0) | (budget == 0), 0.0, left))
    return points


def _shared(sets: BitSets, row: NDArray[np.intp], wanted: NDArray[np.uint64], case: NDArray[np.intp]) -> Whole:
    shared = np.zeros(len(row), dtype=np.int64)
    for held, asked in zip(sets.words, wanted, strict=True):
        shared += np.bitwise_count(held[row] & asked[case])
    return shared


def _barred(
    columns: CaseColumns, table: CandidateTable, refused: Mapping[int, NDArray[np.intp]]
) -> dict[int, NDArray[np.intp]]:
    """Rows ruled out for single cases: conflicts of interest, the person's refusals, and `refused`."""
    of_party: dict[int, list[int]] = {}
    for row, party in zip(table.conflicts.rows.tolist(), table.conflicts.values[0].tolist(), strict=True):
        of_party.setdefault(party, []).append(row)
    rows_of_party = {party: np.array(rows, dtype=np.intp) for party, rows in of_party.items()}
    barred: dict[int, list[NDArray[np.intp]]] = {}
    for index, case in enumerate(columns.cases):
        for party_id in case.party_ids:
            if (party := table.code(party_id)) in rows_of_party:
                barred.setdefault(index, []).append(rows_of_party[party])
        for worker in case.excluded_worker_ids:
            if worker in table.row_of:
                barred.setdefault(index, []).append(np.array([table.row_of[worker]], dtype=np.intp))
        for organisation in case.excluded_organisation_ids:
            if (code := table.code(organisation)) >= 0:
                of_organisation = np.flatnonzero(table.numbers[Column.ORGANISATION] == code)
                barred.setdefault(index, []).append(of_organisation)
    for index, rows in refused.items():
        barred.setdefault(index, []).append(rows)
    return {index: np.concatenate(rows) for index, rows in barred.items()}


def _top(case: NDArray[np.intp], totals: Whole, k: int) -> NDArray[np.int64]:
    """Indexes of the k largest totals of each case; `case` is sorted, ties go to the first."""
    if not len(case):
        return np.zeros(0, dtype=np.int64)
    # One number to sort by: case, then points from the top, then place. A block has below 2**30 pairs.
    keys = ((case - case[0]).astype(np.int64) << 48) + ((totals.max() - totals) << 30) + np.arange(len(case))
    keys.sort()
    ordered = keys & ((1 << 30) - 1)
    began = np.searchsorted(case, case[ordered])
    return np.sort(ordered[np.arange(len(case)) - began < k])


def _rounded(points: NDArray[np.float64]) -> Whole:
    return np.floor(points + 0.5).astype(np.int64)
