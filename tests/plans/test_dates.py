"""When reviews are due: leap years, month ends, and no difference when clocks change."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.plans.dates import add_months, annual_review, first_review, is_due_soon, is_overdue, warning_on
from marketplace.plans.models import Review, ReviewKind
from marketplace.plans.states import ReviewStatus

days = st.dates(date(2024, 1, 1), date(2036, 12, 31))
LANCASHIRE = {"from": 42, "due": 56, "until": 84}


def test_the_first_review_is_six_to_twelve_weeks_after_the_sign_off() -> None:
    assert first_review(date(2027, 3, 3), LANCASHIRE) == (date(2027, 4, 14), date(2027, 4, 28), date(2027, 5, 26))


@given(days)
def test_weeks_are_whole_weeks_whatever_the_clocks_do(start: date) -> None:
    dates = first_review(start, LANCASHIRE)
    assert [(day - start).days for day in dates] == [42, 56, 84]
    assert {day.weekday() for day in dates} == {start.weekday()}
    assert dates.starts_on <= dates.due_on <= dates.ends_on


@given(days)
def test_the_annual_review_is_due_on_the_same_day_a_year_later(start: date) -> None:
    dates = annual_review(start)
    leap_day = (start.month, start.day) == (2, 29)
    assert dates.due_on == (date(start.year + 1, 2, 28) if leap_day else start.replace(year=start.year + 1))
    assert dates.starts_on < dates.due_on == dates.ends_on
    assert (dates.due_on - start).days in (365, 366)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2027, 2, 28), 12, date(2028, 2, 28)),
        (date(2027, 3, 31), -1, date(2027, 2, 28)),
        (date(2027, 12, 1), 1, date(2028, 1, 1)),
        (date(2027, 1, 1), -1, date(2026, 12, 1)),
    ],
)
def test_months_end_where_the_calendar_says(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@given(days, st.integers(0, 200))
def test_a_review_is_overdue_only_after_its_last_day(start: date, later: int) -> None:
    dates = first_review(start, LANCASHIRE)
    review = Review(
        status=ReviewStatus.DUE,
        kind=ReviewKind.WELFARE_CHECK,
        plan_in_place_on=start,
        due_on=dates.due_on,
        window_ends_on=dates.ends_on,
    )
    today = start + timedelta(days=later)
    assert is_overdue(review, today) is (later > 84)
    assert is_due_soon(review, today) is (28 <= later <= 84)
    assert warning_on(review, 56) == start + timedelta(days=56)
    review.status = ReviewStatus.HELD
    assert not is_overdue(review, today)
