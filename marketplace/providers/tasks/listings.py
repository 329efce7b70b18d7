"""Listings: their drafts, the council's checks, and those that nobody confirmed for long."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.messaging import MessagingService
from marketplace.providers.events import (
    DraftDecided,
    DraftSubmitted,
    ListingTakenOff,
    ListingWentStale,
)
from marketplace.providers.repository.drafts import DraftRepository
from marketplace.providers.repository.listings import ListingRepository
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.service.listings.drafts import draft_title
from marketplace.providers.service.listings.stale import BATCH, ask_and_hide


@task("providers.tell_draft_submitted", on=DraftSubmitted)
async def tell_draft_submitted(message_id: UUID, event: DraftSubmitted) -> None:
    """Tell the council's accreditors that a listing waits for their check."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "providers.tell_draft_submitted", message_id):
            draft = await DraftRepository(db).find(event.council_id, event.draft_id)
            organisation = await ListingRepository(db).organisation(event.organisation_id)
            context = {
                "organisation_name": organisation.name,
                "title": draft_title(draft),
                "is_new": draft.listing_id is None,
                "link": f"{site_address()}/listing-checks/{draft.id}",
            }
            await MessagingService(db).tell(event.council_id, "listing_to_check", context, role=Role.ACCREDITOR)


@task("providers.tell_draft_decided", on=DraftDecided)
async def tell_draft_decided(message_id: UUID, event: DraftDecided) -> None:
    """Tell the provider that the listing is on the market, or what should change."""
    async with transaction(session_maker(), "every") as db:
        if await first_time(db, "providers.tell_draft_decided", message_id):
            draft = await DraftRepository(db).find(event.council_id, event.draft_id)
            page = f"/market/{draft.listing_id}" if event.is_published else f"/provider/listings/drafts/{draft.id}"
            context = {"title": draft_title(draft), "reason": draft.reason, "link": f"{site_address()}{page}"}
            template = "listing_published" if event.is_published else "listing_sent_back"
            await _tell_provider(db, draft.organisation_id, template, context)


@task("providers.tell_listing_stale", on=ListingWentStale)
async def tell_listing_stale(message_id: UUID, event: ListingWentStale) -> None:
    """Ask the provider whether a listing is still right, or say that it is hidden until they do."""
    async with transaction(session_maker(), "every") as db:
        if await first_time(db, "providers.tell_listing_stale", message_id):
            listing = await DraftRepository(db).listing(event.listing_id)
            link = f"{site_address()}/provider/listings/{event.listing_id}/still-right"
            template = "listing_hidden" if event.is_hidden else "listing_still_right"
            await _tell_provider(db, event.organisation_id, template, {"title": listing.title, "link": link})


@task("providers.tell_listing_taken_off", on=ListingTakenOff)
async def tell_listing_taken_off(message_id: UUID, event: ListingTakenOff) -> None:
    """Tell the provider that the council took a listing off the market, or put it back."""
    async with transaction(session_maker(), "every") as db:
        if await first_time(db, "providers.tell_listing_taken_off", message_id):
            listing = await DraftRepository(db).listing(event.listing_id)
            context = {
                "title": listing.title,
                "reason": event.reason,
                "is_off": event.is_off,
                "link": f"{site_address()}/provider/listings/{listing.id}",
            }
            await _tell_provider(db, event.organisation_id, "listing_taken_off", context)


@every(timedelta(days=1), "providers.ask_about_listings")
async def ask_about_listings() -> None:
    """Ask about listings that nobody confirmed for long, and hide those that stayed unanswered, in small batches."""
    async with transaction(session_maker()) as db:
        councils: list[UUID | None] = [row.id for row in await MarketRepository(db).councils()]
    for council_id in [*councils, None]:
        batch = BATCH
        while batch == BATCH:
            async with transaction(session_maker(), "every") as db:
                batch = max(await ask_and_hide(db, council_id))


async def _tell_provider(db: AsyncSession, organisation_id: UUID, template: str, context: dict[str, Any]) -> None:
    # Its people may hold their role in another council than the one that checks the listing.
    council_id = await ListingRepository(db).council_of_people(organisation_id)
    if council_id is not None:
        await MessagingService(db).tell(council_id, template, context, organisation_id=organisation_id)
