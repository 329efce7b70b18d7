"""Bank holidays in England and Wales: what GOV.UK published, else the standing rules."""

from datetime import date, timedelta
from functools import cache

from govuk_bank_holidays.bank_holidays import BankHolidays

_DAY = timedelta(days=1)
SATURDAY = 5


@cache
def _published_holidays() -> frozenset[date]:
    """Bank holidays of England and Wales as published by GOV.UK; the package carries them, nothing is fetched."""
    rows = BankHolidays(use_cached_holidays=True).get_holidays(division=BankHolidays.ENGLAND_AND_WALES)
    return frozenset(row["date"] for row in rows)


@cache
def bank_holidays(year: int) -> frozenset[date]:
    """Bank holidays of England and Wales in a year.

    Years that GOV.UK has not published yet follow the standing rules, with substitute days for weekends.

    Source: Banking and Financial Dealings Act 1971, schedule 1, and the yearly proclamations for New Year's Day and the
    first Monday in May.
    """
    published = frozenset(day for day in _published_holidays() if day.year == year)
    # A year at the end of the published list may hold its first days only.
    return published if len(published) >= 8 else published | by_rule(year)


def by_rule(year: int) -> frozenset[date]:
    """Bank holidays of a year by the standing rules alone."""
    easter = _easter(year)
    may, late_may, august = date(year, 5, 1), date(year, 5, 31), date(year, 8, 31)
    days = {
        _after_weekend(date(year, 1, 1)),
        easter - 2 * _DAY,
        easter + _DAY,
        may + timedelta(days=-may.weekday() % 7),
        late_may - timedelta(days=late_may.weekday()),
        august - timedelta(days=august.weekday()),
    }
    christmas = _after_weekend(date(year, 12, 25))
    boxing = _after_weekend(date(year, 12, 26))
    while boxing == christmas or boxing.weekday() >= SATURDAY:
        boxing += _DAY
    return frozenset(days | {christmas, boxing})


def after_working_days(day: date, count: int) -> date:
    """Return the day on which a number of working days after a day is over: no weekends, no bank holidays."""
    while count:
        day += _DAY
        if day.weekday() < SATURDAY and day not in bank_holidays(day.year):
            count -= 1
    return day


def _after_weekend(day: date) -> date:
    while day.weekday() >= SATURDAY:
        day += _DAY
    return day


def _easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (the anonymous algorithm, as in Meeus, Astronomical Algorithms)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap, odd = divmod(century, 4)
    shift = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - leap - shift + 15) % 30
    fourth, last = divmod(rest, 4)
    weekday = (32 + 2 * odd + 2 * fourth - moon - last) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
