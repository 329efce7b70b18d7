"""Working days and the time to answer."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.clock import local
from marketplace.matching.calendar import answer_deadline, is_working_day


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ((2027, 3, 3, 10), 48, (2027, 3, 5, 10)),
        ((2027, 3, 5, 10), 48, (2027, 3, 9, 10)),  # over a weekend
        ((2027, 3, 6, 10), 48, (2027, 3, 10, 0)),  # offered on a Saturday: Monday and Tuesday
        ((2027, 3, 25, 10), 48, (2027, 3, 31, 9)),  # over Easter and the change of clocks: the wall says 10am
        ((2026, 12, 24, 12), 24, (2026, 12, 29, 12)),  # Christmas on a Friday, Boxing Day moved to Monday
        ((2027, 3, 3, 10), 1, (2027, 3, 3, 11)),
    ],
)
def test_only_working_days_count(start: tuple[int, ...], hours: int, end: tuple[int, ...]) -> None:
    assert answer_deadline(datetime(*start, tzinfo=UTC), hours) == datetime(*end, tzinfo=UTC)  # type: ignore[arg-type]


@given(
    st.integers(0, 7_300 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    st.integers(1, 200),
)
def test_the_time_ends_on_a_working_day_and_is_never_shorter_than_promised(start: datetime, hours: int) -> None:
    end = answer_deadline(start, hours)
    assert end - start >= timedelta(hours=hours)
    assert is_working_day(local(end).date())
