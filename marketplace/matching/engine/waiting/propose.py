"""The proven best assignment of a whole waiting list.

In this order: most cases of the most urgent tier, of the next, and so on; the largest total score; the least total of
tie costs, which depend on ids and the run's salt alone (matching.md 3.2, 3.3). The k best candidates of each case are
solved first. The prices of that solution then scan all eligible pairs: whoever could improve it joins, and the list is
solved again, until nobody can. That proves the optimum over all pairs. Pairs that would be exactly as good join as
well, for the ties; without them the answer would depend on k.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Case, Weights
from marketplace.matching.engine.solve.flow import make_worth, solve_flow
from marketplace.matching.engine.standing import pair_metres
from marketplace.matching.engine.waiting.measures import measured
from marketplace.matching.engine.waiting.organisations import (
    fairness_cost,
    node_organisations,
    organisation_steps,
    over_cap,
    stepped_worth,
)
from marketplace.matching.engine.waiting.outcome import (
    FORMAT,
    PLAIN,
    Cancelled,
    Node,
    Options,
    Pin,
    Placement,
    Proof,
    Proposal,
    Round,
    Veto,
)
from marketplace.matching.engine.waiting.points import Whole
from marketplace.matching.engine.waiting.problem import Problem
from marketplace.matching.engine.waiting.runs import fingerprint
from marketplace.matching.engine.waiting.stepped import Solved, Steps, solve_stepped
from marketplace.matching.engine.waiting.weeks import Arcs, tie_costs

Progress = Callable[[float, str], None]
"""Takes the share done (0 to 1) and what goes on, in a word or two."""

_MARGIN_POINTS = 15  # Pairs that miss by less join, too: the next prices move a little, and a round costs more.
_MOST_ADDED = 24  # Pairs that join for one case in a round: more of them slow the next solution down.


def propose(
    cases: Sequence[Case],
    table: CandidateTable,
    weights: Weights,
    *,
    salt: str,
    options: Options = PLAIN,
    pins: Iterable[Pin] = (),
    vetoes: Iterable[Veto] = (),
    places: NDArray[np.int16] | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Proposal:
    """Propose a placement for every case that can have one.

    Args:
        cases: The waiting list, in any order.
        table: The candidates, in any order.
        weights: The council's published weights.
        salt: Published text that settles ties, another for each run.
        options: See `Options`.
        pins: Cases whose candidate a named person has settled.
        vetoes: Pairs that a named person has ruled out.
        places: `places[week, row]` to plan with instead of the table's (what a first pass has left).
        progress: Told how far the run is.
        cancelled: Asked now and then whether to stop.

    Returns:
        The same proposal for the same inputs, whatever the order of rows, `options.k`, the process and the machine;
        only `seconds` and `rounds` tell of how it was found.

    Raises:
        WaitingError: Pins that cannot be kept, or a case, pin or veto that does not fit the list.
        Cancelled: `cancelled` said so.
    """
    run = Run(progress, cancelled)
    pins, vetoes = tuple(pins), tuple(vetoes)
    with run.stage("pairs"):
        problem = Problem(
            cases,
            table,
            weights,
            options,
            pins=pins,
            vetoes=vetoes,
            places=places,
            progress=lambda share: run.tell(0.4 * share, "finding candidates"),
        )
    with run.stage("fingerprint"):
        inputs = fingerprint(cases, table, weights, salt, options, pins, vetoes)
    return solve_problem(problem, run, salt, inputs)


@dataclass(slots=True)
class Run:
    """What a run keeps while it works: its clock, its listeners, its rounds."""

    progress: Progress | None = None
    cancelled: Callable[[], bool] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)

    def tell(self, share: float, what: str) -> None:
        """Report progress, and stop here when asked to.

        Raises:
            Cancelled: Somebody asked.
        """
        if self.cancelled is not None and self.cancelled():
            raise Cancelled
        if self.progress is not None:
            self.progress(share, what)

    def stage(self, name: str) -> "_Stage":
        """Measure a part of the work."""
        return _Stage(self.seconds, name)


class _Stage:
    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds, self._name, self._began = seconds, name, 0.0

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = perf_counter() - self._began
        self._seconds[self._name] = round(self._seconds.get(self._name, 0.0) + spent, 4)


def solve_problem(
    problem: Problem, run: Run, salt: str, inputs: str, kept: Mapping[str, tuple[str, int]] | None = None
) -> Proposal:
    """Solve a problem and write the proposal.

    Args:
        problem: What to solve.
        run: Clock and listeners.
        salt: For the ties.
        inputs: Fingerprint of the inputs.
        kept: Candidate and week of cases that should stay where they are, if that costs no point.
    """
    search = Search(problem, run, salt, kept or {})
    arcs, solved = search.flow(search.first_arcs())
    if problem.options.is_stepped:
        placed = int((solved.assignment >= 0).sum())
        steps = organisation_steps(problem, problem.options, placed, search.scale, search.score_range)
        arcs, solved = search.stepped(arcs, steps)
    problem.refuse_unplaced_pins(np.flatnonzero(solved.assignment < 0).tolist())
    with run.stage("writing"):
        proposal = _written(search, arcs, solved, inputs)
    run.tell(1.0, "done")
    seconds = run.seconds | {"total": round(sum(run.seconds.values()), 4)}
    return msgspec.structs.replace(proposal, seconds=seconds)


class Search:
    """Rounds of solving and scanning on one problem."""

    def __init__(self, problem: Problem, run: Run, salt: str, kept: Mapping[str, tuple[str, int]]) -> None:
        self.problem, self.run, self.salt = problem, run, salt
        self._seeds = problem.columns.tie_seeds(salt)
        self._kept = _kept_nodes(problem, kept)
        self.scale = len(problem.columns) + 1 if kept else 1
        self.tiers = problem.columns.tier.copy()
        if problem.pinned:
            # What a person has settled comes before everything else; the rest is best around it.
            self.tiers[list(problem.pinned)] = self.tiers.min() - 1
        self.score_range = self._score_range()

    def first_arcs(self) -> Arcs:
        """The arcs of the best k candidates of each case."""
        calendar = self.problem.calendar
        with self.run.stage("arcs"):
            return Arcs.of([Arcs.none(), *calendar.arcs(self.problem.pairs.top)])

    def flow(self, arcs: Arcs, group_capacity: Whole | None = None) -> tuple[Arcs, Solved]:
        """Prove the optimum without steps; `group_capacity` are hard caps by organisation code."""
        problem = self.problem
        group = None if group_capacity is None else node_organisations(problem).astype(np.int32)

        def solve(arcs: Arcs, tie: Whole) -> Solved:
            result = solve_flow(
                self.tiers,
                problem.nodes.places,
                arcs.case,
                arcs.node,
                self._scores(arcs),
                tie,
                group=group,
                group_capacity=group_capacity,
                score_range=self.score_range,
            )
            groups = result.proof.group_price
            return Solved(result.assignment, result.case_dual, result.price, groups, result.worth, 0)

        return self._priced(arcs, solve)

    def stepped(self, arcs: Arcs, steps: Steps) -> tuple[Arcs, Solved]:
        """Prove the optimum with steps."""
        plain = make_worth(self.tiers, len(self.problem.nodes), np.zeros(0, np.int64), self.score_range)
        worth = stepped_worth(plain, steps)
        places = self.problem.nodes.places

        def solve(arcs: Arcs, tie: Whole) -> Solved:
            return solve_stepped(worth, places, arcs.case, arcs.node, self._scores(arcs), tie, steps)

        return self._priced(arcs, solve)

    def _priced(self, arcs: Arcs, solve: Callable[[Arcs, Whole], Solved]) -> tuple[Arcs, Solved]:
        """Solve, scan all pairs with the prices, add what is missing; until nothing is."""
        run, table = self.run, self.problem.table
        while True:
            run.tell(min(0.9, 0.4 + 0.1 * len(run.rounds)), f"solving, round {len(run.rounds) + 1}")
            began = perf_counter()
            with run.stage("solving"):
                solved = solve(arcs, tie_costs(arcs, self.problem.nodes, table.id_hashes, self._seeds))
            solved_at = perf_counter()
            with run.stage("proving"):
                better, equal = self._scan(solved)
                more = Arcs.of([arcs, better if len(better) else equal])
            added = len(more) - len(arcs)
            run.rounds.append(
                Round(
                    arcs=len(arcs),
                    added=added,
                    solve_seconds=round(solved_at - began, 4),
                    scan_seconds=round(perf_counter() - solved_at, 4),
                )
            )
            if not added:
                return arcs, solved
            arcs = more
            if not len(better):
                # Only ties are left to settle: prices stay what they are, so no scan follows.
                with run.stage("ties"):
                    solved = solve(arcs, tie_costs(arcs, self.problem.nodes, table.id_hashes, self._seeds))
                return arcs, solved

    def _scan(self, solved: Solved) -> tuple[Arcs, Arcs]:
        """Arcs of the full list that would improve the solution, and those that would be exactly as good."""
        worth = solved.worth
        threshold = solved.gain - worth.level * worth.step + worth.low
        better, slacks, equal = [Arcs.none()], [np.zeros(0, np.int64)], [Arcs.none()]
        improves, margin = False, _MARGIN_POINTS * self.scale
        # The pairs in `top` are all in the network: its certificate speaks for them.
        for part in self.problem.calendar.scan(without_top=True):
            slack = threshold[part.case] + solved.price[part.node] - self._scores(part)
            near = np.flatnonzero(slack < margin)
            improves = improves or bool((slack[near] < 0).any())
            better.append(part.chosen(near))
            slacks.append(slack[near])
            equal.append(part.chosen(near[slack[near] == 0]))
        if not improves:
            return Arcs.none(), Arcs.joined(equal)
        return _largest(Arcs.joined(better), np.concatenate(slacks)), Arcs.joined(equal)

    def _scores(self, arcs: Arcs) -> Whole:
        """What an arc counts: its total, and below any point whether it keeps a case where it was."""
        if self.scale == 1:
            return arcs.total
        scores: Whole = arcs.total * self.scale + (self._kept[arcs.case] == arcs.node)
        return scores

    def _score_range(self) -> tuple[int, int]:
        pairs = self.problem.pairs
        if not len(pairs):
            return 0, 0
        weights = self.problem.weights
        most = int(pairs.base.max()) + weights.waiting + weights.urgency + weights.spare_capacity
        return int(pairs.base.min()) * self.scale, most * self.scale + int(self.scale > 1)


def _largest(arcs: Arcs, slack: Whole) -> Arcs:
    """The arcs of most promise for each case."""
    order = np.lexsort((arcs.node, slack, arcs.case))
    case = arcs.case[order]
    return arcs.chosen(order[np.arange(len(order)) - np.searchsorted(case, case) < _MOST_ADDED])


def _kept_nodes(problem: Problem, kept: Mapping[str, tuple[str, int]]) -> Whole:
    nodes = np.full(len(problem.columns), -1, dtype=np.int64)
    for case_id, (candidate_id, week) in kept.items():
        index, row = problem.columns.index_of.get(case_id), problem.table.row_of.get(candidate_id)
        at = week - problem.nodes.first_week
        if index is not None and row is not None and 0 <= at < len(problem.nodes.at):
            nodes[index] = problem.nodes.at[at, row]
    return nodes


def _written(search: Search, arcs: Arcs, solved: Solved, inputs: str) -> Proposal:
    problem, run = search.problem, search.run
    columns, table, nodes = problem.columns, problem.table, problem.nodes
    taken = np.flatnonzero(solved.assignment[arcs.case] == arcs.node)
    placements = []
    for arc in taken.tolist():
        index, node = int(arcs.case[arc]), int(arcs.node[arc])
        case, candidate = columns.cases[index], table.candidates[int(nodes.row[node])]
        placements.append(
            Placement(
                case_id=case.id,
                candidate_id=candidate.id,
                organisation_id=candidate.organisation_id,
                tier=case.urgency_tier,
                week=int(nodes.week[node]),
                first_day=problem.calendar.first_day(int(arcs.pair[arc]), node),
                metres=pair_metres(case, candidate),
                total=int(arcs.total[arc]),
                pinned=index in problem.pinned,
            )
        )
    measures = measured(columns, table, placements, problem.pairs.places)
    return Proposal(
        format=FORMAT,
        fingerprint=inputs,
        weights_version=problem.weights.version,
        salt=search.salt,
        options=problem.options,
        status="optimal",
        placements=tuple(placements),
        unplaced=tuple(columns.cases[index].id for index in np.flatnonzero(solved.assignment < 0).tolist()),
        measures=measures,
        bound=measures.total_score,
        eligible_pairs=problem.eligible_pairs,
        nodes=_nodes(problem, solved),
        proof=_proof(search, solved),
        rounds=tuple(run.rounds),
        seconds={},
        over_cap=over_cap(placements, problem.options.share_cap_percent),
        fairness_cost=fairness_cost(problem, solved.assignment),
    )


def _nodes(problem: Problem, solved: Solved) -> tuple[Node, ...]:
    """The places that are used or have a price."""
    nodes, table = problem.nodes, problem.table
    used = np.bincount(solved.assignment[solved.assignment >= 0], minlength=len(nodes))
    return tuple(
        Node(
            candidate_id=table.candidates[int(nodes.row[node])].id,
            week=int(nodes.week[node]),
            places=int(nodes.places[node]),
            used=int(used[node]),
            price=int(solved.price[node]),
        )
        for node in np.flatnonzero((used > 0) | (solved.price > 0)).tolist()
    )


def _proof(search: Search, solved: Solved) -> Proof:
    columns, worth = search.problem.columns, solved.worth
    tiers = np.unique(columns.tier)
    level_of = dict(zip(search.tiers.tolist(), worth.level.tolist(), strict=True))
    return Proof(
        step=worth.step,
        low=worth.low,
        high=search.score_range[1],
        scale=search.scale,
        levels={int(tier): level_of[int(tier)] for tier in tiers if int(tier) in level_of},
        pinned_level=int(worth.level.max(initial=0)) if search.problem.pinned else 0,
        gains={columns.cases[index].id: int(solved.gain[index]) for index in np.flatnonzero(solved.gain).tolist()},
        organisation_prices=_organisation_prices(search.problem, solved) if search.problem.options.is_stepped else {},
    )


def _organisation_prices(problem: Problem, solved: Solved) -> dict[str, int]:
    organisation, candidates = node_organisations(problem), problem.table.candidates
    names = {group: candidates[row].organisation_id for group, row in zip(organisation, problem.nodes.row, strict=True)}
    return {names[group]: int(price) for group, price in enumerate(solved.group_price.tolist()) if price}
