"""The exact assignment: equal to trying everything, proven, and the same whatever the order of the rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from marketplace.matching.engine.solve import InvalidInstance, Solution, solve
from marketplace.matching.engine.solve.certificate import NotProven, Places, certify, check
from marketplace.matching.engine.solve.dispatch import SMALL
from marketplace.matching.engine.solve.flow import make_worth, solve_flow
from marketplace.matching.engine.solve.greedy import best_left
from marketplace.matching.engine.solve.slots import as_slots, possible_pairs
from tests.matching.engine.solve.instances import (
    Document,
    compact,
    document,
    instance,
    possible,
    shuffled,
    small_documents,
    value,
)

MANY = settings(max_examples=150)


def best_of(listed: Document) -> tuple[object, Solution]:
    problem = instance(listed)
    solution = solve(problem)
    return value(problem, solution.assignment.tolist()), solution


@MANY
@given(small_documents())
def test_the_answer_is_the_best_of_all_in_every_part_of_the_goal(listed):
    found, solution = best_of(listed)
    best, assignment = max(possible(instance(listed)))
    assert found == best
    assert solution.assignment.tolist() == assignment
    assert (solution.status, solution.gap, solution.bound) == ("optimal", 0.0, solution.score)
    assert solution.score == best[1]
    assert tuple(solution.assigned_by_tier.values()) == best[0]


@MANY
@given(small_documents(groups=True))
def test_caps_of_groups_are_kept_and_the_answer_is_the_best_within_them(listed):
    found, solution = best_of(listed)
    best, assignment = max(possible(instance(listed)))
    assert found == best
    assert solution.assignment.tolist() == assignment


@given(small_documents(groups=True), st.integers(0, 2**32))
def test_the_order_of_rows_and_the_form_of_pairs_play_no_part(listed, seed):
    one, other = solve(instance(listed)), solve(instance(compact(shuffled(listed, seed))))
    assert one.assignment.tolist() == other.assignment.tolist()
    assert one.reasons == other.reasons


@given(small_documents(), st.data())
def test_more_capacity_never_lowers_the_best(listed, data):
    before, _ = best_of(listed)
    for candidate in listed["candidates"]:
        extra = data.draw(st.integers(0, 3))
        candidate["capacity"] = [amount + extra for amount in candidate["capacity"]]
    after, _ = best_of(listed)
    assert after[:2] >= before[:2]


@given(small_documents(groups=True))
def test_the_certificate_accepts_every_best_answer_and_no_other(listed):
    problem = instance(listed)
    slots = as_slots(problem)
    assert slots is not None
    names = list(problem.group_caps)
    group = np.array([names.index(name) if name in names else -1 for name in problem.groups], np.int32)
    caps = np.array(list(problem.group_caps.values()), np.int64)
    places = Places.of(slots.capacity, len(problem.tiers), group[slots.candidate], caps)
    pair_case, score = problem.pair_case[slots.pairs], problem.score[slots.pairs]
    worth = make_worth(problem.tiers, len(slots.capacity), score).of(pair_case, score)
    answers = possible(problem)
    best = max(worth[:2] for worth, _ in answers)
    for found, assignment in answers:
        rows = np.full(len(assignment), -1, np.int32)
        own = np.array(assignment)[pair_case] == slots.candidate[slots.row]
        rows[pair_case[own]] = slots.row[own]
        if found[:2] == best:
            certify(rows, worth, pair_case, slots.row, places)
        else:
            with pytest.raises(NotProven):
                certify(rows, worth, pair_case, slots.row, places)


def test_the_certificate_refuses_what_is_not_possible():
    pair_case, pair_candidate = np.array([0, 1], np.int32), np.array([0, 0], np.int32)
    worth, places = np.array([5, 4]), Places.of(np.array([1, 1]), 2)
    proof = certify(np.array([0, -1], np.int32), worth, pair_case, pair_candidate, places)
    assert proof.price.tolist() == [4, 0]
    assert proof.gain.tolist() == [1, 0]
    for wrong, why in (([0, 0], "over its capacity"), ([1, -1], "not among its pairs"), ([-1, 0], "amount to")):
        with pytest.raises(NotProven, match=why):
            check(proof, np.array(wrong, np.int32), worth, pair_case, pair_candidate, places)
    with pytest.raises(NotProven):
        certify(np.array([-1, -1], np.int32), worth, pair_case, pair_candidate, places)


def test_a_better_cycle_of_cases_is_found_by_the_certificate():
    # Three cases in a ring: each holds its second choice, and a turn by one place gives each its first.
    pair_case = np.array([0, 0, 1, 1, 2, 2], np.int32)
    pair_candidate = np.array([0, 1, 1, 2, 0, 2], np.int32)
    worth = np.array([5, 9, 5, 9, 9, 5])
    places = Places.of(np.array([1, 1, 1]), 3)
    certify(np.array([1, 2, 0], np.int32), worth, pair_case, pair_candidate, places)
    with pytest.raises(NotProven):
        certify(np.array([0, 1, 2], np.int32), worth, pair_case, pair_candidate, places)


def random_slots(cases: int, candidates: int, per_case: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    tiers = rng.integers(0, 3, cases)
    capacity = rng.integers(0, 4, candidates)
    pair_case = np.repeat(np.arange(cases), per_case).astype(np.int32)
    pair_candidate = np.concatenate(
        [np.sort(rng.choice(candidates, per_case, replace=False)) for _ in range(cases)]
    ).astype(np.int32)
    score = rng.integers(0, 40, len(pair_case))
    tie = rng.integers(0, 2**40, len(pair_case))
    return tiers, capacity, pair_case, pair_candidate, score, tie


@pytest.mark.parametrize("seed", range(3))
def test_the_value_equals_that_of_the_dense_assignment(seed):
    tiers, capacity, pair_case, pair_candidate, score, tie = random_slots(150, 40, 8, seed)
    result = solve_flow(tiers, capacity, pair_case, pair_candidate, score, tie)
    slots = np.repeat(np.arange(len(capacity)), capacity)
    dense = np.zeros((len(tiers), len(slots) + len(tiers)))
    level = np.array([1e10, 1e7, 1e4])[tiers]
    allowed = np.full((len(tiers), len(capacity)), -1e15)
    allowed[pair_case, pair_candidate] = level[pair_case] + score
    dense[:, : len(slots)] = allowed[:, slots]
    rows, columns = linear_sum_assignment(dense, maximize=True)
    assert dense[rows, columns].sum() == level[result.assignment >= 0].sum() + result.value
    assert (result.slack(pair_case, pair_candidate, score) >= 0).all()


def test_many_tiers_go_by_weights_and_agree_with_one_tier_at_a_time():
    tiers, capacity, pair_case, pair_candidate, score, tie = random_slots(60, 20, 4, 5)
    tiers = np.arange(60) // 3
    result = solve_flow(tiers, capacity, pair_case, pair_candidate, score, tie)
    placed = []
    for last in range(20):
        pairs = tiers[pair_case] <= last
        fewer = solve_flow(tiers, capacity, pair_case[pairs], pair_candidate[pairs], score[pairs], tie[pairs])
        placed.append(int((fewer.assignment >= 0).sum()))
    assert np.bincount(tiers[result.assignment >= 0], minlength=20).tolist() == np.diff([0, *placed]).tolist()


def test_scores_of_a_thousand_million_are_exact():
    rows = [("c1", 0), ("c2", 0), ("c3", 1)]
    pairs = [
        ("c1", "p1", 10**9, [1]), ("c1", "p2", 10**9 - 1, [1]), ("c2", "p1", 10**9 - 1, [1]),
        ("c2", "p2", -(10**9), [1]), ("c3", "p1", 10**12, [1]), ("c3", "p2", -(10**12), [1]),
    ]  # fmt: skip
    found = solve(instance(document(rows, [("p1", [1]), ("p2", [1])], pairs)))
    assert found.assignment.tolist() == [1, 0, -1]
    assert found.score == 2 * 10**9 - 2


def test_numbers_that_do_not_fit_are_refused_in_a_line():
    tiers = np.arange(3000)
    pair_case = np.arange(3000, dtype=np.int32)
    score = np.where(pair_case % 2, 10**12, -(10**12))
    with pytest.raises(InvalidInstance, match="do not fit 64-bit arithmetic; use smaller scores"):
        solve_flow(tiers, np.ones(3000, np.int64), pair_case, pair_case, score, score)


def test_all_equal_scores_are_decided_by_ids_alone():
    cases = [(f"c{at}", 0) for at in range(6)]
    pairs = [(case, f"p{at}", 7, [1]) for case, _ in cases for at in range(3)]
    listed = document(cases, [(f"p{at}", [1]) for at in range(3)], pairs)
    problem = instance(listed)
    answers = {tuple(solve(instance(shuffled(listed, seed))).assignment.tolist()) for seed in range(5)}
    assert answers == {tuple(max(possible(problem))[1])}
    assert len({tuple(solve(problem, salt=f"run {at}").assignment.tolist()) for at in range(8)}) > 1


def test_the_salt_enters_the_tie_rule():
    problem = instance(document([("a", 0), ("b", 0)], [("x", [1])], [("a", "x", 1, [1]), ("b", "x", 1, [1])]))
    for salt in ("", "one", "two", "three"):
        costs = problem.tie_costs(salt)
        assert solve(problem, salt=salt).assignment.tolist() == ([0, -1] if costs[0] < costs[1] else [-1, 0])


def test_a_time_limit_gives_the_proven_best_when_it_suffices():
    listed = wide()
    problem = instance(listed)
    assert len(possible_pairs(problem)) > SMALL
    told: list[float] = []
    limited = solve(problem, time_limit=60, progress=lambda share, what: told.append(share))
    whole = solve(problem)
    assert limited.status == whole.status == "optimal"
    assert limited.assignment.tolist() == whole.assignment.tolist()
    assert limited.prices is not None
    assert limited.prices.tolist() == whole.prices.tolist()
    assert told == sorted(told)


def test_without_time_a_good_answer_is_given_as_feasible():
    problem = instance(wide())
    found = solve(problem, time_limit=0.05)
    best = solve(problem)
    assert found.status == "feasible"
    assert 0 < found.gap <= 1
    assert found.bound >= found.score
    reached = value(problem, found.assignment.tolist())
    assert reached is not None
    assert reached <= value(problem, best.assignment.tolist())
    assert set(found.reasons) == set(np.flatnonzero(found.assignment < 0).tolist())


def wide() -> Document:
    """More pairs than are solved in the same process under a time limit."""
    tiers, capacity, pair_case, pair_candidate, score, _ = random_slots(800, 100, 40, 8)
    return document(
        [(f"c{at}", int(tier)) for at, tier in enumerate(tiers)],
        [(f"p{at}", [int(amount)]) for at, amount in enumerate(capacity)],
        [(f"c{i}", f"p{j}", int(points), [1]) for i, j, points in zip(pair_case, pair_candidate, score, strict=True)],
    )


@given(small_documents(groups=True))
def test_the_quick_answer_is_possible_and_leaves_no_room(listed):
    problem = instance(listed)
    assignment = best_left(problem, float("inf")).tolist()
    assert value(problem, assignment) is not None
    for case, candidate in zip(problem.pair_case, problem.pair_candidate, strict=True):
        if assignment[case] < 0:
            more = assignment.copy()
            more[case] = int(candidate)
            assert value(problem, more) is None
