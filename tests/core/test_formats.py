"""How figures, dates and distances read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import formats


@pytest.mark.parametrize(
    ("pence", "text"),
    [
        (0, "£0.00"),
        (7, "£0.07"),
        (12345, "£123.45"),
        (123450, "£1,234.50"),
        (100_000_000, "£1,000,000.00"),
        (-500, "−£5.00"),
        (-7, "−£0.07"),
    ],
)
def test_money_has_two_decimals_and_thousands_separators(pence: int, text: str) -> None:
    assert formats.pounds(pence) == text


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_written_money_reads_back_as_the_same_pence(pence: int) -> None:
    text = formats.pounds(pence).replace("£", "").replace(",", "").replace(".", "").replace("−", "-")
    assert int(text) == pence


def test_whole_pounds_lose_their_decimals_in_the_short_form_only() -> None:
    assert formats.pounds_short(45000) == "£450"
    assert formats.pounds_short(1250) == "£12.50"
    assert formats.pounds_short(-100) == "−£1"


def test_dates_are_written_in_full() -> None:
    assert formats.uk_date(date(2026, 11, 21)) == "21 November 2026"
    assert formats.uk_day(date(2026, 11, 21)) == "Saturday 21 November 2026"
    assert formats.uk_short_date(date(2026, 9, 1)) == "1 Sep 2026"
    assert formats.uk_month(date(2026, 4, 6)) == "April 2026"


def test_an_instant_late_in_a_summer_evening_belongs_to_the_next_london_day() -> None:
    assert formats.uk_date(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)) == "2 July 2026"


def test_an_instant_is_written_in_london_time() -> None:
    winter = datetime(2026, 11, 21, 8, 5, tzinfo=UTC)
    summer = datetime(2026, 6, 20, 7, 5, tzinfo=UTC)
    assert formats.uk_datetime(winter) == "Saturday 21 November 2026 at 8:05am"
    assert formats.uk_datetime(summer) == "Saturday 20 June 2026 at 8:05am"


def test_a_deadline_at_midnight_is_the_end_of_the_day_before() -> None:
    midnight = datetime(2026, 11, 26, tzinfo=UTC)
    assert formats.uk_deadline(midnight) == "Wednesday 25 November 2026 at 11:59pm"
    assert formats.uk_deadline(midnight.replace(hour=10)) == "Thursday 26 November 2026 at 10am"


def test_the_missing_hour_is_never_shown() -> None:
    # On 29 March 2026 London clocks go from 00:59 straight to 02:00.
    assert formats.uk_time(datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) == "2:30am"


@pytest.mark.parametrize(
    ("clock", "text"),
    [
        (time(8, 5), "8:05am"),
        (time(8, 0), "8am"),
        (time(12, 0), "midday"),
        (time(0, 0), "midnight"),
        (time(0, 10), "12:10am"),
        (time(12, 30), "12:30pm"),
        (time(23, 59), "11:59pm"),
    ],
)
def test_times_of_day(clock: time, text: str) -> None:
    assert formats.uk_time(clock) == text


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        formats.uk_datetime(datetime(2026, 11, 21, 8, 5))  # noqa: DTZ001 - the mistake under test
    with pytest.raises(ValueError, match="time zone"):
        formats.uk_date(datetime(2026, 11, 21))  # noqa: DTZ001 - the mistake under test


def test_a_range_within_a_day_and_over_midnight() -> None:
    assert formats.time_range(time(8), time(8, 30)) == "8am to 8:30am"
    assert formats.time_range(time(22), time(7)) == "10pm to 7am the next day"
    evening = datetime(2026, 11, 21, 22, tzinfo=UTC)
    assert formats.time_range(evening, datetime(2026, 11, 21, 23, tzinfo=UTC)) == "10pm to 11pm"
    assert formats.time_range(evening, datetime(2026, 11, 22, 7, tzinfo=UTC)) == "10pm to 7am the next day"
    assert formats.time_range(evening, datetime(2026, 11, 24, 7, tzinfo=UTC)).endswith("on Tuesday 24 November 2026")


def test_a_range_of_an_instant_and_a_wall_clock_time_is_refused() -> None:
    with pytest.raises(ValueError, match="one of each"):
        formats.time_range(datetime(2026, 11, 21, 22, tzinfo=UTC), time(7))


def test_a_half_open_period_shows_its_last_day() -> None:
    assert formats.date_range(date(2026, 4, 6), date(2027, 4, 6)) == "6 April 2026 to 5 April 2027"
    assert formats.date_range(date(2026, 4, 6), date(2026, 4, 7)) == "6 April 2026"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "0 minutes"), (1, "1 minute"), (45, "45 minutes"), (60, "1 hour"), (150, "2 hours 30 minutes")],
)
def test_lengths_of_time(minutes: int, text: str) -> None:
    assert formats.duration(minutes) == text


@pytest.mark.parametrize(
    ("metres", "text"),
    [
        (0, "under 1 mile"),
        (1609, "under 1 mile"),
        (1609.344, "1 mile"),
        (1931.2, "1.2 miles"),
        (3218.688, "2 miles"),
        (16_014, "10 miles"),
        (22_531, "14 miles"),
        (2_000_000, "1,243 miles"),
    ],
)
def test_distances(metres: float, text: str) -> None:
    assert formats.miles(metres) == text


def test_negative_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        formats.miles(-1)
    with pytest.raises(ValueError, match="negative"):
        formats.duration(-1)


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (date(2026, 11, 21), "today"),
        (date(2026, 11, 20), "yesterday"),
        (date(2026, 11, 22), "tomorrow"),
        (date(2026, 11, 18), "3 days ago"),
        (date(2026, 12, 3), "in 12 days"),
    ],
)
def test_days_from_today(day: date, text: str) -> None:
    assert formats.days_ago(day, date(2026, 11, 21)) == text


def test_plurals() -> None:
    assert formats.plural(1, "visit") == "1 visit"
    assert formats.plural(0, "visit") == "0 visits"
    assert formats.plural(1200, "person", "people") == "1,200 people"


def test_bank_details_show_their_last_figures_only() -> None:
    assert formats.sort_code_masked("11-22-33") == "••-••-33"
    assert formats.sort_code_masked("12") == "••-••-••"
    assert formats.account_masked("12345678") == "••••5678"
    assert formats.account_masked("5678") == "••••••••"
