"""Everybody who is eligible for one case with their totals: where somebody would stand among them."""

import numpy as np

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Case, Part, Weights
from marketplace.matching.engine.rules import check
from marketplace.matching.engine.score import PARTS, score
from marketplace.matching.engine.ties import tie_keys


class Field:
    """The eligible candidates of a case. Rows are those of the table."""

    def __init__(self, case: Case, table: CandidateTable, weights: Weights, salt: str) -> None:
        self._case, self._table, self._salt = case, table, salt
        self.checked = check(case, table)
        self.scored = score(case, table, weights, self.checked, self.checked.eligible_rows())
        self._ties = tie_keys(salt, case.id, table.id_hashes[self.scored.rows])

    def points_of(self, row: int) -> dict[Part, int]:
        """Points by part of an eligible candidate."""
        (place,) = np.flatnonzero(self.scored.rows == row)
        return dict(zip(PARTS, self.scored.points[:, place].tolist(), strict=True))

    def place_of(self, row: int, total: int) -> tuple[int, int]:
        """Rank, and points behind the first, that a candidate would have with this total, the others as they are."""
        others = self.scored.rows != row
        totals, ties = self.scored.totals[others], self._ties[others]
        ahead = (totals > total) | ((totals == total) & (ties < self._tie(row)))
        return 1 + int(ahead.sum()), max(0, int(totals.max(initial=0)) - total)

    def enough_for_first(self, row: int, total: int) -> int:
        """Points that a candidate who is not first lacks to be it, by the rule for ties, too."""
        others = self.scored.rows != row
        totals, ties = self.scored.totals[others], self._ties[others]
        first = np.lexsort((ties, -totals))[0]
        return int(totals[first]) - total + (0 if self._tie(row) < ties[first] else 1)

    def _tie(self, row: int) -> np.uint64:
        tie: np.uint64 = tie_keys(self._salt, self._case.id, self._table.id_hashes[[row]])[0]
        return tie
