"""Points of offers by published weights: every part by hand, and what always holds (K5)."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.matching.care.scoring import (
    DEFAULT_OFFER_WEIGHTS,
    OfferFacts,
    OfferWeights,
    Quality,
    score_offer,
    weights_from,
)


def facts(**given: Any) -> OfferFacts:
    values: dict[str, Any] = {
        "weekly_pence": 12_000,
        "ceiling_pence": 15_000,
        "legal_pence": 9_000,
        "accepted_below_cost": False,
        "quality": Quality(),
        "is_known": False,
        "starts_on": date(2027, 3, 15),
        "wanted_on": date(2027, 3, 15),
        "latest_on": date(2027, 3, 29),
        "mark": 3,
        "mark_reason": "Clear",
    }
    return OfferFacts(**{**values, **given})


def points(**given: Any) -> dict[str, int]:
    return {part.code: part.points for part in score_offer(facts(**given), DEFAULT_OFFER_WEIGHTS).parts}


def test_the_points_of_an_ordinary_offer() -> None:
    score = score_offer(facts(), DEFAULT_OFFER_WEIGHTS)
    assert {part.code: part.points for part in score.parts} == {
        "price": 15,  # Half way from the ceiling to the least lawful price.
        "quality": 18,  # 70% of 25 is 17.5.
        "continuity": 0,
        "start": 10,
        "outcomes": 12,
    }
    assert (score.total, score.maximum) == (55, 100)


@pytest.mark.parametrize(
    ("price", "accepted", "wanted"),
    [
        (9_000, False, 30),
        (8_999, False, 0),
        (8_999, True, 30),
        (15_000, False, 0),
        (15_001, False, 0),
        (14_900, False, 1),
    ],
)
def test_price_brings_nothing_below_the_legal_cost_without_an_accepted_reason(
    price: int, accepted: bool, wanted: int
) -> None:
    assert points(weekly_pence=price, accepted_below_cost=accepted)["price"] == wanted


def test_a_ceiling_below_the_legal_cost_divides_by_nothing() -> None:
    assert points(weekly_pence=9_000, ceiling_pence=9_000, legal_pence=9_000)["price"] == 30
    assert points(weekly_pence=8_000, ceiling_pence=8_000, legal_pence=9_000)["price"] == 0


def test_missing_quality_is_neutral_and_marked() -> None:
    part = score_offer(facts(), DEFAULT_OFFER_WEIGHTS).parts[1]
    assert part.reason == "Not rated yet: counted as the mean, 70 of 100"
    assert points(quality=Quality(regulator="Insufficient evidence to rate"))["quality"] == part.points


def test_little_feedback_is_drawn_to_the_mean_and_the_regulator_counts_as_much() -> None:
    assert points(quality=Quality(stars=5, feedback=1))["quality"] == 19  # (100 + 350) / 6 = 75
    assert points(quality=Quality(regulator="Outstanding"))["quality"] == 25
    assert points(quality=Quality(stars=5, feedback=1, regulator="Inadequate"))["quality"] == 9  # 37.5


def test_continuity_and_start_and_outcomes() -> None:
    assert points(is_known=True)["continuity"] == 15
    assert points(starts_on=date(2027, 3, 29))["start"] == 1  # 1 of 15 days left
    assert points(mark=5)["outcomes"] == 20
    assert points(mark=0)["outcomes"] == 0


def test_price_may_never_be_more_than_half() -> None:
    with pytest.raises(ValueError, match="half"):
        OfferWeights(price=80, quality=5, continuity=5, start=5, outcomes=5)
    with pytest.raises(ValueError, match="from 0"):
        OfferWeights(price=-1)


def test_published_weights_count_and_what_they_do_not_name_stays() -> None:
    weights = weights_from({"price": 10, "outcomes": 40, "distance": 3}, "2027-04-01/offers-1")
    assert (weights.version, weights.price, weights.outcomes, weights.quality) == ("2027-04-01/offers-1", 10, 40, 25)


@given(
    weekly_pence=st.integers(0, 100_000),
    ceiling_pence=st.integers(0, 100_000),
    legal_pence=st.integers(1, 100_000),
    accepted_below_cost=st.booleans(),
    mark=st.integers(0, 5),
    late=st.integers(0, 14),
    is_known=st.booleans(),
    stars=st.integers(0, 50),
    feedback=st.integers(0, 10),
)
def test_points_are_whole_within_bounds_and_add_up(late: int, stars: int, feedback: int, **given: Any) -> None:
    quality = Quality(stars=min(stars, feedback * 5), feedback=feedback)
    score = score_offer(facts(starts_on=date(2027, 3, 15 + late), quality=quality, **given), DEFAULT_OFFER_WEIGHTS)
    assert sum(part.points for part in score.parts) == score.total <= score.maximum
    assert all(0 <= part.points <= part.maximum for part in score.parts)


@given(st.integers(9_000, 15_000), st.integers(0, 3_000))
def test_a_higher_lawful_price_never_brings_more(price: int, more: int) -> None:
    assert points(weekly_pence=price)["price"] >= points(weekly_pence=price + more)["price"]
