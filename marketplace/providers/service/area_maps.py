"""Small maps without tiles: a circle around a base with the larger towns near it."""

from math import cos, pi, radians, sin
from typing import Any, Final

import msgspec

from marketplace.core.formats import miles
from marketplace.core.places import TOWNS, distance_metres

CIRCLE_POINTS: Final = 48
TOWNS_ON_MAP: Final = 6
NARROWEST_MAP_METRES: Final = 5_000
MAP_OF_A_PLACE_METRES: Final = 14_000
METRES_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of the earth's mean radius."""


class AreaMap(msgspec.Struct, frozen=True, kw_only=True):
    """A circle with towns around it, in metres from its centre; for `components/map.html`."""

    bounds: tuple[int, int, int, int]
    areas: list[dict[str, Any]]
    points: list[dict[str, Any]]
    description: str


def area_map(lat: float | None, lon: float | None, radius_metres: int | None, label: str) -> AreaMap | None:
    """Draw the area around a base, with the larger towns near it for orientation.

    Args:
        lat: Latitude of the base in degrees, as exact as it may be shown; without it there is no map.
        lon: Longitude.
        radius_metres: How far the service goes; None for a place that people come to.
        label: Name of the base.
    """
    if lat is None or lon is None:
        return None
    half = round(max(radius_metres or MAP_OF_A_PLACE_METRES, NARROWEST_MAP_METRES) * 1.2)

    def flat(other_lat: float, other_lon: float) -> tuple[int, int]:
        # Over a few dozen miles the earth is flat enough for a picture.
        east = (other_lon - lon) * cos(radians(lat)) * METRES_PER_DEGREE
        return round(east), round((other_lat - lat) * METRES_PER_DEGREE)

    near = sorted(
        (distance_metres(lat, lon, town.lat, town.lon), town) for town in TOWNS if town.name != label
    )  # fmt: skip
    points: list[dict[str, Any]] = [{"easting": 0, "northing": 0, "label": label or "The base", "here": True}]
    for metres, town in near[: TOWNS_ON_MAP * 3]:
        east, north = flat(town.lat, town.lon)
        is_clear = all(abs(east - p["easting"]) + abs(north - p["northing"]) > half / 6 for p in points)
        if abs(east) < half * 0.94 and abs(north) < half * 0.94 and is_clear and len(points) <= TOWNS_ON_MAP:
            points.append({"easting": east, "northing": north, "label": town.name, "text": miles(metres)})
    areas: list[dict[str, Any]] = []
    if radius_metres:
        turns = [2 * pi * step / CIRCLE_POINTS for step in range(CIRCLE_POINTS)]
        areas = [{"rings": [[(round(radius_metres * cos(t)), round(radius_metres * sin(t))) for t in turns]]}]
    words = f"A circle of {miles(radius_metres)} around {label}." if radius_metres else f"The area around {label}."
    return AreaMap(bounds=(-half, -half, half, half), areas=areas, points=points, description=words)
