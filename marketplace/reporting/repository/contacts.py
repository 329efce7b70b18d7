"""Offers that staff at the front door tell people of."""

from collections.abc import Collection
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import Listing, Organisation, Worker
from marketplace.providers.repository.market import on_the_market

MOST_OFFERS: Final = 10
"""Offers that one search shows."""
MOST_TICKED: Final = 50
"""Offers that one contact names at most."""


class OfferWords:
    """Names of offers on the market."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def named(self, ids: Collection[str]) -> dict[str, str]:
        """Return "title, organisation" by id, also of offers that are on the market no more."""
        if not ids:
            return {}
        return await self._ask(Listing.id.in_([UUID(item) for item in ids]))

    async def on_market(self, ids: Collection[UUID], day: date) -> dict[str, str]:
        """Return "title, organisation" by id, of those that are on the market."""
        return await self._ask(Listing.id.in_(list(ids)), on_the_market(day)) if ids else {}

    async def like(self, words: str, day: date) -> dict[str, str]:
        """Return offers on the market with the words in their title, summary or organisation's name, ten at most."""
        found = or_(
            Listing.title.icontains(words, autoescape=True),
            Listing.summary.icontains(words, autoescape=True),
            Organisation.name.icontains(words, autoescape=True),
        )
        return await self._ask(found, on_the_market(day), most=MOST_OFFERS) if words else {}

    async def _ask(self, *conditions: ColumnElement[bool], most: int = MOST_TICKED) -> dict[str, str]:
        rows = await self.db.execute(
            select(Listing.id, Listing.title, Organisation.name)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .outerjoin(Worker, Worker.id == Listing.worker_id)
            .where(*conditions)
            .order_by(Listing.title, Listing.id)
            .limit(most)
        )
        return {str(listing_id): f"{title}, {name}" for listing_id, title, name in rows}
