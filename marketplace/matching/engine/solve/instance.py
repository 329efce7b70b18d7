"""The assignment problem as arrays, and its answer.

An instance is in canonical order: cases by id, candidates by id, pairs by (case, candidate). So whatever order the rows
of a file had, every solver sees the same arrays. Ids sort by code point.

Goal, in this order (design.md section 5): most cases of the most urgent tier, then of the next, and so on; then the
largest total score; then the least total of `tie_costs`, which depends on ids and the salt alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.ties import splitmix64, stable_hash

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

Progress = Callable[[float, str], None]
"""Takes the share done (0 to 1) and what goes on, in a word or two."""

TIE_BITS = 40
"""Bits of a tie cost: 2^40 per pair times a million nodes stays below 2^62 (matching.md 3.3)."""

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class InvalidInstance(ValueError):
    """The instance is not one; the message is a line that says what is wrong and where."""


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """Cases, candidates and the pairs allowed between them. Make one with `build`; all numbers are whole."""

    case_ids: tuple[str, ...]
    tiers: Int64s
    """`tiers[case]`, 0 or more; 0 is the most urgent."""
    candidate_ids: tuple[str, ...]
    capacity: Int64s
    """`capacity[candidate, dimension]`, 0 or more. Candidates with fewer dimensions have zeros at the end."""
    groups: tuple[str | None, ...]
    """Group of each candidate, such as its organisation; a rule hangs on it only through `group_caps`."""
    pair_case: Int32s
    pair_candidate: Int32s
    score: Int64s
    """`score[pair]`, negative ones allowed: placing comes before any score."""
    uses: Int64s
    """`uses[pair, dimension]`, what the pair takes of each capacity of its candidate, 0 or more."""
    group_caps: dict[str, int] = field(default_factory=dict)
    """Cases at most for a group; a group that is not named has no cap."""

    @property
    def cases(self) -> int:
        """How many cases there are."""
        return len(self.case_ids)

    @property
    def candidates(self) -> int:
        """How many candidates there are."""
        return len(self.candidate_ids)

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self.pair_case)

    def starts(self) -> Int64s:
        """Where the pairs of each case start: those of case `i` are `starts[i]` up to `starts[i + 1]`."""
        return np.searchsorted(self.pair_case, np.arange(self.cases + 1)).astype(np.int64)

    def tie_costs(self, salt: str = "") -> Int64s:
        """Tie cost of each pair, 0 up to 2^40: the top 40 bits of splitmix64 of the ids and the salt.

        The least total wins among answers of equal placements and score. It is unique but for a chance of about
        pairs / 2^40 (isolation lemma). `match solve` has no salt; runs of the platform publish theirs.

        Source: matching.md 3.3; the same number as `ties.tie_key` gives, cut to its top bits.
        """
        return tie_costs(self.case_ids, self.candidate_ids, self.pair_case, self.pair_candidate, salt)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a case has no candidate: a stable code and a sentence that says nothing about other people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """An answer to an instance; indexes are those of the instance."""

    status: Literal["optimal", "feasible"]
    """`optimal` is claimed only with a proof: placements tier by tier and the total score."""
    assignment: Int32s
    """`assignment[case]`, a candidate or -1."""
    score: int
    assigned_by_tier: dict[int, int]
    """Cases placed by tier; tiers without cases are not there."""
    bound: int
    """No answer that places as many in every tier has a larger total score than this; at least `score`."""
    gap: float
    """Share by which the best answer may be better, of placements or of score, whichever is larger; 0 if optimal."""
    seconds: float
    prices: Int64s | None = None
    """`prices[candidate]`: what one more place would bring (shadow price); only where places are single slots."""
    case_duals: Int64s | None = None
    reasons: dict[int, Reason] = field(default_factory=dict)
    """Why, for each case that is not placed."""

    @property
    def assigned(self) -> int:
        """How many cases have a candidate."""
        return int((self.assignment >= 0).sum())


def build(
    case_ids: Sequence[str],
    tiers: Int64s,
    candidate_ids: Sequence[str],
    capacity: Int64s,
    groups: Sequence[str | None],
    pair_case: NDArray[np.integer],
    pair_candidate: NDArray[np.integer],
    score: Int64s,
    uses: Int64s,
    group_caps: dict[str, int] | None = None,
) -> Instance:
    """Put rows of any order into the canonical one. Nothing is checked here: `read` does that for files."""
    case_order = sorted(range(len(case_ids)), key=case_ids.__getitem__)
    candidate_order = sorted(range(len(candidate_ids)), key=candidate_ids.__getitem__)
    case_place = np.empty(len(case_ids), np.int64)
    case_place[case_order] = np.arange(len(case_ids))
    candidate_place = np.empty(len(candidate_ids), np.int64)
    candidate_place[candidate_order] = np.arange(len(candidate_ids))
    rows, columns = case_place[pair_case], candidate_place[pair_candidate]
    keys = rows * max(1, len(candidate_ids)) + columns
    order = np.argsort(keys, kind="stable") if (keys[1:] < keys[:-1]).any() else np.arange(len(keys))
    return Instance(
        case_ids=tuple(case_ids[i] for i in case_order),
        tiers=np.ascontiguousarray(tiers[case_order], dtype=np.int64),
        candidate_ids=tuple(candidate_ids[j] for j in candidate_order),
        capacity=np.ascontiguousarray(capacity[candidate_order], dtype=np.int64),
        groups=tuple(groups[j] for j in candidate_order),
        pair_case=rows[order].astype(np.int32),
        pair_candidate=columns[order].astype(np.int32),
        score=np.ascontiguousarray(score[order], dtype=np.int64),
        uses=np.ascontiguousarray(uses[order], dtype=np.int64),
        group_caps=dict(group_caps or {}),
    )


def tie_costs(
    case_ids: Sequence[str],
    candidate_ids: Sequence[str],
    pair_case: NDArray[np.integer],
    pair_candidate: NDArray[np.integer],
    salt: str = "",
) -> Int64s:
    """`Instance.tie_costs` for pairs that are not (yet) an instance."""
    salted = splitmix64(stable_hash(salt))
    seeds = np.array([splitmix64(salted ^ stable_hash(case)) for case in case_ids], dtype=np.uint64)
    hashes = np.array([stable_hash(candidate) for candidate in candidate_ids], dtype=np.uint64)
    value = seeds[pair_case] ^ hashes[pair_candidate]
    value += _STEP  # Arrays wrap at 64 bits without a warning; that is wanted.
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    value ^= value >> np.uint64(31)
    costs: Int64s = (value >> np.uint64(64 - TIE_BITS)).astype(np.int64)
    return costs
