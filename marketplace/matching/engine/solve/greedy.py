"""A good assignment at once: urgent first, then the largest score. It stands in when the time is short."""

import time

import numpy as np

from marketplace.matching.engine.solve.instance import Instance, Int32s

_PAIRS_BETWEEN_LOOKS = 4096


def best_first(instance: Instance, deadline: float, salt: str = "") -> Int32s:
    """Take the pairs by tier, then by score, largest first, then by tie cost, as long as they fit.

    Args:
        instance: What was asked.
        deadline: Moment of `time.monotonic` at which to stop; what is taken by then stays.
        salt: Of the tie costs.
    """
    order = np.lexsort((instance.tie_costs(salt), -instance.score, instance.tiers[instance.pair_case]))
    assignment = [-1] * instance.cases
    groups = {group: at for at, group in enumerate(instance.group_caps)}
    left_in_group = [*instance.group_caps.values(), instance.cases]
    group_of = [groups.get(group, -1) if group is not None else -1 for group in instance.groups]
    left = instance.capacity.tolist()
    dimensions = range(instance.capacity.shape[1])
    for first in range(0, len(order), _PAIRS_BETWEEN_LOOKS):
        if time.monotonic() >= deadline:
            break
        pairs = order[first : first + _PAIRS_BETWEEN_LOOKS]
        rows = zip(
            instance.pair_case[pairs].tolist(),
            instance.pair_candidate[pairs].tolist(),
            instance.uses[pairs].tolist(),
            strict=True,
        )
        for case, candidate, uses in rows:
            if assignment[case] >= 0:
                continue
            room, group = left[candidate], group_of[candidate]
            if left_in_group[group] <= 0 or any(room[d] < uses[d] for d in dimensions):
                continue
            assignment[case] = candidate
            left_in_group[group] -= group >= 0
            for d in dimensions:
                room[d] -= uses[d]
    return np.array(assignment, np.int32)
