"""The score: whole points per part, and nothing but their sum.

Every part is `floor(most * share + 0.5)` of one float64 expression in a fixed order, so the points people see are the
points that were added up, on every machine. Parts a case does not ask for have a maximum of 0 and are not counted.

Source: matching.md 3.1.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.model import LATER_PARTS, Case, Part, Weights
from marketplace.matching.engine.rules import Checked
from marketplace.matching.engine.standing import road_minutes, week_of_days

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
    points = np.zeros((len(PARTS), len(rows)), dtype=np.int64)
    maxima = np.array([most_points(part, case, weights) for part in PARTS], dtype=np.int64)
    of = _Columns(case, table, weights, checked, rows)
    for index, part in enumerate(PARTS):
        if maxima[index]:  # Where nobody can get a point, nothing is worked out.
            points[index] = _POINTS[part](of)
    return Scored(rows, points, maxima, points.sum(axis=0))


def shown_parts(weights: Weights) -> tuple[Part, ...]:
    """Parts that an entry of a shortlist tells: the first ten always, a later one where it is counted."""
    return tuple(part for part in PARTS if part not in LATER_PARTS or weights.most(part))


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
        case Part.URGENCY:
            return int(most * _URGENCY.get(case.urgency_tier, 0.0) + 0.5)
        case _:
            return most


def distance_points(metres: Whole, weights: Weights) -> Whole:
    """Full points next door, falling in a straight line to none at the reach."""
    return _rounded(weights.distance * np.maximum(0.0, 1.0 - metres / weights.distance_reach_metres))


def travel_points(minutes: Whole, weights: Weights) -> Whole:
    """`distance_points` where the council counts minutes on the way and not metres."""
    return _rounded(weights.distance * np.maximum(0.0, 1.0 - minutes / weights.travel_reach_minutes))


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

    None either for a price below what a lawful employer can charge: it is paid for in wages. Never enough to decide
    alone: the lowest price is not an automatic winner.
    """
    if not case.budget_pence:
        return np.zeros(len(tariff_pence), dtype=np.int64)
    left = np.maximum(0.0, (case.budget_pence - tariff_pence) / case.budget_pence)
    return _rounded(weights.price * np.where(tariff_pence < (case.legal_cost_pence or 0), 0.0, left))


def waiting_points(days: Whole, weights: Weights) -> Whole:
    """Full points for a start on the day asked for, falling in a straight line to none at the reach."""
    return _rounded(weights.waiting * np.maximum(0.0, 1.0 - days / weights.waiting_reach_days))


def urgency_points(days: Whole, case: Case, weights: Weights) -> Whole:
    """Points for a soon start, by the reach of the waiting, in a crisis; half of them in an urgent case."""
    most = most_points(Part.URGENCY, case, weights)
    return _rounded(most * np.maximum(0.0, 1.0 - days / weights.waiting_reach_days))


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


def counted_as(rating: int, rating_count: int, weights: Weights) -> float:
    """`counted_rating` of one candidate who is rated."""
    mean, mean_count = weights.mean_rating, weights.mean_rating_count
    return (rating * rating_count + mean * mean_count) / max(1, rating_count + mean_count)


def places_from(first_day: Whole, table: CandidateTable, rows: NDArray[np.intp]) -> Whole:
    """Free places of each row in the week of its day."""
    if not len(table.free_places):
        return np.zeros(len(rows), dtype=np.int64)
    index = np.clip(week_of_days(first_day) - table.first_week, 0, len(table.free_places) - 1)
    return table.free_places[index, rows].astype(np.int64)


class _Columns:
    """What the parts are worked out from, for the rows to be scored; a column is only read when a part asks for it."""

    def __init__(
        self, case: Case, table: CandidateTable, weights: Weights, checked: Checked, rows: NDArray[np.intp]
    ) -> None:
        self.case, self.table, self.weights, self.rows = case, table, weights, rows
        self.metres, self.first_day = checked.metres[rows], checked.first_day[rows]

    def column(self, column: Column) -> Whole:
        values: Whole = self.table.numbers[column][self.rows]
        return values

    @property
    def days(self) -> Whole:
        return self.first_day - self.case.start_day


def _distance(of: _Columns) -> Whole:
    if of.weights.travel_reach_minutes:
        return travel_points(road_minutes(of.case, of.table, of.metres, of.rows), of.weights)
    return distance_points(of.metres, of.weights)


def _specialism(of: _Columns) -> Whole:
    return specialism_points(of.table.specialisms.count(of.case.needs, of.rows), of.case, of.weights)


def _interests(of: _Columns) -> Whole:
    return interests_points(of.table.interests.count(of.case.interests, of.rows), of.case, of.weights)


def _language(of: _Columns) -> Whole:
    return language_points(of.table.languages.count(of.case.wished_languages, of.rows), of.case, of.weights)


def _continuity(of: _Columns) -> Whole:
    previous = of.table.row_of.get(of.case.previous_worker_id or "", -1)
    return np.where(of.rows == previous, of.weights.continuity, 0).astype(np.int64)


def _quality(of: _Columns) -> Whole:
    rating = counted_rating(of.column(Column.RATING), of.column(Column.RATING_COUNT), of.weights)
    return _rounded(of.weights.quality * (rating / 100.0))


def _price(of: _Columns) -> Whole:
    return price_points(of.column(Column.TARIFF_PENCE), of.case, of.weights)


def _waiting(of: _Columns) -> Whole:
    return waiting_points(of.days, of.weights)


def _spare_capacity(of: _Columns) -> Whole:
    places = places_from(of.first_day, of.table, of.rows)
    return capacity_points(places, of.column(Column.WEEK_CAPACITY), of.weights)


def _fair_spread(of: _Columns) -> Whole:
    share = np.maximum(0.0, 1.0 - of.column(Column.OPEN_CASES) / of.weights.fair_spread_cases)
    return _rounded(of.weights.fair_spread * share)


def _urgency(of: _Columns) -> Whole:
    return urgency_points(of.days, of.case, of.weights)


def _organisation_spread(of: _Columns) -> Whole:
    percent = of.table.organisation_percent()[of.rows]
    share = np.maximum(0.0, 1.0 - percent / of.weights.organisation_share_percent)
    return _rounded(of.weights.organisation_spread * share)


_POINTS: Final[dict[Part, Callable[[_Columns], Whole]]] = {
    Part.DISTANCE: _distance,
    Part.SPECIALISM: _specialism,
    Part.INTERESTS: _interests,
    Part.LANGUAGE: _language,
    Part.CONTINUITY: _continuity,
    Part.QUALITY: _quality,
    Part.PRICE: _price,
    Part.WAITING: _waiting,
    Part.SPARE_CAPACITY: _spare_capacity,
    Part.FAIR_SPREAD: _fair_spread,
    Part.URGENCY: _urgency,
    Part.ORGANISATION_SPREAD: _organisation_spread,
}

_URGENCY: Final = {0: 1.0, 1: 0.5}
"""Share of the part for urgency by the tier of the case; nothing for a tier that is not here."""


def _rounded(points: NDArray[np.float64]) -> Whole:
    """Whole points, halves up; `rint` would send them to the even neighbour."""
    return np.floor(points + 0.5).astype(np.int64)
