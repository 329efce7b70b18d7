"""Where a searcher is: postcodes and places from the tables, towns from the short gazetteer."""

from difflib import get_close_matches

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.models import Place, PostcodeRow
from marketplace.core.places import TOWNS, Postcode, find_town, name_key

Point = tuple[float, float]
"""Latitude and longitude in degrees."""


class PlaceRepository:
    """Finds the point that a postcode or the name of a town stands for."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def postcode(self, postcode: Postcode) -> tuple[Point, str] | None:
        """Return the point of a full postcode and the code of its district; None when the directory has none."""
        row = await self.db.get(PostcodeRow, postcode.text)
        return ((row.lat, row.lon), row.lad_code) if row else None

    async def outward(self, outward: str) -> Point | None:
        """Return the middle of an outward code such as PR1; None when the directory has none of its postcodes.

        A range of the primary key, so that the table of a million rows is not read through. The range is right in
        every collation (one that skips spaces lets a few codes in, which the pattern takes out again); a search by
        pattern alone would use the index under the collation C only.
        """
        is_inside = and_(
            PostcodeRow.postcode.between(f"{outward} 0AA", f"{outward} 9ZZ"), PostcodeRow.postcode.like(f"{outward} %")
        )
        lat, lon = (
            await self.db.execute(select(func.avg(PostcodeRow.lat), func.avg(PostcodeRow.lon)).where(is_inside))
        ).one()
        return (float(lat), float(lon)) if lat is not None else None

    async def town(self, name: str) -> tuple[Point, str] | None:
        """Return the middle of a town and its name as it is written."""
        known = find_town(name)
        if known is not None:
            return (known.lat, known.lon), known.name
        key = name_key(name.split(",")[0])
        if not key or len(name) > 60:
            return None
        place = (await self.db.scalars(select(Place).where(Place.name_key == key).order_by(Place.id).limit(1))).first()
        return ((place.lat, place.lon), place.name) if place else None


def near_town(name: str) -> str | None:
    """Return the town that a misspelt name may mean, or None."""
    found = get_close_matches(name.strip().title()[:60], [town.name for town in TOWNS], n=1, cutoff=0.75)
    return found[0] if found else None
