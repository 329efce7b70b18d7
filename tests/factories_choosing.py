"""Rows for tests of choosing."""

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.providers.models import Listing, SavedList, SavedListItem
from tests.factories import Member


async def make_saved_list(db: AsyncSession, owner: Member, *listings: Listing, **given: Any) -> SavedList:
    """Somebody's list with some listings on it, added a minute apart."""
    now = clock_of(db).now()
    values = {
        "council_id": owner.council.id,
        "owner_user_id": owner.user.id,
        "name": "Help at home",
        "created_at": now,
        "updated_at": now,
    }
    saved = SavedList(**{**values, **given})
    db.add(saved)
    await db.flush()
    for number, listing in enumerate(listings):
        db.add(
            SavedListItem(
                council_id=saved.council_id,
                list_id=saved.id,
                found_id=str(listing.id),
                name=listing.title,
                added_at=now + timedelta(minutes=number),
            )
        )
    await db.flush()
    # A browser's request expires the session's rows; tests go on to use this one.
    db.expunge(saved)
    return saved
