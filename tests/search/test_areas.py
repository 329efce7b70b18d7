"""Circles as cells: what is inside is inside, what is outside is outside, and the rest is measured."""

from math import cos, isnan, radians

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.areas import (
    ALL_LEVELS,
    BASE_LEVELS,
    LEVEL_NAMES,
    cells_of_point,
    cover,
    distance_metres,
    distances_metres,
)

lats = st.floats(49.0, 61.0)
lons = st.floats(-8.0, 2.0)


@settings(max_examples=300, deadline=None)
@given(lats, lons, st.floats(0.0, 400_000.0), st.floats(-1.3, 1.3), st.floats(-1.3, 1.3), st.booleans())
def test_a_cover_never_decides_wrongly(
    lat: float, lon: float, radius: float, north: float, east: float, is_base: bool
) -> None:
    levels = BASE_LEVELS if is_base else ALL_LEVELS
    other = lat + north * radius / 111_195, lon + east * radius / 111_195 / cos(radians(lat))
    covered = cover(lat, lon, radius, levels)
    level = LEVEL_NAMES.index((covered.inside + covered.crossed)[0][0])
    cell = cells_of_point(*other, [level])[0]
    distance = distance_metres(lat, lon, *other)
    if cell in covered.inside:
        assert distance <= radius
    elif cell not in covered.crossed:
        assert distance > radius


@pytest.mark.parametrize("radius", [0, 1, 100, 5_000, 16_093, 80_467, 400_000])
def test_a_cover_stays_small_and_names_each_cell_once(radius: int) -> None:
    covered = cover(53.7632, -2.7031, float(radius))
    cells = covered.inside + covered.crossed
    assert 1 <= len(cells) <= 80
    assert len(set(cells)) == len(cells)


@pytest.mark.parametrize(("lat", "lon"), [(90.0, 0.0), (-90.0, 180.0), (89.99, -180.0), (0.0, 180.0)])
def test_the_ends_of_the_grid_are_no_error(lat: float, lon: float) -> None:
    covered = cover(lat, lon, 20_000.0)
    assert set(cells_of_point(lat, lon)) & set(covered.inside + covered.crossed)


def test_cells_of_a_point_nest() -> None:
    for level, name in zip(ALL_LEVELS, cells_of_point(53.7632, -2.7031), strict=True):
        number = int(name[1:])
        column, row = number % (1 << level), number >> level
        assert column == int((-2.7031 + 180) / 360 * (1 << level))
        assert row == int((53.7632 + 90) / 180 * (1 << level))


def test_distances_agree_with_known_ones_and_with_each_other() -> None:
    # One degree of latitude on a sphere of the mean radius.
    assert distance_metres(53.0, -2.0, 54.0, -2.0) == pytest.approx(111_195.08, abs=0.01)
    # Preston to Lancaster, and a listing without a base.
    several = distances_metres(53.7632, -2.7031, [54.0466, None], [-2.8007, None]).tolist()
    assert several[0] == pytest.approx(distance_metres(53.7632, -2.7031, 54.0466, -2.8007), abs=1e-6)
    assert several[0] == pytest.approx(32_160, abs=20)
    assert isnan(several[1])
