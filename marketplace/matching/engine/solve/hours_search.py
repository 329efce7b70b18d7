"""Answers for several capacities: put in by reduced weight, then ruin and recreate while it cools.

Cases first go to their best pair with room, dearest first. Then small groups of candidates are emptied in part and
filled again, also with cases that had no place; a worse answer is taken with a chance that falls as it cools
(matching.md 3.4). The number of moves decides when it ends; the clock only when the machine is slower than thought.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from marketplace.matching.engine.solve.hours_kernels import anneal
from marketplace.matching.engine.solve.hours_problem import Problem
from marketplace.matching.engine.solve.hours_relax import Floats
from marketplace.matching.engine.solve.hours_zones import Zones
from marketplace.matching.engine.solve.instance import Int32s, Int64s

Whole = NDArray[np.integer]

DICE = 1 << 16
CHUNK = 12_000
"""Moves at one temperature and in one cut of a large county."""
POLISH = 0.1
"""Share of the moves made at the end with steep steps between tiers, so that urgency is never traded for numbers."""


@dataclass(frozen=True, slots=True)
class Style:
    """How hard the search shakes.

    Attributes:
        hot: First temperature as a share of the largest score; 0.8 is 800 where scores go up to 1000.
        cold: Last temperature, as a share too.
        most: Cases taken from a candidate in one move, at most.
    """

    hot: float
    cold: float
    most: int


HARD = Style(hot=0.8, cold=0.02, most=6)
"""For many capacities that bind: placing is what is hard."""
WIDE = Style(hot=1.2, cold=0.05, most=3)
"""For many capacities and several zones: small moves, for there are few for each case, and less time in the cold."""
MILD = Style(hot=0.1, cold=0.004, most=3)
"""For one capacity each: placing is easy, the last points of the score are not."""


def first_answer(problem: Problem, weight: Int64s, reduced: Floats) -> Int64s:
    """Put each case into its pair of the largest reduced weight that has room; largest reduced weight first.

    Those that found no room before are tried once more at the end, by weight.

    Returns:
        The pair of each case, -1 for none.
    """
    chosen = np.full(problem.cases, -1, np.int64)
    room = problem.room.astype(np.int64)
    for value in (reduced, weight):
        open_pairs = np.flatnonzero((chosen[problem.case] < 0) & (value > 0))
        for pair in open_pairs[np.lexsort((problem.case[open_pairs], -value[open_pairs]))].tolist():
            case = problem.case[pair]
            if chosen[case] >= 0:
                continue
            span = slice(problem.first[pair], problem.first[pair + 1])
            resource, amount = problem.resource[span], problem.amount[span]
            if (amount <= room[resource]).all():
                room[resource] -= amount
                chosen[case] = pair
    return chosen


def search(
    problem: Problem,
    chosen: Int64s,
    reduced: Floats,
    *,
    moves: int,
    seconds: float,
    seed: int,
    kernel: Callable[..., int] = anneal,
    style: Style = HARD,
    tick: Callable[[float], None] | None = None,
) -> tuple[Int64s, bool]:
    """Improve an answer by `moves` moves, `seconds` long at most; never returns a worse one.

    Returns:
        The pair of each case, -1 for none, and whether all moves were made.
    """
    end, begin = time.monotonic() + seconds, time.monotonic()
    order = np.lexsort((problem.candidate, -reduced, problem.case))
    ranked = _ordered(problem, order)
    back = np.empty(problem.pairs + 1, np.int64)
    back[order], back[-1] = np.arange(problem.pairs), -1
    place = back[chosen]
    state = _State(ranked, place, reduced[order])
    draw = np.random.Generator(np.random.PCG64(seed))
    zones = Zones(ranked, draw)
    largest = float(max(1, int(np.abs(problem.score).max(initial=0))))
    best, best_standing = place.copy(), ranked.standing(place)
    plain = ranked.weight(problem.ladder())
    value = best_value = int(plain[place[place >= 0]].sum())
    chunk = max(50, min(CHUNK, moves // 100)) if kernel is not anneal else 20
    done, complete = 0, True
    for weight, share, rising in ((plain, 1 - POLISH, False), (ranked.weight(problem.steep()), POLISH, True)):
        last = done + int(moves * share)
        phase_begin, phase_end = time.monotonic(), begin + seconds * (1.0 if rising else 1 - POLISH)
        first_done = done
        state.keys[2] = _best(ranked, weight.astype(np.float64))
        while done < last:
            now = time.monotonic()
            if now > min(end, phase_end):
                complete = False
                break
            by_moves = (done - first_done) / max(1, last - first_done)
            by_clock = (now - phase_begin) / max(1e-9, phase_end - phase_begin)
            gone = max(by_moves, by_clock if by_clock > 0.02 + by_moves else 0.0)
            complete = complete and gone == by_moves
            heat = largest * (style.cold if rising else style.hot * (style.cold / style.hot) ** gone)
            count = min(chunk, last - done)
            change = state.run(kernel, weight, zones, draw, heat, style.most, count)
            done += count
            if rising:
                standing = ranked.standing(state.places_by_case())
                if standing > best_standing:
                    best, best_standing = state.places_by_case(), standing
            else:
                value += change
                if value > best_value:
                    best, best_value = state.places_by_case(), value
            if tick is not None:
                tick(done / moves)
        if not rising:
            best_standing = ranked.standing(best)
            state = _State(ranked, best, reduced[order])
    start_standing = problem.standing(chosen)
    result = np.where(best >= 0, order[best], -1) if problem.pairs else best
    return (result if best_standing > start_standing else chosen), complete


class _State:
    """Arrays that the moves change."""

    def __init__(self, ranked: Problem, place: Int64s, reduced: Floats) -> None:
        self.ranked = ranked
        self.start = ranked.start.astype(np.int32)
        self.place = place.astype(np.int32)
        candidates = int(ranked.candidate.max(initial=-1)) + 1
        by_candidate = np.argsort(ranked.candidate, kind="stable")
        self.desk = np.searchsorted(ranked.candidate[by_candidate], np.arange(candidates + 1)).astype(np.int32)
        self.asks = ranked.case[by_candidate].astype(np.int32)
        self.asking = by_candidate.astype(np.int32)
        self.use, self.tight, self.room, self.group, self.places = _dense(ranked, place, candidates)
        self.members = np.zeros(max(1, ranked.pairs), np.int32)
        self.slot = np.full(ranked.cases, -1, np.int32)
        self.count = np.zeros(candidates, np.int32)
        for case in np.flatnonzero(place >= 0).tolist():
            owner = ranked.candidate[place[case]]
            self.slot[case] = self.desk[owner] + self.count[owner]
            self.members[self.slot[case]] = case
            self.count[owner] += 1
        weight = ranked.weight(ranked.ladder())
        self.keys = np.zeros((3, ranked.cases))
        np.maximum.at(self.keys[0], ranked.case, weight - reduced)
        self.keys[1] = _best(ranked, reduced)

    def places_by_case(self) -> Int64s:
        """The pair of each case as it stands, -1 for none."""
        return self.place.astype(np.int64)

    def run(
        self, kernel: Callable[..., int], weight: Int64s, zones: Zones, draw: Generator, heat: float, most: int,
        moves: int,
    ) -> int:  # fmt: skip
        """Make about `moves` moves, shared out among the zones by their cases; return the change of the weight."""
        r = self.ranked
        zone, home = zones.draw(self.place)
        every = []
        for mine in range(zones.count):
            own = np.flatnonzero(home == mine).astype(np.int32)
            if len(own):
                waits = ((home == mine) & (self.place < 0)).astype(np.int8)
                every.append((mine, own, waits, draw.integers(0, 1 << 30, DICE), max(1, moves * len(own) // r.cases)))

        def make(mine: int, own: Int32s, waits: NDArray[np.int8], dice: Int64s, share: int) -> int:
            return int(
                kernel(
                    self.start, r.candidate, self.use, weight, self.keys, self.desk, self.asks, self.asking, self.tight,
                    self.group, zone, mine, own, waits, self.room, self.places, self.place, self.members, self.slot,
                    self.count, dice, heat, most, share,
                )
            )  # fmt: skip

        return sum(zones.each(make, every))


def _best(problem: Problem, value: Floats) -> Floats:
    best = np.full(problem.cases, -np.inf)
    np.maximum.at(best, problem.case, value)
    return np.where(np.isfinite(best), best, 0.0)


def _ordered(problem: Problem, order: Int64s) -> Problem:
    """The same problem with its pairs in another order within each case."""
    sizes = np.diff(problem.first)[order]
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    spread = np.repeat(problem.first[order] - first[:-1], sizes) + np.arange(int(first[-1]))
    return Problem(
        start=problem.start,
        case=problem.case[order],
        candidate=problem.candidate[order],
        source=problem.source[order],
        tier=problem.tier,
        score=problem.score[order],
        first=first,
        resource=problem.resource[spread],
        amount=problem.amount[spread],
        room=problem.room,
        owner=problem.owner,
    )


def _dense(ranked: Problem, place: Int64s, candidates: int) -> tuple[Whole, Whole, Whole, Int32s, Int64s]:
    """Resources side by side by candidate: what pairs take, the tightest of it, what is left, and groups with caps.

    Narrow numbers in rows: the moves wait for memory more than for anything else.
    """
    sole = ranked.owner >= 0
    owner = ranked.owner[sole]
    column = np.zeros(len(ranked.owner), np.int64)
    column[sole] = np.arange(len(owner)) - np.searchsorted(owner, owner)
    kind = np.int16 if max(ranked.room.max(initial=0), ranked.amount.max(initial=0)) < 1 << 14 else np.int64
    width = max(1, int(column.max(initial=-1)) + 1)
    use = np.zeros((max(1, ranked.pairs), width), kind)
    pair = np.repeat(np.arange(ranked.pairs), np.diff(ranked.first))
    mine = sole[ranked.resource]
    use[pair[mine], column[ranked.resource[mine]]] = ranked.amount[mine]
    tight = np.zeros((len(use), 2), kind)
    # The first resource of a pair runs short most.
    at, head = np.unique(pair[mine], return_index=True)
    tight[at, 0], tight[at, 1] = column[ranked.resource[mine][head]], ranked.amount[mine][head]
    left = ranked.left(place)
    room = np.zeros((candidates, width), kind)
    kept = owner < candidates
    room[owner[kept], column[sole][kept]] = left[sole][kept]
    group = np.full(candidates, -1, np.int32)
    number = np.cumsum(~sole) - 1
    group[ranked.candidate[pair[~mine]]] = number[ranked.resource[~mine]]
    return use, tight, room, group, left[~sole]
