"""The arithmetic of points: the worked example of domain.md 4.7 to the penny, and what holds for any numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from marketplace.core.errors import InvalidInput
from marketplace.people.models import SliceOrder, WeeksOfYear
from marketplace.people.ras import engine
from marketplace.people.ras.engine import RasSettings, calibrate, commitment, protection, worth
from tests.factories_ras import WORKED_POINTS

WORKED = RasSettings(budget_pence=1_000_000_000, people=2_000)


def test_the_worked_example_comes_out_to_the_penny_with_the_slice_first() -> None:
    found = calibrate(WORKED_POINTS, WORKED)
    assert (found.cases, found.mean_points, found.total_points) == (200, Decimal("42.5"), Decimal(85_000))
    assert (found.protection_pence, found.allocatable_pence) == (150_000_000, 850_000_000)
    assert found.point_value_pence == Decimal(10_000)
    assert found.beyond_pence == 0
    of_60 = worth(60, found.point_value_pence, WeeksOfYear.WEEKS_52)
    assert (of_60.annual_pence, of_60.weekly_pence) == (600_000, 11_538)
    assert worth(60, found.point_value_pence, WeeksOfYear.DAYS_365).weekly_pence == 11_507


def test_the_worked_example_comes_out_to_the_penny_with_the_slice_after() -> None:
    settings = RasSettings(budget_pence=1_000_000_000, people=2_000, slice_order=SliceOrder.AFTER)
    found = calibrate(WORKED_POINTS, settings)
    assert found.point_value_pence == Decimal("11764.7059")
    assert (found.protection_pence, found.allocatable_pence) == (150_000_000, 850_000_000)
    assert found.beyond_pence == 150_000_002, "the slice is promised twice, and a value of four decimals adds 2p"
    of_60 = worth(60, found.point_value_pence, WeeksOfYear.WEEKS_52)
    assert (of_60.annual_pence, of_60.weekly_pence) == (705_882, 13_575)
    assert worth(60, found.point_value_pence, WeeksOfYear.DAYS_365).weekly_pence == 13_537


def test_a_true_mean_above_the_sample_costs_what_the_example_says() -> None:
    committed = commitment(Decimal(46), 2_000, Decimal(10_000))
    assert committed == 920_000_000
    over = committed - 850_000_000
    assert over == 70_000_000
    assert round(100 * Decimal(over) / 150_000_000, 1) == Decimal("46.7")


def test_halves_go_up_and_a_week_is_reckoned_from_the_years_whole_pence() -> None:
    assert worth(1, Decimal("0.5000"), WeeksOfYear.WEEKS_52).annual_pence == 1
    assert worth(1, Decimal("0.4999"), WeeksOfYear.WEEKS_52).annual_pence == 0
    assert worth(1, Decimal("25.5000"), WeeksOfYear.WEEKS_52) == engine.Indicative(annual_pence=26, weekly_pence=1)


def test_protection_is_what_support_cost_beyond_the_points() -> None:
    assert protection(700_000, 600_000) == 100_000
    assert protection(500_000, 600_000) == 0
    assert protection(None, 600_000) == 0


@pytest.mark.parametrize(
    ("points", "changed", "field"),
    [
        ([], {}, "sample"),
        ([0, 0], {}, "sample"),
        ([5, -1], {}, "sample"),
        ([5], {"budget_pence": 0}, "budget"),
        ([5], {"budget_pence": -5}, "budget"),
        ([5], {"people": 0}, "people"),
        ([5], {"slice_basis_points": 10_000}, "slice"),
        ([5], {"slice_basis_points": -1}, "slice"),
        ([1], {"budget_pence": 10**11, "people": 1}, "budget"),
        ([1_000], {"budget_pence": 1, "people": 1_000_000}, "budget"),
    ],
)
def test_what_cannot_be_divided_is_refused_in_words(points: list[int], changed: dict[str, int], field: str) -> None:
    values = {"budget_pence": 1_000, "people": 10, **changed}
    with pytest.raises(InvalidInput) as refused:
        calibrate(points, RasSettings(**values))
    assert list(refused.value.fields) == [field]


@given(
    some.lists(some.integers(0, 300), min_size=1, max_size=60).filter(any),
    some.integers(1_000_000, 10**12),
    some.integers(1, 100_000),
    some.integers(0, 9_999),
)
def test_nothing_is_lost_and_the_points_stay_within_the_money(
    points: list[int], budget_pence: int, people: int, slice_basis_points: int
) -> None:
    settings = RasSettings(budget_pence=budget_pence, people=people, slice_basis_points=slice_basis_points)
    try:
        found = calibrate(points, settings)
    except InvalidInput:
        return  # Nothing is left for a point.
    assert found.protection_pence + found.allocatable_pence == budget_pence
    # Half a ten-thousandth of a penny for each point, and half a penny in the end.
    assert found.beyond_pence <= found.total_points * Decimal("0.00005") + 1
    assert found == calibrate(list(reversed(points)), settings), "the order of the cases does not matter"


@given(some.integers(0, 2_000), some.decimals(0, 50_000, places=4), some.sampled_from(WeeksOfYear))
def test_more_points_are_never_worth_less(points: int, value: Decimal, weeks: WeeksOfYear) -> None:
    less, more = worth(points, value, weeks), worth(points + 1, value, weeks)
    assert less.annual_pence <= more.annual_pence
    assert less.weekly_pence <= more.weekly_pence
