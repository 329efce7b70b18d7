"""A good assignment at once: urgent first, each with the best that is left. It stands in when the time is short."""

import time

import numpy as np

from marketplace.matching.engine.solve.instance import Instance, Int32s, Int64s


def best_left(instance: Instance, deadline: float) -> Int32s:
    """Give cases, tier by tier, the candidate of the largest score that still has room.

    In rounds: every case of the tier that is left over asks its best, and a candidate takes those that ask in order of
    their score, as long as they fit.

    Args:
        instance: What was asked.
        deadline: Moment of `time.monotonic` at which to stop; what is taken by then stays.
    """
    assignment = np.full(instance.cases, -1, np.int32)
    groups = {group: at for at, group in enumerate(instance.group_caps)}
    group = np.array([-1 if name is None else groups.get(name, -1) for name in instance.groups], np.int64)
    # What a candidate and a group have left; everybody without a capped group shares a last one without end.
    left = instance.capacity.copy()
    group_left = np.array([*instance.group_caps.values(), instance.cases], np.int64)
    by_tier = np.argsort(instance.tiers[instance.pair_case], kind="stable")
    ends = np.flatnonzero(np.diff(instance.tiers[instance.pair_case[by_tier]])) + 1
    for mine in np.split(by_tier, ends):
        pairs = mine
        while len(pairs) and time.monotonic() < deadline:
            at = instance.pair_candidate[pairs]
            fits = (instance.uses[pairs] <= left[at]).all(axis=1) & (group_left[group[at]] > 0)
            pairs = pairs[fits & (assignment[instance.pair_case[pairs]] < 0)]
            taken = _taken(instance, _asked(instance, pairs), group, left, group_left)
            at = instance.pair_candidate[taken]
            assignment[instance.pair_case[taken]] = at
            np.subtract.at(left, at, instance.uses[taken])
            np.subtract.at(group_left, group[at][group[at] >= 0], 1)
    return assignment


def _asked(instance: Instance, pairs: Int64s) -> Int64s:
    """The pair of the largest score of each case."""
    if not len(pairs):
        return pairs
    starts = np.flatnonzero(np.diff(instance.pair_case[pairs], prepend=-1))
    score = instance.score[pairs]
    best = np.repeat(np.maximum.reduceat(score, starts), np.diff(starts, append=len(pairs)))
    equal = np.flatnonzero(score == best)
    return pairs[equal[np.diff(instance.pair_case[pairs[equal]], prepend=-1) > 0]]


def _taken(instance: Instance, asked: Int64s, group: Int64s, left: Int64s, group_left: Int64s) -> Int64s:
    """Those of the asked pairs that candidates and groups take: by score, as long as all before fit, too."""
    at = instance.pair_candidate[asked]
    order = np.lexsort((-instance.score[asked], at))
    asked, at = asked[order], at[order]
    fits = (_running(instance.uses[asked], at) <= left[at]).all(axis=1)
    asked = asked[fits]
    of_group = group[instance.pair_candidate[asked]]
    order = np.lexsort((-instance.score[asked], of_group))
    asked, of_group = asked[order], of_group[order]
    return asked[_running(np.ones((len(asked), 1), np.int64), of_group)[:, 0] <= group_left[of_group]]


def _running(amounts: Int64s, owner: Int64s | Int32s) -> Int64s:
    """Running totals, each owner's on its own; `owner` is sorted."""
    totals = np.cumsum(amounts, axis=0)
    starts = np.searchsorted(owner, owner)
    running: Int64s = totals - totals[starts] + amounts[starts]
    return running
