"""How the facts of one listing are written: prices by day, usual weekly cost, VAT, room, checks, area, contacts."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import msgspec

from marketplace.core.clock import local
from marketplace.core.formats import miles, uk_date, uk_month
from marketplace.core.places import DISTRICT_NAMES
from marketplace.providers.models import (
    CONCESSIONS,
    EVIDENCE_LABELS,
    SERVICE_LABELS,
    VAT_LABELS,
    Accreditation,
    DayKind,
    Evidence,
    EvidenceKind,
    Listing,
    ListingRate,
    OrganisationKind,
    PriceUnit,
    RegulatorLocation,
)
from marketplace.providers.repository.market import ListingRow
from marketplace.providers.service.rates import DAY_KIND_LABELS, rates_shown
from marketplace.providers.service.weekly import UNCOUNTED, weekly_cost
from marketplace.providers.service.words import price_words, room_words

RUN_BY: Final[dict[OrganisationKind, str]] = {
    OrganisationKind.THIRD_SECTOR: "A charity or voluntary organisation",
    OrganisationKind.HOME_CARE: "A home care organisation",
    OrganisationKind.PA_SERVICE: "A service of several personal assistants",
    OrganisationKind.SOLE_PA: "One person who works for themselves",
    OrganisationKind.COMMUNITY: "A community group",
    OrganisationKind.EQUIPMENT: "A supplier of equipment",
    OrganisationKind.COUNCIL: "A council",
}

SHOWN_CHECKS: Final = tuple(kind for kind in EVIDENCE_LABELS if kind is not EvidenceKind.RIGHT_TO_WORK)
"""Evidence that a public page may name. The right to work is left out: its last day would tell of somebody's visa."""

WITHOUT_END: Final = frozenset({EvidenceKind.DBS, EvidenceKind.REFERENCES})
"""Shown with the day on which a council saw it: neither lasts until a day."""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """How an organisation is reached without the site; never of somebody who works alone."""

    phone: str = ""
    email: str = ""
    website: str = ""


def as_of_words(location: RegulatorLocation) -> str:
    """Write when facts of the register were true: "1 February 2027" or "February 2027"; "" where nothing is said."""
    said = location.as_of or ""
    is_month = len(said) == len("2027-02")
    try:
        day = date.fromisoformat(f"{said}-01" if is_month else said)
    except ValueError:
        return ""
    return uk_month(day) if is_month else uk_date(day)


def is_individual(row: ListingRow) -> bool:
    """Whether the listing is of one person, whose address and number are their own."""
    return row.worker is not None or row.organisation.kind is OrganisationKind.SOLE_PA


def contact_of(row: ListingRow) -> Contact | None:
    """Return how the organisation is reached, None for one person: they are asked through the site."""
    organisation = row.organisation
    if is_individual(row) or not (organisation.phone or organisation.email or organisation.website):
        return None
    website = organisation.website if organisation.website.startswith(("https://", "http://")) else ""
    return Contact(phone=organisation.phone, email=organisation.email, website=website)


def price_now(listing: Listing, rates: Sequence[ListingRate], day: date) -> int:
    """Give the general price in pence on a day: the newest dated rate for any day, else the listing's own."""
    general = [rate for rate in rates if rate.day_kind is DayKind.ANY and rate.starts_on <= day]
    return general[-1].price_pence if general else listing.price_pence


def rate_rows(listing: Listing, rates: Sequence[ListingRate], day: date) -> list[tuple[str, str, str]]:
    """Write the rates as (days, price, from when until when); empty where one price is all there is."""
    if not rates or listing.price_unit is PriceUnit.FREE:
        return []
    rows = []
    if not any(rate.day_kind is DayKind.ANY and rate.starts_on <= day for rate in rates):
        rows.append((DAY_KIND_LABELS[DayKind.ANY], price_words(listing.price_pence, listing.price_unit), "Now"))
    return rows + [
        (DAY_KIND_LABELS[rate.day_kind], price_words(rate.price_pence, listing.price_unit), _period(rate, day))
        for rate in rates_shown(rates, day)
    ]


def _period(rate: ListingRate, day: date) -> str:
    begins = "Now" if rate.starts_on <= day else f"From {uk_date(rate.starts_on)}"
    return f"{begins}, until {uk_date(rate.ends_on - timedelta(days=1))}" if rate.ends_on else begins


def usual_words(listing: Listing, price_pence: int, day: date) -> str:
    """Write the usual weekly cost as the results do, "" where the provider has not said what people usually take."""
    if listing.usual_tenths is None or not price_pence or listing.price_unit in UNCOUNTED:
        return ""
    return weekly_cost(
        price_pence, listing.price_unit, listing.category, day, listing_tenths=listing.usual_tenths
    ).total


def vat_words(listing: Listing) -> str:
    """Write the VAT category with its reason."""
    label = VAT_LABELS[listing.vat_category]
    return f"{label}. {listing.vat_reason}" if listing.vat_reason else label


def concession_words(listing: Listing) -> list[str]:
    """Write what may cost less."""
    words = [CONCESSIONS[code] for code in listing.concessions if code in CONCESSIONS]
    return [*words, *([listing.concession_note] if listing.concession_note else [])]


def listing_room(listing: Listing) -> str:
    """Write how much room there is, with the day it was said: "6 hours a week free, said on 3 March 2027"."""
    words = room_words(listing.capacity_kind, listing.capacity_free)
    said = f", said on {uk_date(local(listing.capacity_said_at))}" if listing.capacity_said_at else ""
    return f"{words}{said}" if words else ""


def check_rows(evidence: Sequence[Evidence]) -> list[tuple[str, str]]:
    """Write the checks as (what, until or seen on), one of each kind: the one that lasts longest. Never a detail."""
    rows: dict[EvidenceKind, tuple[str, str]] = {}
    for item in evidence:
        if item.kind not in SHOWN_CHECKS or item.kind in rows or item.seen_at is None:
            continue
        if item.kind in WITHOUT_END:
            when = f"Seen on {uk_date(local(item.seen_at))}"
        elif item.expires_on is not None:
            when = f"Until {uk_date(item.expires_on - timedelta(days=1))}"
        else:
            when = "No end date"
        rows[item.kind] = (EVIDENCE_LABELS[item.kind], when)
    return [rows[kind] for kind in SHOWN_CHECKS if kind in rows]


def accreditation_rows(
    accreditations: Sequence[Accreditation], councils: Mapping[UUID, str]
) -> list[tuple[str, str, str, str]]:
    """Write live accreditations as (council, service, since, last day)."""
    return [
        (
            councils[item.council_id],
            SERVICE_LABELS[item.service_line],
            uk_date(item.live_from),
            uk_date(item.live_until - timedelta(days=1)),
        )
        for item in accreditations
    ]


def district_name(code: str, authorities: Mapping[str, str]) -> str:
    """Name a district: its own name, else the council area that the register gives, else its code."""
    return DISTRICT_NAMES.get(code) or authorities.get(code) or code


def area_words(row: ListingRow, authorities: Mapping[str, str]) -> str:
    """Write where an offer is given: the base with its radius, else whole districts, or everywhere."""
    listing = row.listing
    if listing.is_nationwide:
        return "Anywhere in England, by phone, online or post"
    base = f"{listing.town} ({listing.postcode_area})" if listing.town and listing.postcode_area else listing.town
    base = base or listing.postcode_area
    parts = [base] if base else []
    if listing.radius_metres:
        parts = [
            f"Up to {miles(listing.radius_metres)} from {base}" if base else f"Up to {miles(listing.radius_metres)}"
        ]
    if listing.district_codes:
        names = ", ".join(sorted(district_name(code, authorities) for code in listing.district_codes))
        parts.append(f"all of {names}" if parts else f"All of {names}")
    return "; ".join(parts)
