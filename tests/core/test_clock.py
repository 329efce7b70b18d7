"""Wall-clock promises and instants around the changes of the clock."""

from datetime import UTC, date, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.clock import FixedClock, instant, local, parse_day, today, week_start


def test_a_daily_eight_o_clock_visit_stays_at_eight_when_clocks_change() -> None:
    assert instant(date(2027, 3, 27), time(8)) == datetime(2027, 3, 27, 8, tzinfo=UTC)
    assert instant(date(2027, 3, 28), time(8)) == datetime(2027, 3, 28, 7, tzinfo=UTC)
    assert instant(date(2027, 10, 31), time(8)) == datetime(2027, 10, 31, 8, tzinfo=UTC)


def test_the_missing_hour_moves_on_and_the_doubled_hour_is_the_first() -> None:
    assert local(instant(date(2027, 3, 28), time(1, 30))).time() == time(2, 30)
    assert instant(date(2027, 10, 31), time(1, 30)) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_a_night_is_seven_or_nine_hours_long_when_clocks_change() -> None:
    spring = instant(date(2027, 3, 28), time(6)) - instant(date(2027, 3, 27), time(22))
    autumn = instant(date(2027, 10, 31), time(6)) - instant(date(2027, 10, 30), time(22))
    assert (spring.total_seconds() / 3600, autumn.total_seconds() / 3600) == (7, 9)


@given(st.dates(date(2024, 1, 1), date(2032, 12, 31)), st.times())
def test_an_instant_reads_back_as_the_promise_except_in_the_missing_hour(day: date, at: time) -> None:
    seen = local(instant(day, at))
    assert seen.date() == day
    assert seen.time() == at or (day.month == 3 and at.hour == 1)


def test_today_is_the_day_in_london() -> None:
    assert today(FixedClock(datetime(2027, 6, 30, 23, 30, tzinfo=UTC))) == date(2027, 7, 1)


def test_weeks_start_on_monday() -> None:
    assert week_start(date(2027, 3, 3)) == date(2027, 3, 1)
    assert week_start(date(2027, 3, 1)) == date(2027, 3, 1)


def test_only_iso_dates_are_read() -> None:
    assert parse_day("2028-02-29") == date(2028, 2, 29)
    assert parse_day("2027-02-29") is None
