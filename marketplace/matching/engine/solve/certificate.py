"""Proof that an assignment is the best one, found from the assignment alone: no solver is believed.

Worth of a pair: `(T - t) step + score - low`, with `T` tiers, `t` the place of the case's tier among them (0 first)
and `step` larger than any exchange of scores can amount to. The largest total worth is then the best answer in the
lexicographic order: a chain of moves passes "not placed" once and each candidate once, so evenly spaced steps are
enough (matching.md 3.2). Linear programming duality says: where prices of candidates (and of capped groups) exist such
that prices and the cases' gains together cost exactly the worth of the assignment, no other is worth more.

The lowest such prices are found by label correcting: a candidate's price is at least what any other case would still
gain by it. If the assignment is not the best, that ends in a free place with a price, a negative gain or no end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.instance import Int32s, Int64s

LARGEST_WORTH = 2**62
"""Worths stay below, so that the difference of two fits 64 bits."""


class NotProven(ValueError):
    """The assignment is not a possible one, or there is a better one."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where cases can go: slots of each candidate and, where there are any, of each group of candidates."""

    capacity: Int64s
    group: Int32s
    """`group[candidate]`, or -1."""
    group_capacity: Int64s

    @classmethod
    def of(cls, capacity: Int64s, cases: int, group: Int32s | None = None, caps: Int64s | None = None) -> "Places":
        """Take slots; more than there are cases count as that many."""
        without = np.full(len(capacity), -1, np.int32)
        return cls(
            np.minimum(capacity, cases).astype(np.int64),
            without if group is None else group,
            np.zeros(0, np.int64) if caps is None else np.minimum(caps, cases).astype(np.int64),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """Prices that prove an assignment."""

    price: Int64s
    """`price[candidate]`, what a place there costs, its group's price included; 0 where there is room."""
    group_price: Int64s
    gain: Int64s
    """`gain[case]`: worth of its pair less the price; 0 where it is not placed."""


def certify(
    assignment: Int32s, worth: Int64s, pair_case: Int32s, pair_candidate: Int32s, places: Places
) -> Certificate:
    """Prove that no assignment is worth more.

    Args:
        assignment: A candidate for each case, or -1.
        worth: Of each pair, 0 or more and below `LARGEST_WORTH`.
        pair_case: Sorted, and within a case by candidate.
        pair_candidate: As many.
        places: Slots.

    Raises:
        NotProven: Over capacity, a pair that does not exist, or not the best.
    """
    held = _held_worth(assignment, worth, pair_case, pair_candidate, places)
    placed = np.flatnonzero(assignment >= 0)
    seats = assignment[placed]
    used = np.bincount(seats, minlength=len(places.capacity))
    has_room = used < places.capacity
    grouped = places.group >= 0
    price, group_price = np.zeros(len(used), np.int64), np.zeros(len(places.group_capacity), np.int64)
    starts = np.searchsorted(pair_case, np.arange(len(assignment) + 1))
    by_seat = placed[np.argsort(seats, kind="stable")]
    seat_starts = np.concatenate([[0], np.cumsum(used)])
    changed, gain = np.arange(len(assignment)), held.copy()
    for _ in range(len(price) + len(group_price) + 2):
        pairs = _ranges(starts[changed], starts[changed + 1])
        asked = price.copy()
        np.maximum.at(asked, pair_candidate[pairs], worth[pairs] - gain[pair_case[pairs]])
        if len(group_price):
            # A candidate with room passes on what it is asked for to its group, and the group to all of its own.
            np.maximum.at(group_price, places.group[grouped & has_room], asked[grouped & has_room])
            asked[grouped] = np.maximum(asked[grouped], group_price[places.group[grouped]])
        raised = np.flatnonzero(asked > price)
        if not len(raised):
            break
        price = asked
        if (price[has_room & ~grouped] > 0).any():
            raise NotProven("A candidate with room is worth more to a case than what it has.")
        changed = by_seat[_ranges(seat_starts[raised], seat_starts[raised + 1])]
        gain[changed] = held[changed] - price[assignment[changed]]
        if (gain[changed] < 0).any():
            raise NotProven("A case holds a place that is worth more to others.")
    proof = Certificate(price, group_price, gain)
    check(proof, assignment, worth, pair_case, pair_candidate, places)
    return proof


def check(
    proof: Certificate,
    assignment: Int32s,
    worth: Int64s,
    pair_case: Int32s,
    pair_candidate: Int32s,
    places: Places,
) -> None:
    """Check an assignment against prices: both possible, and both amounting to the same (weak duality).

    Raises:
        NotProven: As `certify`.
    """
    held = _held_worth(assignment, worth, pair_case, pair_candidate, places)
    of_group = np.append(proof.group_price, 0)[places.group]
    own = proof.price - of_group
    if (own < 0).any() or (proof.group_price < 0).any() or (proof.gain < 0).any():
        raise NotProven("A price or a gain is negative.")
    if (proof.gain[pair_case] + proof.price[pair_candidate] < worth).any():
        raise NotProven("A pair is worth more than its prices.")
    dear, groups = np.flatnonzero(own), np.flatnonzero(proof.group_price)
    cost = _total(proof.gain)
    cost += sum(int(own[j]) * int(places.capacity[j]) for j in dear)
    cost += sum(int(proof.group_price[g]) * int(places.group_capacity[g]) for g in groups)
    if cost != _total(held):
        raise NotProven(f"The prices amount to {cost}, the assignment to {_total(held)}.")


def _held_worth(assignment: Int32s, worth: Int64s, pair_case: Int32s, pair_candidate: Int32s, places: Places) -> Int64s:
    """Worth of each case's pair, 0 without one; refuses what is over capacity or not a pair."""
    held = np.zeros(len(assignment), np.int64)
    own = np.flatnonzero(assignment[pair_case] == pair_candidate)
    held[pair_case[own]] = worth[own]
    seats = assignment[assignment >= 0]
    if len(own) != len(seats):
        raise NotProven("A case has a candidate that is not among its pairs.")
    if (np.bincount(seats, minlength=len(places.capacity)) > places.capacity).any():
        raise NotProven("A candidate is over its capacity.")
    in_group = places.group[seats]
    used = np.bincount(in_group[in_group >= 0], minlength=len(places.group_capacity))
    if (used > places.group_capacity).any():
        raise NotProven("A group is over its cap.")
    return held


def _ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers from each start up to its end, one after another."""
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    ranges: NDArray[np.int64] = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return ranges


def _total(numbers: Int64s) -> int:
    """Sum without overflow, as a Python integer."""
    return (int((numbers >> 31).sum()) << 31) + int((numbers & (2**31 - 1)).sum())
