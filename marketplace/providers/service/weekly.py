"""What an offer costs in a usual week, and what part of it somebody pays."""

from datetime import date
from typing import Final

import msgspec

from marketplace.core.formats import pounds
from marketplace.providers.models import ListingCategory, PriceUnit

ASK: Final = "Price on request: ask for the weekly cost"
PAYS_ALL: Final = "You pay all of it, or less if your council pays part"
MOST_TENTHS: Final = 1_680
"""The hours of a week, in tenths."""

_COUNTED: Final[dict[PriceUnit, tuple[str, str]]] = {
    PriceUnit.HOUR: ("hour", "hours"),
    PriceUnit.VISIT: ("visit", "visits"),
    PriceUnit.SESSION: ("session", "sessions"),
}

UNCOUNTED: Final = (PriceUnit.FREE, PriceUnit.WEEK, PriceUnit.PLAN, PriceUnit.ONCE)
"""Prices that do not grow with what is taken in a week."""

Usual = dict[tuple[ListingCategory | None, PriceUnit], int]

_FROM_APRIL_2026: Final[Usual] = {
    (ListingCategory.HOME_CARE, PriceUnit.HOUR): 70,
    (ListingCategory.HOME_CARE, PriceUnit.VISIT): 70,
    (ListingCategory.PERSONAL_ASSISTANT, PriceUnit.HOUR): 70,
    (ListingCategory.PERSONAL_ASSISTANT, PriceUnit.VISIT): 70,
    (ListingCategory.SUPPORTED_LIVING, PriceUnit.HOUR): 140,
    (ListingCategory.OTHER_REGULATED, PriceUnit.HOUR): 70,
    (ListingCategory.DAY_OPPORTUNITY, PriceUnit.HOUR): 60,
    (ListingCategory.DAY_OPPORTUNITY, PriceUnit.SESSION): 20,
    (ListingCategory.TRANSPORT, PriceUnit.VISIT): 20,
    (ListingCategory.ADVICE, PriceUnit.HOUR): 10,
    (ListingCategory.SUPPORT_PLANNING, PriceUnit.HOUR): 10,
    (ListingCategory.MONEY_MANAGEMENT, PriceUnit.HOUR): 10,
    (None, PriceUnit.HOUR): 20,
    (None, PriceUnit.VISIT): 10,
    (None, PriceUnit.SESSION): 10,
}

USUAL_TENTHS: Final[tuple[tuple[date, Usual], ...]] = ((date(2026, 4, 1), _FROM_APRIL_2026),)
"""What is usually taken in a week, in tenths of the price's unit, by category, from a day on; newest last.

Source: this service's own yardstick, set so that like is compared with like; no statistic. Home care and personal
assistants stand at an hour a day, day opportunities at two sessions of three hours, transport at there and back, and
everything else at two hours or one visit or session a week. A provider says otherwise with the listing's usual amount,
a searcher with the amount they need.
"""


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """A person's agreed direct payment."""

    weekly_pence: int
    """The whole budget for a week."""
    own_weekly_pence: int
    """The part of it that the person pays in."""

    def own_share(self, total_pence: int) -> int:
        """Give the pence of a weekly total that the budget does not cover."""
        return max(total_pence - self.weekly_pence, 0)


class WeeklyCost(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of an offer in a week, in figures and words."""

    pence: int | None
    """Whole pence a week; None for one payment and for a price on request."""
    total: str
    own: str


def usual_tenths(category: ListingCategory, unit: PriceUnit, day: date) -> int:
    """Give the usual amount of a category in a week on a day, in tenths of the unit."""
    table = next((table for since, table in reversed(USUAL_TENTHS) if since <= day), USUAL_TENTHS[0][1])
    return table.get((category, unit)) or table[(None, unit)]


def weekly_pence(price_pence: int, tenths: int) -> int:
    """Price an amount in a week: whole pence, half a penny rounded up, rounded once.

    Args:
        price_pence: Pence for one unit, 0 or more.
        tenths: Units in a week, in tenths, 1 or more.
    """
    return (price_pence * tenths + 5) // 10


def weekly_cost(
    price_pence: int | None,
    unit: PriceUnit | None,
    category: ListingCategory,
    day: date,
    *,
    listing_tenths: int | None = None,
    wanted_tenths: int | None = None,
    purse: Purse | None = None,
) -> WeeklyCost:
    """Say what an offer costs in a week and who pays that.

    Args:
        price_pence: Pence for one unit, None on request.
        unit: What the price buys.
        category: Decides the usual amount, unless another is given.
        day: Decides which yardstick counts.
        listing_tenths: What people usually take of this offer, in tenths of the unit.
        wanted_tenths: What the searcher needs; goes before the others for what is priced by hour, visit or session.
        purse: The direct payment of who asks; without one, the whole price is what they pay.
    """
    if unit is PriceUnit.FREE:
        return WeeklyCost(pence=0, total="£0 a week", own="You pay £0")
    if not price_pence or unit is None:
        return WeeklyCost(pence=None, total=ASK, own=PAYS_ALL)
    if unit in (PriceUnit.PLAN, PriceUnit.ONCE):
        what = "for one plan, then £0 a week" if unit is PriceUnit.PLAN else "once, then £0 a week"
        own = PAYS_ALL if purse is None else "Ask your council if your direct payment can pay this"
        return WeeklyCost(pence=None, total=f"{pounds(price_pence)} {what}", own=own)
    if unit is PriceUnit.WEEK:
        pence, amount = price_pence, ""
    else:
        tenths = wanted_tenths or listing_tenths or usual_tenths(category, unit, day)
        pence, amount = weekly_pence(price_pence, tenths), f" for {amount_words(tenths, unit)}"
    return WeeklyCost(pence=pence, total=f"{pounds(pence)} a week{amount}", own=_own(pence, purse))


def amount_words(tenths: int, unit: PriceUnit) -> str:
    """Write an amount: "1 hour", "2.5 hours", "3 visits"."""
    one, many = _COUNTED[unit]
    return f"1 {one}" if tenths == 10 else f"{tenths / 10:g} {many}"


def read_tenths(text: str) -> int | None:
    """Read an amount in a week as people type it, "2" or "2.5", as tenths; None when it is none."""
    whole, _, rest = text.partition(".")
    if not (text.isascii() and whole.isdecimal() and len(whole) <= 3 and len(rest) <= 1):
        return None
    if "." in text and not rest.isdecimal():
        return None
    tenths = int(whole) * 10 + int(rest or "0")
    return tenths if 0 < tenths <= MOST_TENTHS else None


def _own(pence: int, purse: Purse | None) -> str:
    if purse is None:
        return PAYS_ALL
    own = purse.own_share(pence)
    if own == 0:
        return "Your direct payment covers it: you pay £0 more"
    return f"Your direct payment covers {pounds(pence - own)}: you pay {pounds(own)} yourself"
