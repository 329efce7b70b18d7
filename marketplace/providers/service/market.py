"""The market as anybody sees it: find a place, ask the index (or PostgreSQL while there is none), read the rows."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.core.ids import parse_id
from marketplace.core.outbox import publish
from marketplace.core.places import Postcode, parse_outward
from marketplace.providers.events import EVERYWHERE, SearchIndexLost
from marketplace.providers.models import CATEGORY_LABELS, PriceUnit, RegulatorLocation
from marketplace.providers.repository.market import REGISTER_PREFIX, ListingRow, MarketRepository
from marketplace.providers.repository.places import PlaceRepository, near_town
from marketplace.providers.service.market_index import price_of
from marketplace.providers.service.market_query import MarketQuery
from marketplace.providers.service.register import NOT_BOOKED_HERE, category_of, summary_of
from marketplace.providers.service.words import ALTERNATIVES, KIND_OF, REGULATED, away, price_parts
from search import Answer, AsyncSearch, Hit, IndexUnavailable, ListingQuery

log = structlog.get_logger(__name__)

ALTERNATIVES_SHOWN: Final = 3
SAY_AGAIN_SECONDS: Final = 60.0
"""A lost index is reported at most once in this time by each process."""

_reported_at: list[float] = []


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """The searcher's place, as far as we know it."""

    lat: float | None = None
    lon: float | None = None
    lad_code: str | None = None
    label: str = ""
    """As results name it: "PR1 2HE", "Preston"."""
    notice: str = ""
    """What to tell the searcher about the place, "" when all is well."""
    near: str = ""
    """A town that a misspelt name may mean."""

    @property
    def point(self) -> tuple[float, float] | None:
        """Latitude and longitude, None without a place."""
        return (self.lat, self.lon) if self.lat is not None and self.lon is not None else None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the results."""

    id: str
    url: str
    name: str
    provider: str
    category: str
    category_label: str
    kind: str
    summary: str
    amount: str
    unit: str
    price_pence: int | None
    price_unit: str | None
    distance_metres: int | None
    away: str
    rating: str
    """"Good", dated, or "Not rated"; "" where the regulator does not rate at all."""
    accredited_by: tuple[str, ...]
    why: str
    note: str
    is_example: bool


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """An answered question."""

    total: int
    rows: list[Result]
    alternatives: list[Result]
    facets: dict[str, dict[str, int]]
    suggestion: str | None
    is_relaxed: bool
    is_plain: bool
    """Answered by PostgreSQL, because the index is being built."""
    where: Where


class MarketService:
    """Answers questions to the market. Needs no council scope: everything here is public."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None) -> None:
        """Take a session and the engine of this process, None to use PostgreSQL alone."""
        self.db = db
        self.engine = search
        self.market = MarketRepository(db)

    # Where

    async def where(self, text: str) -> Where:
        """Find the place that somebody typed; what we do not know becomes a notice, never an error."""
        if not text:
            return Where()
        places = PlaceRepository(self.db)
        postcode = Postcode.parse(text)
        outward = parse_outward(text) if postcode is None else postcode.outward
        if (postcode is not None and postcode.is_northern_ireland) or (outward or "").startswith("BT"):
            return Where(
                notice="This service covers England. For care in Northern Ireland, contact your local Health and "
                "Social Care Trust. You can still search with a postcode or town in England."
            )
        if postcode is not None:
            found = await places.postcode(postcode)
            if found is not None:
                (lat, lon), lad_code = found
                return Where(lat=lat, lon=lon, lad_code=lad_code, label=postcode.text)
        if outward is not None:
            middle = await places.outward(outward)
            if middle is not None:
                notice = f"We do not know {postcode.text}. These results are around {outward}." if postcode else ""
                return Where(lat=middle[0], lon=middle[1], label=outward, notice=notice)
        if postcode is None:
            town = await places.town(text)
            if town is not None:
                (lat, lon), name = town
                return Where(lat=lat, lon=lon, label=name)
        return Where(
            notice=f"We do not know the place “{text}”. These results are not limited to an area. Check the postcode, "
            "or try the name of a town.",
            near=near_town(text) or "" if postcode is None and outward is None else "",
        )

    # Search

    async def search(self, query: MarketQuery) -> Results:
        """Answer a question."""
        where = await self.where(query.place)
        day = today(clock_of(self.db))
        asked = _asked(query, where)
        is_plain = False
        try:
            if self.engine is None:
                raise IndexUnavailable("This process has no index.")
            answer = await self.engine.search(asked)
        except IndexUnavailable as error:
            is_plain = True
            self._report(error)
            answer = await self._plain(asked, day)
        shown = await self._rows(answer.hits, asked, where, day)
        others: list[Result] = []
        if query.page == 1 and shown and all(row.kind == REGULATED for row in shown):
            hits = await self._alternatives(asked, day, is_plain=is_plain)
            others = await self._rows(hits, asked, where, day)
        return Results(
            total=answer.total,
            rows=shown,
            alternatives=others,
            facets=answer.facets,
            suggestion=answer.suggestion,
            is_relaxed=answer.is_relaxed,
            is_plain=is_plain,
            where=where,
        )

    async def council_to_ring(self, where: Where) -> list[Council]:
        """Return the council of a place, or all of them where the place has none; for a search that found nothing."""
        councils = [council for council in await self.market.councils() if council.contact_phone]
        own = [council for council in councils if where.lad_code in council.district_codes]
        return own or councils

    def _report(self, error: IndexUnavailable) -> None:
        """Ask for a rebuild, in the transaction of the search, so that it is never forgotten."""
        now = clock_of(self.db).now().timestamp()
        if self.engine is None or (_reported_at and 0 <= now - _reported_at[-1] < SAY_AGAIN_SECONDS):
            return
        _reported_at[:] = [now]
        log.warning("search-index-lost", cause=str(error))
        publish(self.db, SearchIndexLost(council_id=EVERYWHERE))

    async def _plain(self, asked: ListingQuery, day: date) -> Answer:
        chosen = asked.chosen()
        kinds = chosen.get("kind", [])
        total, found, counts = await self.market.plain_search(
            asked.text.split()[:10],
            day=day,
            point=asked.point,
            radius_metres=asked.radius_metres,
            categories=chosen.get("category", []),
            kinds=[category.value for category, kind in KIND_OF.items() if kind in kinds] if kinds else [],
            offset=asked.offset,
            limit=asked.limit,
        )
        hits = [Hit(id=row.id, score=0.0, distance_metres=_whole(row.distance_metres), matched=[]) for row in found]
        return Answer(total=total, hits=hits, facets={"category": counts}, suggestion=None, took_ms=0.0)

    async def _alternatives(self, asked: ListingQuery, day: date, *, is_plain: bool) -> list[Hit]:
        """Look for support outside regulated care, where the first page may hold nothing else (B14)."""
        regulated = {category.value for category, kind in KIND_OF.items() if kind == REGULATED}
        if asked.categories and not set(asked.categories) <= regulated:
            return []
        for text in dict.fromkeys((asked.text, "")):
            other = msgspec.structs.replace(
                asked, text=text, categories=[], filters={"kind": list(ALTERNATIVES)}, per_page=ALTERNATIVES_SHOWN,
                sort="relevance",
            )  # fmt: skip
            if is_plain or self.engine is None:
                found = await self._plain(other, day)
            else:
                found = await self.engine.search(other)
            if found.hits:
                return found.hits
        return []

    # Rows

    async def _rows(self, hits: Sequence[Hit], asked: ListingQuery, where: Where, day: date) -> list[Result]:
        """Read the rows of the hits from PostgreSQL; what left the market since it was indexed is left out."""
        own = [found for hit in hits if (found := parse_id(hit.id)) is not None]
        theirs = [hit.id.removeprefix(REGISTER_PREFIX) for hit in hits if hit.id.startswith(REGISTER_PREFIX)]
        listings = await self.market.listings(own, day) if own else {}
        locations = await self.market.locations(theirs) if theirs else {}
        accredited = await self.accredited_by([row.organisation.id for row in listings.values()], day)
        rows: list[Result] = []
        for hit in hits:
            listing_id = parse_id(hit.id)
            why = _why(hit, where) if asked.text or where.label else ""
            if listing_id is not None and listing_id in listings:
                row = listings[listing_id]
                rows.append(_listing_result(row, hit, accredited.get(row.organisation.id, ()), why))
            elif (location := locations.get(hit.id.removeprefix(REGISTER_PREFIX))) is not None:
                rows.append(_register_result(location, hit, why))
        return rows

    async def accredited_by(self, organisation_ids: Sequence[UUID], day: date) -> dict[UUID, tuple[str, ...]]:
        """Return the short names of the councils that accredit each organisation on a day."""
        if not organisation_ids:
            return {}
        live = await self.market.live_accreditations(set(organisation_ids), day)
        names = {council.id: council.short_name for council in await self.market.councils()} if live else {}
        return {
            organisation_id: tuple(sorted({names[row.council_id] for row in rows}))
            for organisation_id, rows in live.items()
        }


def rating_words(location: RegulatorLocation | None) -> str:
    """Write the regulator's rating with its date: "Good, 3 March 2025" or "Not rated yet"."""
    if location is None or not location.rating_overall:
        return "Not rated"
    dated = location.rated_on or location.inspected_on
    return f"{location.rating_overall}, {uk_date(dated)}" if dated else location.rating_overall


def _asked(query: MarketQuery, where: Where) -> ListingQuery:
    chosen = dict(query.chosen)
    categories = chosen.pop("category", [])
    if query.understood is not None:
        categories = [query.understood.value]
    return ListingQuery(
        # Every one of a kind that was named fits alike: the nearest comes first, whatever its name.
        text="" if query.understood is not None else query.words,
        lat=where.lat,
        lon=where.lon,
        radius_metres=query.radius_metres if where.point else None,
        categories=categories,
        filters=chosen,
        district=where.lad_code,
        sort=query.sort,
        page=query.page,
        per_page=query.per_page,
    )


def _why(hit: Hit, where: Where) -> str:
    """Say why a listing was found: "Matches: football · 1.2 miles away"."""
    words = ", ".join(dict.fromkeys(hit.matched))
    parts = [f"Matches: {words}" if words else "", f"{away(hit.distance_metres)}" if where.label else ""]
    return " · ".join(part for part in parts if part)


def _listing_result(row: ListingRow, hit: Hit, accredited: tuple[str, ...], why: str) -> Result:
    listing, organisation, _, location = row
    amount, unit = price_parts(listing.price_pence, listing.price_unit)
    kind = KIND_OF[listing.category]
    return Result(
        id=str(listing.id),
        url=f"/market/{listing.id}",
        name=listing.title,
        provider=organisation.name,
        category=listing.category.value,
        category_label=CATEGORY_LABELS[listing.category],
        kind=kind,
        summary=listing.summary,
        amount=amount,
        unit=unit,
        price_pence=0 if listing.price_unit is PriceUnit.FREE else price_of(row),
        price_unit=listing.price_unit.value,
        distance_metres=hit.distance_metres,
        away=away(hit.distance_metres),
        rating=rating_words(location) if kind == REGULATED or location is not None else "",
        accredited_by=accredited,
        why=why,
        note="",
        is_example=organisation.is_example,
    )


def _register_result(location: RegulatorLocation, hit: Hit, why: str) -> Result:
    category = category_of(location)
    amount, unit = price_parts(None, None)
    return Result(
        id=hit.id,
        url=f"/market/register/{location.location_id}",
        name=location.name,
        provider=location.provider_name if location.provider_name != location.name else "",
        category=category.value,
        category_label=CATEGORY_LABELS[category],
        kind=KIND_OF[category],
        summary=summary_of(location),
        amount=amount,
        unit=unit,
        price_pence=None,
        price_unit=None,
        distance_metres=hit.distance_metres,
        away=away(hit.distance_metres),
        rating=rating_words(location),
        accredited_by=(),
        why=why,
        note=NOT_BOOKED_HERE,
        is_example=location.is_example,
    )


def _whole(metres: float | None) -> int | None:
    return round(metres) if metres is not None else None
