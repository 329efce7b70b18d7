"""Degrees to National Grid metres, against the survey's own worked example and its exact transformation."""

from math import radians

import pytest

from marketplace.matching.engine.grid import _project, grid_metres


def test_the_projection_gives_the_worked_example_of_the_ordnance_survey_to_the_millimetre():
    lat = radians(52 + 39 / 60 + 27.2531 / 3600)
    lon = radians(1 + 43 / 60 + 4.5177 / 3600)

    east, north = _project(lat, lon)

    # The survey prints 651409.903, 313177.270; its seconds have four decimals, which is 3 mm.
    assert east == pytest.approx(651_409.903, abs=0.005)
    assert north == pytest.approx(313_177.270, abs=0.005)


def test_gps_degrees_come_out_within_the_stated_five_metres():
    # The same point by satellite, as the survey's exact transformation (OSTN15) places it.
    east, north = grid_metres(52 + 39 / 60 + 28.8282 / 3600, 1 + 42 / 60 + 57.8663 / 3600)

    assert abs(east - 651_409.804) < 5
    assert abs(north - 313_177.450) < 5


@pytest.mark.parametrize(("latitude", "longitude"), [(0.0, 0.0), (53.7, 35.0), (float("nan"), -2.0), (-2.7, 53.76)])
def test_a_place_outside_great_britain_is_refused(latitude, longitude):
    with pytest.raises(ValueError, match="Great Britain"):
        grid_metres(latitude, longitude)
