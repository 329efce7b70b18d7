"""Keeps the search index true."""

from datetime import timedelta
from uuid import UUID

from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import task
from marketplace.core.schedule import every
from marketplace.providers.events import (
    AccreditationChanged,
    DirectoryImported,
    ListingChanged,
    SearchIndexLost,
    SynonymsChanged,
)
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.service.market_index import process_search, rebuild_index, refresh_listings, refresh_turning

# These tasks claim nothing: they write no row, and doing one twice leaves the index as it should be.


@task("providers.index_listing", on=ListingChanged)
async def index_listing(message_id: UUID, event: ListingChanged) -> None:
    """Put a changed listing into the index, or take it out."""
    async with transaction(session_maker()) as db:
        await refresh_listings(db, process_search(), [event.listing_id])


@task("providers.index_accreditation", on=AccreditationChanged)
async def index_accreditation(message_id: UUID, event: AccreditationChanged) -> None:
    """Bring the listings of an organisation up to date: its accreditation decides whether and how they are shown."""
    async with transaction(session_maker()) as db:
        ids = await MarketRepository(db).listing_ids_of(event.organisation_id)
        await refresh_listings(db, process_search(), ids)


@task("providers.index_directory", on=DirectoryImported)
async def index_directory(message_id: UUID, event: DirectoryImported) -> None:
    """Make the index anew after an import: most of it may have changed."""
    await rebuild_index(process_search().backend, session_maker())


@task("providers.restore_index", on=SearchIndexLost)
async def restore_index(message_id: UUID, event: SearchIndexLost) -> None:
    """Make a lost index anew; nothing to do when another task was first."""
    search = process_search()
    if not await search.is_healthy():
        await rebuild_index(search.backend, session_maker())


@task("providers.index_synonyms", on=SynonymsChanged)
async def index_synonyms(message_id: UUID, event: SynonymsChanged) -> None:
    """Make the index anew: its rows are marked with the phrases that have synonyms."""
    await rebuild_index(process_search().backend, session_maker())


@every(timedelta(hours=1), "providers.turn_accreditations")
async def turn_accreditations() -> None:
    """Bring listings up to date whose accreditation begins or ends today: no event tells of a date that comes."""
    search = process_search()
    async with transaction(session_maker()) as db:
        market = MarketRepository(db)
        for organisation_id in await market.organisations_turning(today(clock_of(db))):
            await refresh_listings(db, search, await market.listing_ids_of(organisation_id))


@every(timedelta(hours=6), "providers.turn_rooms")
async def turn_rooms() -> None:
    """Bring listings up to date whose price, room or time left changes with the date: no event tells of that."""
    async with transaction(session_maker()) as db:
        await refresh_turning(db, process_search())
