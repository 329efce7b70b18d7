"""Why a case is not placed: a code for programs and a sentence that a person can act on.

Sentences speak of counts and of urgency, never of who holds a place.
"""

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.instance import Instance, Int32s, Int64s, Reason

NO_CANDIDATE = "no-candidate"
TOO_LARGE = "too-large"
GROUP_FULL = "group-full"
FULL_MORE_URGENT = "full-more-urgent"
FULL_BETTER_TOTAL = "full-better-total"
NO_ROOM = "no-room"
NOT_REACHED = "not-reached"


def why_unassigned(instance: Instance, assignment: Int32s, *, is_proven: bool) -> dict[int, Reason]:
    """Give a reason for each case without a candidate.

    Args:
        instance: What was asked.
        assignment: A candidate for each case, or -1.
        is_proven: Whether the assignment is the best one. If not, a case may be left over although there is room.
    """
    unplaced = np.flatnonzero(assignment < 0)
    if not len(unplaced):
        return {}
    pairs = np.flatnonzero(assignment[instance.pair_case] < 0)
    case, candidate = instance.pair_case[pairs], instance.pair_candidate[pairs]
    fits = (instance.uses[pairs] <= instance.capacity[candidate]).all(axis=1)
    fits_now = (instance.uses[pairs] <= _left(instance, assignment)[candidate]).all(axis=1)
    is_capped = _groups_full(instance, assignment)[candidate]
    urgent, equal, held = _holders(instance, assignment, case, candidate)

    sums = np.zeros((instance.cases, 7), np.int64)
    columns = (
        np.ones(len(pairs), np.bool_),
        fits,
        fits_now & ~is_capped,
        fits_now & is_capped,
        fits * urgent,
        fits * equal,
        fits * (held - urgent - equal),
    )
    np.add.at(sums, case, np.stack(columns, axis=1).astype(np.int64))
    # Many cases share a sentence; it is made once.
    rows = [tuple(row) for row in sums[unplaced].tolist()]
    made = {row: _reason(*row, is_proven=is_proven) for row in set(rows)}
    return {int(i): made[row] for i, row in zip(unplaced, rows, strict=True)}


def _reason(
    pairs: int, possible: int, room: int, capped: int, urgent: int, equal: int, less: int, *, is_proven: bool
) -> Reason:
    if not pairs:
        return Reason(NO_CANDIDATE, "No candidate is allowed for this case.")
    if not possible:
        who = "The only candidate is" if pairs == 1 else f"Each of the {pairs} candidates is"
        return Reason(TOO_LARGE, f"{who} too small for this case even without any other.")
    if not is_proven:
        rest = f"{_count(room, 'candidate')} may still have room." if room else "Another arrangement may have room."
        return Reason(NOT_REACHED, f"Not placed in the time given. {rest}")
    who = "The only possible candidate has" if possible == 1 else f"All {possible} possible candidates have"
    if capped:
        which = "its group has" if capped == 1 else f"the groups of {capped} of them have"
        return Reason(GROUP_FULL, f"{who} no place left: {which} reached the cap.")
    if not urgent + equal + less:
        return Reason(NO_ROOM, f"{who} no places.")
    if not equal + less:
        return Reason(FULL_MORE_URGENT, f"{who} too little left: {_count(urgent, 'more urgent case')} went first.")
    parts = [_count(urgent, "more urgent case")] if urgent else []
    parts += [_count(equal, "equally urgent case")] if equal else []
    parts += [_count(less, "less urgent case")] if less else []
    where = "its place" if possible == 1 else "their places"
    return Reason(FULL_BETTER_TOTAL, f"{who} too little left: the best result has {' and '.join(parts)} in {where}.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _left(instance: Instance, assignment: Int32s) -> Int64s:
    """What is left of each capacity."""
    own = np.flatnonzero(assignment[instance.pair_case] == instance.pair_candidate)
    left = instance.capacity.copy()
    np.subtract.at(left, instance.pair_candidate[own], instance.uses[own])
    return left


def _holders(instance: Instance, assignment: Int32s, case: Int32s, candidate: Int32s) -> tuple[Int64s, Int64s, Int64s]:
    """For each pair: how many cases of its candidate are more urgent than its case, as urgent, and how many in all."""
    levels, level = np.unique(instance.tiers, return_inverse=True)
    placed = np.flatnonzero(assignment >= 0)
    width = len(levels)
    keys = np.sort(assignment[placed].astype(np.int64) * width + level[placed])
    start = candidate.astype(np.int64) * width
    first = np.searchsorted(keys, start)
    urgent = np.searchsorted(keys, start + level[case]) - first
    up_to_equal = np.searchsorted(keys, start + level[case] + 1) - first
    return urgent, up_to_equal - urgent, np.searchsorted(keys, start + width) - first


def _groups_full(instance: Instance, assignment: Int32s) -> NDArray[np.bool_]:
    """Whether the group of each candidate has reached its cap."""
    used: dict[str | None, int] = {}
    if instance.group_caps:
        for j in assignment[assignment >= 0]:
            used[instance.groups[j]] = used.get(instance.groups[j], 0) + 1
    full = {group for group, cap in instance.group_caps.items() if used.get(group, 0) >= cap}
    return np.array([group in full for group in instance.groups], np.bool_)
