"""How the market's facts are written: prices, categories, days, kinds."""

from collections.abc import Sequence
from typing import Final

from marketplace.core.formats import miles, pounds, uk_time
from marketplace.providers.models import ListingCategory, PriceUnit, WorkerHours

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

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

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


def hours_words(hours: Sequence[WorkerHours]) -> list[tuple[str, str]]:
    """Write weekly hours as (day, times), all seven days: ("Monday", "9am to 5pm"), ("Sunday", "Not working")."""
    return [
        (
            name,
            ", ".join(
                f"{uk_time(row.starts_local)} to {uk_time(row.ends_local)}" for row in hours if row.weekday == day
            )
            or "Not working",
        )
        for day, name in enumerate(WEEKDAYS)
    ]


def hours_keywords(hours: Sequence[WorkerHours]) -> list[str]:
    """Words by which somebody looks for times: names of days, "weekend", "evening", "morning"."""
    words = [WEEKDAYS[day] for day in sorted({row.weekday for row in hours})]
    if any(row.weekday >= 5 for row in hours):
        words.append("weekend")
    if any(row.ends_local.hour >= 19 for row in hours):
        words.append("evening")
    if any(row.starts_local.hour < 9 for row in hours):
        words.append("early morning")
    return words
