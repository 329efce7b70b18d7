"""What was looked for and not found: counting it, and reading the counts."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import any_, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.core.ids import new_id
from marketplace.core.models import PostcodeRow
from marketplace.providers.models import Accreditation, Listing, Organisation, UnmetNeed, UnmetSource
from marketplace.providers.repository.accreditations import live_on

NEAR_DEGREES = 0.02
"""Half the side of the box in which a postcode tells the district of a town's middle: about two kilometres."""


class Want(NamedTuple):
    """One kind of wish at one place, as it is counted."""

    source: UnmetSource
    category: str
    wanted: str
    outward: str
    lad_code: str
    days: str
    times_of_day: str


class Counted(NamedTuple):
    """A wish with how often it was met with nothing."""

    day: date
    source: UnmetSource
    category: str
    wanted: str
    outward: str
    lad_code: str
    days: str
    times_of_day: str
    times: int


class DemandRepository:
    """Reads and counts unmet need. The caller's transaction is limited to the council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def council_of(self, lad_code: str) -> Council | None:
        """Return the council that serves a district, if one here does."""
        return (
            await self.db.scalars(select(Council).where(literal(lad_code) == any_(Council.district_codes)).limit(1))
        ).first()

    async def council_by_slug(self, slug: str) -> Council | None:
        """Return a council by its short address."""
        return (await self.db.scalars(select(Council).where(Council.slug == slug))).first()

    async def district_near(self, lat: float, lon: float) -> tuple[str, str] | None:
        """Return the district and the outward code of some postcode near a point. Reads the table: keep the answer."""
        row = (
            await self.db.execute(
                select(PostcodeRow.lad_code, PostcodeRow.postcode)
                .where(
                    PostcodeRow.lat.between(lat - NEAR_DEGREES, lat + NEAR_DEGREES),
                    PostcodeRow.lon.between(lon - NEAR_DEGREES, lon + NEAR_DEGREES),
                )
                .limit(1)
            )
        ).first()
        return (row[0], row[1].split(" ")[0]) if row else None

    async def add(self, council_id: UUID, day: date, want: Want) -> None:
        """Count a wish once more."""
        row = insert(UnmetNeed).values(id=new_id(), council_id=council_id, day=day, times=1, **want._asdict())
        await self.db.execute(
            row.on_conflict_do_update(
                index_elements=["council_id", "day", *Want._fields], set_={"times": UnmetNeed.times + 1}
            )
        )

    async def counted(self, council_id: UUID, from_day: date, until_day: date) -> Sequence[Counted]:
        """Return the counts of a council in [from_day, until_day), a row for each kind of wish and day."""
        columns = (UnmetNeed.day, *(getattr(UnmetNeed, name) for name in Want._fields))
        rows = await self.db.execute(
            select(*columns, func.sum(UnmetNeed.times))
            .where(UnmetNeed.council_id == council_id, UnmetNeed.day >= from_day, UnmetNeed.day < until_day)
            .group_by(*columns)
        )
        return [Counted._make((*row[:-1], int(row[-1]))) for row in rows]

    async def supply(self, council_id: UUID, day: date) -> dict[str, int]:
        """Return how many offers on the market come from organisations the council accredits, by category."""
        rows = await self.db.execute(
            select(Listing.category, func.count())
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .where(
                Listing.is_published,
                Listing.hidden_why.is_(None),
                Organisation.id.in_(
                    select(Accreditation.organisation_id).where(Accreditation.council_id == council_id, live_on(day))
                ),
            )
            .group_by(Listing.category)
        )
        return {category.value: int(number) for category, number in rows}
