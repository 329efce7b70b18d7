"""Capacities seen as slots, and why somebody is left over."""

import numpy as np
import pytest

from marketplace.matching.engine.solve import solve
from marketplace.matching.engine.solve.reasons import why_unassigned
from marketplace.matching.engine.solve.slots import as_slots
from tests.matching.engine.solve.instances import document, instance

CASES = [("a", 0), ("b", 0), ("c", 1)]


def slots_of(capacity: list[int], uses: list[list[int]]) -> list[int] | None:
    """Slots of a candidate that all three cases could have, or None."""
    pairs = [(case, "x", 1, used) for (case, _), used in zip(CASES, uses, strict=True)]
    found = as_slots(instance(document(CASES, [("x", capacity)], pairs)))
    return None if found is None else found.capacity.tolist()


@pytest.mark.parametrize(
    ("capacity", "uses", "expected"),
    [
        ([2], [[1], [1], [1]], [2]),
        ([7], [[3], [3], [3]], [2]),
        ([100], [[30], [20], [50]], [3]),  # all fit together: no limit binds
        ([100], [[30], [20], [51]], None),
        ([1], [[1], [1], [0]], [1, 3]),  # who uses nothing has a place without limit
        ([2, 10], [[1, 5], [1, 2], [1, 5]], [2]),  # even the two longest fit
        ([2, 9], [[1, 5], [1, 2], [1, 5]], None),
        ([2, 1], [[1, 1], [1, 1], [1, 1]], [1]),
        ([1, 1], [[1, 0], [0, 1], [1, 1]], None),
        ([1], [[2], [1], [1]], [1]),  # the first can never be there
    ],
)
def test_capacities_are_slots_only_where_that_says_the_same(capacity, uses, expected):
    assert slots_of(capacity, uses) == expected


def reasons(listed: dict) -> dict[str, str]:
    problem = instance(listed)
    return {problem.case_ids[at]: reason.code for at, reason in solve(problem).reasons.items()}


def detail(listed: dict, case: str) -> str:
    problem = instance(listed)
    return solve(problem).reasons[problem.case_ids.index(case)].detail


def test_every_case_that_is_left_over_has_its_reason():
    pairs = [("a", "x", 9, [1]), ("b", "x", 5, [1]), ("c", "x", 9, [1])]
    listed = document([*CASES, ("d", 2), ("e", 0)], [("x", [1]), ("y", [1])], [*pairs, ("e", "y", 1, [2])])
    assert reasons(listed) == {
        "b": "full-better-total", "c": "full-more-urgent", "d": "no-candidate", "e": "too-large",
    }  # fmt: skip
    assert detail(listed, "b") == (
        "The only possible candidate has too little left: the best result has 1 equally urgent case in its place."
    )
    assert detail(listed, "c") == ("The only possible candidate has too little left: 1 more urgent case went first.")
    assert detail(listed, "e") == "The only candidate is too small for this case even without any other."


def test_two_candidates_are_spoken_of_together():
    pairs = [(case, name, 1, [1]) for case, _ in CASES for name in ("x", "y")]
    listed = document(CASES, [("x", [1]), ("y", [1])], pairs)
    assert detail(listed, "c") == "All 2 possible candidates have too little left: 2 more urgent cases went first."


def test_a_cap_of_the_group_is_named():
    pairs = [("a", "x", 1, [1]), ("c", "y", 1, [1])]
    listed = document(CASES, [("x", [1], "org"), ("y", [1], "org")], pairs, group_caps={"org": 1})
    assert reasons(listed) == {"b": "no-candidate", "c": "group-full"}


def test_without_proof_nothing_is_said_about_the_others():
    problem = instance(document(CASES, [("x", [1])], [("a", "x", 1, [1])]))
    found = why_unassigned(problem, np.array([-1, -1, -1], np.int32), is_proven=False)
    assert found[0].code == "not-reached"
    assert found[0].detail == "Not placed in the time given. 1 candidate may still have room."
    assert found[1].code == "no-candidate"


def test_a_cap_of_the_group_holds_for_hours_of_care_too():
    pairs = [("a", "x", 5, [2, 1]), ("b", "x", 9, [2, 2]), ("c", "y", 7, [3, 1])]
    listed = document(CASES, [("x", [4, 3], "org"), ("y", [4, 3], "org")], pairs, group_caps={"org": 2})
    solution = solve(instance(listed))
    assert solution.status == "optimal"
    assert solution.assigned == 2
