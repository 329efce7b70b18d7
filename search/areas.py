"""Circles on the earth as cells of a grid, so that an index without geography can answer "who comes to this point?".

The grid of level n has 2^n columns and 2^n rows over all longitudes and latitudes. A circle is drawn with cells of a
quarter to a half of its radius: cells that lie wholly inside are certain, cells that its line crosses are decided
listing by listing with the exact distance. The cover is computed on the sphere without approximation, row by row.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import acos, asin, ceil, cos, degrees, floor, pi, radians, sin, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Distances = NDArray[np.float64]

EARTH_RADIUS_METRES: Final = 6_371_008.8
"""Mean radius of the earth (IUGG)."""

FINEST_LEVEL: Final = 15
COARSEST_LEVEL: Final = 5
LEVEL_NAMES: Final = "abcdefghijklmnop"
ALL_LEVELS: Final = tuple(range(COARSEST_LEVEL, FINEST_LEVEL + 1))
BASE_LEVELS: Final = (6, 8, 10, 11, 12, 13, 14)
"""Levels at which the base of a listing is indexed for "within so many miles of me"."""

_MARGIN_METRES: Final = 0.5
"""Cells closer to the line than this count as crossed, which absorbs the rounding of floats."""


class Cover(NamedTuple):
    """Cells of a circle: the letter of the level, then the number of the cell, row by row from the south."""

    inside: list[str]
    crossed: list[str]


def distance_metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance between two points in degrees, by the haversine formula."""
    half_lat = radians(other_lat - lat) / 2
    half_lon = radians(other_lon - lon) / 2
    chord = sin(half_lat) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_METRES * asin(min(1.0, sqrt(chord)))


def distances_metres(lat: float, lon: float, lats: Sequence[float | None], lons: Sequence[float | None]) -> Distances:
    """Great-circle distances from one point to many, in metres; NaN where a coordinate is None."""
    other_lats, other_lons = np.array(lats, dtype=np.float64), np.array(lons, dtype=np.float64)
    half_lat = np.radians(other_lats - lat) / 2
    half_lon = np.radians(other_lons - lon) / 2
    chord = np.sin(half_lat) ** 2 + cos(radians(lat)) * np.cos(np.radians(other_lats)) * np.sin(half_lon) ** 2
    metres: Distances = 2 * EARTH_RADIUS_METRES * np.arcsin(np.minimum(1.0, np.sqrt(chord)))
    return metres


def cells_of_point(lat: float, lon: float, levels: Sequence[int] = ALL_LEVELS) -> list[str]:
    """Name the cells of a point, level by level."""
    finest = 1 << FINEST_LEVEL
    column = min(finest - 1, int((lon + 180) / 360 * finest))
    row = min(finest - 1, int((lat + 90) / 180 * finest))
    cells = []
    for level in levels:
        up = FINEST_LEVEL - level
        cells.append(f"{LEVEL_NAMES[level]}{((row >> up) << level) + (column >> up)}")
    return cells


def cells_around(lat: float, lon: float, radius_metres: float, levels: tuple[int, ...]) -> list[str]:
    """Name cells that together hold a circle and some of its surroundings: cheaper than `cover`, and less exact."""
    high = degrees(radius_metres / EARTH_RADIUS_METRES)
    widest = min(abs(lat) + high, 89.0)
    wide = high / cos(radians(widest))
    if abs(lat) + high > 89.0 or wide > 60.0 or high > 30.0:
        level, high, wide = levels[0], 180.0, 360.0
    else:
        # Three rows of cells or more: fewer would take in too much beside the circle, many would cost too much to name.
        level = next((level for level in levels if 180 / (1 << level) <= high), levels[-1])
    side = 1 << level
    first, last = (max(0, min(side - 1, floor((lat + far + 90) / 180 * side))) for far in (-high, high))
    left, right = (max(0, min(side - 1, floor((lon + far + 180) / 360 * side))) for far in (-wide, wide))
    name = LEVEL_NAMES[level]
    return [f"{name}{(row << level) + column}" for row in range(first, last + 1) for column in range(left, right + 1)]


def level_for(radius_metres: float, levels: tuple[int, ...]) -> int:
    """Coarsest level whose rows are at most half the radius high, or the finest there is."""
    rows = pi * EARTH_RADIUS_METRES / (max(radius_metres, 1.0) / 2)
    return next((level for level in levels if 1 << level >= rows), levels[-1])


@lru_cache(maxsize=4096)
def cover(lat: float, lon: float, radius_metres: float, levels: tuple[int, ...] = ALL_LEVELS) -> Cover:
    """Cover a circle with cells.

    Args:
        lat, lon: Centre in degrees.
        radius_metres: 0 or more. Circles that reach a pole or the date line are cut off there.
        levels: Levels to choose from, ascending.
    """
    level = level_for(radius_metres, levels)
    name = LEVEL_NAMES[level]
    side = 1 << level
    outer = (radius_metres + _MARGIN_METRES) / EARTH_RADIUS_METRES
    inner = max(radius_metres - _MARGIN_METRES, 0.0) / EARTH_RADIUS_METRES
    cos_outer, cos_inner = cos(outer), cos(inner)
    sin_lat, cos_lat = sin(radians(lat)), max(cos(radians(lat)), 1e-9)
    rows_per_degree, columns_per_degree = side / 180, side / 360
    first = max(0, floor((lat - degrees(outer) + 90) * rows_per_degree))
    last = min(side - 1, floor((lat + degrees(outer) + 90) * rows_per_degree))
    # The circle is widest a little poleward of its centre.
    sin_widest = max(-1.0, min(1.0, sin_lat / max(cos_outer, 1e-9)))
    widest = _half_width(cos_outer - sin_widest * sin_lat, sqrt(1.0 - sin_widest * sin_widest) * cos_lat)
    widest_row = floor((degrees(asin(sin_widest)) + 90) * rows_per_degree)
    centre = (lon + 180) * columns_per_degree
    inside: list[str] = []
    crossed: list[str] = []
    reach_north = sure_north = -1.0
    for row in range(first, last + 2):
        reach_south, sure_south = reach_north, sure_north
        # Northern edge of the row before, southern edge of this one.
        sin_edge, cos_edge = _row_edge(level, row)
        reach_north = _half_width(cos_outer - sin_edge * sin_lat, cos_edge * cos_lat)
        sure_north = _half_width(cos_inner - sin_edge * sin_lat, cos_edge * cos_lat) if reach_north > 0 else -1.0
        if row == first:
            continue
        reach = widest if row == widest_row + 1 else max(reach_south, reach_north)
        if reach < 0:
            continue
        reach *= columns_per_degree
        from_column, to_column = max(0, int(centre - reach)), min(side - 1, int(centre + reach))
        sure = min(sure_south, sure_north) * columns_per_degree
        if sure >= 0:
            sure_from = max(ceil(centre - sure), from_column)
            sure_to = max(sure_from, min(int(centre + sure), side))
        else:
            sure_from = sure_to = from_column
        start = (row - 1) << level
        inside += [f"{name}{start + column}" for column in range(sure_from, sure_to)]
        crossed += [f"{name}{start + column}" for column in range(from_column, sure_from)]
        crossed += [f"{name}{start + column}" for column in range(sure_to, to_column + 1)]
    return Cover(inside, crossed)


@lru_cache(maxsize=65_536)
def _row_edge(level: int, row: int) -> tuple[float, float]:
    """Sine and cosine of the latitude of a row's southern edge."""
    lat = radians(row * 180 / (1 << level) - 90)
    return sin(lat), cos(lat)


def _half_width(wanted: float, across: float) -> float:
    """Half the width of a circle at a latitude in degrees of longitude, by the spherical law of cosines.

    Args:
        wanted: Cosine of the circle's angular radius, less the product of the sines of the two latitudes.
        across: Product of the cosines of the two latitudes.

    Returns:
        -1 where the circle does not reach, 180 where it goes all the way round.
    """
    if wanted > across:
        return -1.0
    return 180.0 if wanted <= -across else degrees(acos(wanted / across))
