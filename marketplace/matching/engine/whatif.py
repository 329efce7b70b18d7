"""What would have to be different for a candidate to be first: one change at a time, computed, not guessed."""

from collections.abc import Iterator
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Candidate, Case, Part, Weights, week_of
from marketplace.matching.engine.rank import DEFAULT_WEIGHTS
from marketplace.matching.engine.rules import check, is_accredited
from marketplace.matching.engine.score import (
    PARTS,
    capacity_points,
    distance_points,
    language_points,
    price_points,
    score,
    specialism_points,
    waiting_points,
)
from marketplace.matching.engine.ties import tie_keys
from marketplace.matching.engine.words import count_text, pounds_text, tenths_of_miles_text

_METRES_PER_TENTH_MILE = 160.9344
_PRICE_STEP_PENCE = 100


class ChangeKind(StrEnum):
    """What is changed, in the order of preference between changes of equal size."""

    EARLIER = "earlier"  # amount: days
    NEARER = "nearer"  # amount: tenths of a mile
    CHEAPER = "cheaper"  # amount: pence
    LANGUAGE = "language"  # code: the language
    SPECIALISM = "specialism"  # code: the need


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change that would do: how much of it, the points it would bring, and the words."""

    kind: ChangeKind
    amount: int = 0
    code: str | None = None
    gain: int
    text: str


class _Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a candidate stands: its points by part, how far it is, and when it can start."""

    points: dict[Part, int]
    metres: int
    first_day: int


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one candidate.

    `changes` holds the smallest sufficient change of each kind, the smallest of them first; the size of a change is
    the points it would bring, the one measure that days, miles, pounds and skills have in common.
    """

    candidate_id: str
    rank: int
    gap: int  # Points behind the first.
    changes: tuple[Change, ...]
    text: str

    @property
    def smallest(self) -> Change | None:
        """The smallest single change; None when the candidate is first or no single change would do."""
        return self.changes[0] if self.changes else None


def what_would_make_first(
    case: Case, table: CandidateTable, candidate_id: str, weights: Weights = DEFAULT_WEIGHTS, *, salt: str = ""
) -> WhatIf:
    """Find the smallest single changes that would bring an eligible candidate to the top.

    Everything else stays as it is. A free date is moved by whole days and brings a place in its week, a distance by
    tenths of a mile by road, a price by whole pounds.

    Raises:
        ValueError: The candidate is not in the table, or breaks a rule (see `rank.why_left_out`).
    """
    row = table.row_of.get(candidate_id)
    checked = check(case, table)
    if row is None or checked.failed[row]:
        raise ValueError(f"{candidate_id} is not on the shortlist of case {case.id}")
    scored = score(case, table, weights, checked, checked.eligible_rows())
    ties = tie_keys(salt, case.id, table.id_hashes)[scored.rows]
    mine = int(np.flatnonzero(scored.rows == row)[0])
    ahead = (scored.totals > scored.totals[mine]) | ((scored.totals == scored.totals[mine]) & (ties < ties[mine]))
    if not ahead.any():
        return WhatIf(candidate_id=candidate_id, rank=1, gap=0, changes=(), text="Is first already")
    first = np.lexsort((ties, -scored.totals))[0]
    gap = int(scored.totals[first] - scored.totals[mine])
    enough = gap if ties[mine] < ties[first] else gap + 1
    standing = _Standing(
        points=dict(zip(PARTS, scored.points[:, mine].tolist(), strict=True)),
        metres=int(checked.metres[row]),
        first_day=int(checked.first_day[row]),
    )
    changes = _changes(case, table.candidates[row], standing, weights, enough)
    found = tuple(sorted(changes, key=lambda change: change.gain))
    text = f"Would be first {found[0].text}" if found else "No single change would make it first"
    return WhatIf(candidate_id=candidate_id, rank=1 + int(ahead.sum()), gap=gap, changes=found, text=text)


def _changes(case: Case, candidate: Candidate, standing: _Standing, weights: Weights, enough: int) -> Iterator[Change]:
    """The smallest sufficient change of each kind, in the order of `ChangeKind`."""
    had = standing.points

    days = np.arange(1, standing.first_day - case.start_day + 1)
    gains = _gains_of_earlier_days(case, candidate, standing, weights, days)
    if (step := _first_enough(gains, enough)) is not None:
        amount = int(days[step])
        text = f"with a free date {count_text(amount, 'day')} earlier"
        yield Change(kind=ChangeKind.EARLIER, amount=amount, gain=int(gains[step]), text=text)

    tenths = np.arange(1, int(standing.metres / _METRES_PER_TENTH_MILE) + 1)
    # Rounded up, so that a move of the metres said is never a metre short.
    nearer = np.ceil(standing.metres - tenths * _METRES_PER_TENTH_MILE).astype(np.int64)
    gains = distance_points(nearer, weights) - had[Part.DISTANCE]
    if (step := _first_enough(gains, enough)) is not None:
        amount = int(tenths[step])
        text = f"if it was {tenths_of_miles_text(amount)} nearer"
        yield Change(kind=ChangeKind.NEARER, amount=amount, gain=int(gains[step]), text=text)

    if case.budget_pence and candidate.tariff_pence is not None:
        cuts = np.arange(_PRICE_STEP_PENCE, candidate.tariff_pence + 1, _PRICE_STEP_PENCE)
        gains = price_points(candidate.tariff_pence - cuts, case, weights) - had[Part.PRICE]
        if (step := _first_enough(gains, enough)) is not None:
            amount = int(cuts[step])
            text = f"if it cost {pounds_text(amount)} less"
            yield Change(kind=ChangeKind.CHEAPER, amount=amount, gain=int(gains[step]), text=text)

    if case.wished_languages and not case.wished_languages & candidate.languages:
        gains = language_points(np.array([1]), case, weights)
        if gains[0] >= enough:
            code = min(case.wished_languages)
            text = f"if it spoke {case.label(code)}"
            yield Change(kind=ChangeKind.LANGUAGE, code=code, gain=int(gains[0]), text=text)

    unmet = case.needs - candidate.specialisms
    if unmet:
        met = len(case.needs) - len(unmet)
        gains = specialism_points(np.array([met + 1]), case, weights) - had[Part.SPECIALISM]
        if gains[0] >= enough:
            code = min(unmet)
            text = f"if it had worked with people with {case.label(code)}"
            yield Change(kind=ChangeKind.SPECIALISM, code=code, gain=int(gains[0]), text=text)


def _gains_of_earlier_days(
    case: Case, candidate: Candidate, standing: _Standing, weights: Weights, days: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Points gained by a first free day so many days earlier; none where the accreditation is not live that day.

    The earlier week may be fuller, so the part for spare capacity moves with the date.
    """
    earlier = standing.first_day - days
    places = np.array([max(1, candidate.free_places(week_of(day))) for day in earlier.tolist()], dtype=np.int64)
    live = np.array([is_accredited(case, candidate, day) for day in earlier.tolist()], dtype=np.bool_)
    capacity = np.full(len(days), candidate.week_capacity, dtype=np.int64)
    gains = waiting_points(earlier - case.start_day, weights) - standing.points[Part.WAITING]
    gains += capacity_points(places, capacity, weights) - standing.points[Part.SPARE_CAPACITY]
    return np.where(live, gains, -1)


def _first_enough(gains: NDArray[np.int64], enough: int) -> int | None:
    """Index of the first gain that suffices; gains are in the order of growing change."""
    sufficient = np.flatnonzero(gains >= enough)
    return int(sufficient[0]) if len(sufficient) else None
