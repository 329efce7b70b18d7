"""Paying on time: the 30 days, the interest of a late payment, the figures of the six-monthly notice. Pure rules."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from statistics import fmean

import msgspec

from marketplace.core.money import Pence, half_up

POINTS_OVER = 800
"""Statutory interest: 8 points over the reference rate, in hundredths of a per cent."""
DAYS_IN_YEAR = 365
COMPENSATION = ((100_000, 4_000), (1_000_000, 7_000), (None, 10_000))
"""Debts below so many pence, and the fixed sum that is owed on top of interest."""
JULY = 7


class LateDebt(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed on top of a debt that was paid late."""

    debt_pence: int
    from_on: date
    """First day late."""
    until_on: date
    """First day for which it runs no longer: the day after that of payment."""
    rate: int
    """Hundredths of a per cent a year."""
    interest_pence: int
    fixed_pence: int

    @property
    def days(self) -> int:
        """Days late: from the first day after the due day to the day of payment, both counted."""
        return (self.until_on - self.from_on).days

    @property
    def total_pence(self) -> int:
        """Interest and compensation."""
        return self.interest_pence + self.fixed_pence


def rate_day(late_on: date) -> date:
    """Return the first day of the half-year in which a debt became late: its reference rate counts throughout.

    Source: Late Payment of Commercial Debts (Rate of Interest) (No. 3) Order 2002, article 4.
    """
    return date(late_on.year, JULY if late_on.month >= JULY else 1, 1)


def compensation(debt_pence: int) -> Pence:
    """Return the fixed sum for a late debt: £40 below £1,000, £70 below £10,000, else £100 (domain.md 4.6)."""
    return Pence(next(pence for limit, pence in COMPENSATION if limit is None or debt_pence < limit))


def late_debt(debt_pence: int, due_on: date, paid_on: date, reference_rate: int) -> LateDebt | None:
    """Work out what a debt paid on a day owes on top, None when it was paid in time.

    Args:
        debt_pence: With VAT, more than 0.
        due_on: Last day in time.
        paid_on: Day the payee had the money, or today.
        reference_rate: Of the half-year of `rate_day`, hundredths of a per cent.

    A debt paid on the day after its due day is a day late: interest has begun to run, so the fixed sum is owed, too.

    Source: simple interest by the day on the gross debt from the day after the due day, Late Payment of Commercial
    Debts (Interest) Act 1998, sections 4 and 5A.
    """
    if paid_on <= due_on or debt_pence <= 0:
        return None
    from_on = due_on + timedelta(days=1)
    rate = reference_rate + POINTS_OVER
    days = (paid_on - due_on).days
    interest = half_up(Decimal(debt_pence) * rate * days / (10_000 * DAYS_IN_YEAR))
    return LateDebt(
        debt_pence=debt_pence,
        from_on=from_on,
        until_on=paid_on + timedelta(days=1),
        rate=rate,
        interest_pence=interest,
        fixed_pence=compensation(debt_pence),
    )


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A debt as the notice counts it."""

    pence: int
    received_on: date
    due_on: date
    paid_on: date | None
    """None: not paid by the end of the period."""
    had_dispute: bool


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a period."""

    paid: int
    within_30: int
    from_31_to_60: int
    over_60: int
    average_days: float
    paid_pence: int
    late: int
    """Paid after its due day, whatever the days: a dispute may have moved it."""
    late_pence: int
    overdue: int
    """Due in the period or before, and not paid by its end."""
    overdue_pence: int
    disputes: int

    def share(self, count: int) -> float:
        """Return a count as a share of what was paid, in per cent with one decimal."""
        return round(100 * count / self.paid, 1) if self.paid else 0.0


def notice(payments: Iterable[Payment], until_on: date) -> Notice:
    """Count the payments of a period that ended before a day.

    Args:
        payments: Those paid in the period, and those that were due by its end and not paid.
        until_on: First day after the period.
    """
    rows = list(payments)
    paid = [row for row in rows if row.paid_on is not None]
    days = [(row.paid_on - row.received_on).days for row in rows if row.paid_on is not None]
    late = [row for row in paid if row.paid_on is not None and row.paid_on > row.due_on]
    overdue = [row for row in rows if row.paid_on is None and row.due_on < until_on]
    return Notice(
        paid=len(paid),
        within_30=sum(count <= 30 for count in days),
        from_31_to_60=sum(30 < count <= 60 for count in days),
        over_60=sum(count > 60 for count in days),
        average_days=round(fmean(days), 1) if days else 0.0,
        paid_pence=sum(row.pence for row in paid),
        late=len(late),
        late_pence=sum(row.pence for row in late),
        overdue=len(overdue),
        overdue_pence=sum(row.pence for row in overdue),
        disputes=sum(row.had_dispute for row in rows),
    )


def half_years(today: date, count: int) -> Sequence[tuple[date, date]]:
    """Return the newest half-years (first day, first day after), the running one first.

    They begin on 1 April and 1 October, the periods of the payment compliance notices (Procurement Act 2023, s.69).
    """
    month = 10 if today.month >= 10 or today.month < 4 else 4
    start = date(today.year - (today.month < 4), month, 1)
    found = []
    for _ in range(count):
        following = date(start.year + (start.month == 10), 4 if start.month == 10 else 10, 1)
        found.append((start, following))
        start = date(start.year - (start.month == 4), 4 if start.month == 10 else 10, 1)
    return found
