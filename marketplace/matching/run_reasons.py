"""Why a line of a run is what it is: points by part, where the planner stands for this person alone, why not the first.

All of it is computed from the inputs and the proposal. It speaks of places and classes of people and never of who else
has a place (matching.md section 4).
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine import CandidateTable, Case, RankedCandidate, rank
from marketplace.matching.engine.waiting.explain import Explainer
from marketplace.matching.engine.waiting.outcome import Placement, Proposal, Veto
from marketplace.matching.run_engine import Part, RunInputs, RunLine

_LOOKED_AT: Final = 8
"""Lines of the own ranking that are read to find the first who is not ruled out."""
KEPT = "Somebody of the council keeps this planner for the referral"
RULED_OUT = "Somebody of the council ruled out the planners who fit better"
SPREAD = "Work is spread between organisations as the council wishes"


class Reasons:
    """Writes the lines of one proposal."""

    def __init__(self, inputs: RunInputs, table: CandidateTable, proposal: Proposal, places: NDArray[np.int16]) -> None:
        self.table, self.weights, self.salt = table, inputs.weights, inputs.salt
        self.is_stepped = proposal.options.is_stepped
        self.refused = {(veto.case_id, veto.candidate_id) for veto in inputs.vetoes}
        vetoes = [Veto(case_id=case_id, candidate_id=candidate_id) for case_id, candidate_id in sorted(self.refused)]
        self.explainer = Explainer(proposal, inputs.cases, table, inputs.weights, vetoes=vetoes, places=places)

    def placed(self, case: Case, placement: Placement) -> RunLine:
        """Write the line of a case with its candidate."""
        ranking = rank(case, self.table, self.weights, limit=_LOOKED_AT, left_out_limit=0, salt=self.salt)
        standing = self.explainer.standing(case.id, placement.candidate_id)
        own_rank = standing.rank if standing is not None else None
        maximum, parts = self._parts(case, placement)
        return RunLine(
            case_id=case.id,
            tier=case.urgency_tier,
            candidate_id=placement.candidate_id,
            first_day=placement.first_day,
            total=placement.total,
            maximum=maximum,
            own_rank=own_rank,
            eligible=ranking.eligible,
            metres=placement.metres,
            is_pinned=placement.pinned,
            parts=parts,
            why=self._why_not_first(case, placement, own_rank, ranking.entries),
        )

    def unplaced(self, case: Case) -> RunLine:
        """Write the line of a case that nobody can take, with a reason that a person can act on."""
        found = self.explainer.unplaced(case.id)
        return RunLine(
            case_id=case.id, tier=case.urgency_tier, eligible=found.eligible, code=found.code.value, why=found.text
        )

    def _parts(self, case: Case, placement: Placement) -> tuple[int, tuple[Part, ...]]:
        """Points of the placement, with a start in its own week: as in a ranking of this one candidate from then on."""
        candidate = self.table.candidates[self.table.row_of[placement.candidate_id]]
        then = msgspec.structs.replace(candidate, first_free_day=placement.first_day)
        ranking = rank(case, CandidateTable.from_candidates([then]), self.weights, salt=self.salt)
        if not ranking.entries:
            return 0, ()
        entry = ranking.entries[0]
        return entry.maximum, tuple(
            Part(part=part.value, points=points.points, maximum=points.maximum, reason=points.reason)
            for part, points in entry.parts.items()
        )

    def _why_not_first(
        self, case: Case, placement: Placement, own_rank: int | None, entries: tuple[RankedCandidate, ...]
    ) -> str:
        if placement.pinned:
            return KEPT
        if own_rank is None or own_rank == 1:
            return ""
        before = [entry for entry in entries if entry.rank < own_rank and (case.id, entry.id) not in self.refused]
        if not before:
            return RULED_OUT
        if self.is_stepped:
            return SPREAD  # The prices of places alone do not say what the spread costs.
        return self.explainer.why_not(case.id, before[0].id).text
