"""The figures by which ways of placing a list are compared: the optimum and today's practice by the same ruler."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.waiting.columns import CaseColumns
from marketplace.matching.engine.waiting.outcome import Measures, Placement, Spread

_METRES_PER_MILE = 1609.344


def measured(
    columns: CaseColumns, table: CandidateTable, placements: Sequence[Placement], places: NDArray[np.int16]
) -> Measures:
    """Measure placements of a list.

    Args:
        columns: All cases of the list.
        table: The candidates.
        placements: Who goes where.
        places: Free places by week and row that there were before.
    """
    cases = np.array([columns.index_of[item.case_id] for item in placements], dtype=np.intp)
    rows = np.array([table.row_of[item.candidate_id] for item in placements], dtype=np.intp)
    tiers = np.unique(columns.tier)
    placed = {int(tier): int((columns.tier[cases] == tier).sum()) for tier in tiers}
    total = sum(item.total for item in placements)
    days = sum(item.first_day for item in placements) - int(columns.start_day[cases].sum())
    met = np.zeros(len(rows), dtype=np.int64)
    for held, asked in zip(table.specialisms.words, columns.needs, strict=True):
        met += np.bitwise_count(held[rows] & asked[cases])
    named = int(columns.needs_count[cases].sum())
    count = max(1, len(placements))
    return Measures(
        cases=len(columns),
        placed=len(placements),
        placed_by_tier=placed,
        waiting_by_tier={int(tier): int((columns.tier == tier).sum()) - placed[int(tier)] for tier in tiers},
        total_score=total,
        mean_score=round(total / count, 1),
        mean_miles=round(sum(item.metres for item in placements) / count / _METRES_PER_MILE, 2),
        mean_days=round(days / count, 2),
        needs_met_percent=round(100 * int(met.sum()) / max(1, named), 1),
        spread=_spread(table, rows, places),
    )


def _spread(table: CandidateTable, rows: NDArray[np.intp], places: NDArray[np.int16]) -> Spread:
    organisations, of_row = np.unique(table.numbers[Column.ORGANISATION], return_inverse=True)
    size = len(organisations)
    used = np.bincount(of_row[rows], minlength=size)
    free = np.bincount(of_row, weights=places.sum(axis=0, dtype=np.int64), minlength=size)
    utilisation = np.sort(used[free > 0] / free[free > 0])
    tenth = max(1, len(utilisation) // 10)
    # Gini coefficient of the placements of organisations, from their ranks.
    ordered, rank = np.sort(used), np.arange(1, size + 1)
    total = int(used.sum())
    gini = float((2 * rank - size - 1) @ ordered) / (size * total) if total else 0.0
    return Spread(
        organisations=size,
        largest_share_percent=_percent(int(used.max(initial=0)) / max(1, total)),
        gini_percent=_percent(gini),
        lowest_tenth_utilisation_percent=_percent(float(utilisation[:tenth].mean()) if len(utilisation) else 0.0),
        highest_tenth_utilisation_percent=_percent(float(utilisation[-tenth:].mean()) if len(utilisation) else 0.0),
    )


def _percent(share: float) -> float:
    return round(100 * share, 1)
