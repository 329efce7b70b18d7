"""The solver for several capacities: exact on tiny instances, bounded and repeatable on the others."""

import itertools
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.hours_county import classical, weekly_hours
from marketplace.matching.engine.solve import Instance, build, read_instance
from marketplace.matching.engine.solve.hours import HoursSolution, solve_hours
from tests.matching.engine.gap_text import read_problems


def made(rows, order=None):
    cases, candidates = len(rows.tiers), len(rows.capacity)
    pairs = np.arange(len(rows.score)) if order is None else order
    return build(
        [f"c{i:05d}" for i in range(cases)], rows.tiers, [f"p{j:04d}" for j in range(candidates)], rows.capacity,
        [None] * candidates, rows.pair_case[pairs], rows.pair_candidate[pairs], rows.score[pairs], rows.uses[pairs],
    )  # fmt: skip


def chosen_pairs(instance: Instance, assignment) -> np.ndarray:
    wanted = assignment[instance.pair_case]
    return np.flatnonzero((wanted >= 0) & (wanted == instance.pair_candidate))


def assert_sound(instance: Instance, solution: HoursSolution) -> None:
    """Within every capacity, told as it is, and no more than the bounds."""
    pairs = chosen_pairs(instance, solution.assignment)
    assert len(pairs) == solution.assigned
    used = np.zeros_like(instance.capacity)
    np.add.at(used, instance.pair_candidate[pairs], instance.uses[pairs])
    assert (used <= instance.capacity).all()
    assert solution.score == int(instance.score[pairs].sum()) <= solution.bound
    for tier, count in solution.assigned_by_tier.items():
        assert count == int((solution.assignment[instance.tiers == tier] >= 0).sum())
        assert count <= solution.placed_bounds[tier]
    assert solution.goal <= solution.goal_bound
    assert solution.gap >= 0
    assert set(solution.reasons) == set(np.flatnonzero(solution.assignment < 0).tolist())


def best_of_all(instance: Instance) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """Brute force: placements by tier, then score, then the least total of tie costs."""
    tiers = sorted(set(instance.tiers.tolist()))
    ties = instance.tie_costs()
    starts = instance.starts()
    ways = [[-1, *range(starts[i], starts[i + 1])] for i in range(instance.cases)]
    best = None
    for way in itertools.product(*ways):
        pairs = [pair for pair in way if pair >= 0]
        used = np.zeros_like(instance.capacity)
        np.add.at(used, instance.pair_candidate[pairs], instance.uses[pairs])
        if (used > instance.capacity).any():
            continue
        counts = tuple(sum(1 for i, pair in enumerate(way) if pair >= 0 and instance.tiers[i] == t) for t in tiers)
        key = (counts, int(instance.score[pairs].sum()), -int(ties[pairs].sum()))
        answer = tuple(-1 if pair < 0 else int(instance.pair_candidate[pair]) for pair in way)
        if best is None or key > best[0]:
            best = (key, answer)
    assert best is not None
    return best[0][0], best[0][1], best[1]


@st.composite
def tiny_instances(draw):
    cases, candidates, width = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    number = st.integers(0, 4)
    pairs = [(i, j) for i in range(cases) for j in range(candidates) if draw(st.booleans())]
    return build(
        [f"c{i}" for i in range(cases)],
        np.array([draw(st.integers(0, 2)) for _ in range(cases)], np.int64),
        [f"p{j}" for j in range(candidates)],
        np.array([[draw(st.integers(0, 7)) for _ in range(width)] for _ in range(candidates)], np.int64),
        [None] * candidates,
        np.array([i for i, _ in pairs], np.int64),
        np.array([j for _, j in pairs], np.int64),
        np.array([draw(st.integers(-3, 9)) for _ in pairs], np.int64),
        np.array([[draw(number) for _ in range(width)] for _ in pairs], np.int64).reshape(len(pairs), width),
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(tiny_instances())
def test_tiny_instances_get_the_best_answer_in_the_order_of_the_goal(instance):
    solution = solve_hours(instance)
    counts, score, answer = best_of_all(instance)
    assert_sound(instance, solution)
    assert solution.status == "optimal"
    assert tuple(solution.assigned_by_tier.values()) == counts
    assert solution.score == score == solution.bound
    assert tuple(solution.assignment.tolist()) == answer
    assert solution.gap == 0


def test_scores_too_large_for_one_sum_are_settled_tier_by_tier():
    huge = 10**11
    instance = build(
        ["a", "b", "c"], np.array([0, 1, 1]), ["p"], np.array([[4, 4]]), [None],
        np.array([0, 1, 2]), np.array([0, 0, 0]), np.array([-huge, huge, huge]), np.array([[2, 1], [3, 1], [2, 2]]),
    )  # fmt: skip
    solution = solve_hours(instance)
    assert solution.status == "optimal"
    assert solution.assignment.tolist() == [0, -1, 0]
    assert solution.score == 0


def test_a_county_is_bounded_and_the_same_whatever_the_order_of_its_rows():
    rows = weekly_hours(60, 8, seed=3)
    first = solve_hours(made(rows), time_limit=10)
    order = np.random.default_rng(1).permutation(len(rows.score))
    second = solve_hours(made(rows, order), time_limit=10)
    assert_sound(made(rows), first)
    assert first.assignment.tolist() == second.assignment.tolist()
    assert (first.score, first.bound, first.status) == (second.score, second.bound, second.status)


def test_a_short_limit_of_time_still_gives_an_answer_with_bounds():
    instance = made(weekly_hours(400, 40, seed=5))
    begin = time.monotonic()
    solution = solve_hours(instance, time_limit=0.1)
    assert time.monotonic() - begin < 1.1
    assert_sound(instance, solution)
    assert solution.assigned > 250
    assert solution.gap < 0.2


def test_progress_rises_and_more_time_is_never_asked_for():
    told: list[float] = []
    solve_hours(made(weekly_hours(40, 6, seed=2)), progress=lambda share, what: told.append(share))
    assert told
    assert told == sorted(told)
    assert 0 <= min(told) <= max(told) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_small_classical_instances_are_proven(seed):
    solution = solve_hours(made(classical("small", 5, 15, seed)), time_limit=5)
    assert solution.status == "optimal"
    assert solution.assigned == 15


def test_a_problem_of_the_public_text_format_reaches_its_optimum():
    # By hand: the first agent has room for one job, the second for two; job 3 is the one to keep: 2 + 6 + 1.
    text = "1\n2 3\n 4 5 2\n 6 1 7\n 3 3\n 3 2 2 2 5 4"
    document = read_problems(text, maximise=False)[0]
    instance = read_instance(json.dumps(document).encode())
    solution = solve_hours(instance)
    assert solution.status == "optimal"
    assert solution.assigned == 3
    assert 3 * 7 - solution.score == 9


def test_nobody_can_be_placed_where_nothing_fits():
    instance = build(
        ["a"], np.array([0]), ["p"], np.array([[1, 0]]), [None], np.array([0]), np.array([0]), np.array([5]),
        np.array([[1, 1]]),
    )  # fmt: skip
    solution = solve_hours(instance)
    assert solution.status == "optimal"
    assert solution.assigned == 0
    assert solution.reasons[0].code == "too-large"
