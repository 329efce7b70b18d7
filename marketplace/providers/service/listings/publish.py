"""Putting a draft on the market: the listing, its rates and hours, a version, and the word to everybody."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish as tell
from marketplace.providers.events import ListingChanged
from marketplace.providers.models import (
    CapacityKind,
    HiddenWhy,
    Listing,
    ListingDraft,
    ListingHours,
    ListingRate,
    ListingVersion,
)
from marketplace.providers.repository.drafts import DraftRepository
from marketplace.providers.repository.listings import ListingRepository
from marketplace.providers.repository.rates import RateRepository
from marketplace.providers.service.listings.facts import ListingFacts, changed_fields, facts_of
from marketplace.providers.states import DRAFT, DraftStatus


async def put_on_market(
    db: AsyncSession,
    principal: Principal,
    draft: ListingDraft,
    facts: ListingFacts,
    room: Mapping[str, Any],
    worker_id: UUID | None,
    *,
    is_council: bool,
    why: str = "",
) -> Listing:
    """Turn a draft, which the caller has locked, into a listing or into changes to one.

    Args:
        db: The transaction.
        principal: Who publishes: the provider, or somebody at the council.
        draft: What is published.
        facts: What it says.
        room: Room there is, for a new listing.
        worker_id: The one worker the listing is of.
        is_council: The council has looked at it.
        why: What the council adds.
    """
    now = clock_of(db).now()
    listings = ListingRepository(db)
    by = draft.created_by_user_id if is_council else principal.user_id
    before: ListingFacts | None = None
    if draft.listing_id is None:
        listing = Listing(
            organisation_id=draft.organisation_id,
            worker_id=worker_id,
            created_at=now,
            updated_at=now,
            **facts.columns(),
        )
        if room.get("capacity_free") is not None:
            listing.capacity_kind = CapacityKind(room["capacity_kind"])
            listing.capacity_free, listing.capacity_said_at = room["capacity_free"], now
        db.add(listing)
        await db.flush()
    else:
        listing = await DraftRepository(db).listing(draft.listing_id, locked=True)
        before = await facts_now(db, listing)
        await _first_version(db, listing, before)
        for name, value in facts.columns().items():
            setattr(listing, name, value)
        listing.updated_at = now
    listing.confirmed_at, listing.reminded_at = now, None
    if listing.hidden_why is HiddenWhy.STALE:
        listing.hidden_why = None
    if is_council:
        listing.checked_by_council_id, listing.checked_at = draft.council_id, now
    await RateRepository(db).clear(listing.id)
    await listings.clear_hours(listing.id)
    db.add_all(
        ListingRate(
            id=new_id(),
            listing_id=listing.id,
            day_kind=rate.day_kind,
            price_pence=rate.price_pence,
            starts_on=rate.starts_on,
            ends_on=rate.ends_on,
        )
        for rate in facts.rates
    )
    db.add_all(
        ListingHours(
            id=new_id(),
            listing_id=listing.id,
            weekday=hour.weekday,
            starts_local=hour.starts_local,
            ends_local=hour.ends_local,
        )
        for hour in facts.hours
    )
    await db.flush()
    changed = await add_version(db, listing, facts, by, now)
    draft.listing_id = listing.id
    draft.updated_at = now
    draft.decided_at = now
    draft.decided_by_user_id = principal.user_id
    DRAFT.move(db, draft, DraftStatus.PUBLISHED, by=principal.user_id, why=why)
    await db.flush()
    old, new = before.content() if before else {}, facts.content()
    audit.record(
        db,
        principal,
        "providers.publish_listing",
        council_id=draft.council_id,
        subject_kind="listing",
        subject_id=listing.id,
        before={name: old.get(name) for name in changed} if before else None,
        after={name: new[name] for name in changed},
        why=why,
    )
    tell(db, ListingChanged(council_id=draft.council_id, listing_id=listing.id))
    return listing


async def facts_now(db: AsyncSession, listing: Listing) -> ListingFacts:
    """Read the facts of a listing as it stands."""
    return facts_of(listing, await RateRepository(db).of(listing.id), await ListingRepository(db).hours(listing.id))


async def add_version(
    db: AsyncSession, listing: Listing, facts: ListingFacts, by: UUID | None, at: datetime
) -> list[str]:
    """Keep what a listing says from now on. Returns the names of the facts that changed; the caller has locked it."""
    last = await ListingRepository(db).last_version(listing.id)
    content = facts.content()
    changed = changed_fields(last.content if last else {}, content)
    if last is None or changed:
        db.add(
            ListingVersion(
                id=new_id(),
                listing_id=listing.id,
                number=last.number + 1 if last else 1,
                content=content,
                changed=changed if last else [],
                changed_by_user_id=by,
                changed_at=at,
            )
        )
        await db.flush()
    return changed


async def _first_version(db: AsyncSession, listing: Listing, facts: ListingFacts) -> None:
    """Keep what a listing said before its first change here, so that the change can be read."""
    if await ListingRepository(db).last_version(listing.id) is None:
        await add_version(db, listing, facts, None, listing.updated_at)
