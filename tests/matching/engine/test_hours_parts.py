"""Parts of the solver for several capacities: bounds, knapsacks, moves and the child process."""

import time

import numpy as np
import pytest

from benchmarks.hours_county import classical, weekly_hours
from marketplace.matching.engine.solve.hours_exact import model, settle
from marketplace.matching.engine.solve.hours_kernels import relax
from marketplace.matching.engine.solve.hours_knapsack import TICKS, case_prices, fill, margins, sacks
from marketplace.matching.engine.solve.hours_milp import maximise
from marketplace.matching.engine.solve.hours_problem import pack
from marketplace.matching.engine.solve.hours_relax import bound_prices, can_reach, placed_bounds, score_bound
from marketplace.matching.engine.solve.hours_search import first_answer, search
from tests.matching.engine.test_hours import made

LATER = float("inf")


@pytest.fixture(scope="module")
def county():
    return pack(made(weekly_hours(60, 8, seed=4)))


@pytest.fixture(scope="module")
def small():
    return pack(made(classical("small", 5, 15, seed=1)))


def total(weight, chosen):
    return int(weight[chosen[chosen >= 0]].sum())


def test_loop_and_arrays_evaluate_the_relaxation_alike(county):
    weight = county.weight(county.ladder())
    arrays = bound_prices(county, weight, rounds=40, deadline=LATER)
    loop = bound_prices(county, weight, rounds=40, deadline=LATER, loop=lambda *given: relax(*given))
    assert arrays.bound == pytest.approx(loop.bound, rel=1e-3)


def test_bounds_hold_for_the_proven_answer_and_keep_its_pairs(county):
    weight = county.weight(county.ladder())
    found = bound_prices(county, weight, rounds=200, deadline=LATER)
    best = settle(county, first_answer(county, weight, found.reduced), deadline=time.monotonic() + 30)
    assert best.proven
    *counts, score = county.standing(best.chosen)
    assert total(weight, best.chosen) <= found.bound
    kept = can_reach(county, weight, found.price, total(weight, best.chosen))
    assert kept[best.chosen[best.chosen >= 0]].all()
    placed = np.array(counts)
    most = placed_bounds(county, found.price, county.ladder(), placed, rounds=60, deadline=LATER, loop=None)
    assert (most >= placed).all()
    assert score <= score_bound(county, found, county.ladder(), placed, score, rounds=60, deadline=LATER, loop=None)


def test_moves_never_leave_a_worse_answer_and_never_overfill(county):
    weight = county.weight(county.ladder())
    found = bound_prices(county, weight, rounds=100, deadline=LATER)
    first = first_answer(county, weight, found.reduced)
    better, complete = search(county, first, found.reduced, moves=400, seconds=60, seed=1)
    again, _ = search(county, first, found.reduced, moves=400, seconds=60, seed=1)
    assert complete
    assert better.tolist() == again.tolist()
    assert county.standing(better) >= county.standing(first)
    assert (county.left(better) >= 0).all()


def test_knapsack_bounds_are_at_least_the_optimum_and_spare_its_pairs(small):
    answer = maximise(model(small, small.score, True), 10)
    assert answer.proven
    optimum = int(small.score[answer.taken].sum())
    given = sacks(small, small.score, must=True)
    price = case_prices(given, optimum - 1, rounds=60, deadline=LATER, loop=fill)
    found = margins(small, given, price)
    assert found.bound >= optimum * TICKS
    assert found.can_reach(small, optimum)[answer.taken].all()
    assert found.can_reach(small, optimum).sum() < small.pairs


def test_the_child_process_finds_what_this_one_finds(small):
    here = maximise(model(small, small.score, True), 10)
    child = maximise(model(small, small.score, True), 60, in_process=False)
    assert child.proven
    assert child.bound == here.bound == int(small.score[child.taken].sum())


def test_a_child_process_is_not_started_without_time_for_it(small):
    answer = maximise(model(small, small.score, True), 0.2, in_process=False)
    assert answer.taken is None
    assert not answer.proven


def test_caps_of_groups_are_resources():
    rows = weekly_hours(30, 4, seed=6)
    instance = made(rows)
    object.__setattr__(instance, "groups", ("a", "a", None, None))
    object.__setattr__(instance, "group_caps", {"a": 2})
    problem = pack(instance)
    weight = problem.weight(problem.ladder())
    found = bound_prices(problem, weight, rounds=100, deadline=LATER)
    best = settle(problem, first_answer(problem, weight, found.reduced), deadline=time.monotonic() + 30)
    assert best.proven
    assert np.isin(problem.candidate[best.chosen[best.chosen >= 0]], (0, 1)).sum() == 2
