"""The best assignment kept up to date while cases come and go and candidates' capacities change.

Each event is answered exactly: the assignment afterwards is again the best one in the lexicographic order (tiers, then
total score), as if everything had been solved anew, for the price of one shortest chain of moves. Among assignments of
equal value it keeps the one that follows from the events; the tie rule of `solve` belongs to batch runs. It works on
the whole graph of allowed pairs, so there is nothing left to prove against.

What it answers is a proposal: an accepted offer is no longer in here (its place is taken off the capacity).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine import arrivals_kernels as kernels
from marketplace.matching.engine.arrivals_kernels import (
    AT,
    BLOCK,
    CANDIDATE,
    CAPACITY,
    COLUMN,
    END,
    FAR,
    GONE,
    HEAD,
    NOWHERE,
    PAIR,
    POINTS,
    START,
    USED,
)
from marketplace.matching.engine.solve.certificate import LARGEST_WORTH, Certificate, Places, certify, check
from marketplace.matching.engine.solve.instance import Int32s, Int64s, InvalidInstance


@dataclass(frozen=True, slots=True)
class Move:
    """A case whose proposal changed."""

    case: int
    before: int | None
    """Candidate before, or None."""
    after: int | None


class Arrivals:
    """Cases, candidates and the best assignment at this moment. Cases are numbered in the order of arrival."""

    def __init__(self, capacity: Int64s, *, tiers: int, scores: tuple[int, int], pairs: int = 4096) -> None:
        """Start without cases.

        Args:
            capacity: Cases at most for each candidate.
            tiers: How many tiers there are; 0 is the most urgent.
            scores: Least and largest score of any pair to come.
            pairs: For how many pairs to make room at first.

        Raises:
            InvalidInstance: Scores, candidates and tiers too large together for whole numbers of 64 bits.
        """
        self._tiers, (self._low, self._high) = tiers, scores
        self._step = (self._high - self._low) * (len(capacity) + 1) + 1
        # Distances add up a worth and a gain; points take 32 bits.
        if self._high - self._low >= 2**31 or (tiers + 1) * self._step >= LARGEST_WORTH // 2:
            raise InvalidInstance("scores, candidates and tiers together do not fit 64-bit arithmetic")
        count = len(capacity)
        self._seats = np.zeros((count, 4), np.int64)
        self._seats[:, CAPACITY] = capacity
        self._seats[:, [HEAD, COLUMN]] = -1
        self._price = np.zeros(count, np.int64)
        self._distance = np.full(count, FAR, np.int64)
        self._work = np.zeros((4, count), np.int32)
        self._moved = np.zeros((2, count + 2), np.int32)
        self._cases = np.full((256, 6), -1, np.int32)
        self._gain, self._lift, self._spare, self._tier = (np.zeros(256, np.int64) for _ in range(4))
        self._count = self._pair_count = self._used_blocks = 0
        self._make_room(pairs)

    @classmethod
    def from_batch(
        cls,
        tiers: Int64s,
        capacity: Int64s,
        pair_case: Int32s,
        pair_candidate: Int32s,
        score: Int64s,
        assignment: Int32s,
        *,
        tier_count: int,
        scores: tuple[int, int],
    ) -> "Arrivals":
        """Go on from the best assignment of a batch, which is proven again here.

        Args:
            tiers: Of each case, 0 up to `tier_count`.
            capacity: Cases at most for each candidate.
            pair_case: Sorted, and within a case by candidate.
            pair_candidate: As many.
            score: Of each pair.
            assignment: A candidate for each case, or -1.
            tier_count: As `tiers` of the constructor.
            scores: As there.

        Raises:
            NotProven: The assignment is not the best.
        """
        made = cls(capacity, tiers=tier_count, scores=scores, pairs=len(pair_case) + len(pair_case) // 8 + 1024)
        starts = np.searchsorted(pair_case, np.arange(len(tiers) + 1))
        lift = (tier_count - tiers) * made._step
        points = score - made._low
        proof = certify(
            assignment, lift[pair_case] + points, pair_case, pair_candidate, Places.of(capacity, len(tiers))
        )
        made._price[:] = proof.price
        order = np.lexsort((-points, pair_case))
        made._grow_cases(len(tiers))
        made._pairs[: len(order), CANDIDATE], made._pairs[: len(order), POINTS] = pair_candidate[order], points[order]
        made._pair_count, made._count = len(order), len(tiers)
        made._tier[: len(tiers)], made._gain[: len(tiers)], made._lift[: len(tiers)] = tiers, proof.gain, lift
        made._cases[: len(tiers), START], made._cases[: len(tiers), END] = starts[:-1], starts[1:]
        made._cases[: len(tiers), AT] = NOWHERE
        held = np.full(len(tiers), -1)
        own = np.flatnonzero(assignment[pair_case[order]] == pair_candidate[order])
        held[pair_case[order][own]] = own
        for case in range(len(tiers)):
            made._enter(case)
            if held[case] >= 0:
                kernels.seat(made._cases, made._seats, made._pairs, case, int(held[case]))
        return made

    def arrive(self, tier: int, candidates: NDArray[np.integer], score: Int64s) -> tuple[int, list[Move]]:
        """Take in a case.

        Args:
            tier: Its urgency, 0 first.
            candidates: Those allowed, each once.
            score: Of each.

        Returns:
            Its number, and all cases whose proposal changed, this one included if it has one.

        Raises:
            ValueError: A tier or a score outside what was agreed at the start.
        """
        if not 0 <= tier < self._tiers:
            raise ValueError(f"tier {tier} is not one of {self._tiers}")
        if len(score) and not self._low <= int(score.min()) <= int(score.max()) <= self._high:
            raise ValueError(f"a score is not from {self._low} to {self._high}")
        case, first = self._count, self._pair_count
        self._grow_cases(case + 1)
        if first + len(candidates) > len(self._pairs):
            self._compact(len(candidates))
            first = self._pair_count
        end = first + len(candidates)
        order = np.argsort(-score, kind="stable")
        self._pairs[first:end, CANDIDATE] = candidates[order]
        self._pairs[first:end, POINTS] = score[order] - self._low
        self._tier[case], self._lift[case] = tier, (self._tiers - tier) * self._step
        self._cases[case] = (first, end, -1, NOWHERE, -1, -1)
        self._count, self._pair_count = case + 1, end
        self._enter(case)
        return case, self._moves(self._take_in(case))

    def leave(self, case: int) -> list[Move]:
        """Let a case go; its place is given to whoever gains most, directly or by a chain of moves.

        Raises:
            KeyError: There is no such case, or it has left.
        """
        pair = self._held(case)
        changes: dict[int, int] = {}
        if pair >= 0:
            kernels.unseat(self._cases, self._seats, case)
        self._cases[case, START] = self._cases[case, END] = 0
        self._cases[case, AT] = GONE
        self._gain[case] = 0
        if pair >= 0:
            self._fill(int(self._pairs[pair, CANDIDATE]), changes)
        return self._moves(changes)

    def set_capacity(self, candidate: int, capacity: int) -> list[Move]:
        """Give a candidate more or fewer places, none when it is ill; cases that lose theirs are placed anew.

        Raises:
            ValueError: A negative capacity.
        """
        if capacity < 0:
            raise ValueError("a capacity is 0 or more")
        row, changes = self._seats[candidate], dict[int, int]()
        row[CAPACITY] = capacity
        self._fill(candidate, changes)
        out = []
        while row[USED] > capacity:
            case = int(row[HEAD])
            changes[case] = int(self._cases[case, PAIR])
            kernels.unseat(self._cases, self._seats, case)
            out.append(case)
        for case in out:
            for other, before in self._take_in(case).items():
                changes.setdefault(other, before)
        return self._moves(changes)

    def candidate_of(self, case: int) -> int | None:
        """Who the case is proposed to.

        Raises:
            KeyError: There is no such case, or it has left.
        """
        self._held(case)
        at = int(self._cases[case, AT])
        return at if at >= 0 else None

    @property
    def assignment(self) -> Int32s:
        """`assignment[case]`, a candidate or -1; -1 also for those that left."""
        return np.maximum(self._cases[: self._count, AT], -1)

    @property
    def prices(self) -> Int64s:
        """Price of a place at each candidate; `Worth` in `solve.flow` describes the unit."""
        return self._price.copy()

    def placed_by_tier(self) -> list[int]:
        """Cases with a proposal, tier by tier."""
        placed = self._cases[: self._count, PAIR] >= 0
        counts: list[int] = np.bincount(self._tier[: self._count][placed], minlength=self._tiers).tolist()
        return counts

    def score(self) -> int:
        """Total score of all proposals."""
        cases = np.flatnonzero(self._cases[: self._count, PAIR] >= 0)
        return int(self._pairs[self._cases[cases, PAIR], POINTS].astype(np.int64).sum()) + self._low * len(cases)

    def prove(self) -> None:
        """Check the assignment against its prices, independently of how it was found.

        Raises:
            NotProven: It is not the best; that would be an error in here.
        """
        cases = self._cases[: self._count]
        present = np.flatnonzero(cases[:, AT] != GONE)
        lengths = cases[present, END] - cases[present, START]
        owner = np.repeat(present, lengths).astype(np.int32)
        first = np.repeat(cases[present, START] - (np.cumsum(lengths) - lengths), lengths)
        pairs = first + np.arange(len(owner))
        proof = Certificate(self._price, np.zeros(0, np.int64), self._gain[: self._count])
        places = Places.of(self._seats[:, CAPACITY], self._count)
        worth = self._lift[owner] + self._pairs[pairs, POINTS]
        check(proof, self.assignment, worth, owner, np.ascontiguousarray(self._pairs[pairs, CANDIDATE]), places)

    def _held(self, case: int) -> int:
        if not 0 <= case < self._count or self._cases[case, AT] == GONE:
            raise KeyError(case)
        return int(self._cases[case, PAIR])

    def _take_in(self, case: int) -> dict[int, int]:
        """Run the search; the pairs that moved cases held before."""
        count = kernels.take_in(
            self._cases,
            self._gain,
            self._lift,
            self._spare,
            self._seats,
            self._price,
            self._pairs,
            self._owner,
            self._distance,
            self._work,
            self._moved,
            case,
        )
        return dict(zip(self._moved[0, :count].tolist(), self._moved[1, :count].tolist(), strict=True))

    def _fill(self, candidate: int, changes: dict[int, int]) -> None:
        """Fill free places as long as they are worth something to somebody."""
        row = self._seats[candidate]
        while row[USED] < row[CAPACITY] and self._price[candidate] > 0:
            count = kernels.fill(
                self._cases,
                self._gain,
                self._lift,
                self._spare,
                self._seats,
                self._price,
                self._pairs,
                self._owner,
                self._blocks,
                self._block_rows,
                self._distance,
                self._work,
                self._moved,
                candidate,
            )
            for case, before in zip(self._moved[0, :count].tolist(), self._moved[1, :count].tolist(), strict=True):
                changes.setdefault(case, before)

    def _moves(self, changes: dict[int, int]) -> list[Move]:
        moves = []
        for case, held in changes.items():
            before = int(self._pairs[held, CANDIDATE]) if held >= 0 else None
            after = self.candidate_of(case)
            if before != after:
                moves.append(Move(case, before, after))
        return moves

    def _enter(self, case: int) -> None:
        self._used_blocks = kernels.enter(
            self._cases,
            self._seats,
            self._pairs,
            self._owner,
            self._blocks,
            self._block_rows,
            self._used_blocks,
            case,
        )

    def _grow_cases(self, needed: int) -> None:
        size = len(self._cases)
        if needed <= size:
            return
        more = max(needed, 2 * size) - size
        self._cases = np.concatenate([self._cases, np.full((more, 6), -1, np.int32)])
        self._gain = np.concatenate([self._gain, np.zeros(more, np.int64)])
        self._lift = np.concatenate([self._lift, np.zeros(more, np.int64)])
        self._spare = np.concatenate([self._spare, np.zeros(more, np.int64)])
        self._tier = np.concatenate([self._tier, np.zeros(more, np.int64)])

    def _compact(self, needed: int) -> None:
        """Drop the pairs of cases that left, and make room for more than are needed now."""
        cases = self._cases[: self._count]
        present = np.flatnonzero(cases[:, AT] != GONE)
        lengths = cases[present, END] - cases[present, START]
        ends = np.cumsum(lengths)
        kept = np.repeat(cases[present, START] - (ends - lengths), lengths) + np.arange(int(lengths.sum()))
        rows = self._pairs[kept]
        held = cases[present, PAIR]
        shift = (ends - lengths) - cases[present, START]
        cases[present, PAIR] = np.where(held >= 0, held + shift, -1)
        cases[present, START], cases[present, END] = ends - lengths, ends
        self._make_room(max(2 * len(kept), len(kept) + needed, 1024))
        self._pairs[: len(kept)], self._pair_count = rows, len(kept)
        self._seats[:, COLUMN] = -1
        for case in present.tolist():
            self._enter(case)

    def _make_room(self, pairs: int) -> None:
        """New tables of pairs, without any. A candidate has one block at most that is not full."""
        self._pairs: Int32s = np.zeros((pairs, 2), np.int32)
        self._owner: Int32s = np.zeros(pairs, np.int32)
        blocks = pairs // BLOCK + len(self._seats) + 1
        self._blocks: Int32s = np.zeros((blocks, 2), np.int32)
        self._block_rows: Int32s = np.zeros((blocks, 3, BLOCK), np.int32)
        self._used_blocks = 0
