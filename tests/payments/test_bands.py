"""What a tariff pays for recorded time, and whether that covers the legal wage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.payments.bands import (
    BadBands,
    Band,
    check_bands,
    fee_for,
    hourly,
    is_below_wage,
    read_bands,
    wage_lines,
)

LANCASHIRE = (Band(240, 7_500), Band(None, 10_000))


@st.composite
def whole_bands(draw: st.DrawFn) -> tuple[Band, ...]:
    limits = sorted(draw(st.sets(st.integers(1, 6_000), max_size=4)))
    return check_bands([Band(limit, draw(st.integers(1, 100_000))) for limit in [*limits, None]])


@pytest.mark.parametrize(("minutes", "fee"), [(0, 7_500), (240, 7_500), (241, 10_000), (9_999, 10_000)])
def test_the_limit_of_a_band_belongs_to_it(minutes: int, fee: int) -> None:
    assert fee_for(LANCASHIRE, minutes) == fee


@given(whole_bands(), st.integers(0, 100_000))
def test_every_length_of_time_has_one_fee_of_the_bands(bands: tuple[Band, ...], minutes: int) -> None:
    fitting = [band for band in bands if band.up_to_minutes is None or minutes <= band.up_to_minutes]
    assert fee_for(bands, minutes) == fitting[0].pence


@given(whole_bands(), st.lists(st.integers(0, 10_000), max_size=30))
def test_plans_counted_by_their_minutes_cost_what_they_cost_one_by_one(
    bands: tuple[Band, ...], minutes: list[int]
) -> None:
    grouped = {length: minutes.count(length) for length in minutes}
    assert sum(fee_for(bands, length) * number for length, number in grouped.items()) == sum(
        fee_for(bands, length) for length in minutes
    )


@given(whole_bands())
def test_bands_are_read_back_as_they_were_stored(bands: tuple[Band, ...]) -> None:
    assert read_bands([{"up_to_minutes": band.up_to_minutes, "pence": band.pence} for band in bands]) == bands


@pytest.mark.parametrize(
    "bands",
    [
        [],
        [Band(240, 100)],
        [Band(None, 100), Band(None, 200)],
        [Band(240, 100), Band(120, 200), Band(None, 300)],
        [Band(240, 100), Band(240, 200), Band(None, 300)],
        [Band(0, 100), Band(None, 300)],
        [Band(240, 0), Band(None, 300)],
        [Band(minutes, 100) for minutes in range(1, 6)] + [Band(None, 100)],
    ],
)
def test_bands_that_leave_a_doubt_are_refused(bands: list[Band]) -> None:
    with pytest.raises(BadBands):
        check_bands(bands)


def test_75_pounds_for_six_hours_is_under_the_legal_wage_of_april_2026() -> None:
    [line, rest] = wage_lines((Band(360, 7_500), Band(None, 10_000)), 1_271)
    assert (line.hourly_pence, line.is_short, line.covers_minutes) == (1_250, True, 354)
    assert (rest.minutes, rest.is_short, rest.covers_minutes) == (None, False, 472)
    assert wage_lines(LANCASHIRE, 1_271)[0].is_short is False


@given(st.integers(1, 100_000), st.integers(1, 6_000), st.integers(1, 5_000))
def test_the_longest_covered_time_is_the_last_that_is_not_below_the_wage(fee: int, minutes: int, wage: int) -> None:
    [line] = wage_lines((Band(None, fee),), wage)
    assert is_below_wage(fee, minutes, wage) == (minutes > line.covers_minutes)
    assert abs(hourly(fee, minutes) * minutes - fee * 60) * 2 <= minutes
