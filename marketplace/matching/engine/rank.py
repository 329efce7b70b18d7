"""The ranked shortlist for one case: who, in which order, why, and who was left out by which rule.

A proposal for a named person to decide on, never a decision: care data are health data (matching.md section 9).
"""

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.inputs import fingerprint
from marketplace.matching.engine.model import ENGINE, NO_DAY, Case, Part, Weights
from marketplace.matching.engine.reasons import reason
from marketplace.matching.engine.refusals import explain
from marketplace.matching.engine.rules import BIT, Checked, Facts, Rule, check, rules_of
from marketplace.matching.engine.score import PARTS, Scored, score, shown_parts
from marketplace.matching.engine.ties import tie_keys

DEFAULT_WEIGHTS: Final = Weights()

Ties = Callable[[NDArray[np.intp]], NDArray[np.uint64]]
"""Tie keys of the given rows: worked out only where there is something to settle."""


class Points(msgspec.Struct, frozen=True, gc=False):
    """Points for one part. A maximum of 0 means that the part is told but not counted."""

    points: int
    maximum: int
    reason: str

    @property
    def text(self) -> str:
        """Reason with its points: "Speaks Polish (60 of 60)"."""
        return f"{self.reason} ({self.points} of {self.maximum})" if self.maximum else self.reason


class RankedCandidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of the shortlist. `total` is the sum of the points of `parts`, always."""

    id: str
    organisation_id: str
    rank: int  # 1 is first.
    total: int
    maximum: int  # Most points anybody could have in this case.
    parts: dict[Part, Points]
    metres: int  # Distance by the case's road factor.
    first_day: int  # First day on which the candidate can start.


class LeftOut(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A candidate who may not be offered the case; `reasons[i]` says rule `rules[i]` in words."""

    id: str
    organisation_id: str
    rules: tuple[Rule, ...]
    reasons: tuple[str, ...]
    metres: int


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one case.

    Attributes:
        entries: The shortlist, best first.
        left_out: Who breaks a rule: fewest broken rules first, then the nearest.
        considered: Candidates looked at; `eligible` of them broke no rule.
        funnel: Per rule, in order, how many still stood after it and all before it.
        failed: Per rule, how many broke it, whatever else they broke.
        failed_only: Per rule, how many broke it and nothing else: what lifting the rule would bring.
        nearest_miss: Per rule, the nearest candidate who broke it and nothing else.
        fingerprint: SHA-256 of the inputs, see `inputs.fingerprint`; "" where it was not asked for.
    """

    engine: str
    case_id: str
    weights_version: str
    salt: str
    considered: int
    eligible: int
    entries: tuple[RankedCandidate, ...]
    left_out: tuple[LeftOut, ...]
    funnel: dict[Rule, int]
    failed: dict[Rule, int]
    failed_only: dict[Rule, int]
    nearest_miss: dict[Rule, LeftOut]
    fingerprint: str


def rank(
    case: Case,
    table: CandidateTable,
    weights: Weights = DEFAULT_WEIGHTS,
    *,
    limit: int | None = None,
    left_out_limit: int | None = None,
    salt: str = "",
    sealed: bool = True,
) -> Ranking:
    """Rank everybody in the table for one case.

    Args:
        case: What is needed.
        table: Candidates, in any order.
        weights: The council's published weights.
        limit: Longest shortlist; None for everybody eligible. Totals and ranks do not depend on it.
        left_out_limit: Longest list of those left out; None for all. The counts are always over all.
        salt: Published text that settles ties, another for each run, so that nobody is always favoured.
        sealed: Whether to work out the fingerprint, which a ranking that is stored needs. A table that has just changed
            takes some 10 ms for it at 20,000 candidates; without it the fingerprint is "".

    Returns:
        The same ranking for the same inputs, whatever the order of rows, the process and the machine.

    Raises:
        ValueError: A limit below 0.
    """
    if (limit is not None and limit < 0) or (left_out_limit is not None and left_out_limit < 0):
        raise ValueError("a limit must not be below 0")
    checked = check(case, table)
    scored = score(case, table, weights, checked, checked.eligible_rows())

    def ties(rows: NDArray[np.intp]) -> NDArray[np.uint64]:
        return tie_keys(salt, case.id, table.id_hashes[rows])

    best = _first(-scored.totals, scored.rows, ties, limit)
    entries = _entries(best, case, table, weights, checked, scored)
    out_rows = np.flatnonzero(checked.failed) if left_out_limit != 0 else np.zeros(0, dtype=np.intp)
    out = _least_left_out(checked, out_rows, ties, left_out_limit)
    counts = _counts(checked)
    return Ranking(
        engine=ENGINE,
        case_id=case.id,
        weights_version=weights.version,
        salt=salt,
        considered=len(table),
        eligible=len(scored.rows),
        entries=entries,
        left_out=tuple(_left_out(int(row), case, table, checked) for row in out),
        **counts,
        nearest_miss=_nearest_misses(case, table, checked, ties, counts["failed_only"]),
        fingerprint=fingerprint(case, table, weights, salt) if sealed else "",
    )


def left_out_by(
    case: Case, table: CandidateTable, rule: Rule | None = None, *, limit: int | None = None, salt: str = ""
) -> tuple[LeftOut, ...]:
    """List who is left out, or left out by one rule among others: for a page that is opened on demand.

    In the order of `Ranking.left_out`: fewest broken rules first, then the nearest.
    """
    checked = check(case, table)
    rows = np.flatnonzero(checked.failed if rule is None else checked.failed & np.uint16(BIT[rule]))

    def ties(of_rows: NDArray[np.intp]) -> NDArray[np.uint64]:
        return tie_keys(salt, case.id, table.id_hashes[of_rows])

    listed = _least_left_out(checked, rows, ties, limit)
    return tuple(_left_out(int(row), case, table, checked) for row in listed)


def why_left_out(case: Case, table: CandidateTable, candidate_id: str) -> LeftOut | None:
    """Answer "why is this one not listed?"; None when the candidate breaks no rule.

    Raises:
        KeyError: The table has no such candidate.
    """
    row = table.row_of[candidate_id]
    checked = check(case, table)
    return _left_out(row, case, table, checked) if checked.failed[row] else None


def why_first(ranking: Ranking) -> str:
    """Say what speaks most for the first: the two parts with the largest lead over the second.

    Returns:
        Plain English without names; "" for an empty shortlist.
    """
    if not ranking.entries:
        return ""
    if len(ranking.entries) == 1:
        return "The only candidate who meets every rule"
    first, second = ranking.entries[:2]
    leads = {part: points.points - second.parts[part].points for part, points in first.parts.items()}
    top = [part for part in sorted(leads, key=lambda part: (-leads[part], PARTS.index(part))) if leads[part] > 0][:2]
    if first.total == second.total:
        return f"As many points as the second ({first.total}); the order between them was drawn by the published rule"
    return f"First because: {'; '.join(first.parts[part].text for part in top)}"


def _first(keys: NDArray[np.int64], rows: NDArray[np.intp], ties: Ties, limit: int | None) -> NDArray[np.intp]:
    """Indexes of the smallest keys in order, ties by the tie key of the row; sorts only what can get into the limit."""
    if limit == 0:
        return np.zeros(0, dtype=np.intp)
    if limit is None or limit >= len(keys):
        return np.lexsort((ties(rows), keys))
    bound = keys.min() if limit == 1 else np.partition(keys, limit - 1)[limit - 1]
    within = np.flatnonzero(keys <= bound)
    if len(within) == 1:
        return within
    return within[np.lexsort((ties(rows[within]), keys[within]))[:limit]]


def _least_left_out(checked: Checked, rows: NDArray[np.intp], ties: Ties, limit: int | None) -> NDArray[np.intp]:
    """These rows, who break a rule, in order: fewest broken rules first, then the nearest."""
    # One number to sort by: broken rules, then metres, which stay below 2**40.
    obstacles = (np.bitwise_count(checked.failed[rows]).astype(np.int64) << 40) + checked.metres[rows]
    return rows[_first(obstacles, rows, ties, limit)]


def _entries(
    best: NDArray[np.intp], case: Case, table: CandidateTable, weights: Weights, checked: Checked, scored: Scored
) -> tuple[RankedCandidate, ...]:
    """The lines of the shortlist for these places in `scored`, in their order."""
    shown, rows = shown_parts(weights), scored.rows[best]
    maximum_of = dict(zip(PARTS, scored.maxima.tolist(), strict=True))
    percents = table.organisation_percent()[rows].tolist() if weights.organisation_spread else [0] * len(rows)
    columns = zip(
        rows.tolist(),
        scored.points[:, best].T.tolist(),
        scored.totals[best].tolist(),
        checked.metres[rows].tolist(),
        checked.first_day[rows].tolist(),
        percents,
        strict=True,
    )
    entries = []
    for place, (row, points, total, metres, first_day, percent) in enumerate(columns, start=1):
        candidate = table.candidates[row]
        facts = Facts(case=case, candidate=candidate, metres=metres, first_day=first_day, organisation_percent=percent)
        had = dict(zip(PARTS, points, strict=True))
        parts = {part: Points(had[part], maximum_of[part], reason(part, facts, weights)) for part in shown}
        entries.append(
            RankedCandidate(
                id=candidate.id,
                organisation_id=candidate.organisation_id,
                rank=place,
                total=total,
                maximum=sum(maximum_of.values()),
                parts=parts,
                metres=metres,
                first_day=first_day,
            )
        )
    return tuple(entries)


def _left_out(row: int, case: Case, table: CandidateTable, checked: Checked) -> LeftOut:
    candidate, first_day = table.candidates[row], int(checked.first_day[row])
    facts = Facts(
        case=case,
        candidate=candidate,
        metres=int(checked.metres[row]),
        first_day=candidate.first_day(case.start_day, case.places_needed) if first_day == NO_DAY else first_day,
    )
    rules = rules_of(int(checked.failed[row]))
    return LeftOut(
        id=candidate.id,
        organisation_id=candidate.organisation_id,
        rules=rules,
        reasons=tuple(explain(rule, facts) for rule in rules),
        metres=facts.metres,
    )


def _counts(checked: Checked) -> dict[str, dict[Rule, int]]:
    """The three tables of counts, from how often each combination of broken rules occurs."""
    combinations = np.bincount(checked.failed)
    occurring = np.flatnonzero(combinations)
    counts = dict(zip(occurring.tolist(), combinations[occurring].tolist(), strict=True))
    called = {rule: BIT[rule] for rule in checked.called}
    funnel, seen = {}, 0
    for rule, bit in called.items():
        seen |= bit
        funnel[rule] = sum(count for bits, count in counts.items() if not bits & seen)
    failed = {rule: sum(count for bits, count in counts.items() if bits & bit) for rule, bit in called.items()}
    return {
        "funnel": funnel,
        "failed": failed,
        "failed_only": {rule: counts.get(bit, 0) for rule, bit in called.items()},
    }


def _nearest_misses(
    case: Case, table: CandidateTable, checked: Checked, ties: Ties, failed_only: dict[Rule, int]
) -> dict[Rule, LeftOut]:
    misses = {}
    for rule in (rule for rule, number in failed_only.items() if number):
        rows = np.flatnonzero(checked.failed == BIT[rule])
        nearest = rows[_first(checked.metres[rows], rows, ties, 1)[0]]
        misses[rule] = _left_out(int(nearest), case, table, checked)
    return misses
