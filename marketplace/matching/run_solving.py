"""Working one run out: the best proposal with its proof, today's ways beside it, and reasons for every line.

Imports the solvers, so only the solver's own process and tests import it (see `run_engine.work_out`).
"""

from collections.abc import Mapping
from hashlib import sha256
from math import ceil
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine import Case, CandidateTable
from marketplace.matching.engine.model import monday_of
from marketplace.matching.engine.waiting.baselines import baselines
from marketplace.matching.engine.waiting.outcome import Measures, Options, Pin, Placement, Proposal, Veto, WaitingError
from marketplace.matching.engine.waiting.propose import propose
from marketplace.matching.engine.waiting.runs import run_inputs
from marketplace.matching.engine.waiting.verify import verify
from marketplace.matching.run_engine import (
    PRACTICES,
    Answer,
    Fixed,
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
_WHOLE: Final = 1_000
_SOLVED: Final = 600
_COMPARED: Final = 750

Places = NDArray[np.int16]


def solve(inputs: RunInputs, note: Note) -> Answer:
    """Work a run out.

    Raises:
        RunRefused: It cannot be done as asked; the words are for people.
    """
    run = _Run(inputs, note)
    try:
        return run.answer()
    except WaitingError as refusal:
        raise RunRefused(f"{refusal}.") from refusal


class _Run:
    def __init__(self, inputs: RunInputs, note: Note) -> None:
        self.inputs, self.note = inputs, note
        self.table = CandidateTable.from_candidates(inputs.candidates)
        known = set(self.table.row_of)
        self.pins = [Pin(case_id=pin.case_id, candidate_id=pin.candidate_id) for pin in inputs.pins]
        for pin in inputs.pins:
            if pin.candidate_id not in known:
                raise RunRefused("A planner that you keep for a referral no longer plans for the council. Take that back.")
        self.vetoes = [Veto(case_id=veto.case_id, candidate_id=veto.candidate_id) for veto in inputs.vetoes]

    def answer(self) -> Answer:
        places, held_back = held_places(self.table, self.inputs.cases, self.inputs.options.reserve_percent)
        best = self._propose(places, self._options(), 0, _SOLVED)
        if held_back and best.measures.waiting_by_tier.get(_CRISIS):
            # What is kept for people in crisis is theirs: nobody in crisis waits beside a place that is held back.
            places, held_back = self.table.free_places, 0
            best = self._propose(places, self._options(), 0, _SOLVED)
        cost = None
        if best.options.is_stepped:
            free = self._propose(places, Options(weeks=self.inputs.options.weeks), _SOLVED, _SOLVED)
            cost = free.measures.total_score - best.measures.total_score
        self.note(Progress("Comparing with how it is done today", _SOLVED))
        practices = self._practices(best, places)
        self.note(Progress("Checking the proof", _COMPARED))
        is_optimal = best.status == "optimal" and self._is_proven(best, places)
        lines = self._lines(best, places)
        return Answer(
            is_optimal=is_optimal,
            lines=lines,
            figures=RunFigures(
                cases_by_tier=_by_tier({tier: sum(1 for case in self.inputs.cases if case.urgency_tier == tier)
                                        for tier in range(_TIERS)}),
                candidates=len(self.inputs.candidates),
                free_places=int(places.sum()),
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
            inputs_fingerprint=best.fingerprint,
            result_fingerprint=_fingerprint(best, lines),
        )
