"""Offers side by side: the facts of up to four listings or register entries, read in a fixed number of questions."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import NEEDS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import miles
from marketplace.core.ids import parse_id
from marketplace.providers.models import (
    CATEGORY_LABELS,
    DayKind,
    Evidence,
    Listing,
    ListingHours,
    ListingRate,
    PriceUnit,
    RegulatorLocation,
    WorkerHours,
)
from marketplace.providers.repository.choosing import ComparingRepository
from marketplace.providers.repository.market import REGISTER_PREFIX, ListingRow, MarketRepository
from marketplace.providers.repository.rates import RateRepository
from marketplace.providers.service.listing_facts import check_rows, listing_room, price_now
from marketplace.providers.service.market_cards import rating_words
from marketplace.providers.service.rates import DAY_KIND_LABELS, rates_shown
from marketplace.providers.service.register import NOT_BOOKED_HERE, category_of, suits_of
from marketplace.providers.service.times import hours_lines
from marketplace.providers.service.weekly import weekly_cost
from marketplace.providers.service.words import KIND_OF, REGULATED, price_words, stars_words

MOST_COMPARED: Final = 4
MOST_IDS: Final = 50
"""More in one address is no comparison but a mistake."""

NOT_SAID: Final = "Not said"
ASK: Final = "Ask the provider"

_LOCATION_ID = re.compile(r"[A-Za-z0-9-]{1,40}", re.ASCII)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One offer in words, for a column of the comparison or a line of a shortlist."""

    found_id: str
    name: str
    url: str
    provider: str
    category: str
    price: str
    prices: tuple[str, ...] = ()
    """The usual price and the rates of other days, one a line."""
    weekly: str = ASK
    """The cost of a usual week in words, as the market's results give it."""
    when: tuple[str, ...] = ()
    where: str = ""
    suits: str = ""
    languages: str = ""
    accredited: str = ""
    rating: str = ""
    checks: tuple[str, ...] = ()
    feedback: str = ""
    room: str = ""
    ask_href: str = ""
    meeting_href: str = ""
    book_href: str = ""
    note: str = ""
    is_example: bool = False


def read_found_ids(texts: Iterable[str]) -> list[str]:
    """Read ids of results, separated by commas, in one writing and without repetitions.

    Raises:
        InvalidInput: One is neither a listing's id nor one of the register, or there are more than fifty.
    """
    ids: list[str] = []
    for text in [part.strip() for whole in texts for part in whole[:4_000].split(",")]:
        if not text:
            continue
        found = read_found_id(text)
        if found is None:
            raise InvalidInput({"ids": "This address names something that is not an offer. Start again from a search"})
        if found not in ids:
            ids.append(found)
    if len(ids) > MOST_IDS:
        raise InvalidInput({"ids": f"This address names more than {MOST_IDS} offers"})
    return ids


def read_found_id(text: str) -> str | None:
    """Read one id of a result: a listing's id, or `cqc-` and the location's; None when it is neither."""
    if text.startswith(REGISTER_PREFIX):
        return text if _LOCATION_ID.fullmatch(text.removeprefix(REGISTER_PREFIX)) else None
    listing_id = parse_id(text)
    return str(listing_id) if listing_id is not None else None


class ComparingService:
    """Reads offers of the public market by the ids that results have. Needs no council scope."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.market = MarketRepository(db)
        self.facts = ComparingRepository(db)

    async def _accredited_by(self, organisation_ids: set[UUID], day: date) -> dict[UUID, tuple[str, ...]]:
        """Return the short names of the councils that accredit each organisation on a day."""
        live = await self.market.live_accreditations(organisation_ids, day) if organisation_ids else {}
        names = {council.id: council.short_name for council in await self.market.councils()} if live else {}
        return {
            organisation_id: tuple(sorted({names[row.council_id] for row in rows}))
            for organisation_id, rows in live.items()
        }

    async def offers(self, found_ids: Sequence[str]) -> dict[str, Offer]:
        """Return all facts of those that are on the market, by id."""
        day = today(clock_of(self.db))
        listings, locations = await self._rows(found_ids)
        organisation_ids = {row.organisation.id for row in listings.values()}
        worker_ids = [row.worker.id for row in listings.values() if row.worker is not None]
        worker_hours = await self.market.hours(worker_ids) if worker_ids else {}
        hours = await self.facts.listing_hours(listings) if listings else {}
        evidence = await self.facts.evidence_seen(organisation_ids, day) if organisation_ids else {}
        rates = await RateRepository(self.db).of_many(listings) if listings else {}
        accredited = await self._accredited_by(organisation_ids, day)
        found: dict[str, Offer] = {}
        for listing_id, row in listings.items():
            worker_id = row.worker.id if row.worker is not None else None
            of_day: Sequence[WorkerHours | ListingHours] = hours.get(listing_id, [])
            if worker_id is not None and not of_day:
                of_day = worker_hours.get(worker_id, [])
            seen = [
                item
                for item in evidence.get(row.organisation.id, [])
                if item.worker_id is None or item.worker_id == worker_id
            ]
            dated = rates.get(listing_id, [])
            facts = _listing_facts(row, of_day, seen, accredited.get(row.organisation.id, ()), dated, day)
            found[str(listing_id)] = msgspec.structs.replace(facts, prices=_prices(row.listing, dated, day))
        for location in locations.values():
            found[REGISTER_PREFIX + location.location_id] = _register_facts(location)
        return found

    async def cards(self, found_ids: Sequence[str]) -> dict[str, Offer]:
        """Return the few facts that a line of a list shows (name, provider, price, rating), in two questions."""
        listings, locations = await self._rows(found_ids)
        found = {str(listing_id): _listing_card(row) for listing_id, row in listings.items()}
        for location in locations.values():
            found[REGISTER_PREFIX + location.location_id] = _register_card(location)
        return found

    async def _rows(self, found_ids: Sequence[str]) -> tuple[dict[UUID, ListingRow], dict[str, RegulatorLocation]]:
        own = [listing_id for text in found_ids if (listing_id := parse_id(text)) is not None]
        theirs = [text.removeprefix(REGISTER_PREFIX) for text in found_ids if text.startswith(REGISTER_PREFIX)]
        listings = await self.market.listings(own, today(clock_of(self.db))) if own else {}
        return listings, await self.market.locations(theirs) if theirs else {}


def _listing_card(row: ListingRow) -> Offer:
    listing, organisation, _, location = row
    is_regulated = KIND_OF[listing.category] == REGULATED
    return Offer(
        found_id=str(listing.id),
        name=listing.title,
        url=f"/market/{listing.id}",
        provider=organisation.name,
        category=CATEGORY_LABELS[listing.category],
        price=price_words(listing.price_pence, listing.price_unit),
        rating=rating_words(location) if is_regulated or location is not None else "",
        is_example=organisation.is_example,
    )


def _listing_facts(
    row: ListingRow,
    hours: Sequence[WorkerHours | ListingHours],
    evidence: Sequence[Evidence],
    accredited: tuple[str, ...],
    rates: Sequence[ListingRate],
    day: date,
) -> Offer:
    listing = row.listing
    card = _listing_card(row)
    cost = weekly_cost(
        price_now(listing, rates, day), listing.price_unit, listing.category, day, listing_tenths=listing.usual_tenths
    )
    return msgspec.structs.replace(
        card,
        weekly=cost.total,
        when=hours_lines(hours) or (ASK,),
        where=_where(listing),
        suits=", ".join(NEEDS.get(code, code) for code in listing.suits) or "Anybody",
        languages=", ".join(listing.languages) or "English",
        accredited=", ".join(accredited) or "No council at the moment",
        rating=card.rating or "This kind of support is not rated by the regulator",
        checks=tuple(f"{what}, {when[:1].lower()}{when[1:]}" for what, when in check_rows(evidence))
        or ("None that a council has seen yet",),
        feedback=stars_words(listing.feedback_count, listing.feedback_stars) or "None yet",
        room=listing_room(listing) or NOT_SAID,
        ask_href=f"/enquiries/new?listing={listing.id}&kind=question",
        meeting_href=f"/enquiries/new?listing={listing.id}&kind=meeting",
        book_href=f"/bookings/new?listing={listing.id}" if listing.is_bookable else "",
    )


def _register_card(location: RegulatorLocation) -> Offer:
    return Offer(
        found_id=REGISTER_PREFIX + location.location_id,
        name=location.name,
        url=f"/market/register/{location.location_id}",
        provider=location.provider_name if location.provider_name != location.name else "",
        category=CATEGORY_LABELS[category_of(location)],
        price=price_words(None, None),
        rating=rating_words(location),
        is_example=location.is_example,
    )


def _register_facts(location: RegulatorLocation) -> Offer:
    return msgspec.structs.replace(
        _register_card(location),
        prices=(price_words(None, None),),
        when=(ASK,),
        where=location.town or location.postcode.split(" ")[0],
        suits=", ".join(suits_of(location)) or ASK,
        languages=ASK,
        accredited="Not known from the register",
        checks=("Registered with the Care Quality Commission",),
        feedback="None here",
        room=ASK,
        note=NOT_BOOKED_HERE,
    )


def _prices(listing: Listing, rates: Sequence[ListingRate], day: date) -> tuple[str, ...]:
    """Write the usual price, then the rates of other kinds of day that count now."""
    if listing.price_unit is PriceUnit.FREE:
        return (price_words(0, PriceUnit.FREE),)
    running = {rate.day_kind: rate.price_pence for rate in rates_shown(rates, day) if rate.starts_on <= day}
    usual = running.pop(DayKind.ANY, listing.price_pence)
    return (
        price_words(usual, listing.price_unit),
        *(f"{DAY_KIND_LABELS[kind]}: {price_words(pence, listing.price_unit)}" for kind, pence in running.items()),
    )


def _where(listing: Listing) -> str:
    """Write the area an offer covers. The base of one worker is named by town and half a postcode, never closer."""
    if listing.is_nationwide:
        return "Anywhere in England"
    base = f"{listing.town} ({listing.postcode_area})" if listing.town and listing.postcode_area else ""
    base = base or listing.town or listing.postcode_area
    if listing.radius_metres:
        reach = f"up to {miles(listing.radius_metres)}"
        return f"{base}, {reach}" if base else reach.capitalize()
    return base or ASK
