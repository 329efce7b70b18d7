"""Reading the steps of the listing builder: from what was typed to facts, with every message."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from marketplace.accounts.words import INTERESTS, LANGUAGES, NEEDS
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.places import METRES_PER_MILE
from marketplace.providers.models import (
    BOOKABLE_UNITS,
    CATEGORY_LABELS,
    CONCESSIONS,
    CapacityKind,
    DayKind,
    ListingCategory,
    OrganisationKind,
    PriceUnit,
    RegulatedBasis,
    VatCategory,
)
from marketplace.providers.service.listings.facts import UNIT_PLURALS, HourFact, RateFact
from marketplace.providers.service.listings.steps import BY_NAME, HAS_SESSIONS, DraftContext
from marketplace.providers.service.regulated import STATUS_TEST, regulated_rule
from marketplace.providers.service.words import WEEKDAYS
from marketplace.providers.service.workers import read_ranges

MOST_MILES: Final = 100
HIGHEST_PRICE_PENCE: Final = 1_000_000_00
MOST_ROOM: Final = 999
MOST_RATES: Final = 24
MOST_PLACES: Final = 500
"""In one session."""

UNIT_LABELS: Final[dict[PriceUnit, str]] = {
    PriceUnit.FREE: "It is free",
    PriceUnit.HOUR: "An hour",
    PriceUnit.VISIT: "A visit",
    PriceUnit.SESSION: "A session",
    PriceUnit.WEEK: "A week",
    PriceUnit.PLAN: "A plan",
    PriceUnit.ONCE: "One payment",
}
AREAS: Final = ("place", "radius", "districts", "nationwide")
STATUS_CODES: Final = tuple(f"status{number}" for number in range(len(STATUS_TEST)))
_VAT_NEEDS_REASON: Final = frozenset(VatCategory) - {VatCategory.NOT_REGISTERED}

Answers = Mapping[str, Any]
Facts = dict[str, Any]


def kept(step: str, data: Answers) -> Facts:
    """Return what was typed into a step, as it is stored: texts, and lists of texts."""
    found: Facts = {}
    for name in BY_NAME[step].fields:
        value = data.get(name)
        if isinstance(value, list):
            found[name] = value
        elif value is not None:
            found[name] = FormReader(data).raw(name)
    return found


def read_step(step: str, answers: Answers, content: Answers, context: DraftContext) -> Facts:
    """Read the answers of a step as facts of the listing.

    Args:
        step: Name of the step.
        answers: What was typed into it.
        content: The other steps' answers, on which some questions depend.
        context: What they are read against.

    Raises:
        InvalidInput: With all messages.
    """
    form = FormReader(answers)
    facts = _READERS[step](form, content, context)
    form.done()
    return facts


def category_in(content: Answers) -> ListingCategory | None:
    """Return the kind of offer that a draft says, None before it does."""
    try:
        return ListingCategory(content.get("kind", {}).get("category"))
    except ValueError:
        return None


def _kind(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    category = form.choice("category", "what you offer", ListingCategory)
    if category is None:
        return {}
    # A draft that changes a listing offers no choice, but keeps the worker that the listing is of.
    known = [*context.workers, *([context.worker] if context.worker else [])]
    if form.raw("worker") and all(str(worker.id) != form.raw("worker") for worker in known):
        form.wrong("worker", "Select whose listing it is from the list")
    verdict = regulated_rule(category, False, context.rule_kind, context.is_registered, False)
    if not verdict.allowed:
        form.wrong("category", verdict.words)
    return {"category": category}


def _what(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    return {
        "title": form.text("title", "the title", longest=100),
        "summary": form.text("summary", "what you offer, in short", longest=300),
        "body": form.text("body", "the details", required=False, longest=5_000),
    }


def _suits(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    return {
        "suits": form.options("suits", "who it suits", NEEDS),
        "languages": form.options("languages", "the languages", LANGUAGES),
        "interests": form.options("interests", "the interests", INTERESTS),
        "access_note": form.text("access_note", "getting in and round", required=False, longest=500),
    }


def _care(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    category = category_in(content) or ListingCategory.COMMUNITY
    answer = form.option("personal_care", "whether you help with personal care", ("yes", "no"))
    confirmed = form.options("status", "what is true of your work", STATUS_CODES)
    location = form.raw("location")
    if location and all(row.location_id != location for row in context.locations):
        form.wrong("location", "Select the entry of the register from the list")
    is_direct = len(confirmed) == len(STATUS_CODES)
    verdict = regulated_rule(
        category,
        answer == "yes",
        context.rule_kind,
        context.is_registered,
        is_direct,
        is_company=context.organisation.kind is OrganisationKind.SOLE_PA and bool(context.organisation.company_number),
    )
    if answer and not verdict.allowed:
        needs_test = context.is_individual and verdict.basis is RegulatedBasis.DIRECTLY_ENGAGED
        form.wrong("status" if needs_test else "personal_care", verdict.words)
    is_registered = verdict.basis is RegulatedBasis.REGISTERED
    return {
        "regulated_basis": verdict.basis,
        "regulator_location_id": location or None if is_registered else None,
    }


def _price(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    unit = form.choice("price_unit", "what the price is for", PriceUnit)
    is_free = unit is PriceUnit.FREE
    price = None if is_free or unit is None else form.pounds("price", "the price", least=1, most=HIGHEST_PRICE_PENCE)
    usual = _tenths(form) if unit in UNIT_PLURALS else None
    vat = form.choice("vat_category", "how VAT applies", VatCategory, required=not is_free)
    reason = form.text("vat_reason", "the reason for this", required=vat in _VAT_NEEDS_REASON, longest=300)
    if vat is VatCategory.NOT_REGISTERED and context.organisation.vat_number:
        form.wrong("vat_category", "You gave us a VAT number, so say how VAT applies to this")
    takes = form.ticked("takes_bookings") and unit in BOOKABLE_UNITS
    least = form.number("least_minutes", "the shortest visit", least=15, most=720, required=False) if takes else 30
    return {
        "price_unit": unit or PriceUnit.FREE,
        "price_pence": price or 0,
        "usual_tenths": usual,
        "vat_category": vat or VatCategory.NOT_REGISTERED,
        "vat_reason": reason,
        "takes_bookings": takes,
        "least_minutes": least,
    }


def _tenths(form: FormReader) -> int | None:
    """Read an amount a week to a tenth: "2.5" is 25."""
    text = form.raw("usual")
    if not text:
        return None
    whole, _, tenth = text.partition(".")
    is_number = text.isascii() and whole.isdecimal() and (tenth.isdecimal() or not tenth) and len(text) <= 5
    tenths = int(whole) * 10 + int(tenth or 0) if is_number and len(tenth) <= 1 else 0
    if not 1 <= tenths <= 1_680:
        form.wrong("usual", "The usual amount a week must be a number up to 168, like 3 or 2.5")
        return None
    return tenths


def _rates(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    try:
        rates = msgspec.convert(form.data.get("rates") or [], list[RateFact])
    except msgspec.ValidationError:
        form.wrong("day_kind", "Add the rates again")
        return {}
    return {"rates": sorted(rates)}


def read_rate(data: Answers, rates: list[RateFact]) -> RateFact:
    """Read one dated rate to add to some.

    Raises:
        InvalidInput: With all messages; also when the same kind of day has a rate from that day already.
    """
    form = FormReader(data)
    kind = form.choice("day_kind", "the days", DayKind)
    pence = form.pounds("rate", "the price", most=HIGHEST_PRICE_PENCE)
    starts_on = form.day("starts_on", "the first day")
    last = form.day("last_day", "the last day", required=False)
    if starts_on and last and last < starts_on:
        form.wrong("last_day", "The last day must be the same as or after the first day")
    if len(rates) >= MOST_RATES:
        form.wrong("day_kind", f"A listing has {MOST_RATES} rates at most. Remove one first")
    if any((rate.day_kind, rate.starts_on) == (kind, starts_on) for rate in rates):
        form.wrong("starts_on", "There is a rate for these days from that date already. Remove it first")
    form.done()
    if kind is None or pence is None or starts_on is None:
        raise InvalidInput(form.errors)
    return RateFact(kind, starts_on, last + timedelta(days=1) if last else None, pence)


def _concessions(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    return {
        "concessions": form.options("concessions", "what may cost less", CONCESSIONS),
        "concession_note": form.text("concession_note", "the note", required=False, longest=300),
    }


def _area(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    """Read the area. The base is looked up by the caller: it needs the table of postcodes."""
    area = form.option("area", "where you offer this", AREAS)
    # The base of a worker and that of the listing as it stands are known, so the postcode may stay empty.
    is_known = (context.worker is not None and context.worker.lat is not None) or (
        context.listing is not None and context.listing.lat is not None
    )
    form.postcode("postcode", "the postcode", required=area in ("place", "radius") and not is_known)
    distance = form.number("miles", "the miles", least=1, most=MOST_MILES) if area == "radius" else 0
    districts = form.options("districts", "the districts", [code for code, _ in context.districts])
    if area == "districts" and not districts:
        form.wrong("districts", "Select at least one district")
    return {
        "radius_metres": round(distance * METRES_PER_MILE) if area == "radius" else None,
        "is_nationwide": area == "nationwide",
        "district_codes": districts if area == "districts" else [],
    }


def _hours(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    hours = [
        HourFact(day, starts, ends)
        for day, name in enumerate(WEEKDAYS)
        for starts, ends in read_ranges(form, f"day{day}", name)
    ]
    return {"hours": sorted(hours), "session_places": _session_places(form, content, has_hours=bool(hours))}


def _session_places(form: FormReader, content: Answers, *, has_hours: bool) -> int | None:
    """Read how many people a session takes; only for offers to which people come together."""
    category = category_in(content)
    if category is None or category not in HAS_SESSIONS or not form.raw("session_places"):
        return None
    places = form.number("session_places", "the places in a session", least=1, most=MOST_PLACES)
    if not has_hours and "session_places" not in form.errors:
        form.wrong("session_places", "Say above when the sessions are, or leave the places empty")
    return places or None


def _room(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    kind = form.choice("capacity_kind", "what you count", CapacityKind, required=False) or CapacityKind.NOT_SAID
    free = None
    if kind is not CapacityKind.NOT_SAID:
        free = form.number("capacity_free", "how much is free", least=0, most=MOST_ROOM)
    return {"capacity_kind": kind, "capacity_free": free}


def _share(form: FormReader, content: Answers, context: DraftContext) -> Facts:
    return {"is_open_data": form.option("is_open_data", "whether to share it", ("yes", "no")) == "yes"}


_READERS: Final[dict[str, Callable[[FormReader, Answers, DraftContext], Facts]]] = {
    "kind": _kind,
    "what": _what,
    "suits": _suits,
    "care": _care,
    "price": _price,
    "rates": _rates,
    "concessions": _concessions,
    "area": _area,
    "hours": _hours,
    "room": _room,
    "share": _share,
}

CATEGORY_HINTS: Final[dict[ListingCategory, str]] = {
    ListingCategory.HOME_CARE: "Care workers come to the home. Only for services registered with the regulator",
    ListingCategory.PERSONAL_ASSISTANT: "Somebody whom people hire themselves",
    ListingCategory.SUPPORT_PLANNING: "Help to plan support with a personal budget",
    ListingCategory.MONEY_MANAGEMENT: "Payroll, managed accounts, help with a direct payment",
    ListingCategory.COMMUNITY: "Groups, clubs, classes, befriending, lunch clubs",
    ListingCategory.DAY_OPPORTUNITY: "A day out of the house with support",
    ListingCategory.EQUIPMENT: "Aids to buy, hire or borrow",
    ListingCategory.TELECARE: "Alarms, sensors, apps",
    ListingCategory.GARDENING: "Gardening, cleaning, small repairs",
    ListingCategory.SHOPPING: "Shopping, cooking, meals brought home",
    ListingCategory.TRANSPORT: "Lifts, community buses, wheelchair taxis",
    ListingCategory.ADVICE: "Benefits, rights, somebody to speak up for you",
    ListingCategory.CARE_HOME: "Only for homes registered with the regulator",
    ListingCategory.SUPPORTED_LIVING: "An own home with support",
    ListingCategory.OTHER_REGULATED: "Other services registered with the regulator",
}


def category_options() -> list[tuple[str, str, str]]:
    """Return the kinds of offer for radio buttons: value, label, hint."""
    return [(kind.value, label, CATEGORY_HINTS[kind]) for kind, label in CATEGORY_LABELS.items()]
