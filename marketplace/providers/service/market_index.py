"""Keeps the search index true to PostgreSQL: documents from rows, changes as they come, all of it anew when lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import date
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import GENDER_LABELS, INTERESTS, NEEDS, Gender
from marketplace.core.clock import today
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.errors import Unavailable
from marketplace.providers.models import CATEGORY_LABELS, Accreditation, PriceUnit, WorkerHours
from marketplace.providers.repository.market import REGISTER_PREFIX, ListingRow, MarketRepository
from marketplace.providers.repository.synonyms import SynonymRepository
from marketplace.providers.service.register import register_document
from marketplace.providers.service.words import KIND_OF, hours_keywords
from search import AsyncSearch, ListingDocument, SearchBackend
from search.documents import NOT_RATED

log = structlog.get_logger(__name__)

BATCH = 1_000
"""Rows read at once for a rebuild."""
READ_SECONDS = 60
"""Longest wait of the building thread for one batch."""

_search: AsyncSearch | None = None


def use_search(search: AsyncSearch | None) -> None:
    """Set the search engine of this process (start-up, tests)."""
    global _search
    _search = search


def process_search() -> AsyncSearch:
    """Return the search engine of this process, for tasks.

    Raises:
        Unavailable: This process opened none.
    """
    if _search is None:
        raise Unavailable("The search index is not open in this process.")
    return _search


def listing_document(
    row: ListingRow, hours: Sequence[WorkerHours], accreditations: Sequence[Accreditation]
) -> ListingDocument:
    """Turn a listing into what is searched."""
    listing, organisation, worker, location = row
    lat, lon = shown_point(row)
    gender = worker.gender if worker is not None and worker.gender is not Gender.NOT_SAID else None
    return ListingDocument(
        id=str(listing.id),
        name=listing.title,
        provider=organisation.name,
        category=listing.category.value,
        kind=KIND_OF[listing.category],
        summary=listing.summary,
        body=" ".join(part for part in (listing.body, organisation.summary, worker.bio if worker else "") if part),
        keywords=[CATEGORY_LABELS[listing.category], *hours_keywords(hours)],
        suits=[NEEDS.get(code, code) for code in listing.suits],
        languages=listing.languages,
        interests=[INTERESTS.get(code, code) for code in listing.interests],
        gender=GENDER_LABELS[gender] if gender else None,
        town=listing.town,
        postcode_area=listing.postcode_area,
        lat=lat,
        lon=lon,
        radius_metres=listing.radius_metres,
        nationwide=listing.is_nationwide,
        districts=listing.district_codes,
        price_pence=price_of(row),
        price_unit=listing.price_unit.value,
        rating=(location.rating_overall if location else "") or NOT_RATED,
        councils=sorted({str(accreditation.council_id) for accreditation in accreditations}),
        updated_at=listing.updated_at.isoformat(),
    )


def price_of(row: ListingRow) -> int | None:
    """Give the price in pence, None for "on request" (a price of nothing that is not called free)."""
    listing = row.listing
    return listing.price_pence if listing.price_pence or listing.price_unit is PriceUnit.FREE else None


def shown_point(row: ListingRow) -> tuple[float | None, float | None]:
    """Give the base of a listing as exact as anybody may know it.

    That of one worker is their home: it is rounded to a hundredth of a degree (about a kilometre), in the index too,
    so that searching from several places cannot find the house.
    """
    listing = row.listing
    if listing.lat is None or listing.lon is None:
        return None, None
    if row.worker is not None:
        return round(listing.lat, 2), round(listing.lon, 2)
    return listing.lat, listing.lon


async def documents_of(db: AsyncSession, rows: Sequence[ListingRow], day: date) -> list[ListingDocument]:
    """Turn listings into documents, with two questions for all of them."""
    market = MarketRepository(db)
    hours = await market.hours({row.worker.id for row in rows if row.worker is not None})
    live = await market.live_accreditations({row.organisation.id for row in rows}, day)
    return [
        listing_document(
            row, hours.get(row.worker.id, []) if row.worker else [], live.get(row.organisation.id, [])
        )
        for row in rows
    ]  # fmt: skip


async def refresh_listings(db: AsyncSession, search: AsyncSearch, listing_ids: Iterable[UUID]) -> None:
    """Bring some listings in the index up to date: written anew, or taken out when they left the market."""
    ids = list(listing_ids)
    if not ids:
        return
    market = MarketRepository(db)
    day = today(clock_of(db))
    rows = await market.listings(ids, day)
    documents = await documents_of(db, list(rows.values()), day)
    gone = [str(listing_id) for listing_id in ids if listing_id not in rows]
    # The register's own entry makes way for a listing of the same place, and comes back when that is taken down.
    location_ids = await market.location_ids_of(ids)
    locations = await market.locations(location_ids) if location_ids else {}
    documents += [register_document(location) for location in locations.values()]
    gone += [REGISTER_PREFIX + location_id for location_id in location_ids if location_id not in locations]
    if documents:
        await search.upsert(documents)
    if gone:
        await search.delete(gone)


async def rebuild_index(backend: SearchBackend, maker: SessionMaker) -> int:
    """Make the index anew from PostgreSQL, streaming rows in batches. Searches go on meanwhile.

    Returns:
        Number of listings and register entries in the new index.

    Raises:
        IndexBusy: Another process is rebuilding.
    """
    loop = asyncio.get_running_loop()
    async with transaction(maker) as db:
        market = MarketRepository(db)
        day = today(clock_of(db))
        listings = market.listing_batches(day, BATCH)
        register = market.register_batches(BATCH)

        async def next_batch() -> list[ListingDocument] | None:
            rows = await anext(listings, None)
            if rows is not None:
                return await documents_of(db, rows, day)
            locations = await anext(register, None)
            return None if locations is None else [register_document(location) for location in locations]

        groups = await SynonymRepository(db).phrases_in_use()
        count = await asyncio.to_thread(backend.rebuild, _pulled(next_batch, loop), groups)
    log.info("index-rebuilt", documents=count)
    return count


def _pulled(
    next_batch: Callable[[], Awaitable[list[ListingDocument] | None]], loop: asyncio.AbstractEventLoop
) -> Iterator[ListingDocument]:
    """Let a thread that builds the index draw batches from the event loop that owns the database connection."""

    async def ask() -> list[ListingDocument] | None:
        return await next_batch()

    while (batch := asyncio.run_coroutine_threadsafe(ask(), loop).result(READ_SECONDS)) is not None:
        yield from batch
