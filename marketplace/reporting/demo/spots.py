"""Where the demo's people and organisations live: real postcodes when the directory is there, town centres when not."""

import random
from collections.abc import Iterable
from math import cos, radians

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.places import TOWNS, distance_metres

PER_DISTRICT = 70
_SPREAD_METRES = 2_500

# The order by hash is the same in every installation and says nothing about who lives there.
_PICK = text(
    """
    SELECT postcode, lat, lon, lad_code FROM (
        SELECT postcode, lat, lon, lad_code,
            row_number() OVER (PARTITION BY lad_code ORDER BY md5(postcode)) AS place
        FROM postcodes WHERE lad_code = ANY (:codes)
    ) ordered WHERE place <= :most ORDER BY lad_code, place
    """
)


class District(msgspec.Struct, frozen=True):
    """A district, its main town and the outward code of that town's centre."""

    code: str
    town: str
    outward: str


class Spot(msgspec.Struct, frozen=True):
    """An address without its house: postcode, town, degrees, district."""

    postcode: str
    town: str
    lat: float
    lon: float
    lad_code: str

    @property
    def outward(self) -> str:
        """First half of the postcode."""
        return self.postcode.partition(" ")[0]


class Spots:
    """Hands out addresses, each once."""

    def __init__(self, rng: random.Random, known: dict[str, list[Spot]], districts: dict[str, District]) -> None:
        self.rng = rng
        self.known = known
        self.districts = districts

    @classmethod
    async def read(cls, db: AsyncSession, rng: random.Random, districts: Iterable[District]) -> "Spots":
        """Choose postcodes of the districts from the directory, if it has been loaded."""
        by_code = {district.code: district for district in districts}
        rows = await db.execute(_PICK, {"codes": list(by_code), "most": PER_DISTRICT})
        known: dict[str, list[Spot]] = {}
        for row in rows:
            spot = Spot(row.postcode, _nearest_town(row.lat, row.lon), row.lat, row.lon, row.lad_code)
            known.setdefault(row.lad_code, []).append(spot)
        return cls(rng, known, by_code)

    def take(self, code: str) -> Spot:
        """Return an address in a district."""
        waiting = self.known.get(code)
        return waiting.pop(0) if waiting else self._made_up(self.districts[code])

    def take_near_centre(self, code: str) -> Spot:
        """Return the address nearest to the centre of a district's main town."""
        district = self.districts[code]
        waiting = self.known.get(code)
        if not waiting:
            return self._made_up(district)
        lat, lon = _centre(district.town)
        best = min(waiting, key=lambda spot: distance_metres(lat, lon, spot.lat, spot.lon))
        waiting.remove(best)
        return best

    def _made_up(self, district: District) -> Spot:
        lat, lon = _centre(district.town)
        north = self.rng.uniform(-_SPREAD_METRES, _SPREAD_METRES)
        east = self.rng.uniform(-_SPREAD_METRES, _SPREAD_METRES)
        ending = f"{self.rng.randint(1, 9)}{self.rng.choice('ABDEFGHJLN')}{self.rng.choice('PQRSTUWXYZ')}"
        return Spot(
            f"{district.outward} {ending}",
            district.town,
            round(lat + north / 111_320, 5),
            round(lon + east / (111_320 * cos(radians(lat))), 5),
            district.code,
        )


_CENTRES = {town.name: (town.lat, town.lon) for town in TOWNS}


def _centre(town: str) -> tuple[float, float]:
    return _CENTRES[town]


def _nearest_town(lat: float, lon: float) -> str:
    return min(TOWNS, key=lambda town: (town.lat - lat) ** 2 + ((town.lon - lon) * 0.6) ** 2).name
