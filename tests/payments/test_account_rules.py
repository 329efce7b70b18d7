"""The sums behind an account, by hand and by hypothesis: weeks to come, surplus, instalments, paydays."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bookings import Purse
from marketplace.payments.service.account.rules import Surplus, instalments_of, share_out, weeks_ahead
from marketplace.people.income import expected_income, own_part, paydays
from marketplace.people.models import Budget, BudgetStatus, FundingRoute

TODAY = date(2027, 3, 3)
"""A Wednesday."""


def purse(balance: int, promises=(), income=(), weekly: int = 15_000) -> Purse:
    return Purse(
        balance_pence=balance,
        promises=tuple(promises),
        income=tuple(income),
        weekly_pence=weekly,
        budget_ends_on=None,
        today=TODAY,
    )


def budget(weekly: int, own: int = 0, starts: date = date(2027, 1, 4), ends: date | None = None) -> Budget:
    return Budget(
        status=BudgetStatus.FINAL,
        route=FundingRoute.DIRECT_PAYMENT,
        weekly_pence=weekly,
        own_weekly_pence=own,
        starts_on=starts,
        ends_on=ends,
    )


def test_eight_weeks_may_stay_and_the_rest_is_surplus_to_the_penny():
    # £115.38 a week: 8 weeks are £923.04; £1,200.00 free is £276.96 too much, 2.4 weeks of it.
    rule = Surplus(keep_weeks=8, weekly_pence=11_538, free_pence=120_000)
    assert (rule.keep_pence, rule.surplus_pence) == (92_304, 27_696)
    assert (rule.free_weeks, rule.surplus_weeks) == ("10.4 weeks", "2.4 weeks")
    assert Surplus(keep_weeks=8, weekly_pence=11_538, free_pence=92_304).surplus_pence == 0
    assert Surplus(keep_weeks=8, weekly_pence=11_538, free_pence=92_305).surplus_pence == 1


def test_a_surplus_goes_back_in_parts_that_add_up_to_the_penny():
    parts = instalments_of(27_696, 5, date(2027, 3, 31), 4)
    assert [part.amount_pence for part in parts] == [5_540, 5_539, 5_539, 5_539, 5_539]
    assert [part.due_on for part in parts][:2] == [date(2027, 3, 31), date(2027, 4, 28)]
    assert [part.amount_pence for part in instalments_of(2, 5, TODAY, 4)] == [1, 1]
    assert instalments_of(0, 5, TODAY, 4) == []


@given(st.integers(1, 10**8), st.integers(1, 60))
def test_instalments_lose_no_penny_and_differ_by_one_at_most(total, count):
    parts = [part.amount_pence for part in instalments_of(total, count, TODAY, 4)]
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1
    assert min(parts) > 0


def test_weeks_ahead_take_what_comes_and_what_visits_cost():
    found = weeks_ahead(
        purse(
            30_000,
            promises=[(date(2027, 2, 26), 1_000), (date(2027, 3, 5), 2_000), (date(2027, 3, 8), 4_000)],
            income=[(date(2027, 3, 15), 60_000)],
        ),
        3,
    )
    # A visit of last week that waits for approval counts this week.
    assert [(week.starts_on, week.in_pence, week.out_pence, week.end_pence) for week in found] == [
        (date(2027, 3, 1), 0, 3_000, 27_000),
        (date(2027, 3, 8), 0, 4_000, 23_000),
        (date(2027, 3, 15), 60_000, 0, 83_000),
    ]


@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.dates(date(2027, 2, 1), date(2027, 6, 1)), st.integers(1, 10**5)), max_size=20),
    st.lists(st.tuples(st.dates(date(2027, 3, 4), date(2027, 6, 1)), st.integers(1, 10**5)), max_size=10),
)
def test_weeks_ahead_end_where_everything_is_counted_once(balance, promises, income):
    found = weeks_ahead(purse(balance, sorted(promises), sorted(income)), 20)
    spent = sum(pence for _, pence in promises)
    assert found[-1].end_pence == balance + sum(pence for _, pence in income) - spent


def test_a_visit_too_dear_now_fits_once_money_comes_in():
    # P11: £300 in the account, a visit of £320.
    wallet = purse(30_000, income=[(date(2027, 3, 8), 1_000), (date(2027, 3, 29), 60_000)])
    assert wallet.next_day_for(32_000) == (date(2027, 3, 29), 60_000)
    assert wallet.next_day_for(31_000) == (date(2027, 3, 8), 1_000)
    assert wallet.next_day_for(200_000) is None


def test_four_weeks_come_in_every_four_weeks_and_the_last_payment_is_for_the_days_left():
    found = paydays(budget(10_000, ends=date(2027, 3, 10)), date(2027, 1, 3), date(2027, 12, 31), lambda _: 4)
    assert found == [(date(2027, 1, 4), 28), (date(2027, 2, 1), 28), (date(2027, 3, 1), 9)]
    ends_in_march = [budget(10_000, ends=date(2027, 3, 10))]
    found = expected_income(ends_in_march, date(2027, 2, 1), date(2027, 12, 31), lambda _: 4)
    assert found == [(date(2027, 3, 1), 12_857)]


@given(
    st.integers(0, 10**5),
    st.integers(0, 10**5),
    st.integers(1, 8),
    st.integers(0, 400),
    st.integers(1, 300),
)
def test_paydays_follow_each_other_whenever_they_are_asked_for(weekly, own, weeks, cut, length):
    one = budget(weekly + own, own, ends=date(2027, 1, 4) + timedelta(days=length))
    first, last = date(2027, 1, 1), date(2028, 12, 31)
    middle = first + timedelta(days=cut)
    whole = paydays(one, first, last, lambda _: weeks)
    assert paydays(one, first, middle, lambda _: weeks) + paydays(one, middle, last, lambda _: weeks) == whole
    assert sum(days for _, days in whole) == length
    parts = [(own_part(one, day, day + timedelta(days=days)), days) for day, days in whole]
    assert all(0 <= pence <= one.weekly_pence * days // 7 + 1 for pence, days in parts)
    assert sum(pence for pence, _ in parts) == own * length // 7


@given(st.integers(1, 10**6), st.lists(st.integers(1, 10**5), max_size=12))
def test_a_payment_pays_the_oldest_visits_first_and_nothing_twice(amount, owed):
    parts, rest = share_out(amount, list(enumerate(owed)))
    assert sum(pence for _, pence in parts) + rest == amount
    assert all(0 < pence <= owed[number] for number, pence in parts)
    assert [number for number, _ in parts] == list(range(len(parts)))
    assert rest == max(0, amount - sum(owed))


@pytest.mark.parametrize(("pence", "words"), [(0, "0 weeks"), (15_000, "1 week"), (14_999, "0.9 weeks")])
def test_what_is_free_is_told_in_weeks_rounded_down(pence, words):
    assert purse(pence).weeks == words
