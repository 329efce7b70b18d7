"""A stronger bound where each candidate has one capacity that binds: knapsacks solved whole.

Here the rule "a case goes to one candidate" is priced instead of the capacities: each candidate then fills its own
knapsack, solved by dynamic programming, and the bound is never weaker than that of the linear relaxation. Trying each
pair in and out of its knapsack shows pairs that no answer as good as the known one can hold, and pairs that every such
answer must hold. All in whole numbers, so the bound and what is ruled out are exact.

Source: the relaxation and the fixing of Posta, Ferland and Michelon, Computational Optimization and Applications 52
(2012), here without their branching.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.hours_problem import Problem
from marketplace.matching.engine.solve.instance import Int64s

Bools = NDArray[np.bool_]
Loop = Callable[..., int]

TICKS = 1 << 10
"""Prices are multiples of 1/1024."""
NEVER = -(1 << 60)
MOST_CELLS = 30_000_000
"""Cells of all knapsack tables at most; past it the tables take longer than they are worth."""


@dataclass(frozen=True, slots=True, eq=False)
class Sacks:
    """Dense form: `worth[case, candidate]` in ticks (`NEVER` without a pair), `take`, `room` per candidate."""

    worth: Int64s
    take: Int64s
    room: Int64s
    must: bool
    """Whether each case that has a pair must be placed."""


@dataclass(frozen=True, slots=True, eq=False)
class Margins:
    """What case prices prove, in ticks: nothing beats `bound`; `inside[pair]` bounds the answers that hold the pair,
    `outside[pair]` those that do not."""

    price: Int64s
    bound: int
    inside: Int64s
    outside: Int64s

    def can_reach(self, problem: Problem, total: int) -> Bools:
        """Pairs that an answer of at least `total` may hold."""
        kept: Bools = self.inside >= total * TICKS
        held = self.outside < total * TICKS
        sure = np.full(problem.cases, -1, np.int64)
        sure[problem.case[held]] = np.flatnonzero(held)
        mine = sure[problem.case]
        kept &= (mine < 0) | (mine == np.arange(problem.pairs))
        return kept


def sacks(problem: Problem, weight: Int64s, must: bool) -> Sacks | None:
    """The dense form, or None where a candidate has two capacities that bind, a group a cap, or numbers are large."""
    candidates = int(problem.candidate.max(initial=-1)) + 1
    if (problem.owner < 0).any() or len(np.unique(problem.owner)) < len(problem.owner):
        return None
    mine = problem.owner < candidates
    room = np.zeros(candidates, np.int64)
    room[problem.owner[mine]] = problem.room[mine]
    if problem.cases * candidates * (int(room.max(initial=0)) + 1) > MOST_CELLS:
        return None
    if int(np.abs(weight).max(initial=0)) * TICKS * max(1, problem.cases) >= 1 << 58:
        return None
    worth = np.full((problem.cases, candidates), NEVER, np.int64)
    worth[problem.case, problem.candidate] = weight * TICKS
    take = np.zeros((problem.cases, candidates), np.int64)
    has = np.diff(problem.first) > 0
    take[problem.case[has], problem.candidate[has]] = problem.amount[problem.first[:-1][has]]
    return Sacks(worth, take, room, must)


def without(given: Sacks, problem: Problem, kept: Bools) -> Sacks:
    """The same without the pairs that are not `kept`."""
    worth = given.worth.copy()
    worth[problem.case[~kept], problem.candidate[~kept]] = NEVER
    return replace(given, worth=worth)


def case_prices(
    given: Sacks, total: int, *, rounds: int, deadline: float, start: Int64s | None = None, loop: Loop | None = None
) -> Int64s:
    """Subgradient steps to case prices with a low bound; stops early when nothing can beat `total`.

    Args:
        loop: A compiled `fill` for large problems.
    """
    asks = given.worth.max(axis=1, initial=NEVER) > NEVER
    price = np.where(asks, given.worth.max(axis=1, initial=NEVER), 0) if start is None else start.copy()
    best_price, best = price, 1 << 61
    step, idle = 1.0, 0
    direction = np.zeros(len(price))
    times = np.zeros(len(price), np.int64)
    size = int(given.room.max(initial=0)) + 1
    table, wins = np.zeros(size, np.int64), np.zeros((len(price), size), np.bool_)
    run = fill if loop is None else loop
    for _ in range(rounds):
        bound = run(given.worth, given.take, given.room, price, times, table, wins) + int(price[asks].sum())
        idle = 0 if bound < best - max(TICKS // 50, abs(best) // 1_000_000) else idle + 1
        if bound < best:
            best, best_price = bound, price.copy()
        if best < (total + 1) * TICKS or time.monotonic() > deadline:
            break
        if idle >= 15:
            step, idle, price = step * 0.6, 0, best_price.copy()
            if step < 1e-3:
                break
        direction = 0.4 * (1 - times) * asks + 0.6 * direction
        norm = float(direction @ direction)
        if norm == 0:
            break
        reach = min(max(TICKS, bound - total * TICKS), 0.02 * abs(best) + TICKS)
        price = price - np.floor(step * reach / norm * direction + 0.5).astype(np.int64)
        if not given.must:
            price = np.maximum(price, 0)
    return best_price


def fill(worth: Int64s, take: Int64s, room: Int64s, price: Int64s, times: Int64s, table: Int64s, wins: Bools) -> int:
    """Fill each candidate's knapsack at these prices: the sum of the best values; `times` each case is in one.

    `table` (one cell per unit of the largest room) and `wins` (a row of cells per case) are scratch.
    """
    cases = len(price)
    times[:] = 0
    total = 0
    for owner in range(len(room)):
        size = room[owner] + 1
        table[:size] = 0
        for case in range(cases):
            net = worth[case, owner] - price[case]
            amount = take[case, owner]
            if net > 0 and amount < size:
                for at in range(size - 1, amount - 1, -1):
                    tried = table[at - amount] + net
                    if tried > table[at]:
                        table[at] = tried
                        wins[case, at] = True
                    else:
                        wins[case, at] = False
                wins[case, :amount] = False
        total += table[size - 1]
        at = size - 1
        for case in range(cases - 1, -1, -1):
            if worth[case, owner] - price[case] > 0 and take[case, owner] < size and wins[case, at]:
                times[case] += 1
                at -= take[case, owner]
    return total


def margins(problem: Problem, given: Sacks, price: Int64s) -> Margins:
    """Try each pair in and out of its candidate's knapsack."""
    worth, take = given.worth, given.take
    asks = worth.max(axis=1, initial=NEVER) > NEVER
    inside_of = np.full(worth.shape, NEVER, np.int64)
    outside_of = np.full(worth.shape, -NEVER, np.int64)  # Not a pair: says nothing.
    whole = 0
    for owner, room in enumerate(given.room.tolist()):
        cases = np.flatnonzero(worth[:, owner] > NEVER)
        net = worth[cases, owner] - price[cases]
        # `ahead[k]` holds the cases before k, `behind[k + 1]` those after it.
        ahead = _prefixes(net, take[cases, owner], room)
        behind = _prefixes(net[::-1], take[cases, owner][::-1], room)[::-1]
        value = int(ahead[-1][room])
        whole += value
        for k, case in enumerate(cases.tolist()):
            amount = int(take[case, owner])
            rest = behind[k + 1][room - amount :: -1] if amount < room else behind[k + 1][:1]
            inside_of[case, owner] = int((ahead[k][: room - amount + 1] + rest).max()) + int(net[k]) - value
            outside_of[case, owner] = int((ahead[k] + behind[k + 1][::-1]).max()) - value
    whole += int(price[asks].sum())
    at = (problem.case, problem.candidate)
    return Margins(price, whole, whole + inside_of[at], whole + outside_of[at])


def _prefixes(net: Int64s, take: Int64s, room: int) -> Int64s:
    """Best value of the first k items in each capacity up to `room`: `table[k, capacity]`."""
    table = np.zeros((len(net) + 1, room + 1), np.int64)
    for k, (value, amount) in enumerate(zip(net.tolist(), take.tolist(), strict=True)):
        table[k + 1] = table[k]
        if value > 0:
            np.maximum(table[k + 1][amount:], table[k][: room + 1 - amount] + value, out=table[k + 1][amount:])
    return table
