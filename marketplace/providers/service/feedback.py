"""What `quality` pushes down: the published copy of feedback, and the counts that search and results show.

Counts are always made anew from the rows, never by adding one, so that no order of events can make them wrong.
"""

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.outbox import publish as publish_event
from marketplace.providers.events import ListingChanged
from marketplace.providers.models import Listing, ListingFeedback
from marketplace.providers.repository.feedback import FeedbackRepository


class PublicFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What of a piece of feedback may stand on a public page."""

    feedback_id: UUID
    listing_id: UUID
    stars: int
    words: str
    signed: str
    visit_on: date
    published_at: datetime
    reply: str = ""
    replied_at: datetime | None = None


class PublishedFeedbackService:
    """Writes the published copies. Its callers have checked who may do so."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.feedback = FeedbackRepository(db)

    async def publish(self, council_id: UUID, given: PublicFeedback) -> None:
        """Put feedback on the page of its listing, or write it there anew."""
        await self.feedback.hold_listing(given.listing_id)
        row = await self.feedback.find(given.feedback_id)
        if row is None:
            row = ListingFeedback(feedback_id=given.feedback_id, listing_id=given.listing_id)
            self.db.add(row)
        row.stars, row.words, row.signed = given.stars, given.words, given.signed
        row.visit_month = given.visit_on.replace(day=1)
        row.reply, row.replied_at = given.reply, given.replied_at
        row.published_at = given.published_at
        await self._count(council_id, given.listing_id)

    async def withdraw(self, council_id: UUID, feedback_id: UUID, listing_id: UUID) -> None:
        """Take feedback off the page of its listing. Does nothing when it is not there."""
        await self.feedback.hold_listing(listing_id)
        row = await self.feedback.find(feedback_id)
        if row is not None:
            await self.db.delete(row)
        await self._count(council_id, listing_id)

    async def reply(self, feedback_id: UUID, reply: str, replied_at: datetime | None) -> None:
        """Show the provider's reply with the feedback. Does nothing when the feedback is not on the page."""
        row = await self.feedback.find(feedback_id)
        if row is not None:
            row.reply, row.replied_at = reply, replied_at
            await self.db.flush()

    async def _count(self, council_id: UUID, listing_id: UUID) -> None:
        await self.db.flush()
        own = ListingFeedback.listing_id == listing_id
        await self.db.execute(
            update(Listing)
            .where(Listing.id == listing_id)
            .values(
                feedback_count=select(func.count()).where(own).scalar_subquery(),
                feedback_stars=select(func.coalesce(func.sum(ListingFeedback.stars), 0)).where(own).scalar_subquery(),
            )
        )
        publish_event(self.db, ListingChanged(council_id=council_id, listing_id=listing_id))
