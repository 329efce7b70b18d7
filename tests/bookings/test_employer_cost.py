"""The true cost of a personal assistant, worked out by hand for each branch of the law."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bookings.models import HolidayMethod, PayEvery
from marketplace.bookings.service.employment.cost import employer_cost
from marketplace.bookings.service.employment.periods import (
    Job,
    insurance_of_year,
    is_enrolled_by_age,
    months_on,
    spans,
    year_of,
)
from tests.factories_law import make_book

START = date(2026, 4, 6)
BOOK = make_book(START)


def job(**given):
    values = {"starts_on": START, "weekly_minutes": 1_200, "wage_pence": 1_271, "sick_days": 0}
    return Job(**{**values, **given})


def cost(book=BOOK, **given):
    return employer_cost(book, job(**given))


@pytest.mark.parametrize("pay_every", list(PayEvery))
def test_the_example_of_the_domain_notes_to_the_penny(pay_every):
    found = cost(pay_every=pay_every)
    assert found.gross_pence == 1_321_840
    assert found.pension_pence == 20_935
    assert found.insurance_pence == 123_276
    assert found.total_pence == 1_321_840 + 20_935 + 123_276


def test_an_hour_of_support_costs_more_than_its_wage():
    # 46.4 weeks of 20 hours are 928 hours; £14,660.51 / 928 = £15.798.
    found = cost()
    assert found.support_minutes == 928 * 60
    assert found.hourly_pence == 1_580
    assert found.weekly_pence == 28_194


def test_costs_of_ones_own_and_sick_pay_are_lines():
    # 20 h a week: 80% of £254.20 is £203.36, so the flat £123.25 a week counts; 5 of 5 days.
    found = cost(
        sick_days=5, insurance_pence=8_000, payroll_pence=18_000, training_pence=5_000, recruitment_pence=6_000
    )
    assert found.pence_of("sick") == 12_325
    assert found.total_pence == 1_466_051 + 12_325 + 8_000 + 18_000 + 5_000 + 6_000
    assert sum(line.pence for line in found.lines) == found.total_pence


def test_sick_pay_of_a_small_job_is_a_share_of_the_pay():
    # 6 h a week: £76.26, of which 80% is £61.008; 4 of 2 days are two weeks.
    assert cost(weekly_minutes=360, days_a_week=2, sick_days=4).pence_of("sick") == 12_202


def test_below_the_pension_trigger_nothing_is_due_but_they_may_ask():
    # 15 h a week: £9,913.80 a year, under £10,000. If asked: 3% of £3,673.80.
    found = cost(weekly_minutes=900)
    assert found.gross_pence == 991_380
    assert found.pension_pence == 0
    assert "£110.21 a year" in next(line.how for line in found.lines if line.key == "pension")


def test_at_the_pension_trigger_it_is_due():
    # 16 h at £12.02 would be £10,000.64; the legal wage makes it £10,574.72: 3% of £4,334.72.
    assert cost(weekly_minutes=960).pension_pence == 13_004


def test_under_21_the_wage_is_lower_and_no_insurance_is_due():
    # 18 all year: £10.85 x 20 x 52; no pension by age.
    found = cost(wage_pence=1_085, born_on=date(2008, 1, 1))
    assert (found.gross_pence, found.insurance_pence, found.pension_pence) == (1_128_400, 0, 0)
    assert found.legal_wage_pence == 1_085
    assert "may ask to join" in next(line.how for line in found.lines if line.key == "pension")


def test_a_21st_birthday_counts_from_the_next_pay_period():
    # Turns 21 on Friday 9 October 2026. Weeks begin on Mondays: 27 weeks at £10.85, from 12 October 25 at £12.71.
    found = cost(wage_pence=1_085, born_on=date(2005, 10, 9))
    assert [(span.starts_on, span.periods, span.wage_pence) for span in found.spans] == [
        (START, 27, 1_085),
        (date(2026, 10, 12), 25, 1_271),
    ]
    assert found.gross_pence == 27 * 21_700 + 25 * 25_420
    # Insurance goes by the age on the pay day: 11 October is the last day of week 27. 25,420 - 500,000/52 = 15,804.6;
    # week 27 has 21,700 - 9,615.4 = 12,084.6. 15% of 25 x 15,804.615 + 12,084.615.
    assert found.insurance_pence == 61_080
    assert any("12 October 2026" in note for note in found.notes)


def test_the_allowance_pays_all_the_insurance_of_one_assistant():
    found = cost(claims_allowance=True)
    assert found.allowance_pence == 123_276
    assert found.total_pence == 1_321_840 + 20_935


def test_the_allowance_is_shared_by_two_assistants_and_never_exceeded():
    # Others earn £80,000: 15% of £75,000 is £11,250. Together £12,482.76, of which £10,500 is paid for.
    others = insurance_of_year(BOOK, 8_000_000)
    assert others == 1_125_000
    mine = cost(claims_allowance=True, others_insurance_pence=others).allowance_pence
    # 10,500 x 1,232.76 / 12,482.76.
    assert mine == 103_695
    # The other assistant, with 80,000 / 52 / 12.71 hours a week at the same wage, gets the rest.
    assert 1_050_000 - mine == 946_305


def test_holiday_in_weeks():
    found = cost(holiday_method=HolidayMethod.WEEKS)
    assert (found.pence_of("worked"), found.pence_of("holiday")) == (1_179_488, 142_352)


@pytest.mark.parametrize("method", [HolidayMethod.ACCRUED, HolidayMethod.ROLLED_UP])
def test_holiday_by_the_hours_worked(method):
    # £13,218.40 / 1.1207 = £11,794.77, of which 12.07% is £1,423.63.
    found = cost(holiday_method=method)
    assert (found.pence_of("worked"), found.pence_of("holiday")) == (1_179_477, 142_363)
    assert found.support_minutes == 55_679
    words = next(line.how for line in found.lines if line.key == "holiday")
    assert ("a line of its own" in words) is (method is HolidayMethod.ROLLED_UP)


def test_somebody_else_during_leave_buys_the_hours_back():
    # 112 hours of leave at £12.71 and 12.07% on it.
    found = cost(has_cover=True)
    assert found.pence_of("cover") == 159_534
    assert found.support_minutes == 1_040 * 60


def test_a_year_over_1_april_is_worked_out_period_by_period():
    # Weeks from 5 October 2026; wages rise on 1 April 2027. The week of 29 March began before it: 26 weeks are old.
    book = make_book(START, ("wage_21", 1_300, date(2027, 4, 1)))
    found = cost(book, starts_on=date(2026, 10, 5))
    assert [(span.starts_on, span.periods, span.wage_pence) for span in found.spans] == [
        (date(2026, 10, 5), 26, 1_271),
        (date(2027, 4, 5), 26, 1_300),
    ]
    assert found.gross_pence == 26 * 25_420 + 26 * 26_000
    assert any("£13.00" in note and "5 April 2027" in note for note in found.notes)


def test_a_year_over_6_april_takes_the_rate_of_each_pay_day():
    # Months from 6 October: the sixth is paid on 5 April 2027, the seventh on 5 May. 16% from 6 April 2027.
    book = make_book(START, ("insurance_rate", 1_600, date(2027, 4, 6)))
    found = cost(book, starts_on=date(2026, 10, 6), pay_every=PayEvery.MONTH)
    # £8,218.40 a year above the threshold: 15% of half of it and 16% of the other half.
    assert found.insurance_pence == 127_385
    assert [span.periods for span in found.spans] == [6, 6]


def test_wages_that_nobody_entered_yet_are_said():
    assert any("not in our book yet" in note for note in cost(starts_on=date(2026, 10, 5)).notes)
    assert not any("not in our book yet" in note for note in cost().notes)


def test_a_wage_below_the_law_is_raised_and_said():
    found = cost(wage_pence=1_200)
    assert found.gross_pence == 1_321_840
    assert "below the legal minimum wage" in found.notes[0]


def test_week_53_is_one_more_wage():
    # Weeks from Wednesday 8 April 2026 are paid on Tuesdays; 2027-28 has 53 of them, the last on 4 April 2028.
    found = cost(starts_on=date(2026, 4, 8))
    # £254.20; 15% of what is above £5,000 / 52; 3% of what is above £6,240 / 52 = £120.
    assert found.extra is not None
    assert found.extra.pay_on == date(2028, 4, 4)
    assert (found.extra.gross_pence, found.extra.insurance_pence, found.extra.pension_pence) == (25_420, 2_371, 403)
    assert found.extra.total_pence == 28_194


def test_months_have_no_week_53():
    assert cost(starts_on=date(2026, 4, 8), pay_every=PayEvery.MONTH).extra is None


def test_a_part_of_the_year_has_fewer_hours():
    # 39 weeks of 20 hours at £12.71.
    found = cost(weeks_a_year=39, holiday_method=HolidayMethod.ACCRUED)
    assert found.gross_pence == 991_380
    assert any("only part of the year" in note for note in cost(weeks_a_year=39).notes)


def test_months_begin_on_the_same_day_or_the_last():
    assert months_on(date(2028, 1, 31), 1) == date(2028, 2, 29)
    assert months_on(date(2026, 12, 31), 2) == date(2027, 2, 28)
    assert months_on(date(2026, 11, 30), 1) == date(2026, 12, 30)


@pytest.mark.parametrize(
    ("born_on", "is_due"),
    [
        (None, True),
        (date(2004, 4, 6), True),
        (date(2004, 4, 7), False),
        (date(1960, 4, 5), False),
        (date(1960, 4, 6), True),
    ],
)
def test_who_is_enrolled_in_a_pension(born_on, is_due):
    assert is_enrolled_by_age(born_on, START) is is_due


def test_a_job_without_hours_or_before_the_book_is_refused():
    for wrong in (
        {"weekly_minutes": 0},
        {"days_a_week": 8},
        {"weeks_a_year": 53},
        {"starts_on": START - timedelta(days=1)},
    ):
        with pytest.raises(ValueError, match=r"job|worked out"):
            cost(**wrong)


@given(
    st.integers(1, 3_600),
    st.integers(0, 5_000),
    st.sampled_from(list(PayEvery)),
    st.sampled_from(list(HolidayMethod)),
    st.integers(0, 700),
    st.booleans(),
)
def test_lines_add_up_and_the_allowance_never_exceeds_the_insurance(minutes, wage, pay_every, method, later, claims):
    one = job(
        weekly_minutes=minutes,
        wage_pence=wage,
        pay_every=pay_every,
        holiday_method=method,
        starts_on=START + timedelta(days=later),
        claims_allowance=claims,
    )
    found = employer_cost(BOOK, one)
    assert sum(line.pence for line in found.lines) == found.total_pence
    assert 0 <= found.allowance_pence <= min(found.insurance_pence, 1_050_000)
    assert found.total_pence >= found.gross_pence
    assert sum(span.periods for span in found.spans) == len(year_of(BOOK, one))


@given(st.dates(date(2026, 4, 6), date(2060, 1, 1)), st.sampled_from(list(PayEvery)))
def test_pay_periods_follow_each_other_without_a_gap(first, pay_every):
    found = list(spans(first, pay_every, 60))
    assert found[0][0] == first
    assert all(before[1] == after[0] for before, after in pairwise(found))
