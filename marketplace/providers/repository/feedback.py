"""Questions asked of published feedback: what the public page of a listing shows."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import Listing, ListingFeedback

PAGE: Final = 10
STAR_WORDS: Final = {
    5: "5 stars: very good",
    4: "4 stars: good",
    3: "3 stars: all right",
    2: "2 stars: poor",
    1: "1 star: very poor",
}
"""Stars written out, so that nobody needs to see a colour or a sign; the best first."""


class FeedbackPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of what people say about a listing, for `providers/_feedback.html`."""

    rows: Sequence[ListingFeedback]
    """Newest first."""
    star_words: Mapping[int, str]
    """Stars of a row in words."""
    spread: tuple[tuple[str, int], ...]
    """Stars in words and how many gave them, the best first; every step is there."""
    total: int
    average: str
    """Such as "4.3 out of 5"; empty without feedback."""
    page: int
    pages: int


def average_words(count: int, stars: int) -> str:
    """Write the average of ratings that sum to `stars`: "4.3 out of 5", half a tenth rounded up; "" for none."""
    if count <= 0:
        return ""
    tenths = (stars * 20 + count) // (count * 2)
    return f"{tenths // 10}.{tenths % 10} out of 5"


async def feedback_of(db: AsyncSession, listing_id: UUID, page: int = 1) -> FeedbackPage:
    """Return a page of the published feedback of a listing. A page behind the end is the last one."""
    counts = await db.execute(
        select(ListingFeedback.stars, func.count())
        .where(ListingFeedback.listing_id == listing_id)
        .group_by(ListingFeedback.stars)
    )
    by_stars: dict[int, int] = {row[0]: row[1] for row in counts}
    total = sum(by_stars.values())
    pages = max(1, -(-total // PAGE))
    page = min(max(1, page), pages)
    rows: Sequence[ListingFeedback] = []
    if total:
        question = (
            select(ListingFeedback)
            .where(ListingFeedback.listing_id == listing_id)
            .order_by(ListingFeedback.published_at.desc(), ListingFeedback.feedback_id.desc())
            .limit(PAGE)
            .offset((page - 1) * PAGE)
        )
        rows = (await db.scalars(question)).all()
    stars = sum(step * count for step, count in by_stars.items())
    return FeedbackPage(
        rows=rows,
        star_words=STAR_WORDS,
        spread=tuple((words, by_stars.get(step, 0)) for step, words in STAR_WORDS.items()),
        total=total,
        average=average_words(total, stars),
        page=page,
        pages=pages,
    )


class FeedbackRepository:
    """Reads and locks what is published about listings. Its rows are public and belong to no council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def hold_listing(self, listing_id: UUID) -> None:
        """Hold a listing until the transaction ends, so that two who count its feedback come one after the other.

        A count in the statement that waits for the other would still read what stood before that other one.
        """
        await self.db.execute(select(Listing.id).where(Listing.id == listing_id).with_for_update(key_share=True))

    async def find(self, feedback_id: UUID) -> ListingFeedback | None:
        """Return a published piece of feedback."""
        return await self.db.get(ListingFeedback, feedback_id, populate_existing=True)
