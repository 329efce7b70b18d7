"""What a budget pays as a direct payment where its routes are mixed, and in a rhythm of its own."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from marketplace.people.income import (
    council_part,
    direct_own_weekly,
    direct_part,
    direct_weekly,
    expected_income,
    own_part,
    paydays,
)
from marketplace.people.models import Budget

FIRST = date(2027, 3, 1)


def budget(weekly: int, own: int, direct: int | None = None, every: int | None = None) -> Budget:
    return Budget(
        weekly_pence=weekly,
        own_weekly_pence=own,
        direct_weekly_pence=direct,
        pay_every_weeks=every,
        starts_on=FIRST,
        ends_on=None,
    )


def test_a_mixed_budget_brings_only_the_part_that_is_a_direct_payment() -> None:
    mixed = budget(20_000, 5_000, direct=12_000)
    assert expected_income([mixed], date(2027, 2, 28), date(2027, 3, 28), lambda _: 4) == [(FIRST, 48_000)]
    assert direct_own_weekly(mixed) == 3_000
    assert own_part(mixed, FIRST, date(2027, 3, 29)) == 12_000


def test_a_budget_without_parts_is_paid_whole() -> None:
    whole = budget(11_538, 1_000)
    assert direct_weekly(whole) == 11_538
    assert direct_own_weekly(whole) == 1_000


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_months_that_are_no_whole_weeks_lose_no_penny(weekly: int, own: int) -> None:
    monthly = budget(weekly, min(own, weekly))
    monthly.pays_monthly = True
    monthly.ends_on = FIRST + timedelta(days=7 * 156)
    days = paydays(monthly, date(2027, 2, 28), monthly.ends_on, lambda _: 4)
    spans = [(day, day + timedelta(days=length)) for day, length in days]
    assert sum(direct_part(monthly, *span) for span in spans) == 156 * weekly
    assert sum(own_part(monthly, *span) for span in spans) == 156 * min(own, weekly)
    assert all(min(council_part(monthly, *span), own_part(monthly, *span)) >= 0 for span in spans)
    assert all(direct_part(monthly, *span) * 7 - weekly * (span[1] - span[0]).days in range(-14, 15) for span in spans)


def test_a_rhythm_of_its_own_comes_before_the_councils() -> None:
    weekly = budget(7_000, 0, every=1)
    assert expected_income([weekly], date(2027, 2, 28), date(2027, 3, 14), lambda _: 4) == [
        (FIRST, 7_000),
        (date(2027, 3, 8), 7_000),
    ]


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_own_share_is_never_more_than_what_is_paid(weekly: int, own: int, direct: int) -> None:
    own, direct = min(own, weekly), min(direct, weekly)
    share = direct_own_weekly(budget(weekly, own, direct))
    assert 0 <= share <= min(own, direct)
    if direct == weekly:
        assert share == own
