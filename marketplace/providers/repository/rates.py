"""Questions asked of listings' dated rates."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import ListingRate


class RateRepository:
    """Reads and clears the rates of listings. They are public, so no question starts from a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def of(self, listing_id: UUID) -> list[ListingRate]:
        """Return all rates of a listing, past and future ones too, by kind of day and start."""
        return (await self.of_many([listing_id])).get(listing_id, [])

    async def of_many(self, listing_ids: Iterable[UUID]) -> dict[UUID, list[ListingRate]]:
        """Return the same for many listings: `rates[listing_id]`; one without rates is left out."""
        found: dict[UUID, list[ListingRate]] = {}
        rows = await self.db.scalars(
            select(ListingRate)
            .where(ListingRate.listing_id.in_(list(listing_ids)))
            .order_by(ListingRate.day_kind, ListingRate.starts_on)
        )
        for row in rows:
            found.setdefault(row.listing_id, []).append(row)
        return found

    async def clear(self, listing_id: UUID) -> None:
        """Take all rates of a listing away, to write them anew."""
        await self.db.execute(delete(ListingRate).where(ListingRate.listing_id == listing_id))
