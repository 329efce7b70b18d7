"""How the market's facts are written: prices, categories, days, kinds."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from marketplace.core.clock import local
from marketplace.core.formats import miles, plural, pounds
from marketplace.providers.models import (
    CapacityKind,
    ListingCategory,
    ListingHours,
    Organisation,
    OrganisationKind,
    PriceUnit,
    RegulatorLocation,
    WorkerHours,
)
from marketplace.providers.repository.feedback import average_words
from marketplace.providers.service.times import WEEKDAYS as WEEKDAYS

REGULATED, COMMUNITY, ASSISTANTS, PLANNING, EQUIPMENT = "regulated", "community", "pa", "planning", "equipment"

KIND_OF: Final[dict[ListingCategory, str]] = {
    ListingCategory.HOME_CARE: REGULATED,
    ListingCategory.CARE_HOME: REGULATED,
    ListingCategory.SUPPORTED_LIVING: REGULATED,
    ListingCategory.OTHER_REGULATED: REGULATED,
    ListingCategory.PERSONAL_ASSISTANT: ASSISTANTS,
    ListingCategory.SUPPORT_PLANNING: PLANNING,
    ListingCategory.MONEY_MANAGEMENT: PLANNING,
    ListingCategory.EQUIPMENT: EQUIPMENT,
    ListingCategory.TELECARE: EQUIPMENT,
    ListingCategory.COMMUNITY: COMMUNITY,
    ListingCategory.DAY_OPPORTUNITY: COMMUNITY,
    ListingCategory.GARDENING: COMMUNITY,
    ListingCategory.SHOPPING: COMMUNITY,
    ListingCategory.TRANSPORT: COMMUNITY,
    ListingCategory.ADVICE: COMMUNITY,
}
"""Regulated care, or one of the alternatives to it (B14)."""

ALTERNATIVES: Final = (COMMUNITY, ASSISTANTS, EQUIPMENT)
"""Kinds that are shown beside regulated care."""

RUN_BY_LABELS: Final[dict[str, str]] = {
    "community": "Community group or charity",
    "council": "Council",
    "nhs": "NHS",
    "company": "Company or care agency",
    "individual": "One person working for themselves",
}
"""Who runs an offer."""

RUN_BY: Final[dict[OrganisationKind, str]] = {
    OrganisationKind.THIRD_SECTOR: "community",
    OrganisationKind.COMMUNITY: "community",
    OrganisationKind.HOME_CARE: "company",
    OrganisationKind.PA_SERVICE: "company",
    OrganisationKind.EQUIPMENT: "company",
    OrganisationKind.SOLE_PA: "individual",
    OrganisationKind.COUNCIL: "council",
}
_RUN_BY_NAME: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (who, re.compile(pattern, re.IGNORECASE))
    for who, pattern in (
        ("nhs", r"\bNHS\b"),
        ("council", r"\bcouncil\b(?! (for|of))|\bLondon borough of\b"),
        ("community", r"\b(charity|charitable|CIC|CIO|community interest company|trustees|association|society)\b"),
        ("company", r"\b(limited|ltd|plc|llp)\b"),
        ("individual", r"^(mr|mrs|miss|ms|dr)\b"),
    )
)
"""Who runs an entry of the register, as far as the provider's registered name says it; the first that fits."""

ROOM_DAYS: Final = 60
"""Room said longer ago counts as not said."""
ROOM_UNITS: Final[dict[CapacityKind, tuple[str, str]]] = {
    CapacityKind.HOURS: ("hour a week free", "hours a week free"),
    CapacityKind.PLACES: ("place free", "places free"),
    CapacityKind.PLANS: ("plan a week free", "plans a week free"),
}

UNIT_WORDS: Final[dict[PriceUnit, str]] = {
    PriceUnit.FREE: "",
    PriceUnit.HOUR: "an hour",
    PriceUnit.VISIT: "a visit",
    PriceUnit.SESSION: "a session",
    PriceUnit.WEEK: "a week",
    PriceUnit.PLAN: "a plan",
    PriceUnit.ONCE: "one payment",
}
ON_REQUEST: Final = "Price on request"


def price_parts(price_pence: int | None, unit: PriceUnit | None) -> tuple[str, str]:
    """Write a price as its amount and what it buys: ("£18.40", "an hour"), ("Free", ""), ("Price on request", "")."""
    if unit is PriceUnit.FREE:
        return "Free", ""
    if not price_pence or unit is None:
        return ON_REQUEST, ""
    return pounds(price_pence), UNIT_WORDS[unit]


def price_words(price_pence: int | None, unit: PriceUnit | None) -> str:
    """Write a price in one line: "£18.40 an hour"."""
    return " ".join(part for part in price_parts(price_pence, unit) if part)


def away(metres: float | None) -> str:
    """Write a distance from the searcher: "1.2 miles away", "" when it is not known."""
    return f"{miles(metres)} away" if metres is not None else ""


def hours_keywords(hours: Sequence[WorkerHours] | Sequence[ListingHours]) -> list[str]:
    """Words by which somebody looks for times: names of days, "weekend", "evening", "morning"."""
    words = [WEEKDAYS[day] for day in sorted({row.weekday for row in hours})]
    if any(row.weekday >= 5 for row in hours):
        words.append("weekend")
    if any(row.ends_local.hour >= 19 for row in hours):
        words.append("evening")
    if any(row.starts_local.hour < 9 for row in hours):
        words.append("early morning")
    return words


def run_by(organisation: Organisation) -> str:
    """Say who runs an organisation's offers: a registered charity is one, whatever else it is."""
    return "community" if organisation.charity_number else RUN_BY[organisation.kind]


def run_by_of_register(location: RegulatorLocation) -> str:
    """Say who runs a register entry, "" where its provider's name does not tell."""
    name = location.provider_name
    return next((who for who, pattern in _RUN_BY_NAME if pattern.search(name)), "")


def room_said(kind: CapacityKind, free: int | None, said_at: datetime | None, now: datetime) -> int | None:
    """Give the room that a provider said lately, in units of its kind; None when nothing was said in 60 days."""
    if kind is CapacityKind.NOT_SAID or free is None or said_at is None or now - said_at > timedelta(days=ROOM_DAYS):
        return None
    return free


def room_words(kind: CapacityKind, free: int | None) -> str:
    """Write how much room there is: "3 places free", "No room now", "" when it is not said."""
    if kind is CapacityKind.NOT_SAID or free is None:
        return ""
    one, several = ROOM_UNITS[kind]
    return f"{free:,} {one if free == 1 else several}" if free else "No room now"


def room_said_words(kind: CapacityKind, free: int, said_at: datetime, now: datetime) -> str:
    """Write room with its age: "6 hours a week free, said today", "No room now, said 3 days ago"."""
    days = (local(now).date() - local(said_at).date()).days
    said = "today" if days <= 0 else "yesterday" if days == 1 else f"{days} days ago"
    return f"{room_words(kind, free)}, said {said}"


def time_left_words(minutes: int) -> str:
    """Write a worker's time left in the next 14 days: "About 12 hours free in the next 2 weeks"."""
    hours = minutes // 60
    if minutes <= 0:
        return "No time free in the next 2 weeks"
    return f"About {hours or 1} {'hour' if hours <= 1 else 'hours'} free in the next 2 weeks"


def stars_words(count: int, stars: int) -> str:
    """Write published feedback: "4.6 out of 5 from 12 visits", "" where there is none.

    Args:
        count: How many visits were rated.
        stars: The sum of all stars.
    """
    return f"{average_words(count, stars)} from {plural(count, 'visit')}" if count > 0 else ""
