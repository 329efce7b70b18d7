"""Questions asked of listings' daily figures."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import ListingDay


class FigureRepository:
    """Adds to and reads the figures: counts by listing and day, nothing about who looked."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def add(self, listing_id: UUID, day: date, counts: dict[str, int]) -> None:
        """Add to a day's counts, in one statement that two readers at once do not spoil."""
        row = insert(ListingDay).values(
            listing_id=listing_id, day=day, **{"views": 0, "questions": 0, "bookings": 0, "saves": 0, **counts}
        )
        await self.db.execute(
            row.on_conflict_do_update(
                index_elements=["listing_id", "day"],
                set_={name: getattr(ListingDay, name) + getattr(row.excluded, name) for name in counts},
            )
        )

    async def days(self, listing_ids: Sequence[UUID], first: date, until: date) -> Sequence[ListingDay]:
        """Return the days in [first, until) on which anything happened, oldest first."""
        return (
            await self.db.scalars(
                select(ListingDay)
                .where(ListingDay.listing_id.in_(listing_ids), ListingDay.day >= first, ListingDay.day < until)
                .order_by(ListingDay.day, ListingDay.listing_id)
                .execution_options(populate_existing=True)
            )
        ).all()
