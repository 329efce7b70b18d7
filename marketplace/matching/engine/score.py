"""The score: whole points per part, and nothing but their sum.

Every part is `floor(most * share + 0.5)` of one float64 expression in a fixed order, so the points people see are the
points that were added up, on every machine. Parts a case does not ask for have a maximum of 0 and are not counted.

Source: matching.md 3.1.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.model import Case, Part, Weights
from marketplace.matching.engine.rules import Checked

PARTS: Final = tuple(Part)

Whole = NDArray[np.int64]


class Scored(msgspec.Struct, frozen=True):
    """Points of the given rows of a table.

    `points[part, i]` and `totals[i]` belong to row `rows[i]`; `maxima[part]` is the most this case can bring. Parts are
    in the order of `Part`. The totals are the pair scores of a batch.
    """

    rows: NDArray[np.intp]
    points: Whole
    maxima: Whole
    totals: Whole


def score(case: Case, table: CandidateTable, weights: Weights, checked: Checked, rows: NDArray[np.intp]) -> Scored:
    """Score the given rows, which must be eligible: a part may take for granted what the rules ensure."""
    numbers = table.numbers[:, rows]
    first_day = checked.first_day[rows]
    points = np.vstack(
        [
            distance_points(checked.metres[rows], weights),
            specialism_points(table.specialisms.count(case.needs, rows), case, weights),
            interests_points(table.interests.count(case.interests, rows), case, weights),
            language_points(table.languages.count(case.wished_languages, rows), case, weights),
            _continuity_points(case, table, rows, weights),
            _quality_points(numbers[Column.RATING], numbers[Column.RATING_COUNT], weights),
            price_points(numbers[Column.TARIFF_PENCE], case, weights),
            waiting_points(first_day - case.start_day, weights),
            capacity_points(_places_in_week_of(first_day, table, rows), numbers[Column.WEEK_CAPACITY], weights),
            _spread_points(numbers[Column.OPEN_CASES], weights),
        ]
    )
    maxima = np.array([most_points(part, case, weights) for part in PARTS], dtype=np.int64)
    return Scored(rows, points, maxima, points.sum(axis=0))


def most_points(part: Part, case: Case, weights: Weights) -> int:
    """Most points a candidate can get for a part in this case; 0 when the case does not ask for it."""
    most = weights.most(part)
    match part:
        case Part.SPECIALISM:
            return most if case.needs else 0
        case Part.INTERESTS:
            return int(interests_points(np.array([len(case.interests)]), case, weights)[0])
        case Part.LANGUAGE:
            return most if case.wished_languages else 0
        case Part.CONTINUITY:
            return most if case.previous_worker_id is not None else 0
        case Part.PRICE:
            return most if case.budget_pence else 0
        case _:
            return most


def distance_points(metres: Whole, weights: Weights) -> Whole:
    """Full points next door, falling in a straight line to none at the reach."""
    return _rounded(weights.distance * np.maximum(0.0, 1.0 - metres / weights.distance_reach_metres))


def specialism_points(met: Whole, case: Case, weights: Weights) -> Whole:
    """Points in proportion to how many of the case's needs are met."""
    return _rounded(weights.specialism * (met / max(1, len(case.needs))))


def interests_points(shared: Whole, case: Case, weights: Weights) -> Whole:
    """Equal points for each shared interest, up to the number that counts."""
    return _rounded(weights.interests * (np.minimum(shared, weights.interests_counted) / weights.interests_counted))


def language_points(shared: Whole, case: Case, weights: Weights) -> Whole:
    """All points for one wished language, as many as for several: one is enough to talk."""
    return np.where(shared > 0, weights.language, 0).astype(np.int64)


def price_points(tariff_pence: Whole, case: Case, weights: Weights) -> Whole:
    """Points for the share of the budget that is left. None without a budget, without a tariff or above the budget.

    Never enough to decide alone: the lowest price is not an automatic winner.
    """
    if not case.budget_pence:
        return np.zeros(len(tariff_pence), dtype=np.int64)
    left = np.maximum(0.0, (case.budget_pence - tariff_pence) / case.budget_pence)
    return _rounded(weights.price * np.where(tariff_pence < 0, 0.0, left))


def waiting_points(days: Whole, weights: Weights) -> Whole:
    """Full points for a start on the day asked for, falling in a straight line to none at the reach."""
    return _rounded(weights.waiting * np.maximum(0.0, 1.0 - days / weights.waiting_reach_days))


def capacity_points(places: Whole, week_capacity: Whole, weights: Weights) -> Whole:
    """Points for the share of the week that is still free."""
    return _rounded(weights.spare_capacity * np.minimum(1.0, places / np.maximum(1, week_capacity)))


def counted_rating(rating: Whole, rating_count: Whole, weights: Weights) -> NDArray[np.float64]:
    """Rating from 0 to 100 as it counts: drawn to the mean when few ratings stand behind it, the mean when none do.

    Without this, one happy person would outrank many, and whoever is new would never get a first case.
    """
    mean, mean_count = weights.mean_rating, weights.mean_rating_count
    drawn = (rating * rating_count + mean * mean_count) / np.maximum(1, rating_count + mean_count)
    return np.where(rating < 0, float(mean), drawn)


def _quality_points(rating: Whole, rating_count: Whole, weights: Weights) -> Whole:
    return _rounded(weights.quality * (counted_rating(rating, rating_count, weights) / 100.0))


def _continuity_points(case: Case, table: CandidateTable, rows: NDArray[np.intp], weights: Weights) -> Whole:
    previous = None if case.previous_worker_id is None else table.row_of.get(case.previous_worker_id)
    return np.where(rows == (-1 if previous is None else previous), weights.continuity, 0).astype(np.int64)


def _spread_points(open_cases: Whole, weights: Weights) -> Whole:
    return _rounded(weights.fair_spread * np.maximum(0.0, 1.0 - open_cases / weights.fair_spread_cases))


def _places_in_week_of(first_day: Whole, table: CandidateTable, rows: NDArray[np.intp]) -> Whole:
    if not len(table.free_places):
        return np.zeros(len(rows), dtype=np.int64)
    index = np.clip(week_of_days(first_day) - table.first_week, 0, len(table.free_places) - 1)
    return table.free_places[index, rows].astype(np.int64)


def week_of_days(days: Whole) -> Whole:
    """`week_of` for many days."""
    return (days - 1) // 7


def _rounded(points: NDArray[np.float64]) -> Whole:
    """Whole points, halves up; `rint` would send them to the even neighbour."""
    return np.floor(points + 0.5).astype(np.int64)
