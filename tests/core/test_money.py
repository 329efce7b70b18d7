"""Whole pence: visits, shares, amounts as people type them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.money import Pence, half_up, parse_pounds, split, visit_cost


@pytest.mark.parametrize(
    ("rate", "minutes", "cost"),
    [(1_840, 60, 1_840), (1_840, 45, 1_380), (1_001, 30, 501), (1_271, 20, 424), (0, 15, 0)],
)
def test_a_visit_is_priced_by_the_minute_and_rounded_half_up(rate: int, minutes: int, cost: int) -> None:
    assert visit_cost(Pence(rate), minutes) == cost


@pytest.mark.parametrize(("rate", "minutes"), [(-1, 30), (100, 0)])
def test_a_visit_of_no_length_or_a_negative_rate_is_refused(rate: int, minutes: int) -> None:
    with pytest.raises(ValueError, match="A rate is 0 or more"):
        visit_cost(Pence(rate), minutes)


@given(total=st.integers(0, 10**11), weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any))
def test_shares_add_up_to_the_whole_and_stay_within_a_penny_of_fair(total: int, weights: list[int]) -> None:
    shares = split(Pence(total), weights)
    assert sum(shares) == total
    whole = sum(weights)
    assert all(abs(share * whole - total * weight) < whole for share, weight in zip(shares, weights, strict=True))


def test_sharing_by_no_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one positive weight"):
        split(Pence(100), [0, 0])


@pytest.mark.parametrize(
    ("text", "pence"),
    [
        ("75", 7_500),
        ("75.5", 7_550),
        ("£1,250.05", 125_005),
        (" 0.01 ", 1),
        ("1,25", None),
        ("-5", None),
        ("5.001", None),
        ("\u0663", None),
        ("1e3", None),
        ("", None),
    ],
)
def test_amounts_are_read_as_people_type_them(text: str, pence: int | None) -> None:
    assert parse_pounds(text) == pence


@given(st.integers(0, 10**11))
def test_half_up_leaves_whole_pence_alone(pence: int) -> None:
    assert half_up(Decimal(pence)) == pence
    assert half_up(Decimal(pence) + Decimal("0.5")) == pence + 1
