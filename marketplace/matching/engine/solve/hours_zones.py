"""Zones of a large county for several capacities, so that several cores search it at once.

Nobody tells the solver where people live. Cases and candidates that share many pairs are neighbours, and a few vectors
smoothed over the pairs tell apart what lies far from each other: a county cut along them has few pairs across. Cuts
change all the time, so no pair stays out of reach. Zones are searched apart and share nothing that changes, so the
answer is the same however many cores there are.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.random import Generator

from marketplace.matching.engine.solve.hours_problem import Problem
from marketplace.matching.engine.solve.instance import Int32s

ZONE_CASES, ZONE_CANDIDATES = 2_500, 50
"""A zone has about so many, or more; smaller problems are one zone."""
MOST_ZONES = 2
"""With more of them too many pairs lie across: a fifth do with two, a half with eight."""
_VECTORS, _SMOOTHINGS = 4, 12


def zones_of(problem: Problem) -> int:
    """Into how many zones a problem is cut. One with caps of groups stays whole: they bind across any cut."""
    shared = bool((problem.owner < 0).any())
    candidates = int(problem.candidate.max(initial=-1)) + 1
    wished = 1 if shared else min(MOST_ZONES, problem.cases // ZONE_CASES, candidates // ZONE_CANDIDATES)
    return 1 << (max(1, wished).bit_length() - 1)


class Zones:
    """Cuts of a problem into `count` zones, see `zones_of`."""

    def __init__(self, problem: Problem, draw: Generator) -> None:
        self._draw = draw
        self._problem = problem
        self.candidates = int(problem.candidate.max(initial=-1)) + 1
        self.count = zones_of(problem)
        self._whole = np.zeros(self.candidates, np.int32), np.zeros(problem.cases, np.int32)
        self._vectors = self._smooth() if self.count > 1 else np.zeros((0, 0))
        self._workers = min(self.count, os.cpu_count() or 1)

    def draw(self, place: Int32s) -> tuple[Int32s, Int32s]:
        """Cut anew: the zone of each candidate, and of each case when each has its pair of `place`, -1 for none."""
        if self.count == 1:
            return self._whole
        mix = self._draw.standard_normal((self.count.bit_length() - 1, _VECTORS)) @ self._vectors
        zone = np.zeros(self.candidates, np.int32)
        for side in mix:
            # Each part is cut where a random share of its candidates, near a half, lies below.
            parts = zone.copy()
            for part in range(int(parts.max()) + 1):
                inside = np.flatnonzero(parts == part)
                middle = np.quantile(side[inside], self._draw.uniform(0.42, 0.58))
                zone[inside] = 2 * part + (side[inside] > middle)
        p = self._problem
        asked = np.minimum(p.start[:-1] + self._draw.integers(0, 1 << 20, p.cases) % np.maximum(1, np.diff(p.start)),
                           max(0, p.pairs - 1))  # fmt: skip
        home = zone[p.candidate[np.where(place >= 0, place, asked)]]
        return zone, home

    def each(self, work: Callable[..., int], given: Sequence[tuple[Any, ...]]) -> list[int]:
        """Do the work for each zone, on as many cores as there are."""
        if len(given) == 1 or self._workers == 1:
            return [work(*one) for one in given]
        with ThreadPoolExecutor(self._workers) as pool:
            return [done.result() for done in [pool.submit(work, *one) for one in given]]

    def _smooth(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        p = self._problem
        to_case = 1 / np.maximum(1, np.diff(p.start))
        to_candidate = 1 / np.maximum(1, np.bincount(p.candidate, minlength=self.candidates))
        vectors = self._draw.standard_normal((_VECTORS, self.candidates))
        for _ in range(_SMOOTHINGS):
            for row in vectors:
                of_case = np.bincount(p.case, weights=row[p.candidate], minlength=p.cases) * to_case
                row[:] = np.bincount(p.candidate, weights=of_case[p.case], minlength=self.candidates) * to_candidate
                row -= row.mean()
            vectors = np.linalg.qr(vectors.T)[0].T.copy()
        return vectors
