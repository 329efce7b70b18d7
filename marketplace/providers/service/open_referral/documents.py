"""A service as the standard writes it: in short for lists, whole when it is asked for alone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.models import Council
from marketplace.core.clock import local
from marketplace.core.formats import uk_date
from marketplace.providers.models import (
    SERVICE_LABELS,
    Accreditation,
    ListingHours,
    ListingRate,
    WorkerHours,
)
from marketplace.providers.repository.market import ListingRow
from marketplace.providers.service.listing_facts import contact_of, is_individual, listing_room
from marketplace.providers.service.market_cards import rating_words
from marketplace.providers.service.open_referral import parts
from marketplace.providers.service.open_referral.ids import stable_id
from marketplace.providers.service.open_referral.taxonomies import LINK_TYPES, term_document, terms_of


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to the services of a page, read once for all of them."""

    base: str
    """Public address of the site, without a slash at its end."""
    councils: Mapping[UUID, Council]
    accreditations: Mapping[UUID, Sequence[Accreditation]]
    """By organisation."""
    worker_hours: Mapping[UUID, Sequence[WorkerHours]] = msgspec.field(default_factory=dict)
    listing_hours: Mapping[UUID, Sequence[ListingHours]] = msgspec.field(default_factory=dict)
    rates: Mapping[UUID, Sequence[ListingRate]] = msgspec.field(default_factory=dict)
    authorities: Mapping[str, str] = msgspec.field(default_factory=dict)


def service_brief(row: ListingRow, around: Around) -> dict[str, Any]:
    """Write a service as it stands in a list: what it has one of, and its organisation."""
    listing, organisation, _, _ = row
    contact = contact_of(row)
    assured_date, assurer_email = _assurance(row, around.councils)
    return {
        "id": listing.id,
        "organization_id": organisation.id,
        "name": listing.title,
        "description": "\n\n".join(text for text in (listing.summary, listing.body) if text),
        "url": f"{around.base}/market/{listing.id}",
        "email": _email(contact.email) if contact else None,
        "status": "active",
        "accreditations": _accreditations(row, around),
        "assured_date": assured_date,
        "assurer_email": assurer_email,
        "alert": listing_room(listing) if listing.capacity_free == 0 else None,
        "last_modified": instant(listing.updated_at),
        "organization": organization(row, is_full=False),
    }


def service_whole(row: ListingRow, around: Around, *, has_locations: bool = True) -> dict[str, Any]:
    """Write a service with everything that belongs to it."""
    listing, worker = row.listing, row.worker
    hours: Sequence[WorkerHours] | Sequence[ListingHours] = (
        around.worker_hours.get(worker.id, ()) if worker is not None else around.listing_hours.get(listing.id, ())
    )
    whole = {
        **service_brief(row, around),
        "organization": organization(row, is_full=True),
        "schedules": parts.schedules(listing, hours, around.base),
        "service_areas": parts.service_areas(row, around.authorities),
        "languages": parts.languages(listing),
        "cost_options": parts.cost_options(listing, around.rates.get(listing.id, ())),
        "contacts": _contacts(row),
        "attributes": [
            {
                "id": stable_id("attribute", listing.id, term.id),
                "link_id": listing.id,
                "taxonomy_term_id": term.id,
                "link_type": LINK_TYPES[term.taxonomy],
                "taxonomy_term": term_document(term, around.base),
            }
            for term in terms_of(listing)
        ],
    }
    if has_locations and parts.has_place(row):
        whole["service_at_locations"] = [parts.at_location(row)]
    return whole


def at_location_document(row: ListingRow, around: Around, *, is_full: bool) -> dict[str, Any]:
    """Write a service at its place."""
    service = service_whole(row, around, has_locations=False) if is_full else service_brief(row, around)
    link = parts.at_location(row)
    if not is_full:
        link["location"] = {
            name: value for name, value in link["location"].items() if name not in ("addresses", "accessibility")
        }
    return {**link, "service": service}


def organization(row: ListingRow, *, is_full: bool) -> dict[str, Any]:
    """Write who offers a service. Of somebody who works alone, no more than the name that they agreed to show."""
    organisation = row.organisation
    contact = contact_of(row)
    document: dict[str, Any] = {
        "id": organisation.id,
        "name": organisation.name,
        "description": organisation.summary or organisation.name,
    }
    if contact is not None:
        document |= {"email": _email(contact.email), "website": parts.web_address(contact.website)}
    if is_full and not is_individual(row):
        numbers = (
            ("GB-CHC", "Charity number", organisation.charity_number),
            ("GB-COH", "Company number", organisation.company_number),
            ("CQC", "Care Quality Commission provider", organisation.cqc_provider_id),
        )
        document["organization_identifiers"] = [
            {
                "id": stable_id("identifier", organisation.id, scheme),
                "organization_id": organisation.id,
                "identifier_scheme": scheme,
                "identifier_type": kind,
                "identifier": number,
            }
            for scheme, kind, number in numbers
            if number
        ]
    return document


def without_empty(value: Any) -> Any:
    """Leave out what is not there: optional fields are absent rather than null or empty."""
    if isinstance(value, dict):
        cleaned = {name: without_empty(inner) for name, inner in value.items()}
        return {name: inner for name, inner in cleaned.items() if inner is not None and inner != "" and inner != []}
    if isinstance(value, list):
        return [without_empty(inner) for inner in value]
    return value


def instant(moment: datetime) -> str:
    """Write an instant in UTC to the millisecond, as the standard asks."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _email(text: str) -> str | None:
    return text if text.count("@") == 1 and not any(char.isspace() for char in text) else None


def _contacts(row: ListingRow) -> list[dict[str, Any]]:
    """Write the organisation's number; a contact is never a person."""
    contact = contact_of(row)
    if contact is None or not contact.phone:
        return []
    listing, organisation, _, _ = row
    contact_id = stable_id("contact", listing.id)
    phone = {"id": stable_id("phone", listing.id), "contact_id": contact_id, "number": contact.phone}
    return [{"id": contact_id, "service_id": listing.id, "name": organisation.name, "phones": [phone]}]


def _assurance(row: ListingRow, councils: Mapping[UUID, Council]) -> tuple[str | None, str | None]:
    """Give the day on which somebody last said that the facts are right, and the council's address if it was one."""
    listing = row.listing
    if listing.checked_at is not None and (listing.confirmed_at is None or listing.checked_at >= listing.confirmed_at):
        council = councils.get(listing.checked_by_council_id) if listing.checked_by_council_id else None
        return local(listing.checked_at).date().isoformat(), _email(council.contact_email) if council else None
    if listing.confirmed_at is not None:
        return local(listing.confirmed_at).date().isoformat(), None
    return None, None


def _accreditations(row: ListingRow, around: Around) -> str:
    sentences = [
        f"Accredited by {around.councils[item.council_id].name} for {SERVICE_LABELS[item.service_line].lower()} "
        f"since {uk_date(item.live_from)}."
        for item in around.accreditations.get(row.organisation.id, ())
        if item.council_id in around.councils
    ]
    if row.location is not None and row.location.rating_overall:
        sentences.append(f"Care Quality Commission rating: {rating_words(row.location)}.")
    return " ".join(sentences)
