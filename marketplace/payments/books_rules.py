"""Rules of a council's books that need no table: financial years, pay weeks, what a block contract leaves unused."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from marketplace.core.money import Pence, half_up
from marketplace.payments.rules import Month, block_month

WEEK = 7
OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][0-9A-Z]?")
CODE = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,29}")
"""What finance systems use as cost centres and codes: letters, digits, full stops, slashes, hyphens."""


class FinancialYear(NamedTuple):
    """A council's financial year."""

    starts_on: date
    ends_on: date
    """First day after it."""

    @property
    def label(self) -> str:
        """How people write it: "2026 to 2027"."""
        return f"{self.starts_on.year} to {self.starts_on.year + 1}"

    @property
    def last_on(self) -> date:
        """Its last day, usually 31 March."""
        return self.ends_on - timedelta(days=1)


def financial_year(day: date, begins: str) -> FinancialYear:
    """Return the financial year of a day.

    Args:
        day: Any day.
        begins: First day of each year as "MM-DD" (setting `payments.year_starts`). 29 February counts as 1 March.
    """
    month, number = (int(part) for part in begins.split("-"))
    if (month, number) == (2, 29):
        month, number = 3, 1
    first = date(day.year, month, number)
    if day < first:
        first = date(day.year - 1, month, number)
    return FinancialYear(first, date(first.year + 1, month, number))


def pay_weeks(year: FinancialYear, weekday: int) -> int:
    """Return how many weeks that begin on a weekday (0 Monday to 6 Sunday) begin in a year: 52, or 53 (C16).

    What is paid by the week costs a 53rd week in such a year.
    """
    first = year.starts_on + timedelta(days=(weekday - year.starts_on.weekday()) % WEEK)
    return ((year.ends_on - first).days + WEEK - 1) // WEEK


def contract_week(weekly_minutes: int, starts_on: date, ends_on: date, day: date) -> tuple[date, date, int]:
    """Return the week of a block contract in which a day lies: (first day, first day after it, minutes bought).

    Weeks begin on the weekday of the contract's first day. A last week that is cut short has its days' part of the
    minutes, rounded down.
    """
    first = starts_on + timedelta(days=(day - starts_on).days // WEEK * WEEK)
    after = min(first + timedelta(days=WEEK), ends_on)
    return first, after, weekly_minutes * (after - first).days // WEEK


class BlockUse(NamedTuple):
    """A month of a block contract."""

    month: Month
    bought_minutes: int
    used_minutes: int
    cost_pence: Pence

    @property
    def share(self) -> int:
        """Minutes used of those bought, whole per cent, rounded down so that 100 means all."""
        return self.used_minutes * 100 // self.bought_minutes if self.bought_minutes else 0

    @property
    def stranded_minutes(self) -> int:
        """Minutes that were bought and not used."""
        return max(0, self.bought_minutes - self.used_minutes)

    @property
    def stranded_pence(self) -> Pence:
        """What the unused minutes cost (C12, R27), half a penny up."""
        if not self.bought_minutes:
            return Pence(0)
        return half_up(Decimal(self.cost_pence) * self.stranded_minutes / self.bought_minutes)


def block_use(
    weekly_minutes: int, weekly_pence: int, starts_on: date, months: Iterable[Month], delivered: Mapping[date, int]
) -> list[BlockUse]:
    """Return how much of a block contract each month used.

    Args:
        weekly_minutes: Minutes bought for a week; a day has a seventh of them.
        weekly_pence: Price of a week.
        starts_on: First day of the contract.
        months: Its months that are over.
        delivered: Minutes delivered by day.
    """
    found = []
    for month in months:
        days = (month.starts_on + timedelta(days=number) for number in range(month.ran))
        found.append(
            BlockUse(
                month,
                # Minutes are spread as pence are: no minute is lost between two months.
                int(block_month(weekly_minutes, starts_on, month)),
                sum(delivered.get(day, 0) for day in days),
                block_month(weekly_pence, starts_on, month),
            )
        )
    return found


def outwards_of(text: str) -> tuple[list[str], list[str]]:
    """Read postcode areas as people type them, apart by commas, blanks or lines.

    Returns:
        The areas, each once, in order; and what is none.
    """
    given = list(dict.fromkeys(part for part in re.split(r"[\s,;]+", text.upper()) if part))
    return [part for part in given if OUTWARD.fullmatch(part)], [part for part in given if not OUTWARD.fullmatch(part)]
