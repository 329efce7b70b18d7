"""Figures of the law by date: wages, National Insurance, pension, holiday, sick pay (domain.md 4.4).

They are rows of `law_rates` and the same for every council. A new figure is a new row with the day it begins; the
earlier one keeps its days. Wages change on 1 April, the tax year on 6 April, so that a year's cost is worked out by
opening the book at each pay day.
"""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.council_settings import setting
from marketplace.accounts.models import LawRate

APRIL = 4
WAGE_DAY, TAX_DAY = 1, 6
ADULT_WAGE_AGE, YOUNG_WAGE_AGE = 21, 18


class LawFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure and the day it begins."""

    starts_on: date
    value: int
    """In the row's unit: pence, or hundredths of a per cent, or tenths of a week."""
    unit: str
    source: str


class LawUnknown(LookupError):
    """The book holds no such figure for a day."""


class LawBook(msgspec.Struct, frozen=True, kw_only=True):
    """Every figure of the law with its days, opened at one day: `book["wage_21"]` is the wage on `book.on`."""

    figures: Mapping[str, tuple[LawFigure, ...]]
    """By key, oldest first."""
    on: date

    def at(self, day: date) -> "LawBook":
        """Open the same book at another day."""
        return LawBook(figures=self.figures, on=day)

    def __getitem__(self, key: str) -> int:
        """Return a figure on the book's day.

        Raises:
            LawUnknown: No such key, or none had begun by that day.
        """
        return self.figure(key).value

    def figure(self, key: str) -> LawFigure:
        """Return a figure with its first day and its source.

        Raises:
            LawUnknown: As for the value.
        """
        found = [figure for figure in self.figures.get(key, ()) if figure.starts_on <= self.on]
        if not found:
            raise LawUnknown(f"{key} on {self.on}")
        return found[-1]

    @property
    def is_carried(self) -> bool:
        """Whether the wage of this day is an earlier year's, because nobody entered a newer one yet."""
        return self.figure("wage_21").starts_on < year_start(self.on, WAGE_DAY)

    def changes(self, from_on: date, until_on: date) -> list[date]:
        """Return the days in `(from_on, until_on)` on which some figure changes, in order."""
        days = {figure.starts_on for figures in self.figures.values() for figure in figures}
        return sorted(day for day in days if from_on < day < until_on)


async def law(db: AsyncSession, key: str, on: date) -> int:
    """Return one figure of the law on a day, in its row's unit.

    Raises:
        LawUnknown: No such key, or none had begun by that day.
    """
    value = await db.scalar(
        select(LawRate.value)
        .where(LawRate.key == key, LawRate.starts_on <= on)
        .order_by(LawRate.starts_on.desc())
        .limit(1)
    )
    if value is None:
        raise LawUnknown(f"{key} on {on}")
    return value


async def law_book(db: AsyncSession, on: date) -> LawBook:
    """Read every figure in one question and open the book at a day."""
    rows = await db.scalars(select(LawRate).order_by(LawRate.key, LawRate.starts_on))
    figures: dict[str, tuple[LawFigure, ...]] = {}
    for row in rows:
        figure = LawFigure(starts_on=row.starts_on, value=row.value, unit=row.unit, source=row.source)
        figures[row.key] = (*figures.get(row.key, ()), figure)
    return LawBook(figures=figures, on=on)


async def least_wage(db: AsyncSession, council_id: UUID, on: date) -> int:
    """Return the least wage for an hour from the age of 21 that a council's prices are held against, in pence.

    It is the law's; a council that asks for more (a local living wage) sets it in `payments.legal_wage_pence`, which
    counts only where it is above the law. A day before the book begins, of an old tariff, has the book's first figure.
    """
    book = await law_book(db, on)
    first = book.figures["wage_21"][0].starts_on
    own = await setting(db, council_id, "payments.legal_wage_pence", on)
    return max(book.at(max(on, first))["wage_21"], own or 0)


def legal_wage(book: LawBook, born_on: date | None = None) -> int:
    """Return the least wage for an hour, in pence, for a pay period that begins on the book's day.

    Somebody whose birthday is not known counts as 21 or older, which is never too little. A birthday, like a new wage,
    counts from the first pay period that begins on it or after it.

    Source: National Minimum Wage Regulations 2015, regulations 4 to 4B. Apprentices are not covered.
    """
    if born_on is None:
        return book["wage_21"]
    age = age_on(born_on, book.on)
    if age >= ADULT_WAGE_AGE:
        return book["wage_21"]
    return book["wage_18"] if age >= YOUNG_WAGE_AGE else book["wage_16"]


def age_on(born_on: date, day: date) -> int:
    """Return somebody's age in whole years. Who was born on 29 February is a year older on 1 March of other years."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def year_start(day: date, first: int = TAX_DAY) -> date:
    """Return the first day of the tax year of a day; with `WAGE_DAY` the day the wages of that time began."""
    start = date(day.year, APRIL, first)
    return start if day >= start else date(day.year - 1, APRIL, first)


def tax_week(day: date) -> int:
    """Return the week of the tax year, 1 to 53: week 1 begins on 6 April. Week 53 is 5 April, or 4 April, too."""
    return (day - year_start(day)).days // 7 + 1


def tax_month(day: date) -> int:
    """Return the month of the tax year, 1 to 12: month 1 is 6 April to 5 May."""
    start = year_start(day)
    months = (day.year - start.year) * 12 + day.month - start.month
    return months + (day.day >= TAX_DAY)
