"""The weekly visits as a form, and what a usual week costs: case by case and as laws."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bookings.service.agreements.pattern_form import (
    PatternLine,
    counting_on,
    first_week,
    line_fields,
    lines_of,
    read_lines,
    rows_of,
    rows_shown,
    visits_words,
)
from marketplace.bookings.service.agreements.week import budget_effect, usual_day, week_cost
from marketplace.bookings.service.purse import Purse
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.providers.models import DayKind
from tests.bookings.test_agreement_prices import MONDAY, view_of

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def line(**given: Any) -> PatternLine:
    """Mondays at 8am for 45 minutes."""
    return PatternLine(**({"weekdays": (0,), "starts_local": time(8), "minutes": 45} | given))


def rows(*lines: PatternLine, on: date = MONDAY) -> list[Any]:
    """The rows of lines."""
    return rows_of(lines, council_id=new_id(), agreement_id=new_id(), starts_on=on, created_at=NOW)


def read(fields: dict[str, Any], **options: Any) -> tuple[tuple[PatternLine, ...], dict[str, str]]:
    """What a form says, and what is wrong with it."""
    form = FormReader(fields)
    return read_lines(form, **options), form.errors


LINES = st.builds(
    PatternLine,
    weekdays=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    starts_local=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    minutes=st.integers(15, 720),
    workers_needed=st.sampled_from((1, 2)),
    every_weeks=st.sampled_from((1, 2, 3, 4)),
    is_sleep_in=st.booleans(),
    note=st.sampled_from(("", "Breakfast")),
)


@given(LINES)
def test_a_line_written_into_the_form_is_read_as_it_was(one: PatternLine) -> None:
    assert read(line_fields([one])) == ((one,), {})


@given(LINES, st.dates(date(2027, 1, 1), date(2030, 12, 31)))
def test_rows_of_a_line_gather_into_that_line_when_their_weeks_fall_together(one: PatternLine, on: date) -> None:
    found = lines_of(rows(one, on=on))
    assert sorted(day for part in found for day in part.weekdays) == list(one.weekdays)
    if one.every_weeks == 1:
        assert found == (one,)


@given(st.integers(0, 6), st.dates(date(2027, 1, 1), date(2030, 12, 31)))
def test_the_first_week_holds_the_first_such_weekday(weekday: int, on: date) -> None:
    first = first_week(weekday, on).toordinal() + weekday
    assert 0 <= first - on.toordinal() < 7


def test_a_night_from_sunday_overlaps_monday_morning() -> None:
    night = {"visit-1-days": ["6"], "visit-1-time": "22:00", "visit-1-minutes": "600"}
    morning = {"visit-2-days": ["0"], "visit-2-time": "7:30am", "visit-2-minutes": "30"}
    assert read(night | morning)[1] == {"visit-2-time": "Visit 2 overlaps visit 1 on Monday"}
    later = {**morning, "visit-2-time": "8am"}
    assert read(night | later)[1] == {}


def test_visits_of_other_weeks_may_stand_at_the_same_time() -> None:
    one = {"visit-1-days": ["0"], "visit-1-time": "8am", "visit-1-minutes": "60", "visit-1-every": "2"}
    two = {"visit-2-days": ["0"], "visit-2-time": "8am", "visit-2-minutes": "60", "visit-2-every": "3"}
    assert read(one | two)[1] == {}


def test_an_empty_form_needs_a_visit_and_shows_three_rows() -> None:
    assert read({})[1] == {"visit-1-days": "Choose the days of at least one visit"}
    assert read({}, required=False) == ((), {})
    assert rows_shown({}) == 3
    assert rows_shown({"visit-5-time": "8am"}, more=True) == 6
    assert rows_shown({"rows": "999"}) == 3
    assert rows_shown({"rows": "14"}, more=True) == 14


def test_a_place_at_an_activity_counts_no_worker() -> None:
    fields = {"visit-1-days": "3", "visit-1-time": "14:00", "visit-1-minutes": "120", "visit-1-workers": "2"}
    found, wrong = read(fields, is_place=True)
    assert (wrong, found[0].workers_needed) == ({}, 0)


@pytest.mark.parametrize(
    ("weekdays", "words"),
    [
        (tuple(range(7)), "Every day"),
        (tuple(range(5)), "Monday to Friday"),
        ((0, 3), "Monday and Thursday"),
        ((0, 2, 4), "Monday, Wednesday and Friday"),
        ((6,), "Sunday"),
    ],
)
def test_days_are_said_as_people_say_them(weekdays: tuple[int, ...], words: str) -> None:
    assert line(weekdays=weekdays).days_words == words


def test_a_line_is_said_in_words() -> None:
    night = line(starts_local=time(22), minutes=600, is_sleep_in=True, workers_needed=2, every_weeks=2)
    assert night.words == "10pm, 10 hours, sleep-in, two workers, every second week"
    assert night.runs_over_midnight
    assert not line().runs_over_midnight
    assert visits_words([line(weekdays=(0, 1)), line(every_weeks=2)]) == "about 2.5 visits a week"


def test_a_visit_every_second_week_counts_half() -> None:
    lines = [line(weekdays=(0, 2, 4)), line(starts_local=time(18), minutes=30, workers_needed=2, every_weeks=2)]
    assert week_cost(view_of(), lines, MONDAY).weekly_pence == 3 * 1_200 + 800


def test_a_usual_week_has_weekends_but_no_bank_holiday() -> None:
    # 29 March 2027 is Easter Monday.
    assert usual_day(0, date(2027, 3, 29)) == date(2027, 4, 5)
    week = week_cost(view_of(), [line(weekdays=(0, 6), minutes=60)], date(2027, 3, 29))
    assert week.lines[0].prices == ((0, 1_600), (6, 2_000))
    assert week.lines[0].holiday_pence == 3_200


def test_odd_weeks_are_rounded_once() -> None:
    week = week_cost(view_of({DayKind.ANY: 1_001}), [line(minutes=60, every_weeks=3)] * 2, MONDAY)
    assert week.weekly_pence == 667


def test_a_changed_row_is_not_counted_twice() -> None:
    old, new = rows(line())[0], rows(line(minutes=60), on=date(2027, 4, 5))[0]
    old.ends_on = date(2027, 4, 5)
    assert counting_on([old, new], date(2027, 4, 4)) == [old]
    assert counting_on([old, new], date(2027, 4, 5)) == [new]


def test_what_is_missing_each_week_says_how_long_the_free_money_lasts() -> None:
    purse = Purse(balance_pence=10_000, weekly_pence=15_000, budget_ends_on=None, today=MONDAY)
    effect = budget_effect(purse, 14_000, 4_000, 12_000)
    assert (effect.left_pence, effect.more_pence, effect.lasts_weeks, effect.weeks) == (-3_000, 2_000, 3, "0.9 weeks")
    assert budget_effect(purse, 9_000, 4_000, None).lasts_weeks is None
    assert budget_effect(None, 9_000, 0, None).left_pence == -9_000
