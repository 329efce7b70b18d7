"""Where somebody searches: the place they typed."""

from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.places import Postcode, parse_outward
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.repository.market_facts import MarketFacts
from marketplace.providers.repository.places import PlaceRepository, near_town
from search import AsyncSearch

ENGLAND_ONLY: Final = "This service covers England."


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """The searcher's place, as far as we know it."""

    lat: float | None = None
    lon: float | None = None
    lad_code: str | None = None
    label: str = ""
    """As results name it: "PR1 2HE", "Preston"."""
    notice: str = ""
    """What to tell the searcher about the place, "" when all is well."""
    near: str = ""
    """A town that a misspelt name may mean."""
    council_id: UUID | None = None
    """The council of this installation that the place lies in."""
    council_name: str = ""

    @property
    def point(self) -> tuple[float, float] | None:
        """Latitude and longitude, None without a place."""
        return (self.lat, self.lon) if self.lat is not None and self.lon is not None else None


class MarketPlaces:
    """Finds the place of a search."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None) -> None:
        """Take a session and the engine of this process, None to use PostgreSQL alone."""
        self.db = db
        self.engine = search
        self.market = MarketRepository(db)
        self.facts = MarketFacts(db)

    async def where(self, text: str) -> Where:
        """Find the place that somebody typed; what we do not know becomes a notice, never an error."""
        if not text:
            return Where()
        places = PlaceRepository(self.db)
        postcode = Postcode.parse(text)
        outward = parse_outward(text) if postcode is None else postcode.outward
        if (postcode is not None and postcode.is_northern_ireland) or (outward or "").startswith("BT"):
            return Where(
                notice=f"{ENGLAND_ONLY} For care in Northern Ireland, contact your local Health and "
                "Social Care Trust. You can still search with a postcode or town in England."
            )
        if postcode is not None:
            found = await self.facts.place(postcode)
            if found is not None:
                return Where(
                    lat=found.lat,
                    lon=found.lon,
                    lad_code=found.lad_code,
                    label=postcode.text,
                    council_id=found.council_id,
                    council_name=found.council_name,
                )
        if outward is not None:
            middle = await places.outward(outward)
            if middle is not None:
                notice = f"We do not know {postcode.text}. These results are around {outward}." if postcode else ""
                return Where(lat=middle[0], lon=middle[1], label=outward, notice=notice)
        if postcode is None:
            town = await places.town(text)
            if town is not None:
                (lat, lon), name = town
                return Where(lat=lat, lon=lon, label=name)
        return Where(
            notice=f"We do not know the place “{text}”. These results are not limited to an area. Check the postcode, "
            "or try the name of a town.",
            near=near_town(text) or "" if postcode is None and outward is None else "",
        )
