"""The points of many pairs at once: the formulas of `score`, on flat arrays of cases and rows."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.bitsets import BitSets
from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.model import Weights
from marketplace.matching.engine.score import (
    capacity_points,
    counted_rating,
    distance_points,
    travel_points,
    urgency_points,
    waiting_points,
)
from marketplace.matching.engine.standing import road_minutes
from marketplace.matching.engine.waiting.columns import CaseColumns

Whole = NDArray[np.int64]

MOST_DAYS: Final = 366
"""A window has no more days."""


class Statics:
    """What depends on the candidate alone, by row."""

    def __init__(self, table: CandidateTable, weights: Weights) -> None:
        numbers = table.numbers
        rating = counted_rating(numbers[Column.RATING], numbers[Column.RATING_COUNT], weights)
        quality = _rounded(weights.quality * (rating / 100.0))
        open_cases = numbers[Column.OPEN_CASES]
        spread = _rounded(weights.fair_spread * np.maximum(0.0, 1.0 - open_cases / weights.fair_spread_cases))
        share = np.maximum(0.0, 1.0 - table.organisation_percent() / weights.organisation_share_percent)
        self.points: Whole = quality + spread + _rounded(weights.organisation_spread * share)
        self.spare: Whole = spare_points(table, weights)


def spare_points(table: CandidateTable, weights: Weights) -> Whole:
    """Points for spare capacity, `points[week, row]`, over the diary."""
    capacity = table.numbers[Column.WEEK_CAPACITY]
    weeks = [capacity_points(places.astype(np.int64), capacity, weights) for places in table.free_places]
    return np.array(weeks, dtype=np.int64).reshape(table.free_places.shape)


def base_points(
    columns: CaseColumns,
    table: CandidateTable,
    weights: Weights,
    statics: Statics,
    case: NDArray[np.intp],
    row: NDArray[np.intp],
    metres: Whole,
) -> Whole:
    """Points of pairs without the parts that depend on the week; `case` is sorted."""
    points = _distance(columns, table, weights, case, row, metres) + statics.points[row]
    if weights.specialism:
        met, asked = _shared(table.specialisms, row, columns.needs, case), np.maximum(1, columns.needs_count[case])
        points += _rounded(weights.specialism * (met / asked))
    if weights.interests:
        shared, counted = _shared(table.interests, row, columns.interests, case), weights.interests_counted
        points += _rounded(weights.interests * (np.minimum(shared, counted) / counted))
    if weights.language and columns.wished[:, case].any():
        points += np.where(_shared(table.languages, row, columns.wished, case) > 0, weights.language, 0)
    points += np.where(columns.previous_row[case] == row, weights.continuity, 0)
    if weights.price:
        budget, tariff = columns.budget_pence[case], table.numbers[Column.TARIFF_PENCE][row]
        left = np.maximum(0.0, (budget - tariff) / np.maximum(1, budget))
        none = (tariff < columns.legal_cost_pence[case]) | (budget == 0)
        points += _rounded(weights.price * np.where(none, 0.0, left))
    return points


def _distance(
    columns: CaseColumns,
    table: CandidateTable,
    weights: Weights,
    case: NDArray[np.intp],
    row: NDArray[np.intp],
    metres: Whole,
) -> Whole:
    if not weights.travel_reach_minutes:
        return distance_points(metres, weights)
    points = np.zeros(len(case), dtype=np.int64)
    for index in np.unique(case).tolist():
        lies = slice(*np.searchsorted(case, [index, index + 1]))
        minutes = road_minutes(columns.cases[index], table, metres[lies], row[lies])
        points[lies] = travel_points(minutes, weights)
    return points


def _shared(sets: BitSets, row: NDArray[np.intp], wanted: NDArray[np.uint64], case: NDArray[np.intp]) -> Whole:
    shared = np.zeros(len(row), dtype=np.int64)
    for held, asked in zip(sets.words, wanted, strict=True):
        shared += np.bitwise_count(held[row] & asked[case])
    return shared


def points_by_day(columns: CaseColumns, weights: Weights) -> tuple[Whole, NDArray[np.intp]]:
    """Points that fall with the days to the start, `points[tier number, day]`, and the tier number of each case."""
    days = np.arange(MOST_DAYS + 1, dtype=np.int64)
    _, first, number = np.unique(columns.tier, return_index=True, return_inverse=True)
    waiting = waiting_points(days, weights)
    by_tier = [waiting + urgency_points(days, columns.cases[index], weights) for index in first.tolist()]
    return np.array(by_tier, dtype=np.int64).reshape(len(first), MOST_DAYS + 1), number


def _rounded(points: NDArray[np.float64]) -> Whole:
    return np.floor(points + 0.5).astype(np.int64)
