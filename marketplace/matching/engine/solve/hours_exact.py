"""Proofs for small and medium problems: bounds leave few pairs, HiGHS settles those.

A total is guessed a little below the bound. Pairs that no answer of that total can hold are ruled out, and HiGHS
solves what is left: a result at least as good as the guess is the best of all, a worse one lowers the bound below the
guess, and the next guess is twice as far down. So HiGHS sees a tenth of the pairs, and no good answer has to be known
beforehand. Everything it returns is checked in whole numbers.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.hours_knapsack import (
    TICKS,
    Loop,
    Margins,
    Sacks,
    case_prices,
    margins,
    sacks,
    without,
)
from marketplace.matching.engine.solve.hours_milp import Model, maximise
from marketplace.matching.engine.solve.hours_problem import Problem
from marketplace.matching.engine.solve.hours_relax import bound_prices, can_reach
from marketplace.matching.engine.solve.instance import Int64s

Bools = NDArray[np.bool_]

ONE_SUM = 10**9
"""Tiers and score go into one objective up to this total: doubles then tell neighbouring totals well apart."""
NEARLY_ALL = 0.1
WHOLE_PAIRS = 250
"""Below this many pairs HiGHS gets them all at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """The answer after the proof was tried."""

    chosen: Int64s
    proven: bool
    """Most placements tier by tier, then the largest score."""
    score_bound: int | None
    """With as many placed in every tier, no larger total score; None when nothing new was learnt."""


def settle(
    problem: Problem, chosen: Int64s, *, deadline: float, loop: Loop | None = None,
    tick: Callable[[float], None] | None = None,
) -> Settled:  # fmt: skip
    """Prove the answer best or find a better one, until `deadline` (monotonic)."""
    counts = np.array(problem.standing(chosen)[:-1], np.int64)
    if (counts == problem.placeable()).all():
        # Nobody who could be placed is left over: only the score is open, and everybody must stay placed.
        return _one_sum(problem, chosen, problem.score, True, deadline, loop, tick)
    missing = int(problem.placeable().sum() - counts.sum())
    if missing <= NEARLY_ALL * counts.sum() and len(problem.room) == len(np.unique(problem.owner)):
        # With a few left over, first ask for an answer that leaves nobody over: its proof is much the shorter.
        found = _one_sum(problem, None, problem.score, True, deadline, loop, tick)
        if (found.chosen >= 0).any():
            return found
    worth = problem.exact_worth(ONE_SUM)
    if worth is not None:
        found = _one_sum(problem, chosen, problem.weight(worth), False, deadline, loop, tick)
        total = None if found.score_bound is None else found.score_bound
        same = problem.standing(found.chosen)[:-1]
        bound = None if total is None else total - int(worth @ np.array(same, np.int64))
        return Settled(found.chosen, found.proven, bound)
    return _by_tier(problem, chosen, deadline)


def _one_sum(
    problem: Problem, chosen: Int64s | None, weight: Int64s, must: bool, deadline: float, loop: Loop | None,
    tick: Callable[[float], None] | None,
) -> Settled:  # fmt: skip
    """Maximise one sum; `score_bound` is the bound on that sum. Without an answer to start from, none may come back."""
    if chosen is None:
        low = np.zeros(problem.cases, np.int64)
        np.minimum.at(low, problem.case, weight)
        best, total = np.full(problem.cases, -1, np.int64), int(low.sum()) - 1
    else:
        best, total = chosen, int(weight[chosen[chosen >= 0]].sum())
    if problem.pairs <= WHOLE_PAIRS:
        answer = maximise(model(problem, weight, must), deadline - time.monotonic())
        best, total = _better(problem, np.ones(problem.pairs, bool), answer.taken, weight, must, best, total)
        return Settled(best, answer.proven, total if answer.proven else answer.bound)
    given = sacks(problem, weight, must) if loop is not None else None
    if given is not None:
        bound, left = _by_knapsacks(problem, given, total, deadline, loop)
    else:
        bound, left = _by_prices(problem, weight, must, deadline)
    step = max(1, min((bound - total) >> 4, abs(bound) >> 13))
    known, begin = bound, total
    while total < known and time.monotonic() < deadline:
        guess = max(total + 1, known - step + 1)
        kept = left(guess)
        if tick is not None:
            tick(1 - (known - total) / max(1, bound - begin))
        if must and len(np.unique(problem.case[kept])) < int(problem.placeable().sum()):
            known, step = guess - 1, step * 2
            continue
        answer = maximise(model(problem.keep(kept), weight[kept], must), deadline - time.monotonic())
        best, total = _better(problem, kept, answer.taken, weight, must, best, total)
        if not answer.proven and not answer.infeasible:
            # Better answers within the pairs kept are at most `answer.bound`, all others below the guess.
            if answer.bound is not None:
                known = min(known, max(answer.bound, guess - 1))
            break
        known = total if total >= guess else guess - 1
        step *= 2
    return Settled(best, total >= known, max(known, total))


def _by_knapsacks(
    problem: Problem, given: Sacks, total: int, deadline: float, loop: Loop | None
) -> tuple[int, Callable[[int], Bools]]:
    price = case_prices(given, total, rounds=1_500, deadline=deadline, loop=loop)
    first = margins(problem, given, price)

    def left(guess: int) -> Bools:
        kept, found = first.can_reach(problem, guess), first
        for _ in range(2):
            fewer = without(given, problem, kept)
            if time.monotonic() > deadline or (problem.placeable().sum() > len(np.unique(problem.case[kept]))):
                break
            at = case_prices(fewer, guess, rounds=300, deadline=deadline, loop=loop, start=found.price)
            found = margins(problem, fewer, at)
            kept = kept & _among(found, problem, guess)
        return kept

    return first.bound // TICKS, left


def _among(found: Margins, problem: Problem, guess: int) -> Bools:
    """Pairs left by margins of a part; when they show that nothing reaches the guess, none."""
    return found.can_reach(problem, guess) if found.bound >= guess * TICKS else np.zeros(problem.pairs, bool)


def _by_prices(problem: Problem, weight: Int64s, must: bool, deadline: float) -> tuple[int, Callable[[int], Bools]]:
    # Where everybody is placed, a placement may be worth anything: the ladder keeps every weight positive.
    added = problem.ladder() if must else np.zeros(problem.tiers, np.int64)
    extra = int(added @ problem.placeable()) if must else 0
    raised = weight + added[problem.tier[problem.case]]
    found = bound_prices(problem, raised, rounds=800, deadline=deadline)
    return found.bound - extra, lambda guess: can_reach(problem, raised, found.price, guess + extra)


def _by_tier(problem: Problem, chosen: Int64s, deadline: float) -> Settled:
    """One objective after another: placements of each tier, then the score."""
    best = chosen
    most = problem.placeable()
    fixed: list[int] = []
    everything = np.ones(problem.pairs, bool)
    for tier in range(problem.tiers):
        counts = problem.standing(best)[: problem.tiers]
        if counts[tier] < most[tier]:
            weight = (problem.tier[problem.case] == tier).astype(np.int64)
            answer = maximise(model(problem, weight, False, fixed), deadline - time.monotonic())
            best, reached = _better(problem, everything, answer.taken, weight, False, best, counts[tier], fixed)
            if not answer.proven:
                return Settled(best, False, None)
            fixed.append(reached)
        else:
            fixed.append(counts[tier])
    total = problem.standing(best)[-1]
    answer = maximise(model(problem, problem.score, False, fixed), deadline - time.monotonic())
    best, total = _better(problem, everything, answer.taken, problem.score, False, best, total, fixed)
    return Settled(best, answer.proven, total if answer.proven else answer.bound)


def model(problem: Problem, weight: Int64s, must: bool, counts: list[int] | None = None) -> Model:
    """Rows: a place for each case (exactly one if `must`), each resource, and the placements of the first tiers."""
    pairs = np.arange(problem.pairs)
    each = np.repeat(pairs, np.diff(problem.first))
    asking, row = np.unique(problem.case, return_inverse=True)
    used, resource = np.unique(problem.resource, return_inverse=True)
    rows, columns = [row, len(asking) + resource], [pairs, each]
    values = [np.ones(problem.pairs, np.int64), problem.amount.astype(np.int64)]
    low = [np.full(len(asking), 1.0 if must else 0.0), np.full(len(used), -np.inf)]
    high = [np.ones(len(asking)), problem.room[used].astype(np.float64)]
    for tier, count in enumerate(counts or []):
        mine = pairs[problem.tier[problem.case] == tier]
        rows.append(np.full(len(mine), sum(len(part) for part in low)))
        columns.append(mine)
        values.append(np.ones(len(mine), np.int64))
        low.append(np.array([float(count)]))
        high.append(np.array([float(count)]))
    return Model(
        weight, np.concatenate(rows), np.concatenate(columns), np.concatenate(values), np.concatenate(low),
        np.concatenate(high),
    )  # fmt: skip


def _better(
    problem: Problem, kept: Bools, taken: Bools | None, weight: Int64s, must: bool, best: Int64s, total: int,
    counts: list[int] | None = None,
) -> tuple[Int64s, int]:  # fmt: skip
    """The answer of HiGHS if it holds in whole numbers and is better, else the known one."""
    if taken is None:
        return best, total
    pairs = np.flatnonzero(kept)[taken]
    chosen = np.full(problem.cases, -1, np.int64)
    chosen[problem.case[pairs]] = pairs
    placed = chosen >= 0
    if placed.sum() < len(pairs) or (problem.left(chosen) < 0).any():
        return best, total
    standing = problem.standing(chosen)
    if must and placed.sum() < int(problem.placeable().sum()):
        return best, total
    if counts and list(standing[: len(counts)]) != counts:
        return best, total
    found = int(weight[pairs].sum())
    return (chosen, found) if found > total else (best, total)
