"""Organisations' shares of a list: rising costs for an even spread, and soft caps.

Source: matching.md 9.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import Column
from marketplace.matching.engine.solve.flow import Worth
from marketplace.matching.engine.waiting.outcome import Options, Placement
from marketplace.matching.engine.waiting.points import Whole
from marketplace.matching.engine.waiting.problem import Problem
from marketplace.matching.engine.waiting.stepped import Steps

_TENTHS = 10


def node_organisations(problem: Problem) -> NDArray[np.intp]:
    """Number of the organisation of each node, from 0 up."""
    codes = problem.table.numbers[Column.ORGANISATION][problem.nodes.row]
    return np.unique(codes, return_inverse=True)[1]


def organisation_steps(
    problem: Problem, options: Options, placed: int, scale: int, score_range: tuple[int, int]
) -> Steps:
    """The rising costs of each organisation's places, in units of scaled points.

    Args:
        problem: Whose nodes and organisations.
        options: Cap and fairness to use.
        placed: Placements of the optimum without steps, of which a cap is a share.
        scale: What points are multiplied by.
        score_range: Least and largest scaled total.
    """
    group, nodes = node_organisations(problem), problem.nodes
    room = np.bincount(group, weights=nodes.places).astype(np.int64)
    fairness = options.fairness_points * scale
    over = 0
    if options.share_cap_percent is not None:
        most = min(len(problem.columns), len(nodes)) + 1
        before_score = (score_range[1] - score_range[0]) * most + _TENTHS * fairness + 1
        over = before_score if options.over_cap_points is None else options.over_cap_points * scale
    cap = cap_places(options.share_cap_percent, placed)
    owner, width, cost = [], [], []
    for number, places in enumerate(room.tolist()):
        # The cost changes at each tenth of the places and at the cap.
        marks = {-(-places * tenth // _TENTHS) for tenth in range(_TENTHS)} if fairness else {0}
        if over and cap < places:
            marks.add(cap)
        for first, last in _spans(sorted(marks), places):
            owner.append(number)
            width.append(last - first)
            cost.append(fairness * (first * _TENTHS // places) + (over if over and first >= cap else 0))
    return _merged(group, np.array(owner, np.intp), np.array(width, np.int64), np.array(cost, np.int64))


def stepped_worth(plain: Worth, steps: Steps) -> Worth:
    """Space the tiers so wide that no step outweighs a placement.

    An exchange passes the sink once, so it can change one step and the scores on its way.
    """
    return Worth(plain.level, plain.step + int(steps.cost.max(initial=0)) + 1, plain.low)


def over_cap(placements: Iterable[Placement], percent: int | None) -> int:
    """Placements above a share cap, over all organisations."""
    of = [placement.organisation_id for placement in placements]
    if percent is None or not of:
        return 0
    loads = np.unique(of, return_counts=True)[1]
    return int(np.maximum(0, loads - cap_places(percent, len(of))).sum())


def fairness_cost(problem: Problem, assignment: NDArray[np.int32]) -> int:
    """Points that `fairness_points` takes off under an assignment of cases to nodes."""
    if not problem.options.fairness_points:
        return 0
    even = Options(fairness_points=problem.options.fairness_points)
    steps = organisation_steps(problem, even, 0, 1, (0, 0))
    load = np.bincount(steps.group[assignment[assignment >= 0]], minlength=steps.groups)
    return int(steps.filled(load) @ steps.cost)


def cap_places(percent: int | None, placed: int) -> int:
    """Placements that a share cap allows an organisation; at least one."""
    return placed if percent is None else max(1, placed * percent // 100)


def _spans(marks: list[int], end: int) -> list[tuple[int, int]]:
    return [(first, last) for first, last in zip(marks, [*marks[1:], end], strict=True) if last > first]


def _merged(group: NDArray[np.intp], owner: NDArray[np.intp], width: Whole, cost: Whole) -> Steps:
    """Join neighbouring spans of one cost, so that costs rise strictly."""
    if not len(owner):
        return Steps(group, owner, width, cost)
    first = np.ones(len(owner), dtype=np.bool_)
    first[1:] = (owner[1:] != owner[:-1]) | (cost[1:] != cost[:-1])
    return Steps(group, owner[first], np.add.reduceat(width, np.flatnonzero(first)), cost[first])
