"""What the page of one offer shows, and the page of one register entry."""

from datetime import timedelta
from math import cos, pi, radians, sin
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import GENDER_LABELS, INTERESTS, NEEDS, Gender
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.formats import miles, uk_date
from marketplace.core.places import TOWNS, distance_metres
from marketplace.providers.models import CATEGORY_LABELS, SERVICE_LABELS, RegulatorLocation
from marketplace.providers.repository.market import ListingRow, MarketRepository
from marketplace.providers.service.market_cards import rating_words
from marketplace.providers.service.market_index import shown_point
from marketplace.providers.service.register import category_of, suits_of, summary_of
from marketplace.providers.service.words import hours_words, price_parts

CIRCLE_POINTS: Final = 48
TOWNS_ON_MAP: Final = 6
NARROWEST_MAP_METRES: Final = 5_000
MAP_OF_A_PLACE_METRES: Final = 14_000
_METRES_PER_DEGREE: Final = 111_195.0

KEY_QUESTIONS: Final = (
    ("safe", "Safe"),
    ("effective", "Effective"),
    ("caring", "Caring"),
    ("responsive", "Responsive"),
    ("well_led", "Well-led"),
)
"""The regulator's five key questions, in its own order."""


class AreaMap(msgspec.Struct, frozen=True, kw_only=True):
    """A circle with towns around it, in metres from its centre; for `components/map.html`."""

    bounds: tuple[int, int, int, int]
    areas: list[dict[str, Any]]
    points: list[dict[str, Any]]
    description: str


class ListingPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page of a listing shows."""

    row: ListingRow
    category: str
    amount: str
    unit: str
    suits: list[str]
    interests: list[str]
    hours: list[tuple[str, str]]
    area: str
    area_map: AreaMap | None
    rating: str
    accreditations: list[tuple[str, str, str, str]]
    """Council, service, since and last day, in words."""
    gender: str
    book_href: str


class RegisterPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page of a register entry shows."""

    location: RegulatorLocation
    category: str
    summary: str
    suits: list[str]
    rating: str
    key_questions: list[tuple[str, str]]
    facts: list[dict[str, str]]
    newer: RegulatorLocation | None
    listing_href: str
    area_map: AreaMap | None


class ListingPageService:
    """Reads one offer of the public market."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.market = MarketRepository(db)

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
        hours = (await self.market.hours([worker.id])).get(worker.id, []) if worker else []
        live = (await self.market.live_accreditations([organisation.id], day)).get(organisation.id, [])
        names = {council.id: council.name for council in await self.market.councils()} if live else {}
        amount, unit = price_parts(listing.price_pence, listing.price_unit)
        gender = worker.gender if worker and worker.gender is not Gender.NOT_SAID else None
        return ListingPage(
            row=row,
            category=CATEGORY_LABELS[listing.category],
            amount=amount,
            unit=unit,
            suits=[NEEDS.get(code, code) for code in listing.suits],
            interests=[INTERESTS.get(code, code) for code in listing.interests],
            hours=hours_words(hours) if hours else [],
            area=_area_words(row),
            area_map=_listing_map(row),
            rating=rating_words(location) if location else "",
            accreditations=[
                (
                    names[item.council_id],
                    SERVICE_LABELS[item.service_line],
                    uk_date(item.live_from),
                    uk_date(item.live_until - timedelta(days=1)),
                )
                for item in live
            ],
            gender=GENDER_LABELS[gender] if gender else "",
            book_href=f"/bookings/new?listing={listing.id}" if listing.takes_bookings else "",
        )

    async def register(self, location_id: str) -> RegisterPage:
        """Return a register entry, closed ones too: a link to one must say what became of it.

        Raises:
            NotFound: The register has none.
        """
        location = await self.market.location(location_id)
        if location is None:
            raise NotFound
        newer_id = location.superseded_by or location.successor_id
        newer = await self.market.location(newer_id) if newer_id else None
        listing_id = await self.market.listing_of_location(location_id, today(clock_of(self.db)))
        return RegisterPage(
            location=location,
            category=CATEGORY_LABELS[category_of(location)],
            summary=summary_of(location),
            suits=suits_of(location),
            rating=rating_words(location),
            key_questions=_key_questions(location),
            facts=_facts(location),
            newer=newer,
            listing_href=f"/market/{listing_id}" if listing_id else "",
            area_map=area_map(location.lat, location.lon, None, location.town or location.postcode.split(" ")[0]),
        )


def _area_words(row: ListingRow) -> str:
    listing = row.listing
    if listing.is_nationwide:
        return "Anywhere in England, by phone, online or post"
    base = f"{listing.town} ({listing.postcode_area})" if listing.town and listing.postcode_area else listing.town
    base = base or listing.postcode_area
    if listing.radius_metres:
        return f"Up to {miles(listing.radius_metres)} from {base}" if base else f"Up to {miles(listing.radius_metres)}"
    return base


def _listing_map(row: ListingRow) -> AreaMap | None:
    lat, lon = shown_point(row)
    if row.listing.is_nationwide:
        return None
    return area_map(lat, lon, row.listing.radius_metres, row.listing.town or row.listing.postcode_area)


def area_map(lat: float | None, lon: float | None, radius_metres: int | None, label: str) -> AreaMap | None:
    """Draw the area around a base, with the larger towns near it for orientation.

    Args:
        lat: Latitude of the base in degrees, as exact as it may be shown; without it there is no map.
        lon: Longitude.
        radius_metres: How far the service goes; None for a place that people come to.
        label: Name of the base.
    """
    if lat is None or lon is None:
        return None
    half = round(max(radius_metres or MAP_OF_A_PLACE_METRES, NARROWEST_MAP_METRES) * 1.2)

    def flat(other_lat: float, other_lon: float) -> tuple[int, int]:
        # Over a few dozen miles the earth is flat enough for a picture.
        east = (other_lon - lon) * cos(radians(lat)) * _METRES_PER_DEGREE
        return round(east), round((other_lat - lat) * _METRES_PER_DEGREE)

    near = sorted(
        (distance_metres(lat, lon, town.lat, town.lon), town) for town in TOWNS if town.name != label
    )  # fmt: skip
    points: list[dict[str, Any]] = [{"easting": 0, "northing": 0, "label": label or "The base", "here": True}]
    for metres, town in near[: TOWNS_ON_MAP * 3]:
        east, north = flat(town.lat, town.lon)
        is_clear = all(abs(east - p["easting"]) + abs(north - p["northing"]) > half / 6 for p in points)
        if abs(east) < half * 0.94 and abs(north) < half * 0.94 and is_clear and len(points) <= TOWNS_ON_MAP:
            points.append({"easting": east, "northing": north, "label": town.name, "text": miles(metres)})
    areas: list[dict[str, Any]] = []
    if radius_metres:
        turns = [2 * pi * step / CIRCLE_POINTS for step in range(CIRCLE_POINTS)]
        areas = [{"rings": [[(round(radius_metres * cos(t)), round(radius_metres * sin(t))) for t in turns]]}]
    words = f"A circle of {miles(radius_metres)} around {label}." if radius_metres else f"The area around {label}."
    return AreaMap(bounds=(-half, -half, half, half), areas=areas, points=points, description=words)


def _key_questions(location: RegulatorLocation) -> list[tuple[str, str]]:
    return [(label, str(location.ratings[name])) for name, label in KEY_QUESTIONS if location.ratings.get(name)]


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
