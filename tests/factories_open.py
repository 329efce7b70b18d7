"""Rows around a listing: evidence, dated rates, hours."""

from datetime import date, time
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.providers.models import (
    DayKind,
    Evidence,
    EvidenceKind,
    Listing,
    ListingHours,
    ListingRate,
    Organisation,
)
from tests.factories import START, make_council, make_member


async def make_evidence(db: AsyncSession, organisation: Organisation, kind: EvidenceKind, **given: Any) -> Evidence:
    """Evidence that an accreditor has seen; it counts until the end of 2027."""
    officer = await make_member(db, Role.ACCREDITOR, await make_council(db))
    values = {
        "organisation_id": organisation.id,
        "kind": kind,
        "detail": "Policy 12345",
        "issued_on": START,
        "expires_on": date(2028, 1, 1),
        "given_at": clock_of(db).now(),
        "seen_by_user_id": officer.user.id,
        "seen_at": clock_of(db).now(),
    }
    row = Evidence(**{**values, **given})
    db.add(row)
    await db.flush()
    return row


async def make_rate(db: AsyncSession, listing: Listing, day_kind: DayKind, price_pence: int, **given: Any) -> None:
    """A rate from the start of the year."""
    values = {"listing_id": listing.id, "day_kind": day_kind, "price_pence": price_pence, "starts_on": START}
    db.add(ListingRate(**{**values, **given}))
    await db.flush()


async def make_hours(db: AsyncSession, listing: Listing, *hours: tuple[int, time, time]) -> None:
    """Weekly hours of an offer: weekday, from, until."""
    for weekday, starts, ends in hours:
        db.add(ListingHours(listing_id=listing.id, weekday=weekday, starts_local=starts, ends_local=ends))
    await db.flush()
