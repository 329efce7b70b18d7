"""Answers the addresses of the standard. Each page asks a fixed number of questions, whatever its size."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.places import DISTRICT_NAMES, Postcode
from marketplace.providers.repository.listing_page import ListingPageRepository
from marketplace.providers.repository.market import ListingRow, MarketRepository
from marketplace.providers.repository.open_data import OpenDataRepository
from marketplace.providers.repository.places import PlaceRepository
from marketplace.providers.service.open_referral import documents, parts
from marketplace.providers.service.open_referral.asked import Asked, read_asked, read_paging
from marketplace.providers.service.open_referral.ids import place_id
from marketplace.providers.service.open_referral.taxonomies import (
    BY_ID,
    TAXONOMIES,
    TERMS,
    taxonomy_document,
    term_document,
)

VERSION: Final = "HSDS-UK-3.0"
PROFILE: Final = "https://github.com/OpenReferralUK/uk-profile/blob/main/docs/index.md"
OPENAPI: Final = "https://raw.githubusercontent.com/OpenReferralUK/uk-profile/main/schema/openapi.json"

Document = dict[str, Any]


class FeedService:
    """Reads public services for other programs."""

    def __init__(self, db: AsyncSession, base: str) -> None:
        """Take a session and the public address of the site."""
        self.db = db
        self.base = base.rstrip("/")
        self.day = today(clock_of(db))
        self.rows = OpenDataRepository(db)

    def about(self) -> Document:
        """Say which standard the feed follows."""
        return {"version": VERSION, "profile": PROFILE, "openapi_url": OPENAPI}

    async def services(self, given: Mapping[str, Any]) -> Document:
        """Return a page of services.

        Raises:
            InvalidInput: Parameters that make no sense.
        """
        asked = read_asked(given)
        total = await self.rows.count(asked.which, self.day)
        offset = (asked.page - 1) * asked.per_page
        if asked.is_minimal:
            found = await self.rows.minimal(asked.which, self.day, offset=offset, limit=asked.per_page)
            return page_of(
                [{"id": key, "modified_date": documents.instant(at)} for key, at in found], asked.page,
                asked.per_page, total,
            )  # fmt: skip
        rows = await self.rows.page(asked.which, self.day, offset=offset, limit=asked.per_page)
        around = await self._around(rows, is_full=asked.is_full)
        write = documents.service_whole if asked.is_full else documents.service_brief
        return page_of([write(row, around) for row in rows], asked.page, asked.per_page, total)

    async def service(self, service_id: UUID | None) -> Document:
        """Return a service with everything that belongs to it.

        Raises:
            NotFound: There is none, or it is not public.
        """
        row = await self._one(service_id)
        return whole(documents.service_whole(row, await self._around([row], is_full=True)))

    async def services_at_locations(self, given: Mapping[str, Any]) -> Document:
        """Return a page of services at their places.

        Raises:
            InvalidInput: Parameters that make no sense, a postcode that nobody knows among them.
        """
        asked = await self._placed(read_asked(given, has_place=True))
        total = await self.rows.count(asked.which, self.day)
        rows = await self.rows.page(
            asked.which, self.day, offset=(asked.page - 1) * asked.per_page, limit=asked.per_page
        )
        around = await self._around(rows, is_full=asked.is_full)
        return page_of(
            [documents.at_location_document(row, around, is_full=asked.is_full) for row in rows],
            asked.page,
            asked.per_page,
            total,
        )

    async def service_at_location(self, link_id: UUID | None) -> Document:
        """Return a service at its place.

        Raises:
            NotFound: There is none, or its place is nobody's to know.
        """
        row = await self._one(place_id(link_id) if link_id is not None else None)
        if not parts.has_place(row):
            raise NotFound
        return whole(documents.at_location_document(row, await self._around([row], is_full=True), is_full=True))

    def taxonomies(self, given: Mapping[str, Any]) -> Document:
        """Return a page of taxonomies.

        Raises:
            InvalidInput: Parameters that make no sense.
        """
        return _listed([taxonomy_document(taxonomy, self.base) for taxonomy in TAXONOMIES.values()], given)

    def taxonomy(self, taxonomy_id: UUID | None) -> Document:
        """Return a taxonomy with its terms.

        Raises:
            NotFound: There is none.
        """
        if taxonomy_id not in BY_ID:
            raise NotFound
        return whole(taxonomy_document(BY_ID[taxonomy_id], self.base, is_full=True))

    def terms(self, given: Mapping[str, Any]) -> Document:
        """Return a page of taxonomy terms.

        Raises:
            InvalidInput: Parameters that make no sense.
        """
        return _listed([term_document(term, self.base) for term in TERMS.values()], given)

    def term(self, term_id: UUID | None) -> Document:
        """Return a term.

        Raises:
            NotFound: There is none.
        """
        if term_id not in TERMS:
            raise NotFound
        return whole(term_document(TERMS[term_id], self.base))

    async def _one(self, listing_id: UUID | None) -> ListingRow:
        row = await self.rows.one(listing_id, self.day) if listing_id is not None else None
        if row is None:
            raise NotFound
        return row

    async def _placed(self, asked: Asked) -> Asked:
        if not asked.postcode:
            return asked
        postcode = Postcode.parse(asked.postcode)
        found = await PlaceRepository(self.db).postcode(postcode) if postcode is not None else None
        if found is None:
            raise InvalidInput({"postcode": "postcode must be a full postcode in Great Britain that is in use"})
        point, district = found
        which = msgspec.structs.replace(
            asked.which, point=point, district=district, within_metres=asked.proximity_metres
        )
        return msgspec.structs.replace(asked, which=which)

    async def _around(self, rows: Sequence[ListingRow], *, is_full: bool) -> documents.Around:
        market, page = MarketRepository(self.db), ListingPageRepository(self.db)
        councils = {council.id: council for council in await market.councils()}
        live = await market.live_accreditations({row.organisation.id for row in rows}, self.day)
        if not is_full:
            return documents.Around(base=self.base, councils=councils, accreditations=live)
        ids = [row.listing.id for row in rows]
        codes = {code for row in rows for code in row.listing.district_codes if code not in DISTRICT_NAMES}
        return documents.Around(
            base=self.base,
            councils=councils,
            accreditations=live,
            worker_hours=await market.hours({row.worker.id for row in rows if row.worker is not None}),
            listing_hours=await page.hours(ids),
            rates=await page.rates(ids, self.day),
            authorities=await page.authorities(codes),
        )


def whole(document: Document) -> Document:
    """Finish one document: what is empty is left out."""
    cleaned: Document = documents.without_empty(document)
    return cleaned


def page_of(items: Sequence[Document], page: int, per_page: int, total: int) -> Document:
    """Put the standard's page around some items."""
    pages = -(-total // per_page)
    return {
        "total_items": total,
        "total_pages": pages,
        "page_number": page,
        "size": len(items),
        "first_page": page == 1,
        "last_page": page >= pages,
        "empty": not items,
        "contents": [whole(item) for item in items],
    }


def _listed(items: Sequence[Document], given: Mapping[str, Any]) -> Document:
    page, per_page = read_paging(given)
    start = (page - 1) * per_page
    return page_of(items[start : start + per_page], page, per_page, len(items))
