"""The hard rules for blocks of cases: some cases that live near each other, times those accredited for them.

The rules that decide most pairs run on a matrix that stays in the processor's cache; the others on the flat pairs that
are left. What has no quick way here goes through `rules.check`, case by case.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.model import NO_DAY
from marketplace.matching.engine.rules import BIT, Rule, check
from marketplace.matching.engine.waiting.columns import ANYBODY, CaseColumns
from marketplace.matching.engine.waiting.points import Whole

_CELL_METRES: Final = 8_000
_BLOCK_CASES: Final = 128

Pairs = tuple[NDArray[np.intp], NDArray[np.intp], Whole, Whole]
"""Case, row, metres by road, and days to the first place."""

Barred = dict[int, list[NDArray[np.intp]]]
"""Rows ruled out, by the index of a case."""


class Accredited:
    """The candidates accredited for a service and council at any time, in the order of their ids.

    `from_day[r, i]` and `until_day[r, i]` are the r-th record of the i-th of them; most have one.
    """

    def __init__(self, table: CandidateTable, order: NDArray[np.intp], service: str, council: str) -> None:
        here = table.accreditations.group(table.code(service), table.code(council))
        _, _, from_day, until_day = table.accreditations.values[:, here]
        of_row = table.accreditations.rows[here]
        has = np.bincount(of_row, minlength=len(table))
        self.rows: NDArray[np.intp] = order[has[order] > 0]
        place = np.zeros(len(table), dtype=np.intp)
        place[self.rows] = np.arange(len(self.rows))
        within = np.arange(len(of_row)) - np.searchsorted(of_row, of_row)
        self.from_day: Whole = np.full((int(has.max(initial=0)), len(self.rows)), NO_DAY, dtype=np.int64)
        self.until_day: Whole = np.zeros_like(self.from_day)
        self.from_day[within, place[of_row]] = from_day
        self.until_day[within, place[of_row]] = until_day

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


class FirstDays:
    """First possible day of the accredited candidates for each start day that occurs among some cases.

    `first[day_of[case], i]` is `NO_DAY` where there is none or the accreditation does not hold then.
    """

    def __init__(
        self,
        columns: CaseColumns,
        members: NDArray[np.intp],
        accredited: Accredited,
        table: CandidateTable,
        next_week: Whole,
    ) -> None:
        asked, of_member = np.unique(columns.start_day[members], return_inverse=True)
        self.day_of: NDArray[np.intp] = np.zeros(len(columns), dtype=np.intp)
        self.day_of[members] = of_member
        free_from = table.numbers[Column.FIRST_FREE_DAY][accredited.rows]
        earliest = np.maximum(free_from, asked[:, np.newaxis])
        weeks = len(table.free_places)
        week = np.clip((earliest - 1) // 7 - table.first_week, 0, weeks)
        found = next_week[week, accredited.rows]
        first = np.maximum(earliest, (table.first_week + found) * 7 + 1)
        holds = accredited.live(first) & accredited.live(asked[:, np.newaxis])
        self.first: Whole = np.where((found < weeks) & holds, first, NO_DAY)


def next_weeks(places: NDArray[np.int16]) -> Whole:
    """`next[week, row]`: the first week of the diary from this one on with a free place; its length for none."""
    weeks = len(places)
    following = np.full((weeks + 1, places.shape[1]), weeks, dtype=np.int64)
    for week in reversed(range(weeks)):
        following[week] = np.where(places[week] > 0, week, following[week + 1])
    return following


def blocks(columns: CaseColumns, members: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """The cases in runs of neighbours, each run in the order of the index."""
    east, north = columns.x_metres[members] // _CELL_METRES, columns.y_metres[members] // _CELL_METRES
    # Rows of cells are walked to and fro, so that a run never jumps across the county.
    ordered = members[np.lexsort((members, np.where(north % 2, -east, east), north))]
    for first in range(0, len(ordered), _BLOCK_CASES):
        yield np.sort(ordered[first : first + _BLOCK_CASES])


def survivors(
    columns: CaseColumns,
    table: CandidateTable,
    accredited: Accredited,
    first: FirstDays,
    block: NDArray[np.intp],
    barred: Barred,
) -> Pairs:
    """Pairs of a block that break no rule."""
    x, y = columns.x_metres[block], columns.y_metres[block]
    reach = table.numbers[Column.RADIUS_METRES][accredited.rows]
    east, north = (table.numbers[column][accredited.rows] for column in (Column.X_METRES, Column.Y_METRES))
    beside = np.maximum(0, np.maximum(x.min() - east, east - x.max()))
    above = np.maximum(0, np.maximum(y.min() - north, north - y.max()))
    near = np.flatnonzero(np.maximum(beside, above) <= reach)  # No road is shorter than the straight line.
    dx, dy = (x[:, np.newaxis] - east[near]).astype(np.float64), (y[:, np.newaxis] - north[near]).astype(np.float64)
    # The same expression as `standing.road_metres`: whole squares below 2**53, one square root, one product.
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
            lies = slice(*np.searchsorted(case, [index, index + 1]))
            keep[lies] &= ~_marked(len(table), barred[index])[row[lies]]
    found = days[fits][keep] - columns.start_day[case[keep]]
    return case[keep], row[keep], metres[fits][keep].astype(np.int64), found


_OF_THE_DAY: Final = np.uint16(BIT[Rule.HAS_CAPACITY] | BIT[Rule.ACCREDITED_COUNCIL])
"""The rules that depend on the first day, which depends on the places to plan with."""


def checked_pairs(
    columns: CaseColumns,
    table: CandidateTable,
    accredited: Accredited,
    first: FirstDays,
    block: NDArray[np.intp],
    barred: Barred,
) -> Pairs:
    """As `survivors`, by `check` and case by case: for whatever has no quick way of its own."""
    parts = []
    for index in block.tolist():
        checked = check(columns.cases[index], table)
        days = first.first[first.day_of[index]]
        fits = (checked.failed[accredited.rows] & ~_OF_THE_DAY) == 0
        fits &= days <= columns.last_day[index]
        if index in barred:
            fits &= ~_marked(len(table), barred[index])[accredited.rows]
        row = accredited.rows[fits]
        case = np.full(len(row), index, dtype=np.intp)
        parts.append((case, row, checked.metres[row], days[fits] - columns.start_day[index]))
    case, row, metres, days = (np.concatenate(column) for column in zip(*parts, strict=True))
    return case, row, metres, days


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


def barred_rows(columns: CaseColumns, table: CandidateTable, refused: Mapping[int, NDArray[np.intp]]) -> Barred:
    """Rows ruled out for single cases: conflicts of interest, the person's refusals, and `refused`.

    Cases share the arrays: a large organisation has thousands of rows and stands in the way of thousands of cases.
    Conflicts of other kinds make a case one for `check`.
    """
    of_party: dict[int, list[int]] = {}
    for row, party in zip(table.conflicts.rows.tolist(), table.conflicts.values[0].tolist(), strict=True):
        of_party.setdefault(party, []).append(row)
    rows_of_party = {party: np.array(rows, dtype=np.intp) for party, rows in of_party.items()}
    rows_of_organisation: dict[str, NDArray[np.intp]] = {}
    barred: Barred = {}
    for index, case in enumerate(columns.cases):
        for party_id in case.party_ids:
            if (party := table.code(party_id)) in rows_of_party:
                barred.setdefault(index, []).append(rows_of_party[party])
        for worker in case.excluded_worker_ids:
            if worker in table.row_of:
                barred.setdefault(index, []).append(np.array([table.row_of[worker]], dtype=np.intp))
        for organisation in case.excluded_organisation_ids:
            if (code := table.code(organisation)) >= 0:
                if organisation not in rows_of_organisation:
                    of_all = table.numbers[Column.ORGANISATION]
                    rows_of_organisation[organisation] = np.flatnonzero(of_all == code)
                barred.setdefault(index, []).append(rows_of_organisation[organisation])
    for index, rows in refused.items():
        barred.setdefault(index, []).append(rows)
    return barred


def _marked(size: int, rows: list[NDArray[np.intp]]) -> NDArray[np.bool_]:
    marked = np.zeros(size, dtype=np.bool_)
    for some in rows:
        marked[some] = True
    return marked
