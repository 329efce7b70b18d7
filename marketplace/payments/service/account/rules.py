"""The sums behind a direct-payment account: weeks to come, the surplus rule, instalments. Nothing here asks a table."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TypeVar

import msgspec

from marketplace.bookings import Purse, weeks_of
from marketplace.core.clock import week_start
from marketplace.core.money import Pence, split

WEEKS_SHOWN = 13

K = TypeVar("K")
"""What names a visit."""


class WeekAhead(msgspec.Struct, frozen=True):
    """What a week is to bring and to cost."""

    starts_on: date
    in_pence: int
    out_pence: int
    end_pence: int
    """What is left at its end when everything goes as planned; may fall below nothing."""


def weeks_ahead(purse: Purse, count: int = WEEKS_SHOWN) -> list[WeekAhead]:
    """Return the weeks from this one on, Monday to Sunday. Visits not yet approved of days gone by count this week."""
    found, left = [], purse.balance_pence
    monday, before = week_start(purse.today), date.min
    for _ in range(count):
        until = monday + timedelta(days=7)
        came = sum(pence for day, pence in purse.income if before <= day < until)
        cost = sum(pence for day, pence in purse.promises if before <= day < until)
        left += came - cost
        found.append(WeekAhead(monday, came, cost, left))
        monday = before = until
    return found


class Surplus(msgspec.Struct, frozen=True, kw_only=True):
    """The council's surplus rule, applied: people may keep some weeks of their budget beside what is promised."""

    keep_weeks: int
    weekly_pence: int
    free_pence: int

    @property
    def keep_pence(self) -> int:
        """What may stay in the account for a rainy day."""
        return self.keep_weeks * self.weekly_pence

    @property
    def surplus_pence(self) -> int:
        """What is above that; money that is promised for visits is never surplus."""
        return max(0, self.free_pence - self.keep_pence)

    @property
    def free_weeks(self) -> str:
        """What is free, in weeks of the budget, rounded down to a tenth: "9.3 weeks"."""
        return weeks_of(self.free_pence, self.weekly_pence)

    @property
    def surplus_weeks(self) -> str:
        """What is above the rule, in weeks of the budget."""
        return weeks_of(self.surplus_pence, self.weekly_pence)


class Instalment(msgspec.Struct, frozen=True):
    """One part of what is paid back."""

    due_on: date
    amount_pence: int


def instalments_of(total_pence: int, count: int, first_on: date, every_weeks: int) -> list[Instalment]:
    """Share what is paid back over some payments, no penny lost; earlier ones are a penny larger where it must be.

    Args:
        total_pence: 0 or more; nothing gives no instalments.
        count: 1 or more. Fewer are made where there are not enough pennies.
        first_on: Day of the first one.
        every_weeks: Weeks between two.
    """
    if total_pence <= 0:
        return []
    parts = split(Pence(total_pence), [1] * min(count, total_pence))
    return [
        Instalment(first_on + timedelta(weeks=every_weeks * number), int(part)) for number, part in enumerate(parts)
    ]


def share_out(amount_pence: int, owed: Sequence[tuple[K, int]]) -> tuple[list[tuple[K, int]], int]:
    """Pay visits from an amount, in their order.

    Args:
        amount_pence: What was paid.
        owed: (visit, pence still owed) each, the oldest first.

    Returns:
        (visit, pence paid for it), without those that got nothing, and what is left for other things.
    """
    parts, left = [], amount_pence
    for visit, pence in owed:
        part = min(left, pence)
        if part > 0:
            parts.append((visit, part))
            left -= part
    return parts, left
