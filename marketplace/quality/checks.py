"""Invariants of feedback, for `marketplace check`: what is public comes from visits that took place.

They look at the rows alone and need a transaction that reaches every council.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import Check

EXAMPLES = 5


async def feedback_from_approved_visits(db: AsyncSession) -> Check:
    """Feedback belongs to a confirmed visit of the same person, listing and council."""
    broken = await _ids(
        db,
        """
        SELECT f.id FROM feedback f JOIN bookings b ON b.id = f.booking_id
        WHERE b.status <> 'approved' OR (b.council_id, b.person_id, b.listing_id, b.organisation_id, b.worker_id)
            IS DISTINCT FROM (f.council_id, f.person_id, f.listing_id, f.organisation_id, f.worker_id)
        """,
    )
    return _check("Feedback is about a confirmed visit", await _count(db, "feedback"), broken)


async def published_feedback_is_shown(db: AsyncSession) -> Check:
    """What stands on listings' pages is exactly what is published, word for word."""
    broken = await _ids(
        db,
        """
        SELECT coalesce(f.id, l.feedback_id) FROM (SELECT * FROM feedback WHERE status = 'published') f
        FULL JOIN listing_feedback l ON l.feedback_id = f.id
        WHERE (f.listing_id, f.stars, f.words, f.signed, f.reply, f.replied_at)
            IS DISTINCT FROM (l.listing_id, l.stars, l.words, l.signed, l.reply, l.replied_at)
        """,
    )
    return _check("Published feedback stands on its listing’s page", await _count(db, "listing_feedback"), broken)


async def feedback_counts_equal_rows(db: AsyncSession) -> Check:
    """Count and sum of stars of each listing equal the rows on its page."""
    broken = await _ids(
        db,
        """
        SELECT l.id FROM listings l
        LEFT JOIN (SELECT listing_id, count(*) AS n, sum(stars) AS stars FROM listing_feedback GROUP BY listing_id) f
            ON f.listing_id = l.id
        WHERE (l.feedback_count, l.feedback_stars) <> (coalesce(f.n, 0), coalesce(f.stars, 0))
        """,
    )
    return _check("Counts of feedback equal the rows", await _count(db, "listings"), broken)


CHECKS = (feedback_from_approved_visits, published_feedback_is_shown, feedback_counts_equal_rows)


async def _count(db: AsyncSession, table: str) -> int:
    return int(await db.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def _ids(db: AsyncSession, statement: str) -> list[str]:
    return [str(row) for row in await db.scalars(text(f"{statement} LIMIT {EXAMPLES + 1}"))]


def _check(name: str, checked: int, broken: list[str]) -> Check:
    more = " and more" if len(broken) > EXAMPLES else ""
    return Check(name, not broken, checked, f"Breaks at {', '.join(broken[:EXAMPLES])}{more}" if broken else "")
