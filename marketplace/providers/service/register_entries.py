"""Entries of the regulator's register as they stand in our tables: read, named and compared with an organisation."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.directory import place_key
from marketplace.providers.models import Organisation, RegulatorLink, RegulatorLocation
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.registration import RegulatorLinkRepository

REGISTERED: Final = "registered"
CLOSED: Final = "closed"
DORMANT: Final = "dormant"
WITHOUT_PLACES: Final = "without places"
"""A provider of which the register names no place that gives adult social care."""

_LEGAL_FORM = re.compile(r"(limited|ltd|plc|llp|cic|communityinterestcompany)$")


class Successor(msgspec.Struct, frozen=True):
    """A newer registration that took the place of one."""

    number: str
    name: str
    town: str

    @property
    def words(self) -> str:
        """Name, town and number, as a sentence names it."""
        return f"{self.name}{f', {self.town}' if self.town else ''} ({self.number})"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the register: a provider with its locations, or one location."""

    provider_id: str | None
    location_id: str | None
    """None for a provider."""
    provider_name: str
    name: str
    names: tuple[str, ...]
    """Every name by which the register knows it."""
    status: str
    """"registered", "closed", "dormant" or "without places"."""
    rating: str
    """Of the location, or of a provider's only one; empty is "not rated"."""
    rated_on: date | None
    company_number: str
    postcodes: tuple[str, ...]
    locations: tuple[dict[str, Any], ...]
    successors: tuple[Successor, ...] = ()
    """Newer registrations that took its place, or its places."""

    @property
    def number(self) -> str:
        """The number that names it."""
        return self.location_id or self.provider_id or ""


async def read_entry(links: RegulatorLinkRepository, number: str) -> Entry | None:
    """Read a provider or a location of the register by its number; None when the register has neither."""
    provider = await links.register_provider(number)
    if provider is not None:
        places = await links.locations_of(number)
        live = [place for place in places if place.is_registered and not place.is_dormant]
        only = live[0] if len(live) == 1 else None
        status = _status(places) if places or await links.has_locations(number) else WITHOUT_PLACES
        taken_over = () if live else await links.successors_of_provider(number)
        return Entry(
            provider_id=number,
            location_id=None,
            provider_name=provider.name,
            name=provider.name,
            names=tuple(filter(None, (provider.name, provider.brand_name, *(place.name for place in live)))),
            status=status,
            rating=only.rating_overall if only else "",
            rated_on=only.rated_on if only else None,
            company_number=provider.company_number,
            postcodes=tuple(dict.fromkeys(place.postcode for place in live if place.postcode)),
            locations=tuple(_location(place) for place in live),
            successors=tuple(Successor(number, name, "") for number, name in taken_over),
        )
    place = await links.register_location(number)
    if place is None:
        return None
    owner = await links.register_provider(place.provider_id) if place.provider_id else None
    newer_id = place.superseded_by or place.successor_id
    newer = await links.register_location(newer_id) if newer_id else None
    return Entry(
        provider_id=place.provider_id,
        location_id=place.location_id,
        provider_name=(owner.name if owner else "") or place.provider_name,
        name=place.name,
        names=tuple(filter(None, (place.name, place.also_known_as, place.provider_name, owner.name if owner else ""))),
        status=_status([place]),
        rating=place.rating_overall,
        rated_on=place.rated_on,
        company_number=owner.company_number if owner else "",
        postcodes=(place.postcode,) if place.postcode else (),
        locations=(_location(place),),
        successors=(Successor(newer.location_id, newer.name, newer.town),) if newer else (),
    )


def differences(organisation: Organisation, entry: Entry, *, is_held_by_another: bool) -> list[str]:
    """Say in plain words what does not agree between an organisation and an entry; empty when all does.

    Names agree without case, marks and legal form ("Ltd"); the postcode must be that of a location. What the
    organisation did not give is no difference.
    """
    found = []
    if _core(organisation.name) not in {_core(name) for name in entry.names}:
        found.append(f"The name here is “{organisation.name}”. The register says “{entry.name}”.")
    if organisation.postcode and entry.postcodes and organisation.postcode not in entry.postcodes:
        places = ", ".join(entry.postcodes[:5])
        found.append(f"The postcode here is {organisation.postcode}. The register has {places}.")
    ours = (organisation.company_number or "").lstrip("0").upper()
    theirs = entry.company_number.lstrip("0").upper()
    if ours and theirs and ours != theirs:
        found.append(
            f"The company number here is {organisation.company_number}. The register has {entry.company_number}."
        )
    if is_held_by_another:
        found.append("Another organisation here already uses this entry of the register, or its provider.")
    if entry.location_id is not None and entry.status == REGISTERED and entry.successors:
        found.append(f"The register has a newer registration of this place: {entry.successors[0].words}.")
    return found


async def is_registered(db: AsyncSession, organisation_id: UUID) -> bool:
    """Whether an organisation is tied to a live entry of the register, so that it may offer regulated care.

    It is by a link that matched or was confirmed; and, for one that a council added with its number, while the register
    has a registered location of that number. A claim that is still looked at does not count.
    """
    links = RegulatorLinkRepository(db)
    if await links.has_live(organisation_id):
        return True
    organisation = await OrganisationRepository(db).find(organisation_id)
    if not organisation.cqc_provider_id:
        return False
    entry = await read_entry(links, organisation.cqc_provider_id)
    return entry is not None and entry.status == REGISTERED


def write_entry(link: RegulatorLink, entry: Entry) -> None:
    """Keep with a link what the register says now."""
    link.provider_id = entry.provider_id
    link.location_id = entry.location_id
    link.register_name = entry.name
    link.register_status = entry.status
    link.rating = entry.rating
    link.rated_on = entry.rated_on
    link.locations = list(entry.locations)


def _status(places: Sequence[RegulatorLocation]) -> str:
    if any(place.is_registered and not place.is_dormant for place in places):
        return REGISTERED
    return DORMANT if any(place.is_registered for place in places) else CLOSED


def _location(place: RegulatorLocation) -> dict[str, Any]:
    return {
        "location_id": place.location_id,
        "name": place.name,
        "town": place.town,
        "rating": place.rating_overall,
        "rated_on": place.rated_on.isoformat() if place.rated_on else None,
    }


def _core(name: str) -> str:
    """Bring a name to what is compared: without case, marks, spaces and legal form."""
    return _LEGAL_FORM.sub("", place_key(name))
