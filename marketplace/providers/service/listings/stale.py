"""Listings that nobody has confirmed for long: first their providers are asked, later they are hidden."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit, setting
from marketplace.accounts.council_settings import DEFAULTS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.outbox import publish
from marketplace.providers.events import EVERYWHERE, ListingChanged, ListingWentStale
from marketplace.providers.models import HiddenWhy, Listing
from marketplace.providers.repository.listings import ListingRepository

BATCH: Final = 200
LEAST_DAYS_TO_ANSWER: Final = 7
"""A listing is hidden a week after its provider was asked at the earliest, however old it is."""


async def days_of(db: AsyncSession, home_council_id: UUID | None) -> tuple[int, int]:
    """Return after how many days a council's providers are asked, and after how many a listing is hidden."""
    key = "providers.stale_days"
    value = DEFAULTS[key] if home_council_id is None else await setting(db, home_council_id, key, today(clock_of(db)))
    return int(value["remind"]), int(value["hide"])


async def ask_and_hide(db: AsyncSession, home_council_id: UUID | None) -> tuple[int, int]:
    """Ask about the stale listings of one council's organisations and hide those that stayed unanswered.

    Args:
        db: A transaction that reaches the councils concerned.
        home_council_id: Home council of the organisations; None: those without one.

    Returns:
        How many were asked about and how many were hidden; up to `BATCH` each, so call again while it is full.
    """
    now = clock_of(db).now()
    remind, hide = await days_of(db, home_council_id)
    listings = ListingRepository(db)
    to_hide = await listings.quiet(
        home_council_id,
        now - timedelta(days=hide),
        asked_before=now - timedelta(days=min(LEAST_DAYS_TO_ANSWER, max(hide - remind, 0))),
        limit=BATCH,
    )
    to_ask = await listings.quiet(home_council_id, now - timedelta(days=remind), asked_before=None, limit=BATCH)
    councils = await listings.councils_of({row.organisation_id for row in [*to_hide, *to_ask]})
    for listing in to_hide:
        listing.hidden_why = HiddenWhy.STALE
        council_id = councils.get(listing.organisation_id)
        if council_id is not None:
            audit.record(
                db,
                None,
                "providers.hide_stale_listing",
                council_id=council_id,
                subject_kind="listing",
                subject_id=listing.id,
                after={"hidden_why": HiddenWhy.STALE},
                why=f"Nobody confirmed it for {hide} days",
            )
        publish(db, ListingChanged(council_id=council_id or EVERYWHERE, listing_id=listing.id))
        _tell(db, listing, council_id, is_hidden=True)
    for listing in to_ask:
        listing.reminded_at = now
        _tell(db, listing, councils.get(listing.organisation_id), is_hidden=False)
    await db.flush()
    return len(to_ask), len(to_hide)


def _tell(db: AsyncSession, listing: Listing, council_id: UUID | None, *, is_hidden: bool) -> None:
    # An organisation for which nobody acts has nobody to be asked.
    if council_id is not None:
        publish(
            db,
            ListingWentStale(
                council_id=council_id,
                listing_id=listing.id,
                organisation_id=listing.organisation_id,
                is_hidden=is_hidden,
            ),
        )
