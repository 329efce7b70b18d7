"""The assignment after every arrival, leaving and change of capacity is the best one, as a batch would find it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.matching.engine.arrivals import Arrivals, Move
from marketplace.matching.engine.solve import InvalidInstance
from marketplace.matching.engine.solve.certificate import NotProven
from marketplace.matching.engine.solve.flow import solve_flow


class Mirror:
    """The same events beside an `Arrivals`, solved anew whenever asked."""

    def __init__(self, capacity: list[int]) -> None:
        self.capacity = np.array(capacity, np.int64)
        self.now = Arrivals(self.capacity, tiers=3, scores=(-9, 9), pairs=2)
        self.cases: dict[int, tuple[int, list[int], list[int]]] = {}
        self.proposed: dict[int, int | None] = {}

    def arrive(self, tier: int, pairs: dict[int, int]) -> None:
        candidates, scores = list(pairs), list(pairs.values())
        number, moves = self.now.arrive(tier, np.array(candidates, np.int32), np.array(scores, np.int64))
        self.cases[number] = (tier, candidates, scores)
        self.proposed[number] = None
        self.follow(moves)

    def leave(self, number: int) -> None:
        moves = self.now.leave(number)
        del self.cases[number], self.proposed[number]
        self.follow(moves)

    def set_capacity(self, candidate: int, capacity: int) -> None:
        self.capacity[candidate] = capacity
        self.follow(self.now.set_capacity(candidate, capacity))

    def follow(self, moves: list[Move]) -> None:
        """Moves tell just what changed, and the outcome equals that of a batch."""
        for move in moves:
            assert self.proposed[move.case] == move.before
            assert move.before != move.after
            self.proposed[move.case] = move.after
        assert {case: self.now.candidate_of(case) for case in self.cases} == self.proposed
        self.now.prove()
        numbers = list(self.cases)
        rows = [
            (at, candidate, score)
            for at, number in enumerate(numbers)
            for candidate, score in sorted(zip(*self.cases[number][1:], strict=True))
        ]
        pair_case, pair_candidate, score = np.array(rows, np.int64).reshape(-1, 3).T
        tiers = np.array([self.cases[number][0] for number in numbers], np.int64)
        batch = solve_flow(
            tiers, self.capacity, pair_case.astype(np.int32), pair_candidate.astype(np.int32), score, None
        )
        placed = np.bincount(tiers[batch.assignment >= 0], minlength=3).tolist()
        assert (self.now.placed_by_tier(), self.now.score()) == (placed, batch.value)


@settings(max_examples=60)
@given(st.data())
def test_after_every_event_the_assignment_is_the_best(data):
    candidates = data.draw(st.integers(1, 4))
    mirror = Mirror(data.draw(st.lists(st.integers(0, 2), min_size=candidates, max_size=candidates)))
    for _ in range(data.draw(st.integers(1, 14))):
        event = data.draw(st.sampled_from(["arrive", "arrive", "arrive", "leave", "capacity"]))
        if event == "arrive":
            pairs = data.draw(st.dictionaries(st.integers(0, candidates - 1), st.integers(-9, 9)))
            mirror.arrive(data.draw(st.integers(0, 2)), pairs)
        elif event == "leave" and mirror.cases:
            mirror.leave(data.draw(st.sampled_from(sorted(mirror.cases))))
        else:
            mirror.set_capacity(data.draw(st.integers(0, candidates - 1)), data.draw(st.integers(0, 3)))


def county(cases: int, candidates: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    tiers, capacity = rng.integers(0, 3, cases), rng.integers(1, 5, candidates)
    spots, homes = rng.random((candidates, 2)), rng.random((cases, 2))
    near = ((homes[:, None] - spots[None]) ** 2).sum(axis=2)
    pair_case, pair_candidate = (rows.astype(np.int32) for rows in np.nonzero(near < 0.05))
    score = (1000 * (1 - near[pair_case, pair_candidate])).astype(np.int64) - rng.integers(0, 200, len(pair_case))
    return tiers, capacity, pair_case, pair_candidate, score


def test_a_county_taken_in_one_by_one_ends_as_the_batch():
    tiers, capacity, pair_case, pair_candidate, score = county(400, 90, 4)
    batch = solve_flow(tiers, capacity, pair_case, pair_candidate, score, None)
    now = Arrivals(capacity, tiers=3, scores=(0, 1000))
    for case in np.random.default_rng(1).permutation(400):
        own = pair_case == case
        now.arrive(int(tiers[case]), pair_candidate[own], score[own])
    now.prove()
    assert now.score() == batch.value
    assert sum(now.placed_by_tier()) == (batch.assignment >= 0).sum() < 400


def test_a_batch_goes_on_with_an_ill_planner_who_comes_back():
    tiers, capacity, pair_case, pair_candidate, score = county(300, 70, 9)
    batch = solve_flow(tiers, capacity, pair_case, pair_candidate, score, None)
    now = Arrivals.from_batch(
        tiers, capacity, pair_case, pair_candidate, score, batch.assignment, tier_count=3, scores=(0, 1000)
    )
    assert now.assignment.tolist() == batch.assignment.tolist()
    ill = int(np.argmax(np.bincount(batch.assignment[batch.assignment >= 0])))
    moves = now.set_capacity(ill, 0)
    assert {move.case for move in moves} >= set(np.flatnonzero(batch.assignment == ill).tolist())
    assert ill not in now.assignment
    without = capacity.copy()
    without[ill] = 0
    now.prove()
    assert now.score() == solve_flow(tiers, without, pair_case, pair_candidate, score, None).value
    now.set_capacity(ill, int(capacity[ill]))
    now.prove()
    assert now.score() == batch.value


def test_a_batch_that_is_not_the_best_is_refused():
    pair_case, pair_candidate = np.array([0, 1], np.int32), np.array([0, 0], np.int32)
    with pytest.raises(NotProven):
        Arrivals.from_batch(
            np.array([1, 0]), np.array([1]), pair_case, pair_candidate, np.array([5, 5]), np.array([0, -1], np.int32),
            tier_count=2, scores=(0, 9),
        )  # fmt: skip


def test_what_was_not_agreed_is_refused():
    now = Arrivals(np.array([1]), tiers=2, scores=(0, 9))
    with pytest.raises(ValueError, match="tier 2 is not one of 2"):
        now.arrive(2, np.array([0]), np.array([1]))
    with pytest.raises(ValueError, match="a score is not from 0 to 9"):
        now.arrive(1, np.array([0]), np.array([10]))
    with pytest.raises(ValueError, match="0 or more"):
        now.set_capacity(0, -1)
    with pytest.raises(KeyError):
        now.leave(0)
    number, _ = now.arrive(1, np.array([0]), np.array([9]))
    now.leave(number)
    with pytest.raises(KeyError):
        now.leave(number)
    with pytest.raises(InvalidInstance):
        Arrivals(np.ones(10, np.int64), tiers=10, scores=(0, 10**17))
