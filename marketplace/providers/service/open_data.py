"""Public services as one table, and the addresses that search engines may keep."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID
from xml.sax.saxutils import escape

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import INTERESTS, NEEDS
from marketplace.core.clock import local, today
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.errors import NotFound
from marketplace.core.places import DISTRICT_NAMES
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.providers.models import CATEGORY_LABELS, Accreditation, PriceUnit
from marketplace.providers.repository.listing_page import ListingPageRepository
from marketplace.providers.repository.market import ListingRow, MarketRepository
from marketplace.providers.repository.open_data import OpenDataRepository, ServiceFilter
from marketplace.providers.service.listing_facts import (
    RUN_BY,
    Contact,
    area_words,
    concession_words,
    contact_of,
    listing_room,
    vat_words,
)

BATCH: Final = 500
"""Services read at once for the table."""
PART: Final = 10_000
"""Addresses in one part of the site map (the protocol allows 50,000)."""

PAGES: Final = ("/", "/market", "/how-it-works", "/open-data", "/accessibility", "/privacy", "/cookies", "/feedback")
"""Pages of no listing that search engines may keep."""

COLUMNS: Final = (
    "id", "name", "kind", "summary", "organisation", "run_by", "who_it_suits", "languages", "interests", "area", "town",
    "postcode_area", "price_pounds", "price_per", "vat", "concessions", "room_now", "getting_in_and_around",
    "accredited_by", "regulator_rating", "regulator_rated_on", "phone", "email", "website", "page", "last_changed",
)  # fmt: skip


class Address(msgspec.Struct, frozen=True):
    """A line of the site map."""

    path: str
    changed: date | None = None


async def services_csv(maker: SessionMaker, base: str) -> AsyncGenerator[bytes, None]:
    """Write all public services as CSV (RFC 4180, UTF-8), batch by batch.

    Each batch is a transaction of its own: a slow reader keeps no connection, and what changes meanwhile is neither
    missed nor written twice, because batches follow the key.
    """
    yield csv_text([COLUMNS]).encode()
    after: UUID | None = None
    while True:
        async with transaction(maker) as db:
            after, lines = await _batch(db, after, base)
        if not lines:
            return
        yield lines


async def _batch(db: AsyncSession, after: UUID | None, base: str) -> tuple[UUID | None, bytes]:
    day = today(clock_of(db))
    rows = await OpenDataRepository(db).after(after, day, BATCH)
    if not rows:
        return after, b""
    market = MarketRepository(db)
    councils = {council.id: council.short_name for council in await market.councils()}
    live = await market.live_accreditations({row.organisation.id for row in rows}, day)
    codes = {code for row in rows for code in row.listing.district_codes if code not in DISTRICT_NAMES}
    authorities = await ListingPageRepository(db).authorities(codes) if codes else {}
    lines = (_cells(row, live.get(row.organisation.id, ()), councils, authorities, base) for row in rows)
    return rows[-1].listing.id, csv_text(lines).encode()


def _cells(
    row: ListingRow,
    live: Sequence[Accreditation],
    councils: Mapping[UUID, str],
    authorities: Mapping[str, str],
    base: str,
) -> list[Cell]:
    listing, organisation, _, location = row
    contact = contact_of(row) or Contact()
    is_priced = listing.price_unit is PriceUnit.FREE or listing.price_pence > 0
    rated_on = location.rated_on if location else None
    return [
        str(listing.id),
        listing.title,
        CATEGORY_LABELS[listing.category],
        listing.summary,
        organisation.name,
        RUN_BY[organisation.kind],
        "; ".join(NEEDS.get(code, code) for code in listing.suits),
        "; ".join(listing.languages),
        "; ".join(INTERESTS.get(code, code) for code in listing.interests),
        area_words(row, authorities),
        listing.town,
        listing.postcode_area,
        pounds_cell(listing.price_pence) if is_priced else "",
        listing.price_unit.value,
        vat_words(listing) if listing.price_unit is not PriceUnit.FREE else "",
        "; ".join(concession_words(listing)),
        listing_room(listing),
        listing.access_note,
        "; ".join(sorted({councils[item.council_id] for item in live if item.council_id in councils})),
        location.rating_overall if location else "",
        rated_on.isoformat() if rated_on else "",
        contact.phone,
        contact.email,
        contact.website,
        f"{base}/market/{listing.id}",
        _day(listing.updated_at).isoformat(),
    ]


class SiteMap:
    """The pages that search engines may keep: offers that may be copied, and the register's open places."""

    def __init__(self, db: AsyncSession) -> None:
        self.day = today(clock_of(db))
        self.rows = OpenDataRepository(db)

    async def parts(self) -> list[str]:
        """Name the parts of the map: "pages", "offers-1", "register-1"."""
        offers = await self.rows.count(ServiceFilter(), self.day)
        places = await self.rows.count_places()
        return [
            "pages",
            *(f"offers-{number + 1}" for number in range(-(-offers // PART))),
            *(f"register-{number + 1}" for number in range(-(-places // PART))),
        ]

    async def part(self, name: str) -> list[Address]:
        """Return the addresses of a part, at most `PART`.

        Raises:
            NotFound: There is no such part.
        """
        if name == "pages":
            return [Address(path) for path in PAGES]
        kind, _, digits = name.partition("-")
        if kind not in ("offers", "register") or not (digits.isascii() and digits.isdecimal()) or len(digits) > 6:
            raise NotFound
        offset = (int(digits) - 1) * PART
        if offset < 0:
            raise NotFound
        if kind == "offers":
            offers = await self.rows.minimal(ServiceFilter(), self.day, offset=offset, limit=PART)
            addresses = [Address(f"/market/{key}", _day(changed)) for key, changed in offers]
        else:
            places = await self.rows.places(offset=offset, limit=PART)
            addresses = [Address(f"/market/register/{key}", _day(changed)) for key, changed in places]
        if not addresses:
            raise NotFound
        return addresses


def site_map_index(parts: Sequence[str], base: str) -> str:
    """Write the list of the parts."""
    lines = "".join(f"<sitemap><loc>{escape(f'{base}/sitemaps/{name}.xml')}</loc></sitemap>\n" for name in parts)
    return _xml("sitemapindex", lines)


def site_map_part(addresses: Sequence[Address], base: str) -> str:
    """Write one part."""
    lines = "".join(
        f"<url><loc>{escape(base + address.path)}</loc>"
        + (f"<lastmod>{address.changed.isoformat()}</lastmod>" if address.changed else "")
        + "</url>\n"
        for address in addresses
    )
    return _xml("urlset", lines)


def _xml(root: str, lines: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{lines}</{root}>\n"
    )


def robots_words(base: str) -> str:
    """Tell crawlers what they may read (RFC 9309): all is forbidden but what is named, so that no page of a person
    can be forgotten here; searches with parameters and comparisons are endless and stay forbidden."""
    allowed = [
        "/$",
        "/market$",
        "/market/",
        *(f"{path}$" for path in PAGES if path not in ("/", "/market")),
        "/open-referral",
        "/sitemap.xml$",
        "/sitemaps/",
        "/static/",
        "/social-preview.png$",
    ]
    forbidden = ["/", "/market/compare", "/market/suggestions", "/market/places"]
    lines = ["User-agent: *", *(f"Allow: {path}" for path in allowed), *(f"Disallow: {path}" for path in forbidden)]
    return "\n".join([*lines, "", f"Sitemap: {base}/sitemap.xml", ""])


def _day(moment: datetime) -> date:
    return local(moment).date()
