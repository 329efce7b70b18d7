"""Weeks as places: a node is a candidate in a week with free places, an arc a pair that starts in that week.

A case may start in any week of its window, so a list uses the capacity of several weeks; whoever can wait waits, and
pays for it with the points for waiting alone.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.ties import splitmix64
from marketplace.matching.engine.waiting.columns import rows_by_id
from marketplace.matching.engine.waiting.pairs import PairTable
from marketplace.matching.engine.waiting.points import Whole, spare_points

_CHUNK: Final = 1 << 18  # Pairs looked at in one go: a few columns of them stay in the processor's cache.
_TIE_SHIFT: Final = 24  # Leaves 40 bits, as `solve.instance.TIE_BITS`.


class Nodes:
    """Candidate-weeks with free places, in the order of candidate ids and weeks.

    Attributes:
        row, week: Of each node; weeks are absolute, as in `model.week_of`.
        places: Free places of each node.
        at: `at[week - first_week, row]`, the node or -1.
    """

    def __init__(self, pairs: PairTable) -> None:
        table = pairs.table
        order = rows_by_id(table)
        self.first_week = table.first_week
        week, place = np.nonzero(pairs.places[:, order] > 0)
        by_candidate = np.lexsort((week, place))
        self.row: NDArray[np.intp] = order[place[by_candidate]]
        self.week: Whole = week[by_candidate].astype(np.int64) + table.first_week
        self.places: Whole = pairs.places[week[by_candidate], self.row].astype(np.int64)
        self.at: NDArray[np.int32] = np.full(pairs.places.shape, -1, dtype=np.int32)
        self.at[week[by_candidate], self.row] = np.arange(len(self.row), dtype=np.int32)

    def __len__(self) -> int:
        return len(self.row)


class Arcs:
    """Pairs with a week: case, node, total, and the pair they come from; sorted by case, then node."""

    def __init__(self, case: NDArray[np.int32], node: NDArray[np.int32], total: Whole, pair: Whole) -> None:
        self.case, self.node, self.total, self.pair = case, node, total, pair

    def __len__(self) -> int:
        return len(self.case)

    @classmethod
    def of(cls, parts: list["Arcs"]) -> "Arcs":
        """All of these in order, each once."""
        arcs = cls.joined(parts)
        _, first = np.unique((arcs.case.astype(np.int64) << 32) + arcs.node, return_index=True)
        return arcs.chosen(first)

    @classmethod
    def joined(cls, parts: list["Arcs"]) -> "Arcs":
        """All of these one after another."""
        case, node = np.concatenate([part.case for part in parts]), np.concatenate([part.node for part in parts])
        total, pair = np.concatenate([part.total for part in parts]), np.concatenate([part.pair for part in parts])
        return cls(case, node, total, pair)

    @classmethod
    def none(cls) -> "Arcs":
        """No arc at all."""
        no32, no64 = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
        return cls(no32, no32, no64, no64)

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> "Arcs":
        """Some of the arcs, in order."""
        return Arcs(self.case[which], self.node[which], self.total[which], self.pair[which])


class Calendar:
    """Turns pairs into arcs: which weeks a pair can start in, and what it is worth then."""

    def __init__(self, pairs: PairTable, nodes: Nodes, only_week: Whole, overridden: NDArray[np.bool_]) -> None:
        """Take the week that each case is pinned to, -1 for any, and whose accreditation is not asked about."""
        self.pairs, self.nodes = pairs, nodes
        self._only_week = only_week if (only_week >= 0).any() else None
        self._overridden = overridden
        columns = pairs.columns
        self._last_week = (columns.last_day - 1) // 7 - nodes.first_week
        self._spare = spare_points(pairs.table, pairs.weights) if pairs.weights.spare_capacity else None
        self._all_live = bool(pairs.live.all())

    def arcs(self, which: Whole | slice) -> Iterator[Arcs]:
        """The arcs of some pairs, a week of the window at a time."""
        pairs, nodes, columns = self.pairs, self.nodes, self.pairs.columns
        case, row = pairs.case[which], pairs.row[which]
        base, first_day = pairs.base[which].astype(np.int64), pairs.days[which].astype(np.int64)
        start = columns.start_day[case]
        number = np.arange(which.start, which.stop, dtype=np.int64) if isinstance(which, slice) else which
        first_week = (start + first_day - 1) // 7 - nodes.first_week
        last_week = np.minimum(self._last_week[case], len(nodes.at) - 1)
        for step in range(int((last_week - first_week).max(initial=-1)) + 1):
            week = first_week + step
            open_ = np.flatnonzero(week <= last_week)
            node = nodes.at[week[open_], row[open_]]
            usable = node >= 0
            if step and not self._all_live:
                live = pairs.live[pairs.group[case[open_]], week[open_], row[open_]]
                usable &= live | self._overridden[case[open_]]
            if self._only_week is not None:
                only = self._only_week[case[open_]]
                usable &= (only < 0) | (only == week[open_] + nodes.first_week)
            at = open_[usable]
            # In the first week the day may be any; a later week begins on its Monday.
            days = first_day[at] if not step else (week[at] + nodes.first_week) * 7 + 1 - start[at]
            total = base[at] + pairs.timed_points(case[at], days)
            if self._spare is not None:
                total += self._spare[week[at], row[at]]
            yield Arcs(case[at], node[usable], total, number[at])

    def scan(self, *, without_top: bool = False) -> Iterator[Arcs]:
        """Every arc there is, in pieces; those of the pairs in `top` may be left out."""
        left = np.ones(len(self.pairs), dtype=np.bool_)
        left[self.pairs.top] = not without_top
        for first in range(0, len(self.pairs), _CHUNK):
            yield from self.arcs(first + np.flatnonzero(left[first : first + _CHUNK]))

    def first_day(self, pair: int, node: int) -> int:
        """Day on which a pair starts in the week of a node."""
        pairs = self.pairs
        start = int(pairs.columns.start_day[pairs.case[pair]])
        return max(start + int(pairs.days[pair]), int(self.nodes.week[node]) * 7 + 1)


def tie_costs(arcs: Arcs, nodes: Nodes, id_hashes: NDArray[np.uint64], seeds: NDArray[np.uint64]) -> Whole:
    """Tie cost of each arc: the top 40 bits of `ties.tie_key` of salt, case and candidate, with the week mixed in.

    Source: matching.md 3.3.
    """
    of_week = np.array([splitmix64(week) for week in nodes.week.tolist()], dtype=np.uint64)
    value = seeds[arcs.case] ^ (id_hashes[nodes.row] ^ of_week)[arcs.node]
    value += np.uint64(0x9E3779B97F4A7C15)  # Arrays wrap at 64 bits without a warning; that is wanted.
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    costs: Whole = ((value ^ (value >> np.uint64(31))) >> np.uint64(_TIE_SHIFT)).astype(np.int64)
    return costs
