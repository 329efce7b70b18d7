"""Records of the regulator's syndication API, one JSON object a line: locations and providers."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec

from marketplace.providers.directory import names
from marketplace.providers.directory.cells import MAX_NAME, Cells
from marketplace.providers.directory.records import (
    Item,
    Layout,
    NoteKind,
    Rating,
    Ratings,
    RegisterLocation,
    RegisterProvider,
    RegisterStatus,
)
from marketplace.providers.directory.rows import NOT_SOCIAL_CARE, NOT_SOCIAL_CARE_PROVIDER, location_url, provider_url

_STATUSES = {"registered": RegisterStatus.REGISTERED, "deregistered": RegisterStatus.CLOSED}
_QUESTIONS = {
    "safe": "safe",
    "effective": "effective",
    "caring": "caring",
    "responsive": "responsive",
    "well-led": "well_led",
}


def is_api_record(line: str) -> bool:
    """Whether a line looks like a record of the API rather than a heading or other JSON."""
    record = _decode(line)
    return record is not None and ("locationId" in record or "providerId" in record)


def read_api_line(number: int, line: str) -> Iterator[Item]:
    """Read one line; a line that is no record is refused."""
    record = _decode(line)
    clean = Cells(number)
    if record is None:
        clean.note(NoteKind.REFUSED, None, "The line is not a JSON object.", line[:200])
        yield from clean.notes
    elif _text(record, "locationId"):
        yield from _location(record, clean)
    elif _text(record, "providerId"):
        yield from _provider(record, clean)
    else:
        clean.note(NoteKind.REFUSED, None, "The record has neither a locationId nor a providerId.", line[:200])
        yield from clean.notes


def _location(record: dict[str, Any], clean: Cells) -> Iterator[Item]:
    location_id = clean.register_id("location_id", _text(record, "locationId"))
    clean.location_id = location_id
    name = clean.text("name", _text(record, "name"), MAX_NAME)
    status = _STATUSES.get(_text(record, "registrationStatus").lower())
    if location_id is None or name is None or status is None:
        clean.notes.clear()
        clean.note(
            NoteKind.REFUSED, None, "The record has no valid locationId, name or registrationStatus.",
            f"{_text(record, 'locationId')} {_text(record, 'name')}",
        )  # fmt: skip
        yield from clean.notes
        return
    service_types = clean.service_types([_service_wording(entry) for entry in _objects(record, "gacServiceTypes")])
    if not _is_social_care(record, service_types):
        clean.notes.clear()
        clean.note(NoteKind.SKIPPED, None, NOT_SOCIAL_CARE, _text(record, "type"))
        yield from clean.notes
        return
    is_home = {"Y": True, "N": False}.get(_text(record, "careHome"))
    lat, lon = clean.coordinates(record.get("onspdLatitude"), record.get("onspdLongitude"))
    inspection, closed_on = record.get("lastInspection"), _text(record, "deregistrationDate")
    location = RegisterLocation(
        location_id=location_id,
        row_number=clean.row_number,
        name=name,
        also_known_as=clean.text("also_known_as", _text(record, "alsoKnownAs"), MAX_NAME),
        provider_id=clean.register_id("provider_id", _text(record, "providerId")),
        brand_name=_brand(clean, record),
        is_care_home=names.is_care_home(service_types) if is_home is None else is_home,
        service_types=service_types,
        specialisms=clean.specialisms([_text(entry, "name") for entry in _objects(record, "specialisms")]),
        beds=clean.beds(record.get("numberOfBeds")) if is_home else None,
        address1=clean.text("address1", _text(record, "postalAddressLine1")),
        address2=clean.text("address2", _text(record, "postalAddressLine2")),
        town=clean.text("town", _text(record, "postalAddressTownCity")),
        county=clean.text("county", _text(record, "postalAddressCounty")),
        postcode=clean.postcode(_text(record, "postalCode")),
        local_authority=clean.council(_text(record, "localAuthority")),
        region=clean.region(_text(record, "region")),
        lat=lat,
        lon=lon,
        phone=clean.phone(_text(record, "mainPhoneNumber")),
        website=clean.website(_text(record, "website")),
        ratings=_ratings(record, clean),
        registered_on=clean.day("registered_on", _text(record, "registrationDate")),
        last_inspection_on=clean.day(
            "last_inspection_on", _text(inspection, "date") if isinstance(inspection, dict) else ""
        ),
        status=status,
        closed_on=clean.day("closed_on", closed_on) if status is RegisterStatus.CLOSED else None,
        is_dormant={"Y": True, "N": False}.get(_text(record, "dormancy")),
        succeeded_by=_successor(record),
        source_layout=Layout.API,
        url=location_url(location_id),
    )
    yield from clean.notes
    yield location


def _provider(record: dict[str, Any], clean: Cells) -> Iterator[Item]:
    provider_id = clean.register_id("provider_id", _text(record, "providerId"))
    name = clean.text("name", _text(record, "name"), MAX_NAME)
    status = _STATUSES.get(_text(record, "registrationStatus").lower())
    if provider_id is None or name is None or status is None:
        clean.notes.clear()
        clean.note(
            NoteKind.REFUSED, None, "The record has no valid providerId, name or registrationStatus.",
            f"{_text(record, 'providerId')} {_text(record, 'name')}",
        )  # fmt: skip
        yield from clean.notes
        return
    if not _is_social_care(record, ()):
        clean.notes.clear()
        clean.location_id = provider_id
        clean.note(NoteKind.SKIPPED, None, NOT_SOCIAL_CARE_PROVIDER, _text(record, "type"))
        yield from clean.notes
        return
    charity = _text(record, "charityNumber")
    ownership = _text(record, "ownershipType")
    closed_on = _text(record, "deregistrationDate")
    provider = RegisterProvider(
        provider_id=provider_id,
        row_number=clean.row_number,
        name=name,
        also_known_as=clean.text("also_known_as", _text(record, "alsoKnownAs"), MAX_NAME),
        brand_name=_brand(clean, record),
        company_number=clean.company_number(_text(record, "companiesHouseNumber")),
        charity_number=charity if charity.isascii() and charity.isalnum() and len(charity) <= 10 else None,
        ownership=ownership if ownership in names.OWNERSHIPS else None,
        address1=clean.text("address1", _text(record, "postalAddressLine1")),
        address2=clean.text("address2", _text(record, "postalAddressLine2")),
        town=clean.text("town", _text(record, "postalAddressTownCity")),
        county=clean.text("county", _text(record, "postalAddressCounty")),
        postcode=clean.postcode(_text(record, "postalCode")),
        local_authority=clean.council(_text(record, "localAuthority")),
        region=clean.region(_text(record, "region")),
        phone=clean.phone(_text(record, "mainPhoneNumber")),
        website=clean.website(_text(record, "website")),
        registered_on=clean.day("registered_on", _text(record, "registrationDate")),
        status=status,
        closed_on=clean.day("closed_on", closed_on) if status is RegisterStatus.CLOSED else None,
        source_layout=Layout.API,
        url=provider_url(provider_id),
    )
    yield from clean.notes
    yield provider


def _ratings(record: dict[str, Any], clean: Cells) -> Ratings:
    current = record.get("currentRatings")
    overall = current.get("overall") if isinstance(current, dict) else None
    if not isinstance(overall, dict):
        return Ratings()
    found: dict[str, Rating | None] = {}
    dates: dict[str, date] = {}
    for entry in _objects(overall, "keyQuestionRatings"):
        field = _QUESTIONS.get(_text(entry, "name").strip().lower())
        if field:
            found[field] = clean.rating(f"rating_{field}", _text(entry, "rating"))
            reported_on = clean.day(f"rating_{field}_date", _text(entry, "reportDate")) if found[field] else None
            if reported_on is not None:
                dates[field] = reported_on
    rating = clean.rating("rating_overall", _text(overall, "rating"))
    published = _text(overall, "reportDate") or (_text(current, "reportDate") if isinstance(current, dict) else "")
    published_on = clean.day("rating_date", published) if rating else None
    return Ratings(
        overall=rating,
        safe=found.get("safe"),
        effective=found.get("effective"),
        caring=found.get("caring"),
        responsive=found.get("responsive"),
        well_led=found.get("well_led"),
        published_on=published_on,
        dates=dates,
    )


def _is_social_care(record: dict[str, Any], service_types: tuple[str, ...]) -> bool:
    """Old, closed records have the directorate "Unspecified"; the kind of organisation still tells."""
    return (
        _text(record, "inspectionDirectorate") == "Adult social care"
        or _text(record, "type") == "Social Care Org"
        or names.is_social_care(service_types)
    )


def _successor(record: dict[str, Any]) -> str | None:
    for entry in _objects(record, "relationships"):
        related = _text(entry, "relatedLocationId")
        if _text(entry, "type") == "HSCA Successor" and related:
            return Cells(0).register_id("succeeded_by", related)
    return None


def _brand(clean: Cells, record: dict[str, Any]) -> str | None:
    name = clean.text("brand_name", _text(record, "brandName"), MAX_NAME)
    return name.removeprefix("BRAND ").strip() or None if name else None


def _service_wording(entry: dict[str, Any]) -> str:
    """Prefer the description, which is the register name; the public name can stand for two of them."""
    description = _text(entry, "description")
    return description if names.service_type(description) else _text(entry, "name") or description


def _decode(line: str) -> dict[str, Any] | None:
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return record if isinstance(record, dict) else None


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def _objects(record: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = record.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
