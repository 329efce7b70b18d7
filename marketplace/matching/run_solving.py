"""Working one run out: the best proposal with its proof, today's ways beside it, and reasons for every line.

Imports the solvers, so only the solver's own process and tests import it (see `run_engine.work_out`).
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine import CandidateTable, Case
from marketplace.matching.engine.solve.certificate import NotProven
from marketplace.matching.engine.waiting.baselines import Practice as Way
from marketplace.matching.engine.waiting.baselines import baselines
from marketplace.matching.engine.waiting.outcome import Measures, Options, Pin, Placement, Proposal, Veto, WaitingError
from marketplace.matching.engine.waiting.problem import Problem
from marketplace.matching.engine.waiting.propose import propose
from marketplace.matching.engine.waiting.verify import verify
from marketplace.matching.run_engine import (
    Answer,
    Note,
    Practice,
    Progress,
    RunFigures,
    RunInputs,
    RunLine,
    RunRefused,
)
from marketplace.matching.run_reasons import Reasons

_CRISIS: Final = 0
_TIERS: Final = 3
_METRES_PER_MILE: Final = 1609.344
_SOLVED, _COMPARED, _CHECKED, _WHOLE = 500, 650, 700, 1_000
"""How far a run is, in thousandths, after its steps."""
_NAMES: Final = {Way.ROTATION: "rotation", Way.NEAREST: "nearest", Way.BEST_FIRST: "best_first"}

Places = NDArray[np.int16]


def solve(inputs: RunInputs, note: Note) -> Answer:
    """Work a run out.

    Raises:
        RunRefused: It cannot be done as asked; the words are for people.
    """
    try:
        return _Run(inputs, note).answer()
    except WaitingError as refusal:
        raise RunRefused(
            "What is settled by hand cannot all be kept: a planner has too few places, or breaks a rule by now. "
            "Take something back, then work it out again."
        ) from refusal


def held_places(table: CandidateTable, cases: Sequence[Case], percent: int) -> tuple[Places, int]:
    """Keep a share of each week's free places for people in crisis.

    Those of this very list who are in crisis count as the first of them, from the first week on. Places are kept where
    most are free, so that nobody's last place is kept as long as there are others.

    Args:
        table: The candidates.
        cases: The list.
        percent: Share of a week's free places, 0 to 100; rounded up.

    Returns:
        The places that others may have, `places[week, row]`, and how many are kept.
    """
    free: Places = table.free_places.copy()
    crisis = sum(1 for case in cases if case.urgency_tier == _CRISIS)
    order = np.array([table.row_of[name] for name in sorted(table.row_of)], dtype=np.intp)
    kept = 0
    for week in range(len(free)):
        reserve = -(-int(free[week].sum()) * percent // 100)
        here = min(reserve, crisis)
        crisis -= here
        for _ in range(reserve - here):
            fullest = order[int(free[week, order].argmax())]
            free[week, fullest] -= 1
            kept += 1
    return free, kept


class _Run:
    def __init__(self, inputs: RunInputs, note: Note) -> None:
        self.inputs, self.note = inputs, note
        self.table = CandidateTable.from_candidates(inputs.candidates)
        if any(pin.candidate_id not in self.table.row_of for pin in inputs.pins):
            raise RunRefused(
                "A planner whom you keep for a referral no longer plans for the council. Take that back, then work it "
                "out again."
            )
        self.pins = [Pin(case_id=pin.case_id, candidate_id=pin.candidate_id) for pin in inputs.pins]
        self.vetoes = [Veto(case_id=veto.case_id, candidate_id=veto.candidate_id) for veto in inputs.vetoes]
        self.options = Options(
            weeks=inputs.options.weeks,
            share_cap_percent=inputs.options.share_cap_percent,
            fairness_points=inputs.options.fairness_points,
        )

    def answer(self) -> Answer:
        """Solve, compare, check, explain."""
        places, held_back = held_places(self.table, self.inputs.cases, self.inputs.options.reserve_percent)
        best = self._propose(places, self.options)
        if held_back and best.measures.waiting_by_tier.get(_CRISIS):
            # What is kept for people in crisis is theirs: nobody in crisis waits beside a place that is held back.
            places, held_back = self.table.free_places, 0
            best = self._propose(places, self.options)
        cost = None
        if best.options.is_stepped:
            free = self._propose(places, Options(weeks=self.options.weeks))
            cost = free.measures.total_score - best.measures.total_score
        self.note(Progress("Comparing with how it is done today", _SOLVED))
        ways, free_places = self._todays_ways(places)
        practices = {"proposal": _practice(best.measures, best.placements)} | ways
        self.note(Progress("Checking the proof", _COMPARED))
        is_optimal = best.status == "optimal" and self._is_proven(best, places)
        lines = self._lines(best, places)
        tiers = [case.urgency_tier for case in self.inputs.cases]
        return Answer(
            is_optimal=is_optimal,
            lines=lines,
            figures=RunFigures(
                cases_by_tier=_three({tier: tiers.count(tier) for tier in range(_TIERS)}),
                candidates=len(self.inputs.candidates),
                free_places=free_places,
                held_back=held_back,
                eligible_pairs=best.eligible_pairs,
                bound=best.bound,
                total=best.measures.total_score,
                seconds=best.seconds["total"],
                cap_cost_points=cost,
                over_cap=best.over_cap,
                practices=practices,
            ),
            certificate=msgspec.json.encode({"proof": best.proof, "nodes": best.nodes, "rounds": best.rounds}),
            inputs_fingerprint=sha256(msgspec.json.encode([best.fingerprint, held_back, places.tolist()])).hexdigest(),
            result_fingerprint=sha256(msgspec.json.encode([best.placements, best.unplaced, lines])).hexdigest(),
        )

    def _propose(self, places: Places, options: Options) -> Proposal:
        return propose(
            self.inputs.cases,
            self.table,
            self.inputs.weights,
            salt=self.inputs.salt,
            options=options,
            pins=self.pins,
            vetoes=self.vetoes,
            places=places,
            progress=lambda share, what: self.note(Progress(what.capitalize(), int(share * _SOLVED))),
        )

    def _todays_ways(self, places: Places) -> tuple[dict[str, Practice], int]:
        """Hand the list out as it is done today, by the same rules and from the same places; say how many these are."""
        plain = Options(weeks=self.options.weeks)
        by_id = {case.id: case for case in self.inputs.cases}
        in_turn = [by_id[case_id] for case_id in self.inputs.arrival]
        problem = Problem(in_turn, self.table, self.inputs.weights, plain, vetoes=self.vetoes, places=places)
        made = baselines(in_turn, self.table, self.inputs.weights, problem=problem)
        named = {_NAMES[item.practice]: _practice(item.measures, item.placements) for item in made}
        return named, int(problem.pairs.places.sum())

    def _is_proven(self, best: Proposal, places: Places) -> bool:
        try:
            verify(
                best,
                self.inputs.cases,
                self.table,
                self.inputs.weights,
                pins=self.pins,
                vetoes=self.vetoes,
                places=places,
            )
        except NotProven:
            return False
        return True

    def _lines(self, best: Proposal, places: Places) -> tuple[RunLine, ...]:
        reasons = Reasons(self.inputs, self.table, best, places)
        placements = best.by_case
        lines = []
        for number, case in enumerate(self.inputs.cases):
            if not number % 50:
                done = _CHECKED + (_WHOLE - _CHECKED) * number // len(self.inputs.cases)
                self.note(Progress("Writing the reasons", done))
            placement = placements.get(case.id)
            lines.append(reasons.placed(case, placement) if placement is not None else reasons.unplaced(case))
        return tuple(sorted(lines, key=lambda line: (line.tier, line.total is None, -(line.total or 0), line.case_id)))


def _practice(measures: Measures, placements: Sequence[Placement]) -> Practice:
    return Practice(
        placed=measures.placed,
        placed_by_tier=_three(measures.placed_by_tier),
        waiting=measures.cases - measures.placed,
        mean_metres=round(measures.mean_miles * _METRES_PER_MILE),
        needs_met_percent=measures.needs_met_percent,
        total=measures.total_score,
        mean_fit=measures.mean_score,
        largest_share_percent=measures.spread.largest_share_percent,
        organisations=len({placement.organisation_id for placement in placements}),
        mean_days=measures.mean_days,
    )


def _three(by_tier: dict[int, int]) -> tuple[int, int, int]:
    return by_tier.get(0, 0), by_tier.get(1, 0), by_tier.get(2, 0)
