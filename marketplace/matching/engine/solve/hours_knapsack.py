"""A stronger bound where each candidate has one capacity that binds: knapsacks solved whole.

Here the rule "a case goes to one candidate" is priced instead of the capacities: each candidate then fills its own
knapsack, solved by dynamic programming, and the bound is never weaker than that of the linear relaxation. Trying each
pair in and out of its knapsack shows pairs that no answer as good as the known one can hold, and pairs that every such
answer must hold. All in whole numbers, so the bound and what is ruled out are exact.

Source: the relaxation and the fixing of Posta, Ferland and Michelon, Computational Optimization and Applications 52
(2012), here without their branching.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.hours_problem import Problem
from marketplace.matching.engine.solve.instance import Int64s

Bools = NDArray[np.bool_]

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


def sacks(problem: Problem, weight: Int64s, must: bool) -> Sacks | None:
    """The dense form, or None where a candidate has two capacities that bind, a group a cap, or numbers are large."""
    candidates = int(problem.candidate.max(initial=-1)) + 1
    if (problem.owner < 0).any() or len(np.unique(problem.owner)) < len(problem.owner):
        return None
    room = np.zeros(candidates, np.int64)
    room[problem.owner[problem.owner < candidates]] = problem.room[problem.owner < candidates]
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


def tighten(
    problem: Problem, given: Sacks, total: int, *, rounds: int, deadline: float
) -> tuple[int, Bools]:
    """Look for case prices with a low bound, and for pairs that no answer of at least `total` can hold.

    Returns:
        The bound on the total weight (no answer beats the larger of it and `total`), and which pairs are left.
    """
    worth, asks = given.worth.copy(), given.worth.max(axis=1, initial=NEVER) > NEVER
    prices = np.zeros(problem.cases, np.int64)
    prices[asks] = np.sort(given.worth[asks], axis=1)[:, -1:].mean(axis=1).astype(np.int64) if asks.any() else 0
    bound = 1 << 60
    for attempt in range(4):
        left = Sacks(worth, given.take, given.room, given.must)
        found, prices = _prices(left, asks, prices, total, rounds if attempt == 0 else rounds // 3, deadline)
        bound = min(bound, found)
        before = int((worth > NEVER).sum())
        _rule_out(left, asks, prices, total)
        after = int((worth > NEVER).sum())
        if after > 0.97 * before or time.monotonic() > deadline:
            break
    return bound // TICKS, worth[problem.case, problem.candidate] > NEVER


def _prices(
    given: Sacks, asks: Bools, start: Int64s, total: int, rounds: int, deadline: float
) -> tuple[int, Int64s]:
    """Subgradient steps on the case prices."""
    price, best_price, best = start.copy(), start, 1 << 60
    step, idle = 1.0, 0
    direction = np.zeros(len(price))
    for _ in range(rounds):
        value, times = _evaluate(given, price)
        bound = value + int(price[asks].sum())
        idle = 0 if bound < best - abs(best) // 100_000 else idle + 1
        if bound < best:
            best, best_price = bound, price.copy()
        # Nothing beats the known answer by a whole unit: it is proven.
        if best < (total + 1) * TICKS or time.monotonic() > deadline:
            break
        if idle >= 12:
            step, idle, price = step * 0.7, 0, best_price.copy()
            if step < 1e-4:
                break
        direction = 0.4 * (1 - times) * asks + 0.6 * direction
        norm = float(direction @ direction)
        if norm == 0:
            break
        price = price - np.floor(step * max(TICKS, bound - total * TICKS) / norm * direction + 0.5).astype(np.int64)
        if not given.must:
            price = np.maximum(price, 0)
    return best, best_price


def _evaluate(given: Sacks, price: Int64s) -> tuple[int, Int64s]:
    """Sum of the best knapsacks at these prices, and how often each case is in one."""
    net = given.worth - price[:, None]
    size = int(given.room.max(initial=0)) + 1
    best = np.zeros((len(given.room), size), np.int64)
    kept: list[tuple[int, Int64s, Bools]] = []
    for case in np.flatnonzero((net > 0).any(axis=1)).tolist():
        owners = np.flatnonzero(net[case] > 0)
        wins = np.zeros((len(owners), size), bool)
        for row, owner in enumerate(owners.tolist()):
            take, table = int(given.take[case, owner]), best[owner]
            tried = table[: size - take] + net[case, owner]
            wins[row, take:] = tried > table[take:]
            np.maximum(table[take:], tried, out=table[take:])
        kept.append((case, owners, wins))
    at, times, total = given.room.copy(), np.zeros(len(price), np.int64), 0
    total = int(best[np.arange(len(at)), given.room].sum())
    for case, owners, wins in reversed(kept):
        chosen = owners[wins[np.arange(len(owners)), at[owners]]]
        times[case] = len(chosen)
        at[chosen] -= given.take[case, chosen]
    return total, times


def _rule_out(given: Sacks, asks: Bools, price: Int64s, total: int) -> None:
    """Mark pairs `NEVER` that no answer of at least `total` holds, and the rivals of pairs that every one holds."""
    worth, take = given.worth, given.take
    values = []
    tables: list[tuple[Int64s, Int64s, Int64s]] = []
    for owner, room in enumerate(given.room.tolist()):
        cases = np.flatnonzero(worth[:, owner] > NEVER)
        net = worth[cases, owner] - price[cases]
        ahead = _prefixes(net, take[cases, owner], room)
        behind = _prefixes(net[::-1], take[cases, owner][::-1], room)[::-1]
        tables.append((cases, ahead, behind))
        values.append(int(ahead[-1][room]))
    base = sum(values) + int(price[asks].sum())
    need = total * TICKS
    for owner, (cases, ahead, behind) in enumerate(tables):
        room, mine = int(given.room[owner]), base - values[owner]
        for k, case in enumerate(cases.tolist()):
            amount = int(take[case, owner])
            # `ahead[k]` holds the cases before k, `behind[k + 1]` those after it.
            inside = int((ahead[k][: room - amount + 1] + behind[k + 1][room - amount :: -1]).max()) + int(
                worth[case, owner] - price[case]
            )
            if mine + inside < need:
                worth[case, owner] = NEVER
                continue
            outside = int((ahead[k] + behind[k + 1][::-1]).max())
            if mine + outside < need:
                rivals = np.arange(worth.shape[1]) != owner
                worth[case, rivals] = NEVER


def _prefixes(net: Int64s, take: Int64s, room: int) -> Int64s:
    """Best value of the first k items in each capacity up to `room`: `table[k, capacity]`."""
    table = np.zeros((len(net) + 1, room + 1), np.int64)
    for k, (value, amount) in enumerate(zip(net.tolist(), take.tolist(), strict=True)):
        table[k + 1] = table[k]
        if value > 0:
            np.maximum(table[k + 1][amount:], table[k][: room + 1 - amount] + value, out=table[k + 1][amount:])
    return table
