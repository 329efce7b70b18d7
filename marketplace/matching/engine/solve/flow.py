"""The exact best assignment where a case takes one slot: min-cost flow, and a proof.

Three steps (matching.md 3.2 and 3.3):

1. How many cases of each tier can be placed. Sets of cases that can be served together form a matroid, so urgent first
   costs no placements: a largest flow for each tier together with the more urgent ones. Where there are many tiers, one
   cheapest flow with weights that fall from tier to tier says the same.
2. The largest total score with just these numbers: each tier is a source that supplies its number, so no penalties are
   needed and costs are no larger than scores are (twice as fast here as penalties, and scores up to 10^12 fit).
3. `certificate` proves the outcome and gives prices. All best assignments use pairs without slack at these prices
   only; among them a last flow takes the least total of tie costs. So one input has one answer, whatever the order of
   its rows, the solver or its version.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.certificate import LARGEST_WORTH, Certificate, Places, certify, check
from marketplace.matching.engine.solve.instance import Int32s, Int64s, InvalidInstance, Progress

Ints = NDArray[np.integer]
MOST_LARGEST_FLOWS = 6
"""Tiers up to which a largest flow each is faster than one cheapest flow (measured)."""

Arcs = tuple[Ints, Ints, Ints, Ints]
"""Tails, heads, capacities and costs."""


class FlowFailed(RuntimeError):
    """The flow solver did not answer; its status is the message."""


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What a pair is worth, tiers and score in one number; `certificate` says why that is exact."""

    level: Int64s
    """`level[case]`: number of tiers for the most urgent, 1 for the least."""
    step: int
    low: int

    def of(self, cases: Ints, score: Int64s) -> Int64s:
        """Worth of pairs of these cases with these scores (within the range the worth was made for)."""
        worth: Int64s = self.level[cases] * self.step + (score - self.low)
        return worth


@dataclass(frozen=True, slots=True, eq=False)
class FlowProblem:
    """The arguments of `solve_flow` in one piece."""

    tiers: Int64s
    capacity: Int64s
    pair_case: Int32s
    pair_candidate: Int32s
    score: Int64s
    tie: Int64s
    group: Int32s | None = None
    group_capacity: Int64s | None = None

    def solve(self, progress: Progress | None = None) -> "FlowResult":
        """Solve it."""
        return solve_flow(
            self.tiers,
            self.capacity,
            self.pair_case,
            self.pair_candidate,
            self.score,
            self.tie,
            group=self.group,
            group_capacity=self.group_capacity,
            progress=progress,
        )


@dataclass(frozen=True, slots=True, eq=False)
class FlowResult:
    """The proven best assignment."""

    assignment: Int32s
    """`assignment[case]`, a candidate or -1."""
    case_dual: Int64s
    """What each case gains over the price of its place, in units of `worth`; 0 where it is not placed."""
    price: Int64s
    """Price of a place at each candidate, in units of `worth`: what one more place would bring at most."""
    value: int
    """Total score."""
    worth: Worth
    proof: Certificate

    def slack(self, cases: Ints, candidates: Ints, score: Int64s) -> Int64s:
        """How much is lost by giving these cases these candidates; negative ones would improve the assignment.

        For pairs that were not in the problem, too: none negative proves it for them as well (pricing). Pairs with
        slack 0 may take part in another answer of equal value and so matter to ties.
        """
        slack: Int64s = self.case_dual[cases] + self.price[candidates] - self.worth.of(cases, score)
        return slack


def solve_flow(
    tiers: Int64s,
    capacity: Int64s,
    pair_case: Int32s,
    pair_candidate: Int32s,
    score: Int64s,
    tie: Int64s | None,
    *,
    group: Int32s | None = None,
    group_capacity: Int64s | None = None,
    score_range: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> FlowResult:
    """Find the best assignment: most of the most urgent tier, then of the next, then score, then least tie cost.

    Args:
        tiers: Of each case, lower is more urgent.
        capacity: Cases at most for each candidate.
        pair_case: Sorted, and within a case by candidate; no pair twice.
        pair_candidate: As many.
        score: Of each pair.
        tie: Tie cost of each pair, 0 up to 2^40, or None to skip that step (while pairs are still being added).
        group: Group of each candidate or -1, with `group_capacity` cases at most for each group.
        score_range: Least and largest score, if pairs that are priced later may lie outside those of `score`.
        progress: Told before each of the steps.

    Raises:
        InvalidInstance: Scores, candidates and tiers too large together for whole numbers of 64 bits.
        FlowFailed: The solver broke down.
        NotProven: It answered wrongly.
    """
    cases = len(tiers)
    places = Places.of(capacity, cases, group, group_capacity)
    worth = make_worth(tiers, len(capacity), score, score_range)
    worths = worth.of(pair_case, score)
    tell = progress or (lambda share, what: None)
    if len(pair_case):
        tell(0.0, "placements")
        placeable = _placeable(worth.level, pair_case, pair_candidate, places)
        tell(0.2, "scores")
        assignment = _best_scores(worth.level, placeable, pair_case, pair_candidate, score, places)
    else:
        assignment = np.full(cases, -1, np.int32)
    tell(0.8, "proof")
    proof = certify(assignment, worths, pair_case, pair_candidate, places)
    if tie is not None and len(pair_case):
        tell(0.9, "ties")
        assignment = _least_ties(assignment, proof, worths, pair_case, pair_candidate, tie, places)
        check(proof, assignment, worths, pair_case, pair_candidate, places)
    value = int(score[assignment[pair_case] == pair_candidate].sum())
    return FlowResult(assignment, proof.gain, proof.price, value, worth, proof)


def make_worth(tiers: Int64s, candidates: int, score: Int64s, score_range: tuple[int, int] | None = None) -> Worth:
    """Space the tiers so that no exchange of scores outweighs one placement.

    Raises:
        InvalidInstance: The numbers would not fit 64 bits.
    """
    levels, place = np.unique(tiers, return_inverse=True)
    low, high = score_range or ((int(score.min()), int(score.max())) if len(score) else (0, 0))
    step = (high - low) * (min(len(tiers), candidates) + 1) + 1
    if (len(levels) + 1) * step >= LARGEST_WORTH:
        raise InvalidInstance(
            f"scores from {low} to {high} with {candidates} candidates and {len(levels)} tiers do not fit 64-bit "
            "arithmetic; use smaller scores"
        )
    return Worth((len(levels) - place).astype(np.int64), step, low)


def _placeable(level: Int64s, pair_case: Int32s, pair_candidate: Int32s, places: Places) -> Int64s:
    """How many cases of each level can be placed, urgent ones first; `placeable[level - 1]`."""
    levels, cases = int(level.max()), len(level)
    sink = cases + len(places.capacity) + len(places.group_capacity)
    if levels <= MOST_LARGEST_FLOWS:
        so_far = [_largest_flow(level, limit, pair_case, pair_candidate, places) for limit in range(levels, 0, -1)]
        return np.diff([0, *so_far])[::-1]
    arcs = _join(
        # Placing none is the dearest way to the sink; the others are free.
        (np.arange(cases), np.full(cases, sink), np.ones(cases, np.int64), level),
        (pair_case, cases + pair_candidate, np.ones(len(pair_case), np.int64), np.zeros(len(pair_case), np.int64)),
        _to_sink(places, cases, sink),
    )
    supply = np.zeros(sink + 1, np.int64)
    supply[:cases], supply[sink] = 1, -cases
    flows = _min_cost_flow(arcs, supply, slice(0, cases))
    return np.bincount(level[flows == 0] - 1, minlength=levels)


def _largest_flow(level: Int64s, limit: int, pair_case: Int32s, pair_candidate: Int32s, places: Places) -> int:
    """How many cases of this level or more urgent ones can be placed."""
    from ortools.graph.python import max_flow

    chosen, cases = np.flatnonzero(level >= limit), len(level)
    pairs = np.flatnonzero(level[pair_case] >= limit)
    sink = cases + len(places.capacity) + len(places.group_capacity)
    tails, heads, capacities, _ = _join(
        (np.full(len(chosen), sink + 1), chosen, np.ones(len(chosen), np.int64), chosen),
        (pair_case[pairs], cases + pair_candidate[pairs], np.ones(len(pairs), np.int64), pairs),
        _to_sink(places, cases, sink),
    )
    solver = max_flow.SimpleMaxFlow()
    solver.add_arcs_with_capacity(tails, heads, capacities)
    status = solver.solve(sink + 1, sink)
    if status != solver.OPTIMAL:
        raise FlowFailed(f"The flow solver says {status.name}.")
    return int(solver.optimal_flow())


def _best_scores(
    level: Int64s, placeable: Int64s, pair_case: Int32s, pair_candidate: Int32s, score: Int64s, places: Places
) -> Int32s:
    """Place the given number of each level with the largest total score."""
    cases, sink = len(level), len(level) + len(places.capacity) + len(places.group_capacity)
    ones = np.ones(max(cases, len(pair_case)), np.int64)
    arcs = _join(
        (pair_case, cases + pair_candidate, ones[: len(pair_case)], score.max() - score),
        (sink + level, np.arange(cases), ones[:cases], np.zeros(cases, np.int64)),
        _to_sink(places, cases, sink),
    )
    supply = np.zeros(sink + 1 + len(placeable), np.int64)
    supply[sink], supply[sink + 1 :] = -placeable.sum(), placeable
    return _assigned(_min_cost_flow(arcs, supply, slice(0, len(pair_case))), cases, pair_case, pair_candidate)


def _least_ties(
    assignment: Int32s,
    proof: Certificate,
    worths: Int64s,
    pair_case: Int32s,
    pair_candidate: Int32s,
    tie: Int64s,
    places: Places,
) -> Int32s:
    """Among all best assignments take the one of least total tie cost.

    They are just the assignments on pairs without slack that place every case with a gain and fill every candidate and
    group with a price (complementary slackness).
    """
    cases, groups = len(assignment), len(places.group_capacity)
    first_group, sink = cases + len(places.capacity), cases + len(places.capacity) + groups
    pool = sink + 1
    tight = np.flatnonzero(proof.gain[pair_case] + proof.price[pair_candidate] == worths)
    if len(tight) == (assignment >= 0).sum():
        return assignment
    of_group = np.append(proof.group_price, 0)[places.group]
    must_fill, free = proof.price > of_group, np.flatnonzero(proof.gain == 0)
    supply = np.zeros(pool + 1, np.int64)
    supply[:cases] = proof.gain > 0
    supply[cases:first_group] = -np.where(must_fill, places.capacity, 0)
    filled = np.zeros(groups, np.int64)
    in_group = must_fill & (places.group >= 0)
    np.add.at(filled, places.group[in_group], places.capacity[in_group])
    left = places.group_capacity - filled
    group_must_fill = proof.group_price > 0
    supply[first_group:sink] = -np.where(group_must_fill, left, 0)
    supply[pool] = int((assignment >= 0).sum()) - int(supply[:cases].sum())
    supply[sink] = -supply.sum()
    onward = _to_sink(Places(np.where(must_fill, 0, places.capacity), places.group, left), cases, sink)
    onward[2][len(places.capacity) :][group_must_fill] = 0
    arcs = _join(
        (pair_case[tight], cases + pair_candidate[tight], np.ones(len(tight), np.int64), tie[tight]),
        (np.full(len(free), pool), free, np.ones(len(free), np.int64), np.zeros(len(free), np.int64)),
        onward,
    )
    flows = _min_cost_flow(arcs, supply, slice(0, len(tight)))
    return _assigned(flows, cases, pair_case[tight], pair_candidate[tight])


def _to_sink(places: Places, cases: int, sink: int) -> Arcs:
    """Arcs from candidates, directly or through their groups, to the sink: candidates first, then groups."""
    candidates, groups = len(places.capacity), len(places.group_capacity)
    first_group = cases + candidates
    tail = np.arange(cases, first_group + groups)
    head = np.full(candidates + groups, sink)
    head[:candidates] = np.where(places.group >= 0, first_group + places.group, sink)
    capacity = np.concatenate([places.capacity, places.group_capacity])
    return tail, head, capacity, np.zeros(candidates + groups, np.int64)


def _join(*arcs: Arcs) -> Arcs:
    tails, heads, capacities, costs = (np.concatenate(parts) for parts in zip(*arcs, strict=True))
    return tails, heads, capacities, costs


def _min_cost_flow(arcs: Arcs, supply: Int64s, wanted: slice) -> Int64s:
    """Flow on the wanted arcs of a cheapest flow that meets all supplies."""
    from ortools.graph.python import min_cost_flow

    solver = min_cost_flow.SimpleMinCostFlow()
    numbers = solver.add_arcs_with_capacity_and_unit_cost(*arcs)
    solver.set_nodes_supplies(np.arange(len(supply)), supply)
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise FlowFailed(f"The flow solver says {status.name}.")
    flows: Int64s = solver.flows(numbers[wanted])
    return flows


def _assigned(flows: Int64s, cases: int, pair_case: Int32s, pair_candidate: Int32s) -> Int32s:
    taken = np.flatnonzero(flows > 0)
    assignment = np.full(cases, -1, np.int32)
    assignment[pair_case[taken]] = pair_candidate[taken]
    return assignment
