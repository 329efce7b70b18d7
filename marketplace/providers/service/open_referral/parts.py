"""Parts of a service in the feed: schedules, areas, costs, languages, the place."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import cos, pi, radians, sin
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from marketplace.providers.models import CONCESSIONS, Listing, ListingHours, ListingRate, PriceUnit, WorkerHours
from marketplace.providers.repository.market import ListingRow
from marketplace.providers.service.area_maps import METRES_PER_DEGREE
from marketplace.providers.service.listing_facts import (
    DAY_WORDS,
    concession_words,
    district_name,
    is_individual,
    vat_words,
)
from marketplace.providers.service.market_index import shown_point
from marketplace.providers.service.open_referral.ids import place_id, stable_id
from marketplace.providers.service.words import ON_REQUEST, UNIT_WORDS

RFC_5545_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

LANGUAGE_CODES: Final[dict[str, str]] = {
    "English": "en",
    "British Sign Language": "bfi",
    "Arabic": "ar",
    "Bengali": "bn",
    "Cantonese": "yue",
    "Gujarati": "gu",
    "Hindi": "hi",
    "Mandarin": "cmn",
    "Polish": "pl",
    "Punjabi": "pa",
    "Romanian": "ro",
    "Slovak": "sk",
    "Somali": "so",
    "Ukrainian": "uk",
    "Urdu": "ur",
    "Welsh": "cy",
}
"""ISO 639 codes; Makaton is no language of that list."""

_DISTRICT_URI: Final = "http://statistics.data.gov.uk/id/statistical-geography/"
_ENGLAND: Final = "E92000001"
_CORNERS: Final = 24
"""Of the polygon that stands for a circle."""


def web_address(text: str) -> str | None:
    """Return an address that is one, None for anything else that was typed."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    is_whole = parts.scheme in ("http", "https") and bool(parts.netloc)
    return text if is_whole and text.isascii() and not any(mark in text for mark in ' <>"{}|\\^`\t\n') else None


def schedules(
    listing: Listing, hours: Sequence[WorkerHours] | Sequence[ListingHours], base: str
) -> list[dict[str, Any]]:
    """Write weekly hours as recurring rules (RFC 5545): the days that share their times stand in one rule."""
    days: dict[tuple[str, str], list[int]] = {}
    for row in hours:
        key = (row.starts_local.strftime("%H:%M"), row.ends_local.strftime("%H:%M"))
        days.setdefault(key, []).append(row.weekday)
    return [
        {
            "id": stable_id("schedule", listing.id, opens, closes),
            "service_id": listing.id,
            "freq": "WEEKLY",
            "byday": ",".join(RFC_5545_DAYS[day] for day in sorted(set(weekdays))),
            "opens_at": opens,
            "closes_at": closes,
            "schedule_link": f"{base}/market/{listing.id}",
            # Without an offset on purpose: times stay the same on the clock when summer time begins.
            "notes": "Local time in England (Europe/London).",
        }
        for (opens, closes), weekdays in sorted(days.items())
    ]


def service_areas(row: ListingRow, authorities: Mapping[str, str]) -> list[dict[str, Any]]:
    """Write where a service goes: all of England, whole districts, a circle around its base."""
    listing = row.listing

    def area(key: str, name: str, **more: Any) -> dict[str, Any]:
        return {
            "id": stable_id("area", listing.id, key),
            "service_id": listing.id,
            "name": name,
            "service_area": name,
            **more,
        }

    if listing.is_nationwide:
        return [area(_ENGLAND, "England", uri=_DISTRICT_URI + _ENGLAND)]
    areas = [
        area(code, district_name(code, authorities), uri=_DISTRICT_URI + code)
        for code in sorted(set(listing.district_codes))
    ]
    if listing.radius_metres:
        base = listing.town or listing.postcode_area
        name = f"Up to {listing.radius_metres / 1609.344:.1f} miles from {base}" if base else "Around its base"
        lat, lon = shown_point(row)
        more = {}
        if lat is not None and lon is not None:
            more = {"extent": _circle(lat, lon, listing.radius_metres), "extent_type": "geojson"}
        areas.append(area("radius", name, **more))
    elif not areas and (listing.town or listing.postcode_area):
        areas.append(area("base", listing.town or listing.postcode_area))
    return areas


def _circle(lat: float, lon: float, radius_metres: int) -> str:
    corners = []
    for step in range(_CORNERS):
        turn = 2 * pi * step / _CORNERS
        north = radius_metres * sin(turn) / METRES_PER_DEGREE
        east = radius_metres * cos(turn) / (METRES_PER_DEGREE * cos(radians(lat)))
        corners.append([round(lon + east, 4), round(lat + north, 4)])
    return json.dumps({"type": "Polygon", "coordinates": [[*corners, corners[0]]]}, separators=(",", ":"))


def cost_options(listing: Listing, rates: Sequence[ListingRate]) -> list[dict[str, Any]]:
    """Write the general price, the dated ones, and what may cost less. Amounts are pounds."""

    def cost(key: object, option: str, **more: Any) -> dict[str, Any]:
        return {"id": stable_id("cost", listing.id, key), "service_id": listing.id, "option": option, **more}

    if listing.price_unit is PriceUnit.FREE:
        options = [cost("general", "Free", amount=0, amount_description="Free")]
    elif not listing.price_pence:
        options = [cost("general", ON_REQUEST, amount_description=ON_REQUEST)]
    else:
        words = f"Pounds, {UNIT_WORDS[listing.price_unit]}. VAT: {vat_words(listing)}"
        options = [cost("general", "General price", amount=listing.price_pence / 100, amount_description=words)]
        options += [
            cost(
                rate.id,
                DAY_WORDS[rate.day_kind],
                amount=rate.price_pence / 100,
                amount_description=f"Pounds, {UNIT_WORDS[listing.price_unit]}",
                valid_from=rate.starts_on.isoformat(),
                valid_to=_last_day(rate.ends_on),
            )
            for rate in rates
        ]
    known = [code for code in listing.concessions if code in CONCESSIONS]
    options += [cost(code, CONCESSIONS[code]) for code in known]
    options += [cost(f"note-{words}", words) for words in concession_words(listing)[len(known) :]]
    return options


def _last_day(ends_on: date | None) -> str | None:
    return (ends_on - timedelta(days=1)).isoformat() if ends_on else None


def languages(listing: Listing) -> list[dict[str, Any]]:
    """Write the languages that a service is given in; English where none is named."""
    return [
        {
            "id": stable_id("language", listing.id, name),
            "service_id": listing.id,
            "name": name,
            "code": LANGUAGE_CODES.get(name),
        }
        for name in dict.fromkeys(listing.languages or ["English"])
    ]


def has_place(row: ListingRow) -> bool:
    """Whether the service has a place that is nobody's home (as `has_shown_place` asks the database)."""
    listing = row.listing
    return not is_individual(row) and not listing.is_nationwide and (listing.lat is not None or bool(listing.town))


def location(row: ListingRow) -> dict[str, Any]:
    """Write the place of an organisation's service: its point, and the address where the organisation sits there."""
    listing, organisation, _, _ = row
    location_id: UUID = stable_id("location", listing.id)
    place: dict[str, Any] = {
        "id": location_id,
        "location_type": "physical",
        "name": f"{organisation.name}, {listing.town}" if listing.town else organisation.name,
        "latitude": listing.lat,
        "longitude": listing.lon,
    }
    if organisation.address_line and organisation.postcode and organisation.town in (listing.town, ""):
        place["addresses"] = [
            {
                "id": stable_id("address", listing.id),
                "location_id": location_id,
                "address_1": organisation.address_line,
                "city": organisation.town or listing.town,
                # The standard asks for a county or the like; we hold none.
                "state_province": "England",
                "postal_code": organisation.postcode,
                "country": "GB",
                "address_type": "physical",
            }
        ]
    if listing.access_note:
        place["accessibility"] = [
            {
                "id": stable_id("accessibility", listing.id),
                "location_id": location_id,
                "description": listing.access_note,
                "accessibility": listing.access_note,
            }
        ]
    return place


def at_location(row: ListingRow) -> dict[str, Any]:
    """Write the link of a service to its place."""
    listing = row.listing
    return {
        "id": place_id(listing.id),
        "service_id": listing.id,
        "location_id": stable_id("location", listing.id),
        "location": location(row),
    }
