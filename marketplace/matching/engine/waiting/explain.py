"""Why a case has no place, why not another candidate, and what one more place would bring. All computed.

The words speak of counts and classes and never of who has the place: that would tell of other people's cases.

Source: matching.md 4.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.model import NO_DAY, Case, Weights, monday_of, week_of
from marketplace.matching.engine.rank import LeftOut, rank, why_left_out
from marketplace.matching.engine.rules import BIT, Checked, Rule, check, is_accredited
from marketplace.matching.engine.score import score
from marketplace.matching.engine.ties import tie_keys
from marketplace.matching.engine.waiting.columns import takes_more
from marketplace.matching.engine.waiting.outcome import Node, Proposal, Veto
from marketplace.matching.engine.waiting.words import (
    first_free_text,
    later_text,
    left_out_text,
    no_capacity_text,
    one_by_one_text,
    place_text,
    slack_text,
)
from marketplace.matching.engine.words import count_text


class UnplacedCode(StrEnum):
    """Kinds of reason, stored with results: add, never rename."""

    NOBODY_ELIGIBLE = "nobody-eligible"
    ALL_FULL = "all-full"
    LATER_THAN_PLANNED = "later-than-planned"
    ONE_BY_ONE = "one-by-one"


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate who comes near: how far away it is, and the first day with a place that this run leaves free."""

    candidate_id: str
    metres: int
    day: int | None = None


class Unplaced(msgspec.Struct, frozen=True, kw_only=True):
    """Why a case has no place, for somebody who can do something about it.

    Attributes:
        eligible: Candidates who break no rule; all their places in the window went to others.
        failed, failed_only: Per rule, how many break it, and how many break only it.
        nearest_miss: Per rule, the nearest who breaks only it.
        would_help: Per rule, how many break only it and have a place left in the window.
        first_free: Who has the earliest place left after the window, area and all other rules kept.
        nearest_free: The nearest with a place left in the window, outside the area it covers.
    """

    case_id: str
    code: UnplacedCode
    text: str
    eligible: int
    failed: dict[Rule, int]
    failed_only: dict[Rule, int]
    nearest_miss: dict[Rule, LeftOut]
    would_help: dict[Rule, int]
    first_free: Near | None = None
    nearest_free: Near | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a candidate stands in the case's own ranking; `lost` is what it has less than the first."""

    candidate_id: str
    rank: int
    total: int
    lost: int


class WhyNot(msgspec.Struct, frozen=True, kw_only=True):
    """Why a case does not go to a candidate somebody would like.

    `points` is what the list as a whole would lose at least; `placements` is above 0 when it is certain that somebody
    would lose a place, or somebody more urgent would. Where both are 0 the prices alone prove no loss: a proposal with
    the pair pinned gives the exact one. Both are None when a rule is broken.
    """

    case_id: str
    candidate_id: str
    text: str
    rules: tuple[Rule, ...] = ()
    wanted: Standing | None = None
    given: Standing | None = None
    points: int | None = None
    placements: int | None = None


class PlaceGain(msgspec.Struct, frozen=True, kw_only=True):
    """What exactly one more place would bring: people placed, points of the total score, and the words."""

    candidate_id: str
    week: int
    placements: int
    points: int
    text: str


class Explainer:
    """Answers questions about a proposal; it needs the inputs the proposal was made from."""

    def __init__(
        self,
        proposal: Proposal,
        cases: Sequence[Case],
        table: CandidateTable,
        weights: Weights,
        *,
        vetoes: Iterable[Veto] = (),
        places: NDArray[np.int16] | None = None,
    ) -> None:
        self.proposal, self.table, self.weights = proposal, table, weights
        self._cases = {case.id: case for case in cases}
        self._placements = proposal.by_case
        self._tiers_at: dict[str, list[int]] = {}
        for placement in proposal.placements:
            self._tiers_at.setdefault(placement.candidate_id, []).append(placement.tier)
        self._vetoed = {(veto.case_id, veto.candidate_id) for veto in vetoes}
        self._left = (table.free_places if places is None else places).astype(np.int64)
        self._prices: dict[tuple[str, int], int] = {}
        for node in proposal.nodes:
            self._left[node.week - table.first_week, table.row_of[node.candidate_id]] -= node.used
            self._prices[node.candidate_id, node.week] = node.price

    def unplaced(self, case_id: str) -> Unplaced:
        """Say why a case has no place.

        Raises:
            KeyError: The case is not on the list.
        """
        case = self._cases[case_id]
        ranking = rank(case, self.table, self.weights, limit=0, left_out_limit=0, salt=self.proposal.salt)
        checked = check(case, self.table)
        vetoed = self._vetoed_rows(case_id)
        eligible = ranking.eligible - int((checked.failed[vetoed] == 0).sum())
        left_day = self._first_days_left(case, checked)
        nearest, first = self._nearest_free(case, checked, left_day), self._first_free(case, checked, left_day)
        in_window = (left_day <= case.last_day) & ~np.isin(np.arange(len(self.table)), vetoed)
        helping = {rule: int(((checked.failed == bit) & in_window).sum()) for rule, bit in BIT.items()}
        if takes_more(case):
            code, said = UnplacedCode.ONE_BY_ONE, [one_by_one_text()]
        elif ((checked.failed == 0) & in_window).any():
            code, said = UnplacedCode.LATER_THAN_PLANNED, [later_text(eligible)]
        elif eligible:
            code, said = UnplacedCode.ALL_FULL, [no_capacity_text(case, eligible, nearest.metres if nearest else None)]
        else:
            code, said = UnplacedCode.NOBODY_ELIGIBLE, [left_out_text(case, ranking, len(vetoed))]
        if first is not None and first.day is not None:
            said.append(first_free_text(first.day, first.metres))
        return Unplaced(
            case_id=case_id,
            code=code,
            text=" ".join(said),
            eligible=eligible,
            failed=ranking.failed,
            failed_only=ranking.failed_only,
            nearest_miss=ranking.nearest_miss,
            would_help={rule: count for rule, count in helping.items() if count},
            first_free=first,
            nearest_free=nearest,
        )

    def standing(self, case_id: str, candidate_id: str) -> Standing | None:
        """Place of a candidate in the case's own ranking; None when it breaks a rule."""
        case, row = self._cases[case_id], self.table.row_of[candidate_id]
        checked = check(case, self.table)
        if checked.failed[row]:
            return None
        rows = checked.eligible_rows()
        totals = score(case, self.table, self.weights, checked, rows).totals
        keys = tie_keys(self.proposal.salt, case_id, self.table.id_hashes[rows])
        at = int(np.searchsorted(rows, row))
        before = (totals > totals[at]) | ((totals == totals[at]) & (keys < keys[at]))
        own = int(totals[at])
        return Standing(candidate_id=candidate_id, rank=int(before.sum()) + 1, total=own, lost=int(totals.max()) - own)

    def why_not(self, case_id: str, candidate_id: str) -> WhyNot:
        """Say why a case does not go to this candidate.

        Raises:
            KeyError: The list has no such case, or the table no such candidate.
        """
        case = self._cases[case_id]
        given = self._placements.get(case_id)
        own = self.standing(case_id, given.candidate_id) if given else None
        wanted = self.standing(case_id, candidate_id)
        if wanted is None:
            left_out = why_left_out(case, self.table, candidate_id)
            reasons, rules = (left_out.reasons, left_out.rules) if left_out else ((), ())
            return WhyNot(case_id=case_id, candidate_id=candidate_id, text="; ".join(reasons), rules=rules, given=own)
        text, points, placements = "It is the proposed one", 0, 0
        if (case_id, candidate_id) in self._vetoed:
            text = "Ruled out by a person, who gave a reason"
        elif given is None or given.candidate_id != candidate_id:
            if given is not None and given.pinned:
                text = "The place was settled by a person before the list was worked out"
            else:
                placements, points = self._decoded(self._slack(case, candidate_id))
                holders = self._tiers_at.get(candidate_id, [])
                more_urgent = bool(holders) and max(holders) < case.urgency_tier
                text = slack_text(placements, points, more_urgent=more_urgent)
        return WhyNot(
            case_id=case_id,
            candidate_id=candidate_id,
            text=text,
            wanted=wanted,
            given=own,
            points=points,
            placements=placements,
        )

    def place_gains(self, limit: int | None = None) -> tuple[PlaceGain, ...]:
        """What one more place would bring at each candidate and week where it would bring anything, the most first.

        Exact: the lowest prices that prove an optimum are the gains by one place (the worth of the best assignment is
        concave in the places, and whole numbers of places are its only corners). Under share caps or fairness it is
        exact for the worth that takes them into account.
        """
        dear = sorted((node for node in self.proposal.nodes if node.price), key=_dearest_first)
        return tuple(self._gain(node) for node in dear[:limit])

    def _gain(self, node: Node) -> PlaceGain:
        placements, points = self._decoded(node.price)
        if placements:
            points += self.proposal.proof.low // self.proposal.proof.scale
        return PlaceGain(
            candidate_id=node.candidate_id,
            week=node.week,
            placements=min(1, placements),
            points=points,
            text=place_text(node.week, placements, points),
        )

    def _decoded(self, worth: int) -> tuple[int, int]:
        """Take a difference of worths apart: steps of placements, and points."""
        proof = self.proposal.proof
        steps = (worth + proof.step // 2) // proof.step
        return steps, -(-(worth - steps * proof.step) // proof.scale)

    def _slack(self, case: Case, candidate_id: str) -> int:
        """What the worth of the list loses at least when the case goes there, in the best week for it."""
        proof = self.proposal.proof
        gain = proof.gains.get(case.id, 0)
        level, candidate = proof.levels[case.urgency_tier], self.table.candidates[self.table.row_of[candidate_id]]
        slacks = []
        for week in range(week_of(case.start_day), week_of(case.last_day) + 1):
            total = self._total_in_week(case, candidate_id, week)
            if total is not None:
                price = self._prices.get((candidate.id, week), 0)
                slacks.append(gain + price - (level * proof.step + total * proof.scale - proof.low))
        return max(0, min(slacks, default=0))

    def _total_in_week(self, case: Case, candidate_id: str, week: int) -> int | None:
        """Total of an eligible pair for a start in a week; None when it cannot start then."""
        row = self.table.row_of[candidate_id]
        candidate = self.table.candidates[row]
        day = max(case.start_day, candidate.first_free_day or NO_DAY, monday_of(week))
        if not candidate.free_places(week) or week_of(day) != week or day > case.last_day:
            return None
        if not is_accredited(case, candidate, day):
            return None
        checked = check(case, self.table)
        first_day = checked.first_day.copy()  # It is kept for other cases.
        first_day[row] = day
        then = Checked(checked.failed, checked.metres, first_day)
        return int(score(case, self.table, self.weights, then, np.array([row], dtype=np.intp)).totals[0])

    def _vetoed_rows(self, case_id: str) -> NDArray[np.intp]:
        found = [self.table.row_of[who] for what, who in self._vetoed if what == case_id and who in self.table.row_of]
        return np.array(sorted(found), dtype=np.intp)

    def _first_days_left(self, case: Case, checked: Checked) -> NDArray[np.int64]:
        """First day from the case's start on with a place that the run leaves free, by row; `NO_DAY` for none.

        Also none where the accreditation has ended by then, unless the case breaks that rule anyway.
        """
        earliest = np.maximum(self.table.numbers[Column.FIRST_FREE_DAY], case.start_day)
        first = np.full(len(self.table), NO_DAY, dtype=np.int64)
        for at in reversed(range(len(self._left))):
            monday = monday_of(self.table.first_week + at)
            possible = (self._left[at] > 0) & (earliest < monday + 7)
            first = np.where(possible, np.maximum(earliest, monday), first)
        service, council, from_day, until_day = self.table.accreditations.values
        rows = self.table.accreditations.rows
        here = (service == self.table.code(case.service)) & (council == self.table.code(case.council))
        live = checked.failed & np.uint16(BIT[Rule.ACCREDITED_SERVICE] | BIT[Rule.ACCREDITED_COUNCIL]) != 0
        live[rows[here & (from_day <= first[rows]) & (first[rows] < until_day)]] = True
        return np.where(live, first, NO_DAY)

    def _nearest_free(self, case: Case, checked: Checked, left_day: NDArray[np.int64]) -> Near | None:
        rows = np.flatnonzero((checked.failed == BIT[Rule.WITHIN_AREA]) & (left_day <= case.last_day))
        return self._nearest(case, rows, checked, left_day)

    def _first_free(self, case: Case, checked: Checked, left_day: NDArray[np.int64]) -> Near | None:
        """The earliest place left behind the window; the nearest of several."""
        rows = np.flatnonzero((checked.failed & ~np.uint16(BIT[Rule.HAS_CAPACITY]) == 0) & (left_day != NO_DAY))
        rows = rows[~np.isin(rows, self._vetoed_rows(case.id))]
        return self._nearest(case, rows[left_day[rows] == left_day[rows].min(initial=NO_DAY)], checked, left_day)

    def _nearest(
        self, case: Case, rows: NDArray[np.intp], checked: Checked, left_day: NDArray[np.int64]
    ) -> Near | None:
        if not len(rows):
            return None
        keys = tie_keys(self.proposal.salt, case.id, self.table.id_hashes[rows])
        row = int(rows[np.lexsort((keys, checked.metres[rows]))[0]])
        candidate = self.table.candidates[row]
        return Near(candidate_id=candidate.id, metres=int(checked.metres[row]), day=int(left_day[row]))


def _dearest_first(node: Node) -> tuple[int, str, int]:
    return -node.price, node.candidate_id, node.week


def unplaced_counts(reasons: Iterable[Unplaced]) -> str:
    """One line over all the unplaced: "12 cases: all who fit are full; 3 cases: nobody fits"."""
    codes = [reason.code for reason in reasons]
    full, nobody = codes.count(UnplacedCode.ALL_FULL), codes.count(UnplacedCode.NOBODY_ELIGIBLE)
    return f"{count_text(full, 'case')}: all who fit are full; {count_text(nobody, 'case')}: nobody fits"
