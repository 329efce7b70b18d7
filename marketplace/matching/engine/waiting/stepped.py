"""The exact optimum when an organisation's places get dearer as it takes more: soft caps and an even spread.

Each organisation has steps of rising cost between its candidates and the sink. That keeps the problem a network flow,
so the optimum is whole and provable. As in `solve.certificate`, the proof is found from the assignment alone: lowest
prices by label correcting, then the amounts of both sides must be the same.

Source: matching.md 3.2 (parallel arcs with rising cost) and 9 (caps after placement; convex cost of utilisation).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.certificate import NotProven
from marketplace.matching.engine.solve.flow import FlowFailed, Worth
from marketplace.matching.engine.waiting.points import Whole

Indexes = NDArray[np.int32]
_ENDLESS: Final = 1 << 61


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Steps of the organisations, sorted by organisation and, strictly rising within one, by cost.

    `group[node]` is the organisation of a node; step s has room for `width[s]` placements of `owner[s]` at `cost[s]`
    each. The steps of an organisation have room for all its places together.
    """

    group: NDArray[np.intp]
    owner: NDArray[np.intp]
    width: Whole
    cost: Whole

    @property
    def groups(self) -> int:
        """How many organisations there are."""
        return int(self.group.max(initial=-1)) + 1

    def filled(self, load: Whole) -> Whole:
        """How much of each step is used under the loads of the organisations: the cheap steps first."""
        before = np.concatenate([[0], np.cumsum(self.width)])[:-1]
        first = np.searchsorted(self.owner, self.owner)
        used: Whole = np.clip(load[self.owner] - (before - before[first]), 0, self.width)
        return used


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A proven optimum: the node of each case or -1, gains of cases, prices of nodes and of organisations.

    A node's price holds that of its organisation. `cost` is what the steps take off the worth.
    """

    assignment: Indexes
    gain: Whole
    price: Whole
    group_price: Whole
    worth: Worth
    cost: int


def solve_stepped(
    worth: Worth, capacity: Whole, case: Indexes, node: Indexes, score: Whole, tie: Whole, steps: Steps
) -> Solved:
    """Find the assignment of the largest worth less the cost of its steps, then of the least tie cost.

    Args:
        worth: Spaced so that no exchange of scores and steps outweighs a placement.
        capacity: Places of each node.
        case, node, score, tie: The arcs, sorted by case and node.
        steps: The organisations' steps.

    Raises:
        FlowFailed: The flow solver broke down.
        NotProven: It answered wrongly.
    """
    worths = worth.of(case, score)
    network = _Network(len(worth.level), capacity, case, node, steps)
    most = int(worths.max(initial=0))
    flows = network.cheapest(
        np.concatenate([most - worths, np.full(network.cases, most), np.zeros(len(capacity), np.int64), steps.cost]),
        network.capacity,
    )
    assignment = network.assignment(flows)
    gain, price, group_price = _lowest_prices(assignment, worths, case, node, capacity, steps)
    cost = prove_stepped(assignment, gain, price, group_price, worths, case, node, capacity, steps)
    # All optima lie on the arcs without slack; arcs with a negative one are full in each of them.
    of_group = group_price[steps.group]
    slack = np.concatenate(
        [gain[case] + price[node] - worths, gain, of_group - price, steps.cost - group_price[steps.owner]]
    )
    ties = np.concatenate([tie, np.zeros(len(slack) - len(tie), np.int64)])
    flows = network.cheapest(ties, np.where(slack > 0, 0, network.capacity), full=slack < 0)
    assignment = network.assignment(flows)
    prove_stepped(assignment, gain, price, group_price, worths, case, node, capacity, steps)
    return Solved(assignment, gain, price, group_price, worth, cost)


class _Network:
    """Cases, nodes, organisations, sink; arcs are the pairs, "not placed", node to organisation, and the steps."""

    def __init__(self, cases: int, capacity: Whole, case: Indexes, node: Indexes, steps: Steps) -> None:
        self.cases, self._case, self._node = cases, case, node
        nodes, groups = len(capacity), steps.groups
        first_group, sink = cases + nodes, cases + nodes + groups
        people = np.arange(cases)
        self.tail = np.concatenate([case, people, np.arange(cases, first_group), first_group + steps.owner])
        self.head = np.concatenate(
            [cases + node, np.full(cases, sink), first_group + steps.group, np.full(len(steps.owner), sink)]
        )
        ones = np.ones(len(case) + cases, np.int64)
        self.capacity: Whole = np.concatenate([ones, capacity, steps.width])
        self.supply: Whole = np.zeros(sink + 1, np.int64)
        self.supply[:cases], self.supply[sink] = 1, -cases

    def cheapest(self, cost: Whole, capacity: Whole, full: NDArray[np.bool_] | None = None) -> Whole:
        """Flow on the pairs of a cheapest flow; arcs that must be full are taken out of the question first."""
        from ortools.graph.python import min_cost_flow

        supply = self.supply.copy()
        forced = np.zeros(len(capacity), np.int64)
        if full is not None:
            forced = np.where(full, capacity, 0)
            np.subtract.at(supply, self.tail, forced)
            np.add.at(supply, self.head, forced)
            capacity = np.where(full, 0, capacity)
        open_ = np.flatnonzero(capacity > 0)
        solver = min_cost_flow.SimpleMinCostFlow()
        numbers = solver.add_arcs_with_capacity_and_unit_cost(
            self.tail[open_], self.head[open_], capacity[open_], cost[open_]
        )
        solver.set_nodes_supplies(np.arange(len(supply)), supply)
        status = solver.solve()
        if status != solver.OPTIMAL:
            raise FlowFailed(f"The flow solver says {status.name}.")
        flows = forced
        flows[open_] = solver.flows(numbers)
        return flows[: len(self._case)]

    def assignment(self, flows: Whole) -> Indexes:
        """The node of each case."""
        taken = np.flatnonzero(flows > 0)
        assignment = np.full(self.cases, -1, np.int32)
        assignment[self._case[taken]] = self._node[taken]
        return assignment


def _lowest_prices(
    assignment: Indexes, worths: Whole, case: Indexes, node: Indexes, capacity: Whole, steps: Steps
) -> tuple[Whole, Whole, Whole]:
    """Lowest prices that could prove an assignment: gains, prices of nodes, prices of organisations.

    A node's price is at least what any other case would still gain by it; a node with room hands what it is asked on
    to its organisation, and the organisation to all of its nodes.
    """
    held, load, used = _held(assignment, worths, case, node, capacity, steps)
    filled = steps.filled(load)
    group_price = np.zeros(steps.groups, np.int64)
    np.maximum.at(group_price, steps.owner[filled > 0], steps.cost[filled > 0])
    next_cost = np.full(steps.groups, _ENDLESS)
    open_ = filled < steps.width
    np.minimum.at(next_cost, steps.owner[open_], steps.cost[open_])
    has_room, placed = used < capacity, np.flatnonzero(assignment >= 0)
    price, gain = group_price[steps.group], held.copy()
    for _ in range(len(capacity) + steps.groups + 2):
        gain[placed] = held[placed] - price[assignment[placed]]
        asked = price.copy()
        np.maximum.at(asked, node, worths - gain[case])
        np.maximum.at(group_price, steps.group[has_room], asked[has_room])
        asked = np.maximum(asked, group_price[steps.group])
        if (group_price > next_cost).any():
            raise NotProven("An organisation's next place is worth more than it costs.")
        if not (asked > price).any():
            break
        price = asked
    return gain, price, group_price


def prove_stepped(
    assignment: Indexes,
    gain: Whole,
    price: Whole,
    group_price: Whole,
    worths: Whole,
    case: Indexes,
    node: Indexes,
    capacity: Whole,
    steps: Steps,
) -> int:
    """Check an assignment against prices by weak duality.

    Returns:
        The cost of the steps in use.

    Raises:
        NotProven: The assignment is over capacity or not the best one.
    """
    held, load, _ = _held(assignment, worths, case, node, capacity, steps)
    own = price - group_price[steps.group]
    if (own < 0).any() or (gain < 0).any() or (group_price < 0).any():
        raise NotProven("A price or a gain is negative.")
    if (gain[case] + price[node] < worths).any():
        raise NotProven("A pair is worth more than its prices.")
    cost = _dot(steps.filled(load), steps.cost)
    over = np.maximum(0, group_price[steps.owner] - steps.cost)
    ones = np.ones(len(gain), np.int64)
    if _dot(gain, ones) + _dot(own, capacity) + _dot(over, steps.width) != _dot(held, ones) - cost:
        raise NotProven("The prices do not amount to the assignment.")
    return cost


def _held(
    assignment: Indexes, worths: Whole, case: Indexes, node: Indexes, capacity: Whole, steps: Steps
) -> tuple[Whole, Whole, Whole]:
    """Worth of each case's pair, load of each organisation, use of each node."""
    own = np.flatnonzero(assignment[case] == node)
    seats = assignment[assignment >= 0]
    used = np.bincount(seats, minlength=len(capacity))
    if len(own) != len(seats) or (used > capacity).any():
        raise NotProven("A case has a place that is not there.")
    held = np.zeros(len(assignment), np.int64)
    held[case[own]] = worths[own]
    load = np.bincount(steps.group, weights=used, minlength=steps.groups).astype(np.int64)
    return held, load, used


def _dot(numbers: Whole, times: Whole) -> int:
    """Sum of products as a Python integer, without overflow."""
    some = np.flatnonzero((numbers != 0) & (times != 0))
    return sum(a * b for a, b in zip(numbers[some].tolist(), times[some].tolist(), strict=True))
