"""The picture of social previews: the site's mark, drawn here, so that no image file has to be kept or fetched."""

import struct
import zlib
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 1200
HEIGHT: Final = 630
_MARK: Final = 400
"""Edge of the square in which the mark is drawn, in pixels; the mark's own units are 40 to an edge."""

GROUND, LINE, SUN = (11, 79, 92), (255, 255, 255), (255, 210, 63)
"""Teal of the header, white, and the yellow of the second head."""

Grid = NDArray[np.float64]


@cache
def social_image() -> bytes:
    """Draw the picture as PNG, 1200 by 630: two people under a roof, as in the header."""
    unit = _MARK / 40
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    x, y = (x - (WIDTH - _MARK) / 2) / unit, (y - (HEIGHT - _MARK) / 2) / unit
    pixels = np.empty((HEIGHT, WIDTH, 3), dtype=np.float64)
    pixels[:] = GROUND
    roof = np.minimum(_from_line(x, y, (6, 20), (20, 8)), _from_line(x, y, (20, 8), (34, 20))) - 1.75
    _paint(pixels, roof * unit, LINE)
    for centre, colour in (((14.5, 22.0), LINE), ((25.5, 22.0), SUN)):
        _paint(pixels, (np.hypot(x - centre[0], y - centre[1]) - 3.2) * unit, colour)
        # Shoulders: the upper half of a circle below each head.
        body = np.maximum(np.hypot(x - centre[0], y - 33.0) - 6.2, y - 33.0)
        _paint(pixels, body * unit, LINE)
    return _png(pixels.round().astype(np.uint8))


def _from_line(x: Grid, y: Grid, start: tuple[float, float], end: tuple[float, float]) -> Grid:
    """Give the distance of each point from a line with two ends."""
    east, north = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * east + (y - start[1]) * north) / (east**2 + north**2), 0, 1)
    return np.hypot(x - start[0] - along * east, y - start[1] - along * north)


def _paint(pixels: Grid, distance: Grid, colour: tuple[int, int, int]) -> None:
    """Paint where the distance is below nothing, with an edge of one pixel."""
    cover = np.clip(0.5 - distance, 0, 1)[:, :, None]
    pixels[:] = pixels * (1 - cover) + np.array(colour) * cover


def _png(pixels: NDArray[np.uint8]) -> bytes:
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + width * 3), dtype=np.uint8)
    lines[:, 1:] = pixels.reshape(height, width * 3)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(lines.tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
