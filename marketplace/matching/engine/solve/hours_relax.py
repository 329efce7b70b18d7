"""Upper bounds for several capacities: prices on the resources, found by subgradient steps, proven in whole numbers.

With a price on each resource the cases no longer meet: each takes the pair with the best reduced weight, or none. The
sum of those and of the priced resources is at least the best total, whatever the prices; the steps look for prices
that make it small. At best it equals the bound of the linear relaxation (matching.md 3.4).
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.hours_kernels import relax
from marketplace.matching.engine.solve.hours_problem import Problem
from marketplace.matching.engine.solve.instance import Int64s

Floats = NDArray[np.float64]
Loop = Callable[..., float]

FRACTION_BITS = 10
"""Prices of a proof are whole multiples of 1/1024."""
HALVED_PAIRS = 50_000
"""Larger problems are evaluated on two cores."""
_PATIENCE, _SHRINK = 10, 0.7
"""After ten rounds without progress the step shrinks."""
_MEMORY = 0.85
"""Share of the old direction kept in the new: steps zigzag less."""


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """Prices and what they prove. `bound` is exact: no float takes part in it."""

    price: Floats
    reduced: Floats
    """Weight of each pair less the price of what it takes."""
    bound: int


def bound_prices(
    problem: Problem,
    weight: NDArray[np.int64],
    *,
    rounds: int,
    deadline: float,
    loop: Loop | None = None,
    start: Floats | None = None,
    aim: float | None = None,
    tick: Callable[[float], None] | None = None,
) -> Relaxation:
    """Look for prices with a low bound on the total `weight`, for `rounds` steps or until `deadline` (monotonic).

    Args:
        loop: A compiled `relax` for large problems; without it NumPy evaluates.
        start: Prices to start from.
        aim: A total known to be reachable; steps are measured by the distance to it.
        tick: Told the share of rounds done.
    """
    room = problem.room.astype(np.float64)
    scale = 1 / np.maximum(room, 1)
    price = np.zeros(len(room)) if start is None else start.copy()
    best, best_price = np.inf, price.copy()
    direction = np.zeros(len(room))
    step, idle = 1.0, 0
    value = weight.astype(np.float64)
    evaluate = _evaluator(problem, value, loop)
    for turn in range(rounds):
        total, load, _ = evaluate(price)
        total += float(price @ room)
        idle = 0 if total < best - 1e-5 * abs(best) else idle + 1
        if total < best:
            best, best_price = total, price.copy()
        if idle >= _PATIENCE:
            step, idle = step * _SHRINK, 0
        if step < 1e-5 or time.monotonic() > deadline:
            break
        slack = room - load
        direction = (1 - _MEMORY) * slack + _MEMORY * direction
        move = np.where((price <= 0) & (direction > 0), 0, direction)
        norm = float(move @ (move * scale))
        if norm == 0:
            break
        reach = 0.02 * abs(best) if aim is None else min(0.02 * abs(best), max(1e-6 * abs(best), best - aim))
        price = np.maximum(0, price - step * reach / norm * move * scale)
        if tick is not None and turn % 16 == 0:
            tick(turn / rounds)
    return prove(problem, weight, best_price)


def prove(problem: Problem, weight: Int64s, price: Floats) -> Relaxation:
    """The bound that these prices give, in whole numbers: prices are rounded first, so the bound holds exactly."""
    ticks = np.floor(price * (1 << FRACTION_BITS) + 0.5).astype(np.int64)
    reduced = _reduced(problem, weight << FRACTION_BITS, ticks)
    best = np.zeros(problem.cases, np.int64)
    np.maximum.at(best, problem.case, reduced)
    total = int(best.sum()) + int(ticks @ problem.room.astype(np.int64))
    return Relaxation(ticks / (1 << FRACTION_BITS), reduced / (1 << FRACTION_BITS), total >> FRACTION_BITS)


def can_reach(problem: Problem, weight: Int64s, price: Floats, total: int) -> NDArray[np.bool_]:
    """Pairs that an answer of at least `total` may hold; with the others the bound falls below it."""
    ticks = np.floor(price * (1 << FRACTION_BITS) + 0.5).astype(np.int64)
    reduced = _reduced(problem, weight << FRACTION_BITS, ticks)
    best = np.zeros(problem.cases, np.int64)
    np.maximum.at(best, problem.case, reduced)
    bound = int(best.sum()) + int(ticks @ problem.room.astype(np.int64))
    reachable: NDArray[np.bool_] = bound - best[problem.case] + reduced >= total << FRACTION_BITS
    return reachable


def placed_bounds(
    problem: Problem, prices: Floats, ladder: Int64s, known: Int64s, *, rounds: int, deadline: float, loop: Loop | None
) -> Int64s:
    """At most so many cases of each tier can be placed, whatever becomes of the others.

    Args:
        prices: Prices for weights of `ladder`: where the search for each tier starts.
        known: Placements by tier of an answer; a tier that already has its most is not looked at.
    """
    most = problem.placeable()
    for tier in range(problem.tiers):
        if known[tier] < most[tier]:
            # Whole numbers need room below one: a placement counts 1000.
            weight = np.where(problem.tier[problem.case] == tier, 1_000, 0).astype(np.int64)
            found = bound_prices(
                problem,
                weight,
                rounds=rounds,
                deadline=deadline,
                loop=loop,
                start=prices * (1_000 / ladder[tier]),
                aim=1_000.0 * float(known[tier]),
            )
            most[tier] = min(most[tier], found.bound // 1_000)
    return most


def score_bound(
    problem: Problem,
    relaxation: Relaxation,
    ladder: Int64s,
    counts: Int64s,
    score: int,
    *,
    rounds: int,
    deadline: float,
    loop: Loop | None,
) -> int:
    """No answer that places exactly `counts` by tier has a larger total score.

    Whatever a placement is worth, the bound on worth and score less the worth of `counts` is a bound on the score;
    several sizes of the worth are tried, from that of `ladder` down to nothing.

    Args:
        relaxation: That of weights by `ladder`.
        score: The score reached, to measure steps by.
    """
    best = relaxation.bound - int(ladder @ counts)
    price = relaxation.price
    size = 1.0
    for smaller in (0.3, 0.1, 0.03, 0.0):
        worth = (ladder * smaller).astype(np.int64)
        found = bound_prices(
            problem,
            problem.weight(worth),
            rounds=rounds,
            deadline=deadline,
            loop=loop,
            start=price * max(smaller, 0.02) / size,
            aim=float(int(worth @ counts) + score),
        )
        best = min(best, found.bound - int(worth @ counts))
        price, size = found.price, max(smaller, 0.02)
        if best <= score or time.monotonic() > deadline:
            break
    return max(best, score)


def _reduced(problem: Problem, weight: Int64s, price: Int64s) -> Int64s:
    sums = np.concatenate([[0], np.cumsum(price[problem.resource] * problem.amount)])
    reduced: Int64s = weight - (sums[problem.first[1:]] - sums[problem.first[:-1]])
    return reduced


def _evaluator(problem: Problem, weight: Floats, loop: Loop | None) -> Callable[[Floats], tuple[float, Floats, Floats]]:
    load, reduced = np.zeros(len(problem.room)), np.zeros(problem.pairs)
    if loop is not None and loop is not relax:
        # Cases in halves, each on a core of its own; the sums come out the same on one.
        middle = int(np.searchsorted(problem.start, problem.pairs // 2)) if problem.pairs > HALVED_PAIRS else 0
        halves = [problem.start] if not 0 < middle < problem.cases else [
            problem.start[: middle + 1], problem.start[middle:],
        ]  # fmt: skip
        loads = np.zeros((len(halves), len(load)))

        def half(number: int, price: Floats) -> float:
            return loop(
                halves[number], weight, problem.first, problem.resource, problem.amount, price, loads[number], reduced
            )

        pool = ThreadPoolExecutor(len(halves) - 1) if len(halves) > 1 and (os.cpu_count() or 1) > 1 else None

        def by_loop(price: Floats) -> tuple[float, Floats, Floats]:
            other = pool.submit(half, 1, price) if pool is not None else None
            total = half(0, price)
            if len(halves) > 1:
                total += other.result() if other is not None else half(1, price)
            return total, loads.sum(axis=0), reduced

        return by_loop
    owner = np.repeat(np.arange(problem.pairs), np.diff(problem.first))
    asking = np.flatnonzero(np.diff(problem.start) > 0)
    heads = problem.start[asking]

    def by_arrays(price: Floats) -> tuple[float, Floats, Floats]:
        cost = np.bincount(owner, weights=price[problem.resource] * problem.amount, minlength=problem.pairs)
        net = weight - cost
        best = np.maximum.reduceat(net, heads) if len(heads) else np.zeros(0)
        # The first pair of each case that has its best value.
        top = np.flatnonzero(net == np.repeat(best, np.diff(problem.start)[asking]))
        _, head = np.unique(problem.case[top], return_index=True)
        taken = np.zeros(problem.pairs, bool)
        taken[top[head][best > 0]] = True
        chosen = taken[owner]
        used = np.bincount(problem.resource[chosen], weights=problem.amount[chosen], minlength=len(load))
        return float(best[best > 0].sum()), used.astype(np.float64), net

    return by_arrays
