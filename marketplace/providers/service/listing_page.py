"""What the page of one offer shows, and the page of one register entry."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import GENDER_LABELS, INTERESTS, NEEDS, Gender
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.formats import uk_date
from marketplace.core.places import DISTRICT_NAMES
from marketplace.providers.models import BOOKABLE_UNITS, CATEGORY_LABELS, PriceUnit, RegulatedBasis, RegulatorLocation
from marketplace.providers.repository.duplicates import DuplicateRepository
from marketplace.providers.repository.listing_page import ListingPageRepository
from marketplace.providers.repository.market import REGISTER_PREFIX, ListingRow, MarketRepository
from marketplace.providers.service.area_maps import AreaMap, area_map
from marketplace.providers.service.listing_facts import (
    RUN_BY,
    Contact,
    accreditation_rows,
    area_words,
    as_of_words,
    check_rows,
    concession_words,
    contact_of,
    listing_room,
    price_now,
    rate_rows,
    usual_words,
    vat_words,
)
from marketplace.providers.service.market_cards import rating_words
from marketplace.providers.service.market_index import shown_point
from marketplace.providers.service.register import category_of, suits_of, summary_of, words_of_rating
from marketplace.providers.service.regulated import DIRECT_FOR_PEOPLE
from marketplace.providers.service.similar import Around, Offer, SimilarService
from marketplace.providers.service.times import hours_rows
from marketplace.providers.service.words import KIND_OF, REGULATED, price_parts
from search import AsyncSearch

KEY_QUESTIONS: Final = (
    ("safe", "Safe"),
    ("effective", "Effective"),
    ("caring", "Caring"),
    ("responsive", "Responsive"),
    ("well_led", "Well-led"),
)
"""The regulator's five key questions, in its own order."""


class ListingPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page of a listing shows."""

    row: ListingRow
    category: str
    is_regulated: bool
    direct: str
    """What to know of personal care by somebody whom people hire themselves; empty for other offers."""
    amount: str
    unit: str
    usual: str
    """Usual weekly cost in words, "" where it is not known."""
    rates: list[tuple[str, str, str]]
    """Days, price, from when until when."""
    vat: str
    concessions: list[str]
    room: str
    suits: list[str]
    interests: list[str]
    hours: list[tuple[str, str]]
    hours_caption: str
    area: str
    area_map: AreaMap | None
    run_by: str
    contact: Contact | None
    rating: str
    as_of: str
    """When the facts of the register were true, in words; "" where nothing is said."""
    accreditations: list[tuple[str, str, str, str]]
    """Council, service, since and last day, in words."""
    checks: list[tuple[str, str]]
    """Insurance and checks: what, and until when or when a council saw it."""
    gender: str
    book_href: str
    regular_href: str
    """Where regular support is agreed; empty where the price is for something else than visits."""
    around: Around


class RegisterPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page of a register entry shows."""

    id: str
    """As saved lists and comparisons name it."""
    location: RegulatorLocation
    category: str
    summary: str
    suits: list[str]
    rating: str
    as_of: str
    key_questions: list[tuple[str, str]]
    """The five questions with rating and date, or "Not rated"; empty where the register has none of them."""
    group_ratings: list[tuple[str, str, str]]
    """Ratings of parts of the place: service or group, question, rating with its date."""
    facts: list[dict[str, str]]
    newer: RegulatorLocation | None
    listing_href: str
    area_map: AreaMap | None
    around: Around


class ListingPageService:
    """Reads one offer of the public market, in a fixed number of questions."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None = None) -> None:
        """Take a session and the engine of this process, None to look around with PostgreSQL alone."""
        self.db = db
        self.market = MarketRepository(db)
        self.rows = ListingPageRepository(db)
        self.similar = SimilarService(db, search)

    async def listing(self, listing_id: UUID) -> ListingPage:
        """Return an offer.

        Raises:
            NotFound: There is none, or it is not on the market now.
        """
        day = today(clock_of(self.db))
        row = (await self.market.listings([listing_id], day)).get(listing_id)
        if row is None:
            raise NotFound
        listing, organisation, worker, location = row
        rates = (await self.rows.rates([listing_id], day)).get(listing_id, [])
        live = (await self.market.live_accreditations([organisation.id], day)).get(organisation.id, [])
        councils = {council.id: council.name for council in await self.market.councils()} if live else {}
        evidence = await self.rows.seen_evidence(organisation.id, worker.id if worker else None, day)
        unnamed = [code for code in listing.district_codes if code not in DISTRICT_NAMES]
        area = area_words(row, await self.rows.authorities(unnamed) if unnamed else {})
        price_pence = price_now(listing, rates, day)
        amount, unit = price_parts(price_pence, listing.price_unit)
        gender = worker.gender if worker and worker.gender is not Gender.NOT_SAID else None
        return ListingPage(
            row=row,
            category=CATEGORY_LABELS[listing.category],
            is_regulated=KIND_OF[listing.category] == REGULATED,
            direct=DIRECT_FOR_PEOPLE if listing.regulated_basis is RegulatedBasis.DIRECTLY_ENGAGED else "",
            amount=amount,
            unit=unit,
            usual=usual_words(listing, price_pence, day),
            rates=rate_rows(listing, rates, day),
            vat=vat_words(listing) if listing.price_unit is not PriceUnit.FREE else "",
            concessions=concession_words(listing),
            room=listing_room(listing),
            suits=[NEEDS.get(code, code) for code in listing.suits],
            interests=[INTERESTS.get(code, code) for code in listing.interests],
            hours=await self._hours(row),
            hours_caption="Usual working times" if worker else "When it takes place",
            area=area,
            area_map=_listing_map(row),
            run_by=RUN_BY[organisation.kind],
            contact=contact_of(row),
            rating=rating_words(location) if location else "",
            as_of=as_of_words(location) if location else "",
            accreditations=accreditation_rows(live, councils),
            checks=check_rows(evidence),
            gender=GENDER_LABELS[gender] if gender else "",
            book_href=f"/bookings/new?listing={listing.id}" if listing.is_bookable else "",
            regular_href=f"/agreements/new?listing={listing.id}" if listing.price_unit in BOOKABLE_UNITS else "",
            around=await self.similar.around(_offer(row, price_pence), day),
        )

    async def gone(self, listing_id: UUID) -> Around:
        """Return what stands beside an offer that is off the market now, so that its page is no dead end.

        Raises:
            NotFound: There never was one.
        """
        row = await self.rows.off_the_market(listing_id)
        if row is None:
            raise NotFound
        return await self.similar.around(_offer(row, row.listing.price_pence), today(clock_of(self.db)))

    async def taken_over_by(self, listing_id: UUID) -> str:
        """Return the name of the organisation that an offer's provider became part of; empty where it did not."""
        row = await self.rows.off_the_market(listing_id)
        if row is None or row.organisation.merged_into_id is None:
            return ""
        return (await DuplicateRepository(self.db).standing_for(row.organisation)).name

    async def register(self, location_id: str) -> RegisterPage:
        """Return a register entry, closed ones too: a link to one must say what became of it.

        Raises:
            NotFound: The register has none.
        """
        location = await self.market.location(location_id)
        if location is None:
            raise NotFound
        day = today(clock_of(self.db))
        newer_id = location.superseded_by or location.successor_id
        newer = await self.market.location(newer_id) if newer_id else None
        listing_id = await self.market.listing_of_location(location_id, day)
        offer = Offer(
            id=REGISTER_PREFIX + location_id,
            category=category_of(location),
            suits=suits_of(location),
            point=_point(location.lat, location.lon),
            price_pence=None,
            price_unit=None,
        )
        return RegisterPage(
            id=REGISTER_PREFIX + location_id,
            location=location,
            category=CATEGORY_LABELS[offer.category],
            summary=summary_of(location),
            suits=suits_of(location),
            rating=rating_words(location),
            as_of=as_of_words(location),
            key_questions=key_question_rows(location.ratings),
            group_ratings=group_rows(location.ratings),
            facts=_facts(location),
            newer=newer,
            listing_href=f"/market/{listing_id}" if listing_id else "",
            area_map=area_map(location.lat, location.lon, None, location.town or location.postcode.split(" ")[0]),
            around=await self.similar.around(offer, day),
        )

    async def _hours(self, row: ListingRow) -> list[tuple[str, str]]:
        if row.worker is not None:
            hours = await self.market.hours([row.worker.id])
            return hours_rows(hours.get(row.worker.id, []), "Not working")
        own = await self.rows.hours([row.listing.id])
        return hours_rows(own.get(row.listing.id, []), "Closed")


def _offer(row: ListingRow, price_pence: int) -> Offer:
    listing = row.listing
    return Offer(
        id=str(listing.id),
        category=listing.category,
        suits=[NEEDS.get(code, code) for code in listing.suits],
        point=_point(*shown_point(row)),
        price_pence=0 if listing.price_unit is PriceUnit.FREE else price_pence or None,
        price_unit=listing.price_unit,
    )


def _point(lat: float | None, lon: float | None) -> tuple[float, float] | None:
    return (lat, lon) if lat is not None and lon is not None else None


def _listing_map(row: ListingRow) -> AreaMap | None:
    lat, lon = shown_point(row)
    if row.listing.is_nationwide:
        return None
    return area_map(lat, lon, row.listing.radius_metres, row.listing.town or row.listing.postcode_area)


def key_question_rows(ratings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the five key questions with their rating and its date; one that is absent is "Not rated", never a number.

    Args:
        ratings: `RegulatorLocation.ratings`.
    """
    if not any(ratings.get(name) for name, _ in KEY_QUESTIONS):
        return []
    dates = ratings.get("dates", {})
    return [(label, words_of_rating(ratings.get(name), dates.get(name), uk_date)) for name, label in KEY_QUESTIONS]


def group_rows(ratings: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Give the ratings of services or population groups within a place, by name."""
    questions = (("overall", "Overall"), *KEY_QUESTIONS)
    return [
        (group, label, words_of_rating(found[name]["rating"], found[name].get("published_on"), uk_date))
        for group, found in sorted(ratings.get("groups", {}).items())
        for name, label in questions
        if name in found
    ]


def _facts(location: RegulatorLocation) -> list[dict[str, str]]:
    address = ", ".join(part for part in (location.address_line, location.town, location.postcode) if part)
    facts = [
        ("Provider", location.provider_name),
        ("Address", address),
        ("Phone", location.phone),
        ("Council area", location.local_authority),
        ("Kinds of service", ", ".join(location.service_types)),
        ("People it says it is for", ", ".join(location.specialisms)),
        ("Beds", str(location.beds) if location.beds else ""),
        ("Registered since", uk_date(location.registered_on) if location.registered_on else ""),
        ("Last inspection", uk_date(location.inspected_on) if location.inspected_on else ""),
    ]
    return [{"key": key, "value": value} for key, value in facts if value]
