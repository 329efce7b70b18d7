"""Parts of the solver for several capacities: bounds, knapsacks, moves and the child process."""

import time
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.hours_county import classical, weekly_hours
from marketplace.matching.engine.solve import hours_relax, hours_zones
from marketplace.matching.engine.solve.hours_exact import model, settle
from marketplace.matching.engine.solve.hours_kernels import relax
from marketplace.matching.engine.solve.hours_knapsack import TICKS, case_prices, fill, margins, sacks
from marketplace.matching.engine.solve.hours_milp import maximise
from marketplace.matching.engine.solve.hours_problem import pack
from marketplace.matching.engine.solve.hours_relax import bound_prices, can_reach, placed_bounds, score_bound
from marketplace.matching.engine.solve.hours_search import first_answer, search
from marketplace.matching.engine.solve.hours_zones import zones_of
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


def test_zones_searched_at_once_give_the_answer_of_one_core_and_overfill_nothing(county, monkeypatch):
    monkeypatch.setattr(hours_zones, "ZONE_CASES", 20)
    monkeypatch.setattr(hours_zones, "ZONE_CANDIDATES", 3)
    assert zones_of(county) == 2
    weight = county.weight(county.ladder())
    found = bound_prices(county, weight, rounds=100, deadline=LATER)
    first = first_answer(county, weight, found.reduced)
    answers = []
    for cores in (1, 2):
        monkeypatch.setattr(hours_zones.os, "cpu_count", lambda cores=cores: cores)
        better, complete = search(county, first, found.reduced, moves=600, seconds=60, seed=1)
        assert complete
        answers.append(better.tolist())
    assert answers[0] == answers[1]
    assert county.standing(np.array(answers[0])) > county.standing(first)
    assert (county.left(np.array(answers[0])) >= 0).all()


def test_a_cut_follows_neighbours_and_a_case_is_where_its_candidate_is(county, monkeypatch):
    monkeypatch.setattr(hours_zones, "ZONE_CASES", 20)
    monkeypatch.setattr(hours_zones, "ZONE_CANDIDATES", 3)
    zones = hours_zones.Zones(county, np.random.default_rng(3))
    weight = county.weight(county.ladder())
    place = first_answer(county, weight, weight.astype(np.float64)).astype(np.int32)
    cuts = [zones.draw(place) for _ in range(8)]
    for zone, home in cuts:
        assert set(zone.tolist()) == {0, 1}
        assert (home[place >= 0] == zone[county.candidate[place[place >= 0]]]).all()
    assert len({tuple(zone.tolist()) for zone, _ in cuts}) > 1


def test_caps_of_groups_are_kept_by_every_move_and_leave_the_problem_whole(county):
    rows = weekly_hours(60, 8, seed=4)
    groups = ["north" if candidate < 5 else "south" for candidate in range(8)]
    plain = made(rows)
    capped = pack(replace(plain, groups=tuple(groups), group_caps={"north": 9}))
    assert (capped.owner < 0).sum() == 1
    assert zones_of(capped) == 1
    weight = capped.weight(capped.ladder())
    found = bound_prices(capped, weight, rounds=100, deadline=LATER)
    better, _ = search(
        capped, first_answer(capped, weight, found.reduced), found.reduced, moves=600, seconds=60, seed=1
    )
    assert (capped.left(better) >= 0).all()
    placed = better[better >= 0]
    assert (capped.candidate[placed] < 5).sum() == 9


def test_halves_of_the_cases_give_the_same_bound(county, monkeypatch):
    weight = county.weight(county.ladder())
    whole = bound_prices(county, weight, rounds=60, deadline=LATER, loop=lambda *given: relax(*given))
    monkeypatch.setattr(hours_relax, "HALVED_PAIRS", 10)
    bounds = []
    for cores in (1, 2):
        monkeypatch.setattr(hours_relax.os, "cpu_count", lambda cores=cores: cores)
        bounds.append(bound_prices(county, weight, rounds=60, deadline=LATER, loop=lambda *given: relax(*given)).bound)
    assert bounds[0] == bounds[1] == pytest.approx(whole.bound, rel=1e-6)


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
