"""Paying on time: half-years' rates, interest by the day, fixed sums, the six-monthly figures."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.payments.late import Payment, compensation, half_years, late_debt, notice, rate_day

DUE = date(2027, 3, 31)


@pytest.mark.parametrize(
    ("pence", "fixed"),
    [(1, 4_000), (99_999, 4_000), (100_000, 7_000), (999_999, 7_000), (1_000_000, 10_000), (10**11, 10_000)],
)
def test_the_fixed_sum_goes_by_the_size_of_the_debt(pence: int, fixed: int) -> None:
    assert compensation(pence) == fixed


@pytest.mark.parametrize(
    ("late_on", "first"),
    [
        (date(2027, 1, 1), date(2027, 1, 1)),
        (date(2027, 6, 30), date(2027, 1, 1)),
        (date(2027, 7, 1), date(2027, 7, 1)),
        (date(2027, 12, 31), date(2027, 7, 1)),
    ],
)
def test_the_reference_rate_is_that_of_the_half_year_in_which_it_became_late(late_on: date, first: date) -> None:
    assert rate_day(late_on) == first


def test_interest_of_a_real_debt_by_hand() -> None:
    # £1,200.00 at 3.75 + 8 = 11.75 % for 30 days: 1,200 x 0.1175 x 30 / 365 = £11.589…
    found = late_debt(120_000, DUE, date(2027, 4, 30), 375)
    assert found is not None
    assert (found.days, found.rate, found.interest_pence, found.fixed_pence) == (30, 1_175, 1_159, 7_000)
    assert found.total_pence == 8_159


def test_a_day_late_owes_a_day_of_interest_and_the_fixed_sum() -> None:
    # £1,200.00 at 11.75 % for a day: 38.6 pence.
    found = late_debt(120_000, DUE, DUE + timedelta(days=1), 375)
    assert found is not None
    assert (found.days, found.interest_pence, found.fixed_pence) == (1, 39, 7_000)
    assert (found.from_on, found.until_on) == (date(2027, 4, 1), date(2027, 4, 2))


def test_in_time_owes_nothing() -> None:
    assert late_debt(120_000, DUE, DUE, 375) is None
    assert late_debt(120_000, DUE, DUE - timedelta(days=40), 375) is None
    assert late_debt(-5, DUE, DUE + timedelta(days=9), 375) is None


@given(st.integers(1, 10**11), st.integers(0, 2_000), st.integers(0, 2_000))
def test_interest_never_falls_as_days_pass(pence: int, days: int, rate: int) -> None:
    one = late_debt(pence, DUE, DUE + timedelta(days=days), rate)
    other = late_debt(pence, DUE, DUE + timedelta(days=days + 1), rate)
    assert (one.total_pence if one else 0) <= (other.total_pence if other else 0)


def test_the_notice_counts_days_from_receipt_and_lateness_from_the_due_day() -> None:
    def row(days: int | None, *, pence: int = 100, moved: int = 0) -> Payment:
        received = date(2027, 4, 10)
        return Payment(
            pence=pence,
            received_on=received,
            due_on=received + timedelta(days=30 + moved),
            paid_on=None if days is None else received + timedelta(days=days),
            had_dispute=bool(moved),
        )

    found = notice([row(30), row(31), row(61, pence=900), row(45, moved=20), row(None)], date(2027, 10, 1))
    assert (found.paid, found.within_30, found.from_31_to_60, found.over_60) == (4, 1, 2, 1)
    assert found.average_days == 41.8
    assert (found.late, found.late_pence) == (2, 1_000)  # the disputed one was paid by its own due day
    assert (found.overdue, found.overdue_pence, found.disputes) == (1, 100, 1)
    assert found.share(found.within_30) == 25.0
    empty = notice([], date(2027, 10, 1))
    assert (empty.average_days, empty.share(0)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2027, 3, 31), date(2026, 10, 1)),
        (date(2027, 4, 1), date(2027, 4, 1)),
        (date(2027, 9, 30), date(2027, 4, 1)),
        (date(2027, 10, 1), date(2027, 10, 1)),
        (date(2028, 1, 5), date(2027, 10, 1)),
    ],
)
def test_half_years_follow_each_other_without_a_gap(today: date, first: date) -> None:
    found = half_years(today, 5)
    assert found[0][0] == first
    assert found[0][0] <= today < found[0][1]
    assert all(later[0] == earlier[1] for later, earlier in pairwise(found))
