"""Today's ways of placing a list, by the same hard rules and the same ruler as the optimum.

Each takes the cases one by one: urgent ones first, then in the order of arrival. `rotation` gives each the next
planner in turn who may take it, `nearest` the nearest, `best-first` the one with most points; each the first week of
its window with a place that is still free, and nobody is moved later. What has no eligible planner with a free place
stays waiting.

Source: matching.md 6.4.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.model import Case, Weights
from marketplace.matching.engine.standing import pair_metres, road_metres, table_metres
from marketplace.matching.engine.waiting.measures import measured
from marketplace.matching.engine.waiting.outcome import PLAIN, Measures, Options, Placement, Veto
from marketplace.matching.engine.waiting.points import Whole, spare_points
from marketplace.matching.engine.waiting.problem import Problem
from marketplace.matching.engine.waiting.weeks import Nodes


class Practice(StrEnum):
    """A way of placing a list by hand."""

    ROTATION = "rotation"
    NEAREST = "nearest"
    BEST_FIRST = "best-first"


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What a practice would have done with the list."""

    practice: Practice
    placements: tuple[Placement, ...]
    measures: Measures


def baseline(
    practice: Practice,
    cases: Sequence[Case],
    table: CandidateTable,
    weights: Weights,
    *,
    options: Options = PLAIN,
    vetoes: Sequence[Veto] = (),
) -> Baseline:
    """Place a list the way people do it today; `cases` are in the order of arrival."""
    return baselines(cases, table, weights, practices=(practice,), options=options, vetoes=vetoes)[0]


def baselines(
    cases: Sequence[Case],
    table: CandidateTable,
    weights: Weights,
    *,
    practices: Sequence[Practice] = tuple(Practice),
    options: Options = PLAIN,
    vetoes: Sequence[Veto] = (),
    problem: Problem | None = None,
) -> tuple[Baseline, ...]:
    """Place a list by several practices; the pairs are found once, or taken from `problem`."""
    problem = problem or Problem(cases, table, weights, options, vetoes=vetoes)
    columns = problem.columns
    arrival = np.array([columns.index_of[case.id] for case in cases], dtype=np.intp)
    queue = arrival[np.argsort(columns.tier[arrival], kind="stable")]
    made = []
    for practice in practices:
        placements = _Desk(problem, practice).work_off(queue)
        measures = measured(columns, table, placements, problem.pairs.places)
        made.append(Baseline(practice=practice, placements=tuple(placements), measures=measures))
    return tuple(made)


class _Desk:
    """One practice at work: the places left, and whose turn it is."""

    def __init__(self, problem: Problem, practice: Practice) -> None:
        self._problem, self._pairs, self._table = problem, problem.pairs, problem.table
        self._left = problem.pairs.places.astype(np.int64)
        self._nodes = Nodes(problem.pairs)
        self._spare = spare_points(problem.table, problem.weights)
        self._last_week = (problem.columns.last_day - 1) // 7 - self._nodes.first_week
        self._choose: Callable[[int, NDArray[np.int32], Whole], int] = {
            Practice.ROTATION: self._next_in_turn,
            Practice.NEAREST: self._nearest,
            Practice.BEST_FIRST: self._best,
        }[practice]
        order = np.argsort(np.argsort([candidate.id for candidate in problem.table.candidates], kind="stable"))
        self._turn_of: Whole = order.astype(np.int64)
        self._turn = 0

    def work_off(self, queue: NDArray[np.intp]) -> list[Placement]:
        """Place case after case; in the order of case ids."""
        placed = [placement for index in queue.tolist() if (placement := self._place(index)) is not None]
        return sorted(placed, key=lambda item: item.case_id)

    def _place(self, index: int) -> Placement | None:
        pairs, columns = self._pairs, self._problem.columns
        lies = pairs.of_case(index)
        rows, days = pairs.row[lies], pairs.days[lies].astype(np.int64)
        start = int(columns.start_day[index])
        first_week = (start + days - 1) // 7 - self._nodes.first_week
        week = np.full(len(rows), -1, dtype=np.int64)
        for at in reversed(
            range(int(first_week.min(initial=0)), min(int(self._last_week[index]), len(self._left) - 1) + 1)
        ):
            open_ = (self._left[at, rows] > 0) & (at >= first_week)
            open_ &= (at == first_week) | pairs.live[pairs.group[index], at, rows]
            week[open_] = at
        able = np.flatnonzero(week >= 0)
        if not len(able):
            return None
        days[able] = np.maximum(days[able], (week[able] + self._nodes.first_week) * 7 + 1 - start)
        totals = pairs.base[lies][able] + pairs.timed_points(index, days[able]) + self._spare[week[able], rows[able]]
        chosen = self._choose(index, rows[able], totals)
        row, at = int(rows[able[chosen]]), int(week[able[chosen]])
        self._left[at, row] -= 1
        case, candidate = columns.cases[index], self._table.candidates[row]
        return Placement(
            case_id=case.id,
            candidate_id=candidate.id,
            organisation_id=candidate.organisation_id,
            tier=case.urgency_tier,
            week=at + self._nodes.first_week,
            first_day=start + int(days[able[chosen]]),
            metres=pair_metres(case, candidate),
            total=int(totals[chosen]),
        )

    def _next_in_turn(self, index: int, rows: NDArray[np.int32], totals: Whole) -> int:
        turns = (self._turn_of[rows] - self._turn) % len(self._table)
        chosen = int(turns.argmin())
        self._turn = int(self._turn_of[rows[chosen]]) + 1
        return chosen

    def _nearest(self, index: int, rows: NDArray[np.int32], totals: Whole) -> int:
        numbers, case = self._table.numbers, self._problem.columns.cases[index]
        if case.road_factors:
            metres = table_metres(case, self._table)[rows]
        else:
            metres = road_metres(case, numbers[Column.X_METRES, rows], numbers[Column.Y_METRES, rows])
        return int(np.lexsort((self._turn_of[rows], metres))[0])

    def _best(self, index: int, rows: NDArray[np.int32], totals: Whole) -> int:
        return int(np.lexsort((self._turn_of[rows], -totals))[0])
