"""Solving in a process of its own: the same answer as here, none when there is no time, none when it breaks down."""

import numpy as np
import pytest

from marketplace.matching.engine.solve import apart
from marketplace.matching.engine.solve.hours import solve_hours
from marketplace.matching.engine.solve.instance import Instance, build


def small() -> Instance:
    """Two providers with hours in two slots, four weeks that want them."""
    return build(
        ["c3", "c1", "c2", "c4"],
        np.array([1, 0, 1, 1], np.int64),
        ["p2", "p1"],
        np.array([[4, 2], [2, 4]], np.int64),
        [None, None],
        np.array([0, 0, 1, 1, 2, 3]),
        np.array([0, 1, 0, 1, 0, 1]),
        np.array([500, 600, 100, 200, 900, 300], np.int64),
        np.array([[2, 2], [2, 2], [2, 0], [2, 0], [3, 1], [0, 3]], np.int64),
    )


async def test_the_answer_is_that_of_the_solver_here() -> None:
    answer = await apart.solve_apart(small(), time_limit=2)
    here = solve_hours(small(), time_limit=2)
    assert answer is not None
    assert answer.is_proven
    assert answer.assignment == here.assignment.tolist()
    assert (answer.score, answer.most_placed, answer.gap) == (here.score, here.assigned, 0.0)


async def test_without_time_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "START_SECONDS", -1.95)
    assert await apart.solve_apart(small(), time_limit=2) is None


async def test_a_process_that_breaks_down_gives_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart.sys, "executable", "/bin/false")
    assert await apart.solve_apart(small(), time_limit=2) is None
