"""Free time, as pure figures."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from marketplace.bookings.calendar import Away, Hours, Span, WorkerCalendar, merged, start_times
from marketplace.bookings.policies import affordable_minutes
from marketplace.bookings.service.purse import weeks_of
from marketplace.core.clock import instant
from marketplace.core.money import Pence, visit_cost
from marketplace.providers.models import Listing, PriceUnit

EARLY = datetime(2027, 1, 1, tzinfo=UTC)
FRIDAY = date(2027, 3, 5)


def calendar(hours=(), absences=(), busy=()):
    return WorkerCalendar(list(hours), list(absences), list(busy), date(2027, 1, 1), None)


def at(hour, minute=0, day=FRIDAY):
    return instant(day, time(hour, minute))


def test_a_visit_in_the_middle_leaves_two_free_stretches():
    worker = calendar([Hours(4, time(9), time(17))], busy=[Span(at(11), at(12))])
    assert worker.free(FRIDAY, EARLY, 60) == [Span(at(9), at(11)), Span(at(12), at(17))]
    assert worker.free(FRIDAY, EARLY, 180) == [Span(at(12), at(17))]
    assert worker.free(FRIDAY, at(16, 30), 60) == []


def test_nights_go_on_past_midnight_where_the_hours_meet():
    worker = calendar(
        [Hours(day, *hours) for day in range(7) for hours in ((time(0), time(7)), (time(20), time(23, 59)))]
    )
    assert worker.is_working(Span(at(22), at(22) + timedelta(hours=8)))
    assert not worker.is_working(Span(at(22), at(22) + timedelta(hours=10)))
    assert worker.free(FRIDAY, EARLY, 60)[0] == Span(at(0), at(7))


def test_who_is_away_or_has_left_is_not_free():
    worker = calendar([Hours(4, time(9), time(17))], [Away(FRIDAY, date(2027, 3, 6))])
    assert worker.free(FRIDAY, EARLY, 30) == []
    assert worker._replace(absences=[], ends_on=FRIDAY).free(FRIDAY, EARLY, 30) == []


def test_days_of_clock_changes_have_23_and_25_hours():
    whole_day = [Hours(day, time(0), time(23, 59)) for day in range(7)]
    for day, hours in ((date(2027, 3, 28), 23), (date(2027, 10, 31), 25)):
        starts = start_times(calendar(whole_day).free(day, EARLY, 30), day, 30, limit=99)
        assert len(starts) == hours * 2, day


spans = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 40)).map(
        lambda pair: Span(at(0) + timedelta(minutes=10 * pair[0]), at(0) + timedelta(minutes=10 * sum(pair)))
    ),
    max_size=12,
)


@given(spans, st.integers(1, 40).map(lambda n: n * 15))
def test_a_start_that_is_offered_is_free(busy, minutes):
    worker = calendar([Hours(4, time(8), time(20)), Hours(5, time(6), time(9))], busy=busy)
    for start in start_times(worker.free(FRIDAY, EARLY, minutes), FRIDAY, minutes):
        visit = Span(start, start + timedelta(minutes=minutes))
        assert worker.is_working(visit)
        assert not worker.is_busy(visit)


@given(spans)
def test_merged_stretches_are_in_order_and_apart(found):
    joined = merged(found)
    assert all(first.ends_at < second.starts_at for first, second in pairwise(joined))
    assert all(
        any(whole.starts_at <= span.starts_at and span.ends_at <= whole.ends_at for whole in joined) for span in found
    )


@given(st.integers(1, 10_000), st.integers(0, 100_000), st.integers(30, 720))
def test_the_longest_visit_offered_is_paid_and_shorter_than_asked(rate, free, asked):
    listing = Listing(price_pence=rate, price_unit=PriceUnit.HOUR, least_minutes=30)
    minutes = affordable_minutes(listing, rate, free, asked)
    assert minutes == 0 or (30 <= minutes < asked and visit_cost(Pence(rate), minutes) <= free)
    if minutes and minutes + 15 < asked:
        assert visit_cost(Pence(rate), minutes + 15) > free


@given(st.integers(0, 10_000_000), st.integers(1, 1_000_000))
def test_weeks_are_never_rounded_up(pence, weekly):
    written = weeks_of(pence, weekly)
    tenths = round(float(written.split(" ")[0].replace(",", "")) * 10)
    assert tenths * weekly <= pence * 10 < (tenths + 1) * weekly
