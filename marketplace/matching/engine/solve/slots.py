"""Sees an instance as slots where that is exact: then `flow` solves it, however many dimensions it has.

A dimension of a candidate binds only where all its pairs together exceed the capacity. Where every pair that uses it
takes the same amount, it is a number of slots: capacity divided by the amount, rounded down. Several such dimensions
with the same users are as many slots as the tightest has. Pairs that use nothing scarce have a place without limit.
"""

from dataclasses import dataclass

import numpy as np

from marketplace.matching.engine.solve.instance import Instance, Int32s, Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """The instance as cases and rows of slots; row `j` belongs to candidate `j`, then come rows without limit."""

    pairs: Int64s
    """Pairs that fit an empty candidate, as places in the instance."""
    row: Int32s
    """`row[k]` is the row of slots that pair `pairs[k]` takes one of."""
    capacity: Int64s
    candidate: Int32s
    """`candidate[row]`."""


def possible_pairs(instance: Instance) -> Int64s:
    """Pairs whose candidate has the capacity for them when it is empty."""
    fits = (instance.uses <= instance.capacity[instance.pair_candidate]).all(axis=1)
    return np.flatnonzero(fits).astype(np.int64)


def as_slots(instance: Instance) -> Slots | None:
    """Turn capacities into slots, or None where that would not say the same."""
    pairs = possible_pairs(instance)
    at, uses = instance.pair_candidate[pairs], instance.uses[pairs]
    count = instance.candidates
    slots, users = np.full(count, len(pairs), np.int64), np.ones(len(pairs), np.bool_)
    is_set = np.zeros(count, np.bool_)
    uneven: list[tuple[int, Int64s]] = []
    for dimension in range(instance.capacity.shape[1]):
        used, capacity = uses[:, dimension], instance.capacity[:, dimension]
        total, most = np.zeros(count, np.int64), np.zeros(count, np.int64)
        least = np.full(count, np.iinfo(np.int64).max)
        np.add.at(total, at, used)
        np.maximum.at(most, at, used)
        takes = used > 0
        np.minimum.at(least, at[takes], used[takes])
        binds = total > capacity
        even = binds & (least == most)
        if (binds & ~even).any():
            uneven.append((dimension, np.flatnonzero(binds & ~even)))
        differs = np.zeros(count, np.bool_)
        differs[at[takes != users]] = True
        if (even & is_set & differs).any():
            return None
        fresh = even & ~is_set
        users = np.where(fresh[at], takes, users)
        slots[even] = np.minimum(slots[even], capacity[even] // most[even])
        is_set |= even
    for dimension, candidates in uneven:
        if not _never_binds(dimension, candidates, instance, at, uses, np.where(is_set, slots, -1), users):
            return None
    return _rows(instance, pairs, slots, users)


def _never_binds(
    dimension: int,
    candidates: Int64s,
    instance: Instance,
    at: Int32s,
    uses: Int64s,
    slots: Int64s,
    users: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]",
) -> bool:
    """Whether even the largest uses that the slots let in together fit the capacity."""
    chosen = np.zeros(instance.candidates, np.bool_)
    chosen[candidates] = True
    if (slots[candidates] < 0).any():
        return False
    mine = np.flatnonzero(chosen[at])
    if not users[mine].all():
        return False
    order = mine[np.lexsort((-uses[mine, dimension], at[mine]))]
    owners = at[order]
    first = np.searchsorted(owners, owners)
    counted = np.arange(len(order)) - first < slots[owners]
    most = np.zeros(instance.candidates, np.int64)
    np.add.at(most, owners[counted], uses[order[counted], dimension])
    return bool((most <= instance.capacity[:, dimension])[candidates].all())


def _rows(
    instance: Instance,
    pairs: Int64s,
    slots: Int64s,
    users: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]",
) -> Slots:
    """Put pairs that use nothing scarce on rows of their own."""
    at = instance.pair_candidate[pairs]
    free = np.unique(at[~users])
    row = np.where(users, at, instance.candidates + np.searchsorted(free, at)).astype(np.int32)
    capacity = np.concatenate([slots, np.full(len(free), instance.cases, np.int64)])
    return Slots(pairs, row, capacity, np.concatenate([np.arange(instance.candidates), free]).astype(np.int32))
