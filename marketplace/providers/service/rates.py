"""What a listing costs on a day: the rate of the most special kind of day, else the listing's own price."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from marketplace.core.holidays import bank_holidays
from marketplace.providers.models import DayKind, Listing, ListingRate, PriceUnit

DAY_KIND_LABELS: Final[dict[DayKind, str]] = {
    DayKind.ANY: "Every day",
    DayKind.WEEKDAY: "Monday to Friday",
    DayKind.SATURDAY: "Saturday",
    DayKind.SUNDAY: "Sunday",
    DayKind.BANK_HOLIDAY: "Bank holiday",
}
RATE_WORDS: Final[dict[DayKind, str]] = {
    DayKind.WEEKDAY: "weekday rate",
    DayKind.SATURDAY: "Saturday rate",
    DayKind.SUNDAY: "Sunday rate",
    DayKind.BANK_HOLIDAY: "bank holiday rate",
}
"""How a rate is called beside its price; the usual price needs no name."""

_BY_WEEKDAY: Final = (*[DayKind.WEEKDAY] * 5, DayKind.SATURDAY, DayKind.SUNDAY)


def kinds_of(day: date) -> tuple[DayKind, ...]:
    """Return the kinds of day that a day is, the most special one first.

    A bank holiday without a rate of its own costs what its weekday costs.
    """
    usual = (_BY_WEEKDAY[day.weekday()], DayKind.ANY)
    return (DayKind.BANK_HOLIDAY, *usual) if day in bank_holidays(day.year) else usual


def rate_on(rates: Sequence[ListingRate], day: date) -> ListingRate | None:
    """Return the rate that counts on a day: of the most special kind the newest that has begun and not ended."""
    for kind in kinds_of(day):
        running = [
            rate
            for rate in rates
            if rate.day_kind is kind and rate.starts_on <= day and (rate.ends_on is None or day < rate.ends_on)
        ]
        if running:
            return max(running, key=lambda rate: rate.starts_on)
    return None


def price_on(listing: Listing, rates: Sequence[ListingRate], day: date) -> int:
    """Return what one unit of a listing costs on a day.

    Args:
        listing: The offer; `price_pence` counts where no rate fits.
        rates: Its rates, past and future ones too, in any order.
        day: A day in Europe/London; a visit over midnight is priced by the day it starts on.

    Returns:
        Pence for one `price_unit`; 0 for a free offer.
    """
    if listing.price_unit is PriceUnit.FREE:
        return 0
    rate = rate_on(rates, day)
    return listing.price_pence if rate is None else rate.price_pence


def rate_name(listing: Listing, rates: Sequence[ListingRate], day: date) -> str:
    """Return what the rate of a day is called: "bank holiday rate", "" for the usual price."""
    rate = None if listing.price_unit is PriceUnit.FREE else rate_on(rates, day)
    return RATE_WORDS.get(rate.day_kind, "") if rate else ""


def rates_shown(rates: Sequence[ListingRate], day: date) -> list[ListingRate]:
    """Return the rates worth showing on a day: of each kind the one that counts, then those still to come."""
    found: list[ListingRate] = []
    for kind in DayKind:
        of_kind = sorted((rate for rate in rates if rate.day_kind is kind), key=lambda rate: rate.starts_on)
        running = [rate for rate in of_kind if rate.starts_on <= day and (rate.ends_on is None or day < rate.ends_on)]
        found += running[-1:] + [rate for rate in of_kind if rate.starts_on > day]
    return found
