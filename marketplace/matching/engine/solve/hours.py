"""Assignment with several capacities for each candidate, such as hours by weekday and part of the day.

This is generalised assignment with many resources, NP-hard, so the answer is anytime: prices on the resources give an
upper bound, ruin and recreate gives an answer, and where few enough pairs are left HiGHS proves it best. What is
reported is always an answer within the capacities, and bounds that hold in whole numbers (those that HiGHS proves, to
its tolerance).

What `gap` means, for nobody should take it for more than it is:
- 0 if `optimal`: the placements by tier and the total score are proven.
- If the placements of every tier are proven to be the most there can be, the gap is that of the score:
  (bound - score) / bound, `bound` an upper bound on the score of any answer with these placements.
- Else it is that of the weighted goal of matching.md 3.4: the sum over placed cases of worth of the tier + score, worth
  being 3, 8, 20 times the largest score from the last tier up. (goal_bound - goal) / goal_bound, as in matching.md 7.
  It does not say how many more cases of a tier could be placed: `placed_bounds` does, tier by tier.

The same instance and seed give the same answer when no limit of time is hit: the number of moves ends the search. The
rows of an instance are in canonical order, so their order in a file never matters.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from marketplace.matching.engine.compiled import cache_folder, compiled
from marketplace.matching.engine.solve import hours_kernels as kernels
from marketplace.matching.engine.solve.hours_exact import Settled, settle
from marketplace.matching.engine.solve.hours_knapsack import fill, sacks
from marketplace.matching.engine.solve.hours_problem import Problem, pack
from marketplace.matching.engine.solve.hours_relax import Relaxation, bound_prices, placed_bounds, score_bound
from marketplace.matching.engine.solve.hours_search import HARD, MILD, WIDE, first_answer, search
from marketplace.matching.engine.solve.hours_ties import least_ties
from marketplace.matching.engine.solve.hours_zones import zones_of
from marketplace.matching.engine.solve.instance import Instance, Int64s, Progress, Solution
from marketplace.matching.engine.solve.reasons import why_unassigned

TINY_PAIRS, TINY_CASES = 650, 64
"""Up to here HiGHS and NumPy do it all: no compiler, no search."""
SINGLE_PAIRS = 30_000
SEVERAL_PAIRS = 3_000
"""A proof is tried up to so many pairs, where each candidate has one capacity that binds, and where it has several."""
DEFAULT_SECONDS = 60.0
"""Without a limit of time a proof is given up after this long."""
LONG_SECONDS = 7_200.0
"""Without a limit of time the search ends after its moves, on any machine before this."""
MOVES_A_SECOND = 160_000
"""What one core makes of the larger instances; the limit of time in moves. Where cores are slower, or fewer than
the zones, the clock decides, and the answer may differ from run to run."""
COMPILE_SECONDS = 15.0
LOAD_SECONDS = 4.0
"""With less time than the first nothing is compiled, with less than the second what was compiled is not even loaded:
plain functions then make the few moves that there is time for."""


@dataclass(frozen=True, slots=True, eq=False)
class HoursSolution(Solution):
    """A solution with what else is known about several capacities."""

    goal: int = 0
    """Worth of the placements and score (see the module); `goal_bound` is an upper bound on it for every answer."""
    goal_bound: int = 0
    placed_bounds: dict[int, int] = field(default_factory=dict)
    """At most so many cases of a tier can be placed, whatever happens to the other tiers."""


def solve_hours(
    instance: Instance, *, time_limit: float | None = None, seed: int = 0, progress: Progress | None = None,
    salt: str = "",
) -> HoursSolution:  # fmt: skip
    """Place the cases of an instance with several capacities.

    Args:
        time_limit: Seconds; the answer comes within it and one second. None: the moves a large instance needs, and a
            proof is tried for `DEFAULT_SECONDS`.
        seed: Start of the search; one seed, one answer.
        progress: Told the share done and what goes on.
        salt: Of the tie costs; it decides only among proven answers of small instances (see `hours_ties`).

    Returns:
        `optimal` only with a proof; else `feasible` with bounds, see the module for what the gap means.
    """
    begin = time.monotonic()
    tell = progress or (lambda share, what: None)
    problem = pack(instance)
    limit = LONG_SECONDS if time_limit is None else max(0.02, time_limit)
    deadline = begin + limit
    ladder = problem.ladder()
    weight = problem.weight(ladder)
    tiny = problem.pairs <= TINY_PAIRS and problem.cases <= TINY_CASES
    fast = not tiny and (limit >= COMPILE_SECONDS or (limit >= LOAD_SECONDS and _is_compiled()))
    loop = compiled(kernels.relax) if fast else None
    tell(0.0, "bound")
    relaxation = bound_prices(
        problem, weight, rounds=250 if tiny else 400, deadline=begin + limit * 0.25, loop=loop,
        tick=lambda share: tell(0.1 * share, "bound"),
    )  # fmt: skip
    chosen = first_answer(problem, weight, relaxation.reduced)
    single = sacks(problem, weight, must=False) is not None
    try_proof = problem.pairs <= (SINGLE_PAIRS if single else SEVERAL_PAIRS)
    left = deadline - time.monotonic()
    if not tiny and left > 0.05:
        share = (0.1 if single else 0.3) if try_proof else 0.92
        zones = zones_of(problem)
        moves = _moves(problem, left * share * zones, time_limit is None, single)
        style = WIDE if zones > 1 else HARD
        chosen, _ = search(
            problem, chosen, relaxation.reduced, moves=moves, seconds=left * share, seed=seed,
            kernel=compiled(kernels.anneal) if fast else kernels.anneal, style=MILD if single else style,
            tick=lambda done: tell(0.1 + 0.8 * share * done, "search"),
        )  # fmt: skip
    if time_limit is None:
        # The search has made all its moves; only what may never end is limited by the clock.
        limit = DEFAULT_SECONDS
        deadline = time.monotonic() + limit
    settled = Settled(chosen, problem.pairs == 0, 0 if problem.pairs == 0 else None)
    if try_proof and problem.pairs and (tiny or deadline - time.monotonic() > 0.5):
        tell(0.5, "proof")
        settled = settle(
            problem, chosen, deadline=deadline - 0.03 * limit, loop=compiled(fill) if fast and single else None,
            tick=lambda done: tell(0.5 + 0.45 * done, "proof"),
        )  # fmt: skip
    chosen = settled.chosen
    if settled.proven and problem.pairs:
        chosen = _fairest(problem, chosen, instance.tie_costs(salt)[problem.source], deadline)
    tell(0.95, "bounds")
    return _solution(instance, problem, relaxation, ladder, settled, chosen, begin, deadline, fast)


def _moves(problem: Problem, core_seconds: float, endless: bool, single: bool) -> int:
    if single:
        enough = min(300_000, 3_000 * problem.cases)  # A proof needs a good start only.
    elif endless:
        enough = min(2_000 * problem.cases, 1_500_000 + 450 * problem.cases)
    else:
        enough = 8_000 * problem.cases  # Past that hardly anything is won.
    return enough if endless else max(100, min(enough, int(core_seconds * MOVES_A_SECOND)))


def _is_compiled() -> bool:
    """Whether the folder has machine code of each loop that is younger than its source, so that loading it is quick."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_folder())
    for loop in (kernels.anneal, kernels.relax, fill):
        name = loop.__module__.rsplit(".", 1)[-1]
        written = Path(loop.__code__.co_filename).stat().st_mtime
        if not any(made.stat().st_mtime >= written for made in folder.rglob(f"{name}.{loop.__name__}-*.nbc")):
            return False
    return True


def _fairest(problem: Problem, chosen: Int64s, tie_cost: Int64s, deadline: float) -> Int64s:
    worth = problem.exact_worth(1 << 46)
    if worth is None or time.monotonic() > deadline:
        return chosen
    weight = problem.weight(worth)
    aim = float(weight[chosen[chosen >= 0]].sum())
    relaxation = bound_prices(problem, weight, rounds=300, deadline=deadline, aim=aim)
    return least_ties(problem, weight, relaxation, chosen, tie_cost)[0]


def _solution(
    instance: Instance, problem: Problem, relaxation: Relaxation, ladder: Int64s, settled: Settled, chosen: Int64s,
    begin: float, deadline: float, fast: bool,
) -> HoursSolution:  # fmt: skip
    *counts, score = problem.standing(chosen)
    placed = np.array(counts, np.int64)
    goal = int(ladder @ placed) + score
    most, bound = placed, score
    goal_bound = goal
    if not settled.proven:
        loop = compiled(kernels.relax) if fast else None
        now = time.monotonic()
        share = max(0.0, deadline - now) / (problem.tiers + 1)
        most = placed_bounds(problem, relaxation.price, ladder, placed, rounds=120, deadline=now + share, loop=loop)
        bound = score_bound(
            problem, relaxation, ladder, placed, score, rounds=100, deadline=time.monotonic() + share, loop=loop
        )
        if settled.score_bound is not None and problem.standing(settled.chosen)[:-1] == tuple(counts):
            bound = min(bound, settled.score_bound)
        bound = max(bound, score)
        goal_bound = max(goal, relaxation.bound)
        if (most == placed).all():
            goal_bound = min(goal_bound, int(ladder @ placed) + bound)
    over, of = (bound - score, bound) if (most == placed).all() else (goal_bound - goal, goal_bound)
    assignment = np.full(instance.cases, -1, np.int32)
    taken = chosen >= 0
    assignment[taken] = problem.candidate[chosen[taken]]
    names = np.unique(instance.tiers).tolist()
    is_best = settled.proven or ((most == placed).all() and bound == score)
    return HoursSolution(
        status="optimal" if is_best else "feasible",
        assignment=assignment,
        score=score,
        assigned_by_tier=dict(zip(names, counts, strict=True)),
        bound=bound,
        gap=over / max(1, abs(of)),
        seconds=time.monotonic() - begin,
        reasons=why_unassigned(instance, assignment, is_proven=is_best),
        goal=goal,
        goal_bound=goal_bound,
        placed_bounds=dict(zip(names, most.tolist(), strict=True)),
    )
