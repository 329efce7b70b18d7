"""On which days weekly visits fall and when they begin and end."""

from datetime import UTC, date, datetime, time, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bookings.service.planning.forecast import Forecast
from marketplace.bookings.service.planning.patterns import day_in_week, days_of, name_of, next_day, span_of
from marketplace.bookings.service.purse import Purse


class Weekly(msgspec.Struct):
    """What a row says."""

    weekday: int
    every_weeks: int
    anchor_on: date
    starts_on: date
    ends_on: date | None = None


def test_every_second_week_goes_on_over_a_year_of_53_weeks() -> None:
    # 2026 has 53 ISO weeks: by the parity of week numbers two weeks in a row would be "odd" at its end.
    pattern = Weekly(0, 2, date(2026, 12, 14), date(2026, 12, 14))
    assert list(days_of(pattern, date(2026, 12, 1), date(2027, 2, 1))) == [
        date(2026, 12, 14),
        date(2026, 12, 28),
        date(2027, 1, 11),
        date(2027, 1, 25),
    ]


def test_a_leap_day_is_a_day_like_any_other() -> None:
    pattern = Weekly(1, 1, date(2028, 2, 21), date(2028, 2, 21))
    assert list(days_of(pattern, date(2028, 2, 21), date(2028, 3, 8))) == [
        date(2028, 2, 22),
        date(2028, 2, 29),
        date(2028, 3, 7),
    ]


def test_a_pattern_that_never_counted_has_no_days() -> None:
    pattern = Weekly(1, 1, date(2027, 3, 1), date(2027, 3, 1), date(2027, 3, 1))
    assert list(days_of(pattern, date(2027, 1, 1), date(2028, 1, 1))) == []
    assert next_day(pattern, date(2027, 1, 1)) is None


@given(
    st.integers(0, 6),
    st.integers(1, 4),
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.none() | st.integers(0, 200),
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.integers(0, 120),
)
def test_days_are_those_that_a_walk_over_the_calendar_finds(
    weekday: int, every: int, anchor: date, starts: date, lasts: int | None, first: date, length: int
) -> None:
    anchor -= timedelta(days=anchor.weekday())
    ends = None if lasts is None else starts + timedelta(days=lasts)
    pattern = Weekly(weekday, every, anchor, starts, ends)
    until = first + timedelta(days=length)
    walked = []
    for step in range(length):
        day = first + timedelta(days=step)
        monday = day - timedelta(days=day.weekday())
        if (
            day.weekday() == weekday
            and (monday - anchor).days % (7 * every) == 0
            and starts <= day
            and (ends is None or day < ends)
        ):
            walked.append(day)
    assert list(days_of(pattern, first, until)) == walked
    assert all(day_in_week(pattern, day - timedelta(days=day.weekday())) == day for day in walked)


def test_a_night_ends_at_the_promised_time_when_the_clocks_change() -> None:
    usual = span_of(date(2027, 3, 20), time(22), 540)
    spring = span_of(date(2027, 3, 27), time(22), 540)
    autumn = span_of(date(2027, 10, 30), time(22), 540)
    assert usual.ends_at - usual.starts_at == timedelta(hours=9)
    assert spring == (datetime(2027, 3, 27, 22, tzinfo=UTC), datetime(2027, 3, 28, 6, tzinfo=UTC))
    assert autumn == (datetime(2027, 10, 30, 21, tzinfo=UTC), datetime(2027, 10, 31, 7, tzinfo=UTC))


def test_a_short_visit_in_the_missing_or_doubled_hour_has_its_minutes() -> None:
    for day in (date(2027, 3, 28), date(2027, 10, 31)):
        for start, minutes in ((time(0, 45), 30), (time(1, 30), 30), (time(1, 30), 60), (time(0, 45), 60)):
            visit = span_of(day, start, minutes)
            assert visit.ends_at - visit.starts_at == timedelta(minutes=minutes), (day, start, minutes)


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.times(), st.integers(15, 1440))
def test_a_visit_never_ends_before_it_begins(day: date, start: time, minutes: int) -> None:
    visit = span_of(day, start.replace(second=0, microsecond=0), minutes)
    assert timedelta(0) < visit.ends_at - visit.starts_at <= timedelta(minutes=minutes + 60)


def test_patterns_have_names() -> None:
    assert name_of(1, 0) == "Every Monday"
    assert name_of(2, 6) == "Every second Sunday"


TODAY = date(2027, 3, 3)
_amounts = st.lists(st.tuples(st.integers(-20, 90), st.integers(1, 5_000)), max_size=8)


@given(st.integers(0, 30_000), _amounts, _amounts, st.lists(st.tuples(st.integers(0, 90), st.integers(0, 3_000))))
def test_a_forecast_says_what_the_purse_would_say(
    balance: int, promised: list[tuple[int, int]], coming: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    promises = [(TODAY + timedelta(days=step), pence) for step, pence in promised]
    income = tuple((TODAY + timedelta(days=abs(step) + 1), pence) for step, pence in coming)

    def purse() -> Purse:
        return Purse(
            balance_pence=balance,
            promises=tuple(promises),
            income=income,
            weekly_pence=1,
            budget_ends_on=None,
            today=TODAY,
        )

    forecast = Forecast(purse())
    for step, pence in asked:
        day = TODAY + timedelta(days=step)
        assert forecast.free_on(day) == purse().free_on(day)
        forecast.promise(day, pence)
        promises.append((day, pence))
