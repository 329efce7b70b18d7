"""Why a line of a run is what it is: points by part, where the planner stands for this person alone, why not the first.

All of it is computed from the inputs and the proposal. It speaks of places and classes of people and never of who else
has a place (matching.md section 4).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

import msgspec
import numpy as np

from marketplace.matching.engine import Case, CandidateTable, Ranking, Rule, Weights, check, rank, score
from marketplace.matching.engine.model import monday_of
from marketplace.matching.engine.ties import tie_keys
from marketplace.matching.engine.waiting.outcome import Placement, Proposal
from marketplace.matching.engine.words import count_text, day_text, miles_text
from marketplace.matching.run_engine import Part, RunLine

_LOOKED_AT: Final = 12
"""Lines of the own ranking that are read to say why not the first."""
FULL: Final = "full"
NOBODY: Final = "nobody"
_RULE_WORDS: Final[dict[Rule, str]] = {
    Rule.ACCREDITED_SERVICE: "accreditation for support planning",
    Rule.ACCREDITED_COUNCIL: "accreditation for this council",
    Rule.WITHIN_AREA: "the distance",
    Rule.WORKER_GENDER: "the gender that was asked for",
    Rule.ESSENTIAL_LANGUAGE: "the essential language",
    Rule.REQUIRED_SKILL: "a required skill",
    Rule.NO_CONFLICT: "a conflict of interest",
    Rule.NOT_EXCLUDED: "the person’s wish, or because they said no",
    Rule.PERSONS_CHOICE: "the person’s choice of somebody else",
    Rule.HAS_CAPACITY: "the lack of a free place soon enough",
}


class Reasons:
    """Writes the lines of one proposal."""

    def __init__(
        self,
        table: CandidateTable,
        weights: Weights,
        salt: str,
        proposal: Proposal,
        vetoes: Mapping[str, Collection[str]],
    ) -> None:
        self.table, self.weights, self.salt = table, weights, salt
        self.vetoes = vetoes
        self.is_stepped = proposal.options.is_stepped
        self.tiers_at: dict[str, list[int]] = defaultdict(list)
        """Urgency of those whom the run gives to a candidate."""
        for placement in proposal.placements:
            self.tiers_at[placement.candidate_id].append(placement.tier)

    def placed(self, case: Case, placement: Placement) -> RunLine:
        """Write the line of a case with its candidate."""
        ranking = rank(case, self.table, self.weights, limit=_LOOKED_AT, left_out_limit=0, salt=self.salt)
        own_rank = self._own_rank(case, placement.candidate_id, ranking)
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
            why=self._why_not_first(case, placement, own_rank, ranking),
        )

    def unplaced(self, case: Case) -> RunLine:
        """Write the line of a case that nobody can take, with a reason that a person can act on."""
        ranking = rank(case, self.table, self.weights, limit=1, left_out_limit=1, salt=self.salt)
        why = self._why_full(case, ranking) if ranking.eligible else self._why_nobody(ranking)
        return RunLine(
            case_id=case.id,
            tier=case.urgency_tier,
            eligible=ranking.eligible,
            code=FULL if ranking.eligible else NOBODY,
            why=why,
        )

    def _parts(self, case: Case, placement: Placement) -> tuple[int, tuple[Part, ...]]:
        """Points of the placement, with a start in its own week: as in a ranking of this one candidate from then on."""
        candidate = self.table.candidates[self.table.row_of[placement.candidate_id]]
        then = msgspec.structs.replace(candidate, first_free_day=placement.first_day)
        ranking = rank(case, CandidateTable.from_candidates([then]), self.weights, salt=self.salt)
        if not ranking.entries:
            return 0, ()  # A named person has put them together against a rule.
        entry = ranking.entries[0]
        return entry.maximum, tuple(
            Part(part=part.value, points=points.points, maximum=points.maximum, reason=points.reason)
            for part, points in entry.parts.items()
        )

    def _own_rank(self, case: Case, candidate_id: str, ranking: Ranking) -> int | None:
        for entry in ranking.entries:
            if entry.id == candidate_id:
                return entry.rank
        if ranking.eligible <= len(ranking.entries):
            return None
        checked = check(case, self.table)
        scored = score(case, self.table, self.weights, checked, checked.eligible_rows())
        own = np.flatnonzero(scored.rows == self.table.row_of[candidate_id])
        if not len(own):
            return None
        ties = tie_keys(self.salt, case.id, self.table.id_hashes)[scored.rows]
        total, tie = scored.totals[own[0]], ties[own[0]]
        before = (scored.totals > total) | ((scored.totals == total) & (ties < tie))
        return int(before.sum()) + 1

    def _why_not_first(self, case: Case, placement: Placement, own_rank: int | None, ranking: Ranking) -> str:
        if placement.pinned:
            return "Somebody of the council keeps this planner for the referral"
        if own_rank is None or own_rank == 1:
            return ""
        refused = self.vetoes.get(case.id, ())
        before = [entry for entry in ranking.entries if entry.rank < own_rank and entry.id not in refused]
        if not before:
            return "Somebody of the council ruled out the planners who fit better"
        first = before[0]
        tiers = self.tiers_at.get(first.id, [])
        if self.is_stepped and not tiers:
            return "Work is to be spread evenly between organisations"
        if tiers and min(tiers) < case.urgency_tier:
            return "The places of those who fit better go to people in more urgent need"
        if first.total == placement.total:
            return "As good as the first; the order between equals was drawn by the published rule"
        gap = first.total - placement.total
        return (
            f"The places of those who fit better are kept for somebody with fewer options ({gap} "
            f"point{'s' if gap != 1 else ''} fewer here, more for the list as a whole)"
        )

    def _why_full(self, case: Case, ranking: Ranking) -> str:
        """All who may take the case have given their places to others of the list."""
        until = day_text(case.last_day)
        nearest = ranking.entries[0]
        said = (
            f"{count_text(ranking.eligible, 'planner')} would fit, but every free place up to {until} goes to people "
            "who are more urgent or have fewer options"
        )
        later = self._next_free_after(case)
        if later:
            return f"{said}. {later}"
        return f"{said}. The best placed is {miles_text(nearest.metres)} away: one more place there would help"

    def _next_free_after(self, case: Case) -> str:
        """The first week after the window in which somebody in reach has a place, if the diary goes that far."""
        days = []
        for candidate in self.table.candidates:
            for offset, free in enumerate(candidate.free_places_by_week):
                monday = monday_of(candidate.places_from_week + offset)
                if free and monday > case.last_day:
                    days.append(monday)
                    break
        return f"The next free place anywhere is in the week of {day_text(min(days))}" if days else ""

    def _why_nobody(self, ranking: Ranking) -> str:
        """No planner meets every rule: say what one rule alone keeps away, and how near the nearest of them is."""
        if not ranking.considered:
            return "The council has no planner with a base on record"
        lines = [
            f"{count_text(number, 'planner')} would fit but for {_RULE_WORDS[rule]}; the nearest: "
            f"{ranking.nearest_miss[rule].reasons[0]}, {miles_text(ranking.nearest_miss[rule].metres)} away"
            for rule, number in ranking.failed_only.items()
            if number and rule in ranking.nearest_miss
        ]
        if lines:
            return ". ".join(lines)
        out = ranking.left_out[0] if ranking.left_out else None
        if out is None:
            return "No planner meets the rules"
        return f"No planner meets the rules. The closest to it breaks {len(out.rules)}: {'; '.join(out.reasons)}"
