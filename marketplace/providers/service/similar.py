"""What else there is: offers like one on the screen, and cheaper or free alternatives to it (B14)."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import NEEDS
from marketplace.core.ids import parse_id
from marketplace.providers.models import CATEGORY_LABELS, ListingCategory, PriceUnit, RegulatorLocation
from marketplace.providers.repository.listing_page import ListingPageRepository
from marketplace.providers.repository.market import REGISTER_PREFIX, ListingRow, MarketRepository
from marketplace.providers.service.market_cards import rating_words
from marketplace.providers.service.register import category_of, suits_of
from marketplace.providers.service.words import ALTERNATIVES, KIND_OF, REGULATED, away, price_words
from search import AsyncSearch, Hit, IndexUnavailable, ListingQuery

SHOWN: Final = 3
LOOKED_AT: Final = 12
"""Nearest ones that the choice is made from."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What is on the screen, as far as others are compared with it."""

    id: str
    """As in the index: a listing's id, or that of a register entry."""
    category: ListingCategory
    suits: Sequence[str]
    """Words, not codes."""
    point: tuple[float, float] | None
    price_pence: int | None
    """None: not known, so nothing can be called cheaper."""
    price_unit: PriceUnit | None

    @property
    def is_regulated(self) -> bool:
        """Whether it is regulated care."""
        return KIND_OF[self.category] == REGULATED


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """Another offer, with why it is shown."""

    id: str
    url: str
    name: str
    provider: str
    price: str
    why: str


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """Up to three of the same kind, and up to three that cost less or are no regulated care."""

    similar: list[Other] = []
    alternatives: list[Other] = []


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    url: str
    name: str
    provider: str
    category: ListingCategory
    suits: frozenset[str]
    price_pence: int | None
    price_unit: PriceUnit | None
    rating: str
    metres: int | None


class SimilarService:
    """Looks around an offer, with the index or without it."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None) -> None:
        self.engine = search
        self.market = MarketRepository(db)
        self.page = ListingPageRepository(db)

    async def around(self, offer: Offer, day: date) -> Around:
        """Return what stands beside an offer. Nothing that a provider pays takes part in the choice."""
        kinds = [category for category, kind in KIND_OF.items() if kind in ALTERNATIVES and category != offer.category]
        alike = await self._hits(offer, [offer.category], day)
        others = await self._hits(offer, kinds, day)
        found = await self._read([*alike, *others], day)
        found = {key: row for key, row in found.items() if key != offer.id}
        same = [found[hit.id] for hit in alike if hit.id in found]
        different = [found[hit.id] for hit in others if hit.id in found]
        alternatives = sorted(
            (row for row in [*different, *same] if _is_alternative(row, offer)), key=lambda row: _order(row, offer)
        )[:SHOWN]
        taken = {row.id for row in alternatives}
        similar = sorted((row for row in same if row.id not in taken), key=lambda row: _order(row, offer))[:SHOWN]
        return Around(
            similar=[_shown(row, offer, is_same=True) for row in similar],
            alternatives=[_shown(row, offer, is_same=row.category is offer.category) for row in alternatives],
        )

    async def _hits(self, offer: Offer, categories: Sequence[ListingCategory], day: date) -> list[Hit]:
        lat, lon = offer.point or (None, None)
        asked = ListingQuery(
            lat=lat,
            lon=lon,
            categories=[category.value for category in categories],
            sort="distance" if offer.point else "relevance",
            per_page=LOOKED_AT,
        )
        try:
            if self.engine is None:
                raise IndexUnavailable("This process has no index.")
            return (await self.engine.search(asked)).hits
        except IndexUnavailable:
            rows = await self.page.nearest(
                offer.point, asked.categories, day=day, without=parse_id(offer.id), limit=LOOKED_AT
            )
            return [
                Hit(id=str(row_id), score=0.0, distance_metres=None if metres is None else round(metres), matched=[])
                for row_id, metres in rows
            ]

    async def _read(self, hits: Sequence[Hit], day: date) -> dict[str, _Found]:
        own: list[UUID] = [listing_id for hit in hits if (listing_id := parse_id(hit.id)) is not None]
        theirs = [hit.id.removeprefix(REGISTER_PREFIX) for hit in hits if hit.id.startswith(REGISTER_PREFIX)]
        listings = await self.market.listings(own, day) if own else {}
        locations = await self.market.locations(theirs) if theirs else {}
        found: dict[str, _Found] = {}
        for hit in hits:
            listing_id = parse_id(hit.id)
            if listing_id in listings:
                found[hit.id] = _of_listing(listings[listing_id], hit)
            elif (location := locations.get(hit.id.removeprefix(REGISTER_PREFIX))) is not None:
                found[hit.id] = _of_location(location, hit)
        return found


def _of_listing(row: ListingRow, hit: Hit) -> _Found:
    listing = row.listing
    is_free = listing.price_unit is PriceUnit.FREE
    return _Found(
        id=hit.id,
        url=f"/market/{listing.id}",
        name=listing.title,
        provider=row.organisation.name,
        category=listing.category,
        suits=frozenset(NEEDS.get(code, code) for code in listing.suits),
        price_pence=0 if is_free else listing.price_pence or None,
        price_unit=listing.price_unit,
        rating=rating_words(row.location) if row.location else "",
        metres=hit.distance_metres,
    )


def _of_location(location: RegulatorLocation, hit: Hit) -> _Found:
    return _Found(
        id=hit.id,
        url=f"/market/register/{location.location_id}",
        name=location.name,
        provider=location.provider_name if location.provider_name != location.name else "",
        category=category_of(location),
        suits=frozenset(suits_of(location)),
        price_pence=None,
        price_unit=None,
        rating=rating_words(location),
        metres=hit.distance_metres,
    )


def _is_free(row: _Found) -> bool:
    return row.price_unit is PriceUnit.FREE


def _is_cheaper(row: _Found, offer: Offer) -> bool:
    """Whether the same unit costs less; prices of different units are not compared."""
    return (
        row.price_pence is not None
        and offer.price_pence is not None
        and row.price_unit is offer.price_unit
        and row.price_pence < offer.price_pence
    )


def _is_alternative(row: _Found, offer: Offer) -> bool:
    if offer.is_regulated:
        return KIND_OF[row.category] != REGULATED
    return (_is_free(row) and offer.price_unit is not PriceUnit.FREE) or _is_cheaper(row, offer)


def _order(row: _Found, offer: Offer) -> tuple[int, int, str]:
    shared = len(row.suits & set(offer.suits))
    return (-shared, row.metres if row.metres is not None else 10**9, row.id)


def _shown(row: _Found, offer: Offer, *, is_same: bool) -> Other:
    shared = [word for word in offer.suits if word in row.suits]
    price = price_words(row.price_pence, row.price_unit)
    reasons = ["Same kind of support" if is_same else CATEGORY_LABELS[row.category]]
    if _is_free(row) and offer.price_unit is not PriceUnit.FREE:
        reasons.append("free")
    elif _is_cheaper(row, offer):
        reasons.append("costs less")
    if shared:
        reasons.append(f"also for: {', '.join(shared[:2]).lower()}")
    if row.rating:
        reasons.append(f"regulator’s rating: {row.rating}")
    if row.metres is not None:
        reasons.append(away(row.metres))
    return Other(
        id=row.id, url=row.url, name=row.name, provider=row.provider, price=price, why=" · ".join(reasons)
    )  # fmt: skip
