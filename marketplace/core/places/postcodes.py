"""UK postcodes: reading what people type, and the distance between two places.

Source of the shape: Royal Mail's Postcode Address File, Programmer's Guide (formats of the outward and
inward code and the letters that each position excludes).
"""

import re
from math import asin, cos, radians, sin, sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

METRES_PER_MILE = 1609.344
EARTH_RADIUS_METRES = 6_371_008.8
"""Mean radius of the Earth (IUGG); the sphere is within 0.5 % of the ellipsoid over Great Britain."""

_AREAS = """
AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL
GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX
PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR
WS WV YO ZE
"""
AREAS = frozenset(_AREAS.split())
"""The 124 postcode areas. A well-formed code in an area that does not exist is a slip of the keyboard."""

_OUTWARD_SHAPE = r"[A-PR-UWYZ](?:[0-9]{1,2}|[0-9][ABCDEFGHJKPSTUW]|[A-HK-Y](?:[0-9]{1,2}|[0-9][ABEHMNPRVWXY]))"
_INWARD_SHAPE = r"[0-9][ABD-HJLNP-UW-Z]{2}"
_SHAPE = re.compile(f"({_OUTWARD_SHAPE})({_INWARD_SHAPE})")
_OUTWARD = re.compile(_OUTWARD_SHAPE)
_PRINTED = re.compile(f"(?={_OUTWARD_SHAPE} {_INWARD_SHAPE}$)([A-Z]+)[0-9][0-9A-Z]? [0-9A-Z]{{3}}")
_NOT_IN_A_POSTCODE = re.compile(r"[^0-9A-Z]+")
_AREA = re.compile(r"[A-Z]+")


class Postcode(msgspec.Struct, frozen=True, order=True, gc=False):
    """A postcode in two halves: "PR1 2HE" is outward "PR1", inward "2HE"."""

    outward: str
    inward: str

    @classmethod
    def parse(cls, text: str) -> "Postcode | None":
        """Read a postcode as people type it: any case, any spacing, the letter O for a zero.

        Returns:
            The postcode, or None when the text is not one. That the code is well-formed does not mean that
            an address has it: ask the postcode directory.
        """
        if len(text) > 20:
            return None
        compact = _NOT_IN_A_POSTCODE.sub("", text.upper())
        if not 5 <= len(compact) <= 7:
            return None
        # The first character of the inward half is always a digit, so a letter O or I there is a misread 0 or 1.
        third_last = {"O": "0", "I": "1"}.get(compact[-3], compact[-3])
        shape = _SHAPE.fullmatch(compact[:-3] + third_last + compact[-2:])
        if shape is None:
            return None
        outward, inward = shape.groups()
        return cls(outward, inward) if area_of(outward) in AREAS else None

    @property
    def text(self) -> str:
        """As printed: "PR1 2HE"."""
        return f"{self.outward} {self.inward}"

    @property
    def compact(self) -> str:
        """Without the space: "PR12HE"."""
        return self.outward + self.inward

    @property
    def sector(self) -> str:
        """Outward half and first digit: "PR1 2", about 3,000 addresses."""
        return f"{self.outward} {self.inward[0]}"

    @property
    def area(self) -> str:
        """The leading letters: "PR"."""
        return area_of(self.outward)

    @property
    def is_northern_ireland(self) -> bool:
        """Northern Ireland's postcodes (BT) have a licence and a grid of their own and are not held."""
        return self.outward.startswith("BT")

    @property
    def is_crown_dependency(self) -> bool:
        """Jersey, Guernsey or the Isle of Man: outside the United Kingdom and its councils."""
        return self.area in {"JE", "GY", "IM"}

    def __str__(self) -> str:
        """Print with the space."""
        return self.text


def area_of(outward: str) -> str:
    """Give the letters that an outward code starts with ("SW" of "SW1A"), "" when there are none."""
    letters = _AREA.match(outward)
    return letters.group() if letters else ""


def parse_outward(text: str) -> str | None:
    """Read the first half alone, as in "PR1" or "sw1a"; None when it is not one."""
    if len(text) > 20:
        return None
    compact = _NOT_IN_A_POSTCODE.sub("", text.upper())
    return compact if _OUTWARD.fullmatch(compact) and area_of(compact) in AREAS else None


def normalise(text: str) -> str | None:
    """Give the printed form of a postcode ("PR1 2HE"), or None when the text is not one.

    Quick where the text already is in that form, as in the millions of rows of a directory.
    """
    printed = _PRINTED.fullmatch(text)
    if printed is not None and printed.group(1) in AREAS:
        return text
    postcode = Postcode.parse(text)
    return postcode.text if postcode else None


def distance_metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance between two points given in degrees (WGS 84), by the haversine formula.

    Returns:
        Metres along the surface, not along roads; error below 0.5 %.
    """
    phi, other_phi = radians(lat), radians(other_lat)
    half_chord = sin((other_phi - phi) / 2) ** 2 + cos(phi) * cos(other_phi) * sin(radians(other_lon - lon) / 2) ** 2
    return 2 * EARTH_RADIUS_METRES * asin(min(1.0, sqrt(half_chord)))


def is_in_great_britain(lat: float, lon: float) -> bool:
    """Whether the point lies in the box around Great Britain (Scilly to Shetland); Belfast is inside the box."""
    return 49.8 <= lat <= 60.95 and -8.7 <= lon <= 1.8


def are_in_great_britain(lats: NDArray[np.float64], lons: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Ask `is_in_great_britain` of whole arrays; NaN is not."""
    inside: NDArray[np.bool_] = (lats >= 49.8) & (lats <= 60.95) & (lons >= -8.7) & (lons <= 1.8)
    return inside
