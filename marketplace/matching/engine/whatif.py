"""What would have to be different for a candidate to be first: one change at a time, computed, not guessed."""

from collections.abc import Iterator
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.field import Field
from marketplace.matching.engine.model import Candidate, Case, Part, Weights, week_of
from marketplace.matching.engine.rank import DEFAULT_WEIGHTS
from marketplace.matching.engine.rules import is_accredited
from marketplace.matching.engine.score import (
    capacity_points,
    distance_points,
    interests_points,
    language_points,
    price_points,
    specialism_points,
    travel_points,
    urgency_points,
    waiting_points,
)
from marketplace.matching.engine.standing import pair_minutes
from marketplace.matching.engine.words import count_text, list_text, pounds_text, tenths_of_miles_text, weekday_text

METRES_PER_TENTH_MILE = 160.9344
_PRICE_STEP_PENCE = 100


class ChangeKind(StrEnum):
    """What is changed, in the order of preference between changes of equal size."""

    EARLIER = "earlier"  # amount: days
    NEARER = "nearer"  # amount: tenths of a mile
    CHEAPER = "cheaper"  # amount: pence
    LANGUAGE = "language"  # code: the language
    SPECIALISM = "specialism"  # code: the need
    INTERESTS = "interests"  # codes: the interests
    LAWFUL_PRICE = "lawful-price"  # amount: pence, the price that would be lawful


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change that would do: how much of it, the points it would bring, and the words."""

    kind: ChangeKind
    amount: int = 0
    code: str | None = None
    codes: tuple[str, ...] = ()
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
    field = Field(case, table, weights, salt)
    if row is None or field.checked.failed[row]:
        raise ValueError(f"{candidate_id} is not on the shortlist of case {case.id}")
    points = field.points_of(row)
    total = sum(points.values())
    rank, gap = field.place_of(row, total)
    if rank == 1:
        return WhatIf(candidate_id=candidate_id, rank=1, gap=0, changes=(), text="Is first already")
    standing = _Standing(
        points=points, metres=int(field.checked.metres[row]), first_day=int(field.checked.first_day[row])
    )
    changes = _changes(case, table.candidates[row], standing, weights, field.enough_for_first(row, total))
    found = tuple(sorted(changes, key=lambda change: change.gain))
    text = f"Would be first {found[0].text}" if found else "No single change would make it first"
    return WhatIf(candidate_id=candidate_id, rank=rank, gap=gap, changes=found, text=text)


def _changes(case: Case, candidate: Candidate, standing: _Standing, weights: Weights, enough: int) -> Iterator[Change]:
    """The smallest sufficient change of each kind, in the order of `ChangeKind`."""
    had = standing.points

    days = np.arange(1, standing.first_day - case.start_day + 1)
    gains = _gains_of_earlier_days(case, candidate, standing, weights, days)
    if (step := _first_enough(gains, enough)) is not None:
        amount = int(days[step])
        weekday = weekday_text(standing.first_day - amount)
        text = f"with a free {weekday} {count_text(amount, 'day')} earlier"
        yield Change(kind=ChangeKind.EARLIER, amount=amount, gain=int(gains[step]), text=text)

    tenths = np.arange(1, int(standing.metres / METRES_PER_TENTH_MILE) + 1)
    # Rounded up, so that a move of the metres said is never a metre short.
    nearer = np.ceil(standing.metres - tenths * METRES_PER_TENTH_MILE).astype(np.int64)
    if weights.travel_reach_minutes:
        minutes = np.array([pair_minutes(case, candidate, metres) for metres in nearer.tolist()], dtype=np.int64)
        gains = travel_points(minutes, weights) - had[Part.DISTANCE]
    else:
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

    missing = sorted(case.interests - candidate.interests)
    shared = len(case.interests) - len(missing)
    gains = interests_points(shared + np.arange(1, len(missing) + 1), case, weights) - had[Part.INTERESTS]
    if (step := _first_enough(gains, enough)) is not None:
        codes = tuple(missing[: step + 1])
        text = f"if it shared {list_text(case.label(code) for code in codes)}"
        yield Change(kind=ChangeKind.INTERESTS, codes=codes, amount=len(codes), gain=int(gains[step]), text=text)

    legal = case.legal_cost_pence
    if legal is not None and candidate.tariff_pence is not None and candidate.tariff_pence < legal:
        gains = price_points(np.array([legal]), case, weights) - had[Part.PRICE]
        if gains[0] >= enough:
            text = f"if it charged the lawful {pounds_text(legal)}"
            yield Change(kind=ChangeKind.LAWFUL_PRICE, amount=legal, gain=int(gains[0]), text=text)


def _gains_of_earlier_days(
    case: Case, candidate: Candidate, standing: _Standing, weights: Weights, days: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Points gained by a first free day so many days earlier; none where the accreditation is not live that day.

    The earlier week may be fuller, so the part for spare capacity moves with the date.
    """
    earlier = standing.first_day - days
    least = case.places_needed
    places = np.array([max(least, candidate.free_places(week_of(day))) for day in earlier.tolist()], dtype=np.int64)
    live = np.array([is_accredited(case, candidate, day) for day in earlier.tolist()], dtype=np.bool_)
    capacity = np.full(len(days), candidate.week_capacity, dtype=np.int64)
    gains = waiting_points(earlier - case.start_day, weights) - standing.points[Part.WAITING]
    gains += urgency_points(earlier - case.start_day, case, weights) - standing.points[Part.URGENCY]
    gains += capacity_points(places, capacity, weights) - standing.points[Part.SPARE_CAPACITY]
    return np.where(live, gains, -1)


def _first_enough(gains: NDArray[np.int64], enough: int) -> int | None:
    """Index of the first gain that suffices; gains are in the order of growing change."""
    sufficient = np.flatnonzero(gains >= enough)
    return int(sufficient[0]) if len(sufficient) else None
