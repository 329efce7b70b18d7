"""Addresses of the demo: from the directory where it is loaded, each once, else near the centre of the town."""

import random

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.models import PostcodeRow
from marketplace.core.places import distance_metres
from marketplace.reporting.demo.spots import District, Spots

DONCASTER = District("E08000017", "Doncaster", "DN1")
CENTRE = (53.523, -1.134)


async def test_real_postcodes_are_used_once_each_while_they_last(db: AsyncSession) -> None:
    for number, lat in enumerate((53.52, 53.55, 53.60)):
        db.add(PostcodeRow(postcode=f"DN1 {number}ZZ", lat=lat, lon=-1.13, lad_code=DONCASTER.code))
    db.add(PostcodeRow(postcode="PR1 2HE", lat=53.76, lon=-2.7, lad_code="E07000123"))
    await db.flush()
    spots = await Spots.read(db, random.Random(1), [DONCASTER])
    nearest = spots.take_near_centre(DONCASTER.code)
    assert (nearest.postcode, nearest.town, nearest.outward) == ("DN1 0ZZ", "Doncaster", "DN1")
    rest = {spots.take(DONCASTER.code).postcode for _ in range(2)}
    assert rest == {"DN1 1ZZ", "DN1 2ZZ"}
    made_up = spots.take(DONCASTER.code)
    assert distance_metres(*CENTRE, made_up.lat, made_up.lon) < 4_000


async def test_without_a_directory_addresses_lie_round_the_town(db: AsyncSession) -> None:
    spots = await Spots.read(db, random.Random(1), [DONCASTER])
    for _ in range(20):
        spot = spots.take(DONCASTER.code)
        assert spot.outward == "DN1"
        assert distance_metres(*CENTRE, spot.lat, spot.lon) < 4_000
