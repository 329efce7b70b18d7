"""Ordnance Survey National Grid to latitude and longitude.

Two steps: undo the Transverse Mercator projection on the Airy 1830 ellipsoid, then shift the datum from
OSGB36 to WGS 84 with the seven-parameter Helmert transformation. Accuracy: about 5 m (7 m at worst), because
the network of 1936 is not rigid; Ordnance Survey's OSTN15 grid is exact to 0.1 m and needs a table of
1.7 million shifts, which no distance in miles repays.

Source: Ordnance Survey, "A guide to coordinate systems in Great Britain", annexes B and C and table of
section 6.6.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ACCURACY_METRES = 5
"""Typical error of the shift; the worst in Great Britain is about 7 m."""

_AIRY_A, _AIRY_B = 6_377_563.396, 6_356_256.909
_WGS84_A, _WGS84_B = 6_378_137.0, 6_356_752.3142
_SCALE = 0.9996012717
_ORIGIN_LAT, _ORIGIN_LON = np.radians(49.0), np.radians(-2.0)
_ORIGIN_EASTING, _ORIGIN_NORTHING = 400_000.0, -100_000.0

# OSGB36 to WGS 84: metres, parts per million, seconds of arc (the published table is the other direction).
_SHIFT_X, _SHIFT_Y, _SHIFT_Z = 446.448, -125.157, 542.060
_SHIFT_SCALE = -20.4894e-6
_TURN_X, _TURN_Y, _TURN_Z = np.radians(np.array([0.1502, 0.2470, 0.8421]) / 3600)


def grid_to_lat_lon(eastings: Floats, northings: Floats) -> tuple[Floats, Floats]:
    """Convert National Grid metres to degrees (WGS 84), whole arrays at once.

    Args:
        eastings: Metres east of the false origin, 0 to 700,000.
        northings: Metres north of it, 0 to 1,300,000.

    Returns:
        Latitudes and longitudes in degrees; see `ACCURACY_METRES`. NaN stays NaN.
    """
    lat, lon = _unproject(np.asarray(eastings, dtype=np.float64), np.asarray(northings, dtype=np.float64))
    x, y, z = _to_cartesian(lat, lon)
    moved_x = _SHIFT_X + (1 + _SHIFT_SCALE) * x - _TURN_Z * y + _TURN_Y * z
    moved_y = _SHIFT_Y + _TURN_Z * x + (1 + _SHIFT_SCALE) * y - _TURN_X * z
    moved_z = _SHIFT_Z - _TURN_Y * x + _TURN_X * y + (1 + _SHIFT_SCALE) * z
    lat, lon = _from_cartesian(moved_x, moved_y, moved_z)
    return np.degrees(lat), np.degrees(lon)


def _meridian_arc(lat: Floats) -> Floats:
    n = (_AIRY_A - _AIRY_B) / (_AIRY_A + _AIRY_B)
    less, more = lat - _ORIGIN_LAT, lat + _ORIGIN_LAT
    arc: Floats = (
        _AIRY_B
        * _SCALE
        * (
            (1 + n + 1.25 * n**2 + 1.25 * n**3) * less
            - (3 * n + 3 * n**2 + 2.625 * n**3) * np.sin(less) * np.cos(more)
            + (1.875 * n**2 + 1.875 * n**3) * np.sin(2 * less) * np.cos(2 * more)
            - (35 / 24) * n**3 * np.sin(3 * less) * np.cos(3 * more)
        )
    )
    return arc


def _unproject(eastings: Floats, northings: Floats) -> tuple[Floats, Floats]:
    """Undo the projection: radians on the Airy ellipsoid (annex C.2 of the guide)."""
    # Five rounds bring the arc within a hundredth of a millimetre everywhere on the grid; a fixed number keeps
    # NaN from looping for ever.
    lat = (northings - _ORIGIN_NORTHING) / (_AIRY_A * _SCALE) + _ORIGIN_LAT
    for _ in range(5):
        lat = lat + (northings - _ORIGIN_NORTHING - _meridian_arc(lat)) / (_AIRY_A * _SCALE)
    e2 = 1 - (_AIRY_B / _AIRY_A) ** 2
    sine, tangent, secant = np.sin(lat), np.tan(lat), 1 / np.cos(lat)
    nu = _AIRY_A * _SCALE / np.sqrt(1 - e2 * sine**2)
    rho = _AIRY_A * _SCALE * (1 - e2) / (1 - e2 * sine**2) ** 1.5
    eta2 = nu / rho - 1
    t2, t4, t6 = tangent**2, tangent**4, tangent**6
    d = eastings - _ORIGIN_EASTING
    seventh = tangent / (2 * rho * nu)
    eighth = tangent / (24 * rho * nu**3) * (5 + 3 * t2 + eta2 - 9 * t2 * eta2)
    ninth = tangent / (720 * rho * nu**5) * (61 + 90 * t2 + 45 * t4)
    tenth = secant / nu
    eleventh = secant / (6 * nu**3) * (nu / rho + 2 * t2)
    twelfth = secant / (120 * nu**5) * (5 + 28 * t2 + 24 * t4)
    last = secant / (5040 * nu**7) * (61 + 662 * t2 + 1320 * t4 + 720 * t6)
    lat = lat - seventh * d**2 + eighth * d**4 - ninth * d**6
    lon = _ORIGIN_LON + tenth * d - eleventh * d**3 + twelfth * d**5 - last * d**7
    return lat, lon


def _to_cartesian(lat: Floats, lon: Floats) -> tuple[Floats, Floats, Floats]:
    e2 = 1 - (_AIRY_B / _AIRY_A) ** 2
    nu = _AIRY_A / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    return nu * np.cos(lat) * np.cos(lon), nu * np.cos(lat) * np.sin(lon), nu * (1 - e2) * np.sin(lat)


def _from_cartesian(x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats]:
    e2 = 1 - (_WGS84_B / _WGS84_A) ** 2
    p = np.hypot(x, y)
    lat = np.arctan2(z, p * (1 - e2))
    for _ in range(4):
        nu = _WGS84_A / np.sqrt(1 - e2 * np.sin(lat) ** 2)
        lat = np.arctan2(z + e2 * nu * np.sin(lat), p)
    return lat, np.arctan2(y, x)
