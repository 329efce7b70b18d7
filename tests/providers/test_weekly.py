"""The weekly cost and the person's own share: figures computed by hand, in whole pence."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.providers.models import ListingCategory, PriceUnit
from marketplace.providers.service.weekly import (
    ASK,
    PAYS_ALL,
    Purse,
    read_tenths,
    usual_tenths,
    weekly_cost,
    weekly_pence,
)

DAY = date(2027, 3, 3)
PA, CLUB = ListingCategory.PERSONAL_ASSISTANT, ListingCategory.COMMUNITY


@pytest.mark.parametrize(
    ("price", "tenths", "pence"),
    [
        (1_840, 20, 3_680),  # £18.40 x 2
        (1_840, 25, 4_600),  # £18.40 x 2.5
        (1_845, 15, 2_768),  # £18.45 x 1.5 = £27.675, half a penny up
        (1_843, 5, 922),  # £18.43 x 0.5 = £9.215, half a penny up
        (333, 1, 33),  # £3.33 x 0.1 = 33.3p
        (1, 4, 0),  # 0.4p
        (0, 70, 0),
    ],
)
def test_a_week_is_price_times_amount_rounded_half_up_once(price: int, tenths: int, pence: int) -> None:
    assert weekly_pence(price, tenths) == pence


def test_the_searchers_amount_goes_before_the_listings_and_that_before_the_usual_one() -> None:
    usual = weekly_cost(1_840, PriceUnit.HOUR, PA, DAY)
    assert (usual.pence, usual.total) == (12_880, "£128.80 a week for 7 hours")
    own = weekly_cost(1_840, PriceUnit.HOUR, PA, DAY, listing_tenths=20)
    assert (own.pence, own.total) == (3_680, "£36.80 a week for 2 hours")
    asked = weekly_cost(1_840, PriceUnit.HOUR, PA, DAY, listing_tenths=20, wanted_tenths=35)
    assert (asked.pence, asked.total) == (6_440, "£64.40 a week for 3.5 hours")
    assert weekly_cost(500, PriceUnit.SESSION, CLUB, DAY).total == "£5.00 a week for 1 session"
    assert weekly_cost(900, PriceUnit.VISIT, ListingCategory.TRANSPORT, DAY).total == "£18.00 a week for 2 visits"


def test_a_visitor_pays_it_all_or_less_if_the_council_pays_part() -> None:
    assert weekly_cost(1_840, PriceUnit.HOUR, PA, DAY).own == PAYS_ALL


def test_a_direct_payment_covers_up_to_its_week_and_the_rest_is_the_persons() -> None:
    purse = Purse(weekly_pence=11_538, own_weekly_pence=1_000)
    within = weekly_cost(1_840, PriceUnit.HOUR, PA, DAY, wanted_tenths=20, purse=purse)
    assert within.own == "Your direct payment covers it: you pay £0 more"
    # £18.40 x 7 = £128.80; £128.80 - £115.38 = £13.42
    beyond = weekly_cost(1_840, PriceUnit.HOUR, PA, DAY, purse=purse)
    assert beyond.own == "Your direct payment covers £115.38: you pay £13.42 yourself"


def test_free_weekly_once_and_on_request_are_said_in_words() -> None:
    free = weekly_cost(0, PriceUnit.FREE, CLUB, DAY, wanted_tenths=50)
    assert (free.pence, free.total, free.own) == (0, "£0 a week", "You pay £0")
    week = weekly_cost(2_500, PriceUnit.WEEK, ListingCategory.TELECARE, DAY, wanted_tenths=50)
    assert (week.pence, week.total) == (2_500, "£25.00 a week")
    once = weekly_cost(4_500, PriceUnit.ONCE, ListingCategory.EQUIPMENT, DAY)
    assert (once.pence, once.total) == (None, "£45.00 once, then £0 a week")
    asked = weekly_cost(None, None, ListingCategory.HOME_CARE, DAY)
    assert (asked.pence, asked.total) == (None, ASK)


def test_the_yardstick_knows_every_kind_and_unit() -> None:
    for category in ListingCategory:
        for unit in (PriceUnit.HOUR, PriceUnit.VISIT, PriceUnit.SESSION):
            assert usual_tenths(category, unit, DAY) > 0
    assert usual_tenths(PA, PriceUnit.HOUR, date(2020, 1, 1)) == 70


@pytest.mark.parametrize(
    ("typed", "tenths"),
    [("2", 20), ("2.5", 25), ("168", 1_680), ("0.1", 1), ("0", None), ("169", None), ("2.55", None), ("-1", None),
     ("1e2", None), ("٣", None), ("2.", None), (".5", None), ("9" * 40, None), ("2,5", None)],
)  # fmt: skip
def test_an_amount_is_read_strictly(typed: str, tenths: int | None) -> None:
    assert read_tenths(typed) == tenths


@given(st.integers(0, 10_000_000), st.integers(1, 1_680), st.integers(0, 10_000_000))
def test_what_is_covered_and_the_own_share_are_the_whole(price: int, tenths: int, budget: int) -> None:
    total = weekly_pence(price, tenths)
    own = Purse(weekly_pence=budget, own_weekly_pence=0).own_share(total)
    assert 0 <= own <= total
    assert total - own <= budget
    assert abs(total * 10 - price * tenths) <= 5
