"""Keeps the search index true to PostgreSQL: documents from rows, changes as they come, all of it anew when lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import GENDER_LABELS, INTERESTS, NEEDS, Gender
from marketplace.core.clock import today
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.errors import Unavailable
from marketplace.providers.models import CATEGORY_LABELS, Accreditation, ListingHours, PriceUnit, WorkerHours
from marketplace.providers.repository.market import REGISTER_PREFIX, ListingRow, MarketRepository
from marketplace.providers.repository.market_facts import MarketFacts
from marketplace.providers.repository.synonyms import SynonymRepository
from marketplace.providers.service.register import register_document
from marketplace.providers.service.times import Hours, days_of, slots_of, times_of
from marketplace.providers.service.words import KIND_OF, hours_keywords, room_said, run_by
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


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the index holds of a listing beside its own row."""

    hours: Sequence[WorkerHours] | Sequence[ListingHours] = ()
    accreditations: Sequence[Accreditation] = ()
    rate_pence: int | None = None
    """The general rate of the day; None leaves it to the listing's price."""
    free_minutes: int = 0
    """Minutes its worker has left in the next 14 days."""


def listing_document(row: ListingRow, facts: Facts, now: datetime) -> ListingDocument:
    """Turn a listing into what is searched."""
    listing, organisation, worker, location = row
    hours = [Hours(item.weekday, item.starts_local, item.ends_local) for item in facts.hours]
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
        keywords=[CATEGORY_LABELS[listing.category], *hours_keywords(facts.hours)],
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
        price_pence=price_of(row, facts.rate_pence),
        price_unit=listing.price_unit.value,
        rating=(location.rating_overall if location else "") or NOT_RATED,
        councils=sorted({str(accreditation.council_id) for accreditation in facts.accreditations}),
        has_free_capacity=has_room(row, facts.free_minutes, now),
        days=days_of(hours),
        times=times_of(hours),
        slots=slots_of(hours),
        run_by=run_by(organisation),
        updated_at=listing.updated_at.isoformat(),
    )


def price_of(row: ListingRow, rate_pence: int | None = None) -> int | None:
    """Give the price in pence, None for "on request" (a price of nothing that is not called free).

    Args:
        row: The listing.
        rate_pence: The general rate of the day, where one was looked up; it goes before the listing's own price.
    """
    listing = row.listing
    if listing.price_unit is PriceUnit.FREE:
        return 0
    return (listing.price_pence if rate_pence is None else rate_pence) or None


def has_room(row: ListingRow, free_minutes: int, now: datetime) -> bool:
    """Whether an offer has room now: what its provider said lately, else the time its own worker has left."""
    listing = row.listing
    said = room_said(listing.capacity_kind, listing.capacity_free, listing.capacity_said_at, now)
    return said > 0 if said is not None else row.worker is not None and free_minutes > 0


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
    """Turn listings into documents, with five questions for all of them."""
    market, more = MarketRepository(db), MarketFacts(db)
    workers = {row.worker.id for row in rows if row.worker is not None}
    others = [row.listing.id for row in rows if row.worker is None]
    own_hours = await market.hours(workers) if workers else {}
    hours = await more.hours_of_listings(others) if others else {}
    live = await market.live_accreditations({row.organisation.id for row in rows}, day)
    rates = await more.rates([row.listing.id for row in rows], day)
    left = await more.free_minutes(workers, day)
    now = clock_of(db).now()
    return [
        listing_document(
            row,
            Facts(
                hours=own_hours.get(row.worker.id, []) if row.worker else hours.get(row.listing.id, []),
                accreditations=live.get(row.organisation.id, []),
                rate_pence=rates.get(row.listing.id),
                free_minutes=left.get(row.worker.id, 0) if row.worker else 0,
            ),
            now,
        )
        for row in rows
    ]


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


async def refresh_turning(db: AsyncSession, search: AsyncSearch) -> int:
    """Bring listings up to date whose facts change by the date alone: rates, room, a worker's time left.

    Returns:
        Number of listings looked at.
    """
    ids = await MarketFacts(db).turning(today(clock_of(db)))
    for start in range(0, len(ids), BATCH):
        await refresh_listings(db, search, ids[start : start + BATCH])
    return len(ids)


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
