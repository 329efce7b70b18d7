"""An instance with several capacities, packed for the solvers: what can bind, and nothing else.

A resource is one capacity of one candidate, or the cap of a group. Pairs that can never be used are dropped (they take
more than there is), and resources that can never run out. Cases, candidates and pairs keep their canonical order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.instance import Instance, Int32s, Int64s

LADDER = (3, 8, 20)
"""Worth of a placement in largest scores, from the last tier up; each further tier is worth 2.5 times the one below.

With scores up to 1000 and three tiers: 20,000, 8,000 and 3,000 (matching.md 3.4).
"""
STEEP = 64
"""Ratio between tiers in the last moves of the search, where a more urgent case goes first whatever it costs."""
SAFE = 2**50
"""Sums stay below this: whole numbers that doubles hold exactly, with room for fractions of multipliers."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Pairs by case; what each takes of which resource, those that run short most first."""

    start: Int64s
    """Pairs of case `i`: `start[i]` up to `start[i + 1]`."""
    case: Int32s
    candidate: Int32s
    source: Int64s
    """Index of each pair in the instance."""
    tier: Int64s
    """Rank of the tier of each case among the tiers that occur, 0 the most urgent."""
    score: Int64s
    first: Int64s
    """What pair `e` takes: `resource` and `amount` from `first[e]` up to `first[e + 1]`."""
    resource: Int32s
    amount: NDArray[np.integer]
    room: NDArray[np.integer]
    """How much there is of each resource."""
    owner: Int32s
    """Candidate of each resource, -1 for the cap of a group."""

    @property
    def cases(self) -> int:
        """How many cases there are, those without a pair included."""
        return len(self.start) - 1

    @property
    def pairs(self) -> int:
        """How many pairs are left."""
        return len(self.case)

    @property
    def tiers(self) -> int:
        """How many tiers occur."""
        return int(self.tier.max()) + 1 if len(self.tier) else 0

    def placeable(self) -> Int64s:
        """Cases with a pair, by tier."""
        return np.bincount(self.tier[np.diff(self.start) > 0], minlength=self.tiers).astype(np.int64)

    def weight(self, worth: Int64s) -> Int64s:
        """Score of each pair and the worth of the placement."""
        total: Int64s = self.score + worth[self.tier[self.case]]
        return total

    def ladder(self) -> Int64s:
        """Worth of a placement by tier, as in `LADDER`, or smaller steps where the numbers would not fit."""
        largest = max(1, int(np.abs(self.score).max(initial=0)))
        worth = [largest * factor for factor in LADDER]
        while len(worth) < self.tiers:
            worth.append(min(worth[-1] * 5 // 2, SAFE // max(1, 2 * self.cases)))
        return np.array(worth[: self.tiers][::-1], np.int64)

    def exact_worth(self, limit: int = SAFE) -> Int64s | None:
        """Worth by tier with which the largest sum is the goal itself: no score makes up for a placement.

        None when the sums would pass `limit`.
        """
        if not self.pairs:
            return np.ones(self.tiers, np.int64)
        high = np.full(self.cases, 0, np.int64)
        low = np.full(self.cases, 0, np.int64)
        np.maximum.at(high, self.case, self.score)
        np.minimum.at(low, self.case, self.score)
        worth: list[int] = []
        below = int(high.sum()) - int(low.sum())
        for count in self.placeable()[::-1].tolist():
            worth.append(below + 1)
            below += worth[-1] * count
        return np.array(worth[::-1], np.int64) if below < limit else None

    def steep(self) -> Int64s:
        """Worth by tier in steps of `STEEP`, or as far as the numbers fit."""
        largest = max(1, int(np.abs(self.score).max(initial=0)))
        ceiling = SAFE // max(1, 2 * self.cases)
        worth = [min(ceiling, largest * LADDER[0] * STEEP**step) for step in range(self.tiers)]
        return np.array(worth[::-1], np.int64)

    def keep(self, mask: NDArray[np.bool_]) -> "Problem":
        """The same with the pairs of `mask` only; resources stay as they are."""
        sizes = np.diff(self.first)
        return Problem(
            start=np.concatenate([[0], np.cumsum(mask)])[self.start].astype(np.int64),
            case=self.case[mask],
            candidate=self.candidate[mask],
            source=self.source[mask],
            tier=self.tier,
            score=self.score[mask],
            first=np.concatenate([[0], np.cumsum(sizes[mask])]).astype(np.int64),
            resource=self.resource[np.repeat(mask, sizes)],
            amount=self.amount[np.repeat(mask, sizes)],
            room=self.room,
            owner=self.owner,
        )

    def left(self, chosen: Int64s) -> Int64s:
        """What is left of each resource when each case takes its pair of `chosen` (-1 for none)."""
        taken = np.zeros(self.pairs + 1, bool)
        taken[chosen] = True
        used = np.zeros(len(self.room), np.int64)
        mask = np.repeat(taken[: self.pairs], np.diff(self.first))
        np.add.at(used, self.resource[mask], self.amount[mask])
        left: Int64s = self.room - used
        return left

    def standing(self, chosen: Int64s) -> tuple[int, ...]:
        """What is compared, larger is better: cases placed by tier, then the total score."""
        placed = chosen >= 0
        counts = np.bincount(self.tier[placed], minlength=self.tiers)
        return (*counts.tolist(), int(self.score[chosen[placed]].sum()))


def pack(instance: Instance) -> Problem:
    """Pack an instance: pairs that fit alone, resources that can run out."""
    sole = instance.uses <= instance.capacity[instance.pair_candidate]
    fits = sole.all(axis=1)
    capped = [group is not None and group in instance.group_caps for group in instance.groups]
    if any(capped):
        fits &= ~np.array(
            [c and instance.group_caps[g or ""] < 1 for c, g in zip(capped, instance.groups, strict=True)]
        )[instance.pair_candidate]
    source = np.flatnonzero(fits).astype(np.int64)
    case, candidate, uses = instance.pair_case[fits], instance.pair_candidate[fits], instance.uses[fits]
    width = uses.shape[1]
    # A candidate's resource can run out when all its pairs together take more than there is.
    wanted = np.zeros((instance.candidates, width), np.float64)
    np.add.at(wanted, candidate, uses.astype(np.float64))
    binding = wanted > instance.capacity
    number = np.full((instance.candidates, width), -1, np.int64)
    number[binding] = np.arange(int(binding.sum()))
    owner = [np.nonzero(binding)[0].astype(np.int32)]
    room = [instance.capacity[binding]]
    pair, column = np.nonzero((uses > 0) & binding[candidate])
    resource, amount = number[candidate[pair], column], uses[pair, column]
    pairs, resources, amounts = [pair], [resource], [amount]
    base = int(binding.sum())
    names = sorted({g for c, g in zip(capped, instance.groups, strict=True) if c and g is not None})
    for name in names:
        mine = np.array([group == name for group in instance.groups])[candidate]
        if int(mine.sum()) > instance.group_caps[name]:
            pairs.append(np.flatnonzero(mine))
            resources.append(np.full(int(mine.sum()), base))
            amounts.append(np.ones(int(mine.sum()), np.int64))
            owner.append(np.array([-1], np.int32))
            room.append(np.array([instance.group_caps[name]], np.int64))
            base += 1
    pair, resource, amount = np.concatenate(pairs), np.concatenate(resources), np.concatenate(amounts)
    all_room = np.concatenate(room).astype(np.int64)
    demand = np.bincount(resource, weights=amount.astype(np.float64), minlength=base)
    short = demand / np.maximum(1, all_room)
    order = np.lexsort((resource, -short[resource], pair))
    narrow = all_room.max(initial=0) < 2**31
    tiers = np.unique(instance.tiers)
    return Problem(
        start=np.searchsorted(case, np.arange(instance.cases + 1)).astype(np.int64),
        case=case,
        candidate=candidate,
        source=source,
        tier=np.searchsorted(tiers, instance.tiers).astype(np.int64),
        score=instance.score[fits],
        first=np.searchsorted(pair[order], np.arange(len(case) + 1)).astype(np.int64),
        resource=resource[order].astype(np.int32),
        amount=amount[order].astype(np.int32 if narrow else np.int64),
        room=all_room.astype(np.int32 if narrow else np.int64),
        owner=np.concatenate(owner),
    )
