"""The proof of a proposal, checked again from its inputs by code that trusts neither the solver nor the run.

A checker does this before anybody sees a proposal (matching.md 8).
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Case, Weights
from marketplace.matching.engine.solve.certificate import NotProven
from marketplace.matching.engine.waiting.organisations import organisation_steps
from marketplace.matching.engine.waiting.outcome import Pin, Proposal, Veto
from marketplace.matching.engine.waiting.points import Whole
from marketplace.matching.engine.waiting.problem import Problem
from marketplace.matching.engine.waiting.runs import fingerprint


def verify(
    proposal: Proposal,
    cases: Sequence[Case],
    table: CandidateTable,
    weights: Weights,
    *,
    pins: Iterable[Pin] = (),
    vetoes: Iterable[Veto] = (),
    places: NDArray[np.int16] | None = None,
) -> None:
    """Check that a proposal is possible and the best one for these inputs.

    Every placement must be an eligible pair with the total it claims, no place may be used twice, and the prices must
    prove over all eligible pairs that no assignment is worth more (weak duality).

    Raises:
        NotProven: Something does not hold; the message says what.
    """
    pins, vetoes = tuple(pins), tuple(vetoes)
    if proposal.fingerprint != fingerprint(cases, table, weights, proposal.salt, proposal.options, pins, vetoes):
        raise NotProven("The proposal was made from other inputs.")
    problem = Problem(cases, table, weights, proposal.options, pins=pins, vetoes=vetoes, places=places)
    _Check(problem, proposal).run()


class _Check:
    def __init__(self, problem: Problem, proposal: Proposal) -> None:
        self._problem, self._proposal, self._proof = problem, proposal, proposal.proof
        columns = problem.columns
        levels = np.array([self._proof.levels.get(int(tier), 0) for tier in columns.tier], dtype=np.int64)
        levels[list(problem.pinned)] = self._proof.pinned_level
        self._base: Whole = levels * self._proof.step - self._proof.low
        self._gain: Whole = np.zeros(len(columns), dtype=np.int64)
        for case_id, gain in self._proof.gains.items():
            self._gain[columns.index_of[case_id]] = gain
        self._price: Whole = np.zeros(len(problem.nodes), dtype=np.int64)
        for node in proposal.nodes:
            self._price[self._node(node.candidate_id, node.week)] = node.price

    def run(self) -> None:
        worth, used = self._placements()
        self._prices(worth, used)

    def _node(self, candidate_id: str, week: int) -> int:
        nodes, row = self._problem.nodes, self._problem.table.row_of.get(candidate_id)
        at = week - nodes.first_week
        node = int(nodes.at[at, row]) if row is not None and 0 <= at < len(nodes.at) else -1
        if node < 0:
            raise NotProven(f"{candidate_id} has no free place in week {week}.")
        return node

    def _placements(self) -> tuple[int, Whole]:
        """Worth of the placements, and how much of each node they use."""
        problem, proposal, scale = self._problem, self._proposal, self._proof.scale
        used: Whole = np.zeros(len(problem.nodes), dtype=np.int64)
        seen: set[int] = set()
        worth = 0
        for item in proposal.placements:
            index, node = problem.columns.index_of[item.case_id], self._node(item.candidate_id, item.week)
            lies = problem.pairs.of_case(index)
            pairs = lies.start + np.flatnonzero(problem.pairs.row[lies] == problem.nodes.row[node])
            found = [arcs for arcs in problem.calendar.arcs(pairs) if (arcs.node == node).any()]
            if index in seen or not found or found[0].total[0] != item.total:
                raise NotProven(f"The placement of case {item.case_id} does not hold.")
            seen.add(index)
            used[node] += 1
            worth += int(self._base[index]) + item.total * scale
        if (used > problem.nodes.places).any():
            raise NotProven("A place is used twice.")
        if sum(item.total for item in proposal.placements) != proposal.measures.total_score:
            raise NotProven("The total score is not the sum of the placements.")
        return worth, used

    def _prices(self, worth: int, used: Whole) -> None:
        problem, proposal, proof = self._problem, self._proposal, self._proof
        if (self._gain < 0).any() or (self._price < 0).any():
            raise NotProven("A price or a gain is negative.")
        spent = _total(self._gain)
        own = self._price
        if proposal.options.is_stepped:
            score_range = (proof.low, proof.high)
            placed = len(proposal.placements)
            steps = organisation_steps(problem, proposal.options, placed, proof.scale, score_range)
            names = [candidate.organisation_id for candidate in problem.table.candidates]
            of_group: Whole = np.zeros(steps.groups, dtype=np.int64)
            for node, group in enumerate(steps.group.tolist()):
                of_group[group] = proof.organisation_prices.get(names[int(problem.nodes.row[node])], 0)
            own = self._price - of_group[steps.group]
            load = np.bincount(steps.group, weights=used, minlength=steps.groups).astype(np.int64)
            worth -= sum(a * b for a, b in zip(steps.filled(load).tolist(), steps.cost.tolist(), strict=True))
            over = np.maximum(0, of_group[steps.owner] - steps.cost)
            spent += sum(a * b for a, b in zip(over.tolist(), steps.width.tolist(), strict=True))
        if (own < 0).any():
            raise NotProven("A place costs less than its organisation's.")
        spent += sum(a * b for a, b in zip(own.tolist(), problem.nodes.places.tolist(), strict=True))
        for arcs in problem.calendar.scan():
            slack = self._gain[arcs.case] + self._price[arcs.node] - self._base[arcs.case] - arcs.total * proof.scale
            if (slack < 0).any():
                raise NotProven("A pair is worth more than its prices.")
        # What a re-solve adds for keeping placements stays below one point.
        if not 0 <= spent - worth < proof.scale:
            raise NotProven(f"The prices amount to {spent}, the placements to {worth}.")


def _total(numbers: Whole) -> int:
    return sum(numbers.tolist())
