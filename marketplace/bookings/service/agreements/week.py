"""What a usual week of an agreement costs, and what that means for a direct payment."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction

import msgspec

from marketplace.bookings.service.agreements.pattern_form import PatternLine
from marketplace.bookings.service.agreements.prices import TermsView, visit_price
from marketplace.bookings.service.purse import Purse, weeks_of
from marketplace.core.holidays import bank_holidays

AHEAD = timedelta(weeks=60)


class LinePrice(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the week with its prices."""

    line: PatternLine
    prices: tuple[tuple[int, int], ...]
    """(weekday, pence of one visit on a usual day)."""
    holiday_pence: int
    """One visit on a bank holiday."""

    @property
    def lowest_pence(self) -> int:
        """The cheapest of the weekdays."""
        return min(pence for _, pence in self.prices)

    @property
    def highest_pence(self) -> int:
        """The dearest of the weekdays."""
        return max(pence for _, pence in self.prices)

    @property
    def weekly(self) -> Fraction:
        """Pence of an average week: a visit every second week counts half."""
        return Fraction(sum(pence for _, pence in self.prices), self.line.every_weeks)


class WeekCost(msgspec.Struct, frozen=True, kw_only=True):
    """A usual week: no bank holiday, nothing called off."""

    lines: tuple[LinePrice, ...]

    @property
    def weekly_pence(self) -> int:
        """Pence of an average week, rounded half a penny up."""
        total = sum((line.weekly for line in self.lines), Fraction(0))
        return (2 * total.numerator + total.denominator) // (2 * total.denominator)

    @property
    def yearly_pence(self) -> int:
        """Pence of 52 such weeks."""
        return self.weekly_pence * 52


def week_cost(view: TermsView, lines: Sequence[PatternLine], on: date) -> WeekCost:
    """Price a usual week.

    Args:
        view: The terms, draft or agreed.
        lines: The weekly visits.
        on: The first day; bank holidays after it are left out of the usual days.
    """
    holiday = next_holiday(on)
    return WeekCost(
        lines=tuple(
            LinePrice(
                line=line,
                prices=tuple((day, _price(view, line, usual_day(day, on))) for day in line.weekdays),
                holiday_pence=_price(view, line, holiday),
            )
            for line in lines
        )
    )


def usual_day(weekday: int, on: date) -> date:
    """Return the first day of a weekday from a day on that is no bank holiday."""
    day = on + timedelta(days=(weekday - on.weekday()) % 7)
    while day in bank_holidays(day.year):
        day += timedelta(days=7)
    return day


def next_holiday(on: date) -> date:
    """Return the first bank holiday from a day on."""
    days = (on + timedelta(days=step) for step in range(AHEAD.days))
    return next(day for day in days if day in bank_holidays(day.year))


def _price(view: TermsView, line: PatternLine, day: date) -> int:
    return visit_price(view, day, line.minutes, line.workers_needed, line.is_sleep_in)


class BudgetEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What an agreement does to a direct payment; shown to the person alone."""

    weekly_pence: int
    before_pence: int | None
    """What a week costs now; None for a new agreement."""
    budget_pence: int
    """What comes in, a week."""
    others_pence: int
    """What the person's other agreements cost, a week."""
    free_pence: int
    budget_ends_on: date | None

    @property
    def left_pence(self) -> int:
        """What is left of each week's money, less than 0 when more goes out than comes in."""
        return self.budget_pence - self.others_pence - self.weekly_pence

    @property
    def more_pence(self) -> int:
        """How much more a week costs than now."""
        return self.weekly_pence - (self.before_pence or 0)

    @property
    def weeks(self) -> str:
        """A week of the agreement in weeks of the budget: "0.4 weeks"."""
        return weeks_of(self.weekly_pence, self.budget_pence)

    @property
    def lasts_weeks(self) -> int | None:
        """For how many whole weeks the free money makes up for what is missing; None when nothing is missing."""
        return self.free_pence // -self.left_pence if self.left_pence < 0 else None


def budget_effect(purse: Purse | None, weekly_pence: int, others_pence: int, before_pence: int | None) -> BudgetEffect:
    """Compare a week's cost with a purse; without a purse nothing comes in."""
    return BudgetEffect(
        weekly_pence=weekly_pence,
        before_pence=before_pence,
        budget_pence=purse.weekly_pence if purse else 0,
        others_pence=others_pence,
        free_pence=purse.free_pence if purse else 0,
        budget_ends_on=purse.budget_ends_on if purse else None,
    )
