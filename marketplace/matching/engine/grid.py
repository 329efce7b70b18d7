"""From latitude and longitude to metres on the British National Grid.

The engine measures in metres on a plane; postcodes and registers give degrees. This is the published two-step way:
a seven-parameter shift from WGS84 to the Airy ellipsoid, then the transverse Mercator projection.

Accuracy: the projection is exact to a millimetre; the shift is good to about 5 metres over Great Britain (the exact
way needs the survey's grid of corrections, OSTN15). Distances between two points some miles apart are wrong by far
less, because neighbours share the error; the grid's own scale is within 0.07 per cent. A postcode is coarser by itself.
Northern Ireland and the Channel Islands have other grids.

Source: Ordnance Survey, "A guide to coordinate systems in Great Britain": the Helmert transformation, the projection.
"""

from math import atan2, cos, hypot, isfinite, radians, sin, sqrt, tan

_WGS84_A, _WGS84_B = 6_378_137.0, 6_356_752.314245
_AIRY_A, _AIRY_B = 6_377_563.396, 6_356_256.909
_SCALE = 0.9996012717
_ORIGIN_LAT, _ORIGIN_LON = radians(49.0), radians(-2.0)
_FALSE_EAST, _FALSE_NORTH = 400_000.0, -100_000.0
_SHIFT_METRES = (-446.448, 125.157, -542.060)
_SHIFT_SCALE = 20.4894e-6
_SHIFT_TURN = tuple(radians(seconds / 3600) for seconds in (-0.1502, -0.2470, -0.8421))


def grid_metres(latitude: float, longitude: float) -> tuple[int, int]:
    """National Grid easting and northing of a place in Great Britain.

    Args:
        latitude: Degrees north, WGS84 (as GPS and the ONS Postcode Directory give it), 49 to 61.
        longitude: Degrees east, WGS84, -9 to 2.5.

    Returns:
        `(x_metres, y_metres)`, whole metres, right to about 5 metres.

    Raises:
        ValueError: The place is not in or near Great Britain; 0, 0 is the usual sign of a missing position.
    """
    if not (isfinite(latitude) and isfinite(longitude) and 49 <= latitude <= 61 and -9 <= longitude <= 2.5):
        raise ValueError(f"not a place in Great Britain: {latitude}, {longitude}")
    east, north = _project(*_to_airy(radians(latitude), radians(longitude)))
    return round(east), round(north)


def _to_airy(lat: float, lon: float) -> tuple[float, float]:
    """Shift a WGS84 position at height 0 to the Airy 1830 ellipsoid (radians to radians)."""
    square = 1 - (_WGS84_B / _WGS84_A) ** 2
    normal = _WGS84_A / sqrt(1 - square * sin(lat) ** 2)
    x, y, z = normal * cos(lat) * cos(lon), normal * cos(lat) * sin(lon), normal * (1 - square) * sin(lat)
    (tx, ty, tz), (rx, ry, rz), scale = _SHIFT_METRES, _SHIFT_TURN, 1 + _SHIFT_SCALE
    x, y, z = (
        tx + scale * x - rz * y + ry * z,
        ty + rz * x + scale * y - rx * z,
        tz - ry * x + rx * y + scale * z,
    )
    square = 1 - (_AIRY_B / _AIRY_A) ** 2
    across = hypot(x, y)
    lat = atan2(z, across * (1 - square))
    for _ in range(6):  # Each round gains about two digits and a half; six reach a hundredth of a millimetre.
        normal = _AIRY_A / sqrt(1 - square * sin(lat) ** 2)
        lat = atan2(z + square * normal * sin(lat), across)
    return lat, atan2(y, x)


def _project(lat: float, lon: float) -> tuple[float, float]:
    """Transverse Mercator of an Airy position (radians) to easting and northing in metres."""
    square = 1 - (_AIRY_B / _AIRY_A) ** 2
    bend = 1 - square * sin(lat) ** 2
    nu = _AIRY_A * _SCALE / sqrt(bend)
    rho = _AIRY_A * _SCALE * (1 - square) / bend**1.5
    eta = nu / rho - 1
    s, c, t = sin(lat), cos(lat), tan(lat) ** 2
    p = lon - _ORIGIN_LON
    north = (
        _meridian_metres(lat)
        + _FALSE_NORTH
        + nu / 2 * s * c * p**2
        + nu / 24 * s * c**3 * (5 - t + 9 * eta) * p**4
        + nu / 720 * s * c**5 * (61 - 58 * t + t**2) * p**6
    )
    east = (
        _FALSE_EAST
        + nu * c * p
        + nu / 6 * c**3 * (nu / rho - t) * p**3
        + nu / 120 * c**5 * (5 - 18 * t + t**2 + 14 * eta - 58 * t * eta) * p**5
    )
    return east, north


def _meridian_metres(lat: float) -> float:
    """Length of the meridian from the grid's true origin to a latitude (radians), scaled, in metres."""
    n = (_AIRY_A - _AIRY_B) / (_AIRY_A + _AIRY_B)
    less, more = lat - _ORIGIN_LAT, lat + _ORIGIN_LAT
    return (
        _AIRY_B
        * _SCALE
        * (
            (1 + n + 5 / 4 * n**2 + 5 / 4 * n**3) * less
            - (3 * n + 3 * n**2 + 21 / 8 * n**3) * sin(less) * cos(more)
            + (15 / 8 * n**2 + 15 / 8 * n**3) * sin(2 * less) * cos(2 * more)
            - 35 / 24 * n**3 * sin(3 * less) * cos(3 * more)
        )
    )
