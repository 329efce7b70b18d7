"""Solves an instance by the method that fits it."""

import time
from importlib import import_module

import numpy as np

from marketplace.matching.engine.solve.flow import FlowProblem, FlowResult
from marketplace.matching.engine.solve.greedy import best_left
from marketplace.matching.engine.solve.instance import Instance, Int32s, Progress, Solution
from marketplace.matching.engine.solve.limited import solve_flow_until
from marketplace.matching.engine.solve.reasons import why_unassigned
from marketplace.matching.engine.solve.slots import Slots, as_slots

SMALL = 20_000
"""Pairs up to which the flow takes less time than starting a process for it would."""

HOURS_SEED = 20_260_101
"""Where the searches of `hours` start; fixed, so that one instance has one answer."""


def solve(
    instance: Instance, *, time_limit: float | None = None, salt: str = "", progress: Progress | None = None
) -> Solution:
    """Find the best assignment (goal: see `instance`).

    Args:
        instance: What to solve, in canonical order.
        time_limit: Seconds at most; then the best answer so far is given as `feasible`. None for no limit.
        salt: Of the tie costs; a run of the platform publishes its own.
        progress: Told now and then how far it is.

    Returns:
        Exact and proven where places are single slots; else as good as `hours` finds, with a bound.

    Raises:
        InvalidInstance: Numbers that together do not fit 64 bits.
    """
    begin = time.monotonic()
    tell = progress or (lambda share, what: None)
    slots = as_slots(instance)
    if slots is None:
        solve_hours = import_module("marketplace.matching.engine.solve.hours").solve_hours
        solution: Solution = solve_hours(instance, time_limit=time_limit, seed=HOURS_SEED, progress=progress, salt=salt)
        return solution
    problem = _problem(instance, slots, salt)
    if time_limit is None or len(slots.pairs) <= SMALL:
        return _proven(instance, slots, problem.solve(progress), begin)
    # Reasons and the answer itself need a little of the time, too.
    deadline = begin + time_limit * 0.95
    substitute: list[Int32s] = []
    result = solve_flow_until(
        problem,
        deadline,
        meanwhile=lambda: substitute.append(best_left(instance, deadline)),
        tick=lambda share: tell(share, "best assignment"),
    )
    if result is not None:
        return _proven(instance, slots, result, begin)
    return _unproven(instance, substitute[0], begin)


def _problem(instance: Instance, slots: Slots, salt: str) -> FlowProblem:
    ties = instance.tie_costs(salt)[slots.pairs]
    group, caps = None, None
    if instance.group_caps:
        places = {name: at for at, name in enumerate(instance.group_caps)}
        numbers = [places.get(name, -1) if name is not None else -1 for name in instance.groups]
        group = np.array(numbers, np.int32)[slots.candidate]
        caps = np.array(list(instance.group_caps.values()), np.int64)
    return FlowProblem(
        instance.tiers,
        slots.capacity,
        instance.pair_case[slots.pairs],
        slots.row,
        instance.score[slots.pairs],
        ties,
        group,
        caps,
    )


def _proven(instance: Instance, slots: Slots, result: FlowResult, begin: float) -> Solution:
    assignment = np.where(result.assignment >= 0, np.append(slots.candidate, -1)[result.assignment], -1).astype(
        np.int32
    )
    return Solution(
        status="optimal",
        assignment=assignment,
        score=result.value,
        assigned_by_tier=_by_tier(instance, assignment),
        bound=result.value,
        gap=0.0,
        seconds=time.monotonic() - begin,
        prices=result.price[: instance.candidates],
        case_duals=result.case_dual,
        reasons=why_unassigned(instance, assignment, is_proven=True),
    )


def _unproven(instance: Instance, assignment: Int32s, begin: float) -> Solution:
    own = assignment[instance.pair_case] == instance.pair_candidate
    score = int(instance.score[own].sum())
    by_tier = _by_tier(instance, assignment)
    bound, could_be_placed = max(score, _easy_bound(instance, by_tier)), len(np.unique(instance.pair_case))
    placed = int((assignment >= 0).sum())
    return Solution(
        status="feasible",
        assignment=assignment,
        score=score,
        assigned_by_tier=by_tier,
        bound=bound,
        gap=max((could_be_placed - placed) / max(1, could_be_placed), (bound - score) / max(1, abs(bound))),
        seconds=time.monotonic() - begin,
        reasons=why_unassigned(instance, assignment, is_proven=False),
    )


def _by_tier(instance: Instance, assignment: Int32s) -> dict[int, int]:
    tiers, place = np.unique(instance.tiers, return_inverse=True)
    placed = np.bincount(place[assignment >= 0], minlength=len(tiers))
    return dict(zip(tiers.tolist(), placed.tolist(), strict=True))


def _easy_bound(instance: Instance, by_tier: dict[int, int]) -> int:
    """Total score if as many of each tier had their own best candidate, whoever else has it."""
    lowest = np.iinfo(np.int64).min
    best = np.full(instance.cases, lowest)
    np.maximum.at(best, instance.pair_case, instance.score)
    total = 0
    for tier, count in by_tier.items():
        mine = np.sort(best[(instance.tiers == tier) & (best > lowest)])
        total += int(mine[len(mine) - count :].sum())
    return total
