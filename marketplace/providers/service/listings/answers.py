"""From a listing to the answers of its builder, and from a draft's answers to the facts of a listing."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import NEEDS
from marketplace.core.errors import InvalidInput
from marketplace.core.places import METRES_PER_MILE, TOWNS, Postcode, distance_metres
from marketplace.providers.models import PriceUnit, RegulatedBasis
from marketplace.providers.repository.places import PlaceRepository
from marketplace.providers.service.listings.facts import ListingFacts
from marketplace.providers.service.listings.forms import STATUS_CODES, category_in, read_step
from marketplace.providers.service.listings.steps import EMPTY_IS_AN_ANSWER, DraftContext, steps_for
from marketplace.providers.service.regulated import ALWAYS_REGULATED
from marketplace.providers.service.workers import hours_values

HOME_DECIMALS = 2
"""Degrees of a worker's base are kept to a hundredth, about a kilometre: it is their home."""


def answers_of(facts: ListingFacts, worker_id: str | None) -> dict[str, Any]:
    """Write a listing as the answers that would make it."""
    area = "radius" if facts.radius_metres else "districts" if facts.district_codes and not facts.town else "place"
    cares = facts.regulated_basis is not RegulatedBasis.NOT_REGULATED or facts.category in ALWAYS_REGULATED
    is_direct = facts.regulated_basis is RegulatedBasis.DIRECTLY_ENGAGED
    is_free = facts.price_unit is PriceUnit.FREE
    return {
        "kind": {"category": facts.category.value, "worker": worker_id or ""},
        "what": {"title": facts.title, "summary": facts.summary, "body": facts.body},
        "suits": {
            "suits": [code for code in facts.suits if code in NEEDS],
            "languages": facts.languages,
            "interests": facts.interests,
            "access_note": facts.access_note,
        },
        "care": {
            "personal_care": "yes" if cares else "no",
            "status": list(STATUS_CODES) if is_direct else [],
            "location": facts.regulator_location_id or "",
        },
        "price": {
            "price_unit": facts.price_unit.value,
            "price": "" if is_free or not facts.price_pence else f"{facts.price_pence / 100:.2f}",
            "usual": f"{facts.usual_tenths / 10:g}" if facts.usual_tenths else "",
            "vat_category": facts.vat_category.value,
            "vat_reason": facts.vat_reason,
            "takes_bookings": "yes" if facts.takes_bookings else "",
            "least_minutes": str(facts.least_minutes),
        },
        "rates": {"rates": msgspec.to_builtins(facts.rates)},
        "concessions": {"concessions": facts.concessions, "concession_note": facts.concession_note},
        "area": {
            "area": "nationwide" if facts.is_nationwide else area,
            "postcode": "",
            "miles": str(max(1, round(facts.radius_metres / METRES_PER_MILE))) if facts.radius_metres else "",
            "districts": facts.district_codes if area == "districts" else [],
        },
        "hours": {**hours_values(facts.hours), "session_places": str(facts.session_places or "")},
        "share": {"is_open_data": "yes" if facts.is_open_data else "no"},
    }


def progress(content: Mapping[str, Any], context: DraftContext) -> dict[str, str]:
    """Return how far each step of a draft is: "completed", "not_started", "optional" or "wrong"."""
    found = {}
    for step in steps_for(context, content):
        answers = content.get(step.name)
        if answers is None:
            found[step.name] = "optional" if step.name in EMPTY_IS_AN_ANSWER else "not_started"
            continue
        try:
            read_step(step.name, answers, content, context)
        except InvalidInput:
            found[step.name] = "wrong"
        else:
            found[step.name] = "completed"
    return found


async def read_draft(
    db: AsyncSession, content: Mapping[str, Any], context: DraftContext
) -> tuple[ListingFacts, dict[str, Any]]:
    """Read a whole draft.

    Returns:
        The facts of the listing, and what it says of room (`capacity_kind`, `capacity_free`), {} where it says nothing.

    Raises:
        InvalidInput: By step: what is missing or no longer right.
    """
    errors: dict[str, str] = {}
    facts: dict[str, Any] = {}
    for step in steps_for(context, content):
        answers = content.get(step.name)
        if answers is None:
            if step.name not in EMPTY_IS_AN_ANSWER:
                errors[step.name] = f"Answer: {step.title[:1].lower()}{step.title[1:]}"
            continue
        try:
            facts |= read_step(step.name, answers, content, context)
            if step.name == "area":
                facts |= await base_of(db, answers, facts, context)
        except InvalidInput as error:
            errors[step.name] = f"{step.title}: {next(iter(error.fields.values()))}"
    if category_in(content) is None:
        errors.setdefault("kind", "Answer: kind of offer")
    if errors:
        raise InvalidInput(errors)
    room: dict[str, Any] = {name: facts.pop(name) for name in ("capacity_kind", "capacity_free") if name in facts}
    return ListingFacts(**facts), room


async def base_of(
    db: AsyncSession, answers: Mapping[str, Any], facts: Mapping[str, Any], context: DraftContext
) -> dict[str, Any]:
    """Return the base of an offer: town, outward code, point and district, as exact as they may be known.

    Raises:
        InvalidInput: Nobody lives at that postcode.
    """
    if facts["is_nationwide"] or facts["district_codes"]:
        return {"town": "", "postcode_area": "", "lat": None, "lon": None}
    given = Postcode.parse(answers.get("postcode") or "")
    listing, worker = context.listing, context.worker
    if given is None and listing is not None and listing.lat is not None and listing.lon is not None:
        return {
            "town": listing.town,
            "postcode_area": listing.postcode_area,
            **_point(listing.lat, listing.lon, is_home=worker is not None),
            "district_codes": listing.district_codes,
        }
    if given is None and worker is not None:
        given = Postcode.parse(worker.postcode)
    found = await PlaceRepository(db).postcode(given) if given is not None else None
    if given is None or found is None:
        raise InvalidInput({"postcode": "We do not know this postcode. Check it, or use one nearby"})
    (lat, lon), district = found
    return {
        "town": nearest_town(lat, lon),
        "postcode_area": given.outward,
        **_point(lat, lon, is_home=worker is not None),
        "district_codes": [district],
    }


def nearest_town(lat: float, lon: float) -> str:
    """Return the name of the nearest town of the gazetteer."""
    return min(TOWNS, key=lambda town: distance_metres(lat, lon, town.lat, town.lon)).name


def _point(lat: float, lon: float, *, is_home: bool) -> dict[str, float]:
    return {"lat": round(lat, HOME_DECIMALS), "lon": round(lon, HOME_DECIMALS)} if is_home else {"lat": lat, "lon": lon}
