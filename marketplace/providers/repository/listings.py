"""Questions asked of listings by the organisation that owns them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import NotFound
from marketplace.providers.models import Listing


class ListingRepository:
    """Reads the listings of one organisation, and of one worker where the role is a worker's own."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def own(self, organisation_id: UUID) -> Sequence[Listing]:
        """Return the listings of an organisation by title."""
        return (
            await self.db.scalars(
                select(Listing)
                .where(Listing.organisation_id == organisation_id)
                .order_by(Listing.title, Listing.id)
                .limit(200)
            )
        ).all()

    async def find(self, organisation_id: UUID, listing_id: UUID, *, locked: bool = False) -> Listing:
        """Return an organisation's listing.

        Raises:
            NotFound: There is none, or it is another organisation's.
        """
        question = select(Listing).where(Listing.organisation_id == organisation_id, Listing.id == listing_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found
