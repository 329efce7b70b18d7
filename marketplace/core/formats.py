"""How figures, dates and distances are written for people: plain English, British forms, Europe/London.

Each function takes a value and returns text; the pages use them as template filters (see `marketplace.web.pages`),
e-mails and documents call them directly. They are strict on purpose: a naive instant or a fraction of a penny is a
bug of the caller, and an error in a test is better than a wrong time on somebody's visit.

Source of the forms: the GOV.UK style guide (dates, times, ranges written with "to").
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")

_METRES_PER_MILE = Decimal("1609.344")
# U+2212 lines up with figures and is read out as "minus"; a hyphen is often skipped by screen readers.
_MINUS = "−"
_DOT = "•"
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTH_NAMES = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def pounds(pence: int) -> str:
    """Write an amount of money.

    Args:
        pence: Whole pence, may be negative.

    Returns:
        Pounds with two decimals and thousands separators: "£1,234.50", "−£5.00".
    """
    whole, rest = divmod(abs(pence), 100)
    return f"{_MINUS if pence < 0 else ''}£{whole:,}.{rest:02d}"


def pounds_short(pence: int) -> str:
    """Write an amount without ".00" when it is whole pounds: "£450", "£12.50". For tariffs and headlines."""
    text = pounds(pence)
    return text.removesuffix(".00")


def uk_date(day: date) -> str:
    """Write a date: "21 November 2026". An aware instant is first turned into the London day."""
    local = _local_day(day)
    return f"{local.day} {_MONTH_NAMES[local.month - 1]} {local.year}"


def uk_day(day: date) -> str:
    """Write a date with its weekday: "Saturday 21 November 2026"."""
    return f"{_DAY_NAMES[_local_day(day).weekday()]} {uk_date(day)}"


def uk_short_date(day: date) -> str:
    """Write a date for narrow table columns: "21 Nov 2026"."""
    local = _local_day(day)
    return f"{local.day} {_MONTH_NAMES[local.month - 1][:3]} {local.year}"


def uk_month(day: date) -> str:
    """Write a month: "November 2026"."""
    local = _local_day(day)
    return f"{_MONTH_NAMES[local.month - 1]} {local.year}"


def uk_time(moment: datetime | time) -> str:
    """Write a time of day: "8:05am", "8am", "midday", "midnight".

    Args:
        moment: An aware instant (shown in London time) or a wall-clock time.

    Raises:
        ValueError: An instant without a time zone.
    """
    clock = moment if isinstance(moment, time) else _london(moment).time()
    if (clock.hour, clock.minute) == (12, 0):
        return "midday"
    if (clock.hour, clock.minute) == (0, 0):
        return "midnight"
    hour = clock.hour % 12 or 12
    minutes = f":{clock.minute:02d}" if clock.minute else ""
    return f"{hour}{minutes}{'am' if clock.hour < 12 else 'pm'}"


def uk_datetime(instant: datetime) -> str:
    """Write an instant in London time: "Saturday 21 November 2026 at 8:05am".

    Raises:
        ValueError: An instant without a time zone.
    """
    local = _london(instant)
    return f"{uk_day(local)} at {uk_time(local)}"


def uk_deadline(instant: datetime) -> str:
    """Write until when something is possible; the end of a day is 11:59pm, because "midnight" could be either end.

    Raises:
        ValueError: An instant without a time zone.
    """
    local = _london(instant)
    return uk_datetime(instant - timedelta(minutes=1) if uk_time(local) == "midnight" else instant)


def time_range(start: datetime | time, end: datetime | time) -> str:
    """Write the times of a visit: "8am to 8:30am", "10pm to 7am the next day".

    Two wall-clock times are taken as one visit shorter than a day, so an end at or before the start is on the next day.
    Two instants name the later day when it is neither the same nor the next.
    """
    text = f"{uk_time(start)} to {uk_time(end)}"
    if isinstance(start, datetime) and isinstance(end, datetime):
        days = (_london(end).date() - _london(start).date()).days
        if days == 0:
            return text
        return f"{text} the next day" if days == 1 else f"{text} on {uk_day(end)}"
    if isinstance(start, datetime) or isinstance(end, datetime):
        raise ValueError("A range needs two instants or two wall-clock times, not one of each.")
    return text if end > start else f"{text} the next day"


def date_range(starts_on: date, ends_on: date) -> str:
    """Write a half-open period `[starts_on, ends_on)` by its first and last day: "6 April 2026 to 5 April 2027"."""
    last = ends_on - timedelta(days=1)
    return uk_date(starts_on) if last <= starts_on else f"{uk_date(starts_on)} to {uk_date(last)}"


def last_day(ends_on: date) -> str:
    """Write the last day of a half-open period by its end: 6 April 2027 becomes "5 April 2027"."""
    return uk_date(ends_on - timedelta(days=1))


def duration(minutes: int) -> str:
    """Write a length of time: "45 minutes", "1 hour", "2 hours 30 minutes".

    Raises:
        ValueError: A negative length.
    """
    if minutes < 0:
        raise ValueError("A length of time cannot be negative.")
    hours, rest = divmod(minutes, 60)
    parts = [plural(hours, "hour")] if hours else []
    if rest or not hours:
        parts.append(plural(rest, "minute"))
    return " ".join(parts)


def miles(metres: float) -> str:
    """Write a distance given in metres: "under 1 mile", "1.2 miles", "14 miles".

    Distances come from postcode centres, so less than a mile is not told apart, and from ten miles on the decimal
    would be false precision.

    Raises:
        ValueError: A negative distance.
    """
    if metres < 0:
        raise ValueError("A distance cannot be negative.")
    exact = Decimal(str(metres)) / _METRES_PER_MILE
    if exact < 1:
        return "under 1 mile"
    tenths = exact.quantize(Decimal("0.1"), ROUND_HALF_UP)
    if tenths >= 10:
        return f"{int(exact.quantize(Decimal(1), ROUND_HALF_UP)):,} miles"
    return "1 mile" if tenths == 1 else f"{str(tenths).removesuffix('.0')} miles"


def days_ago(day: date, today: date) -> str:
    """Write how far a date lies from today: "today", "yesterday", "3 days ago", "tomorrow", "in 12 days".

    Args:
        day: The date, or an aware instant.
        today: Today in London, from the injected clock (this module never asks for the time).
    """
    days = (_local_day(today) - _local_day(day)).days
    near = {0: "today", 1: "yesterday", -1: "tomorrow"}
    if days in near:
        return near[days]
    return f"{days:,} days ago" if days > 0 else f"in {-days:,} days"


def plural(count: int, singular: str, several: str | None = None) -> str:
    """Write a number with its noun: "1 visit", "1,200 visits", `plural(2, "person", "people")` "2 people"."""
    noun = singular if count == 1 else several or f"{singular}s"
    return f"{count:,} {noun}"


def file_size(size: int) -> str:
    """Write a number of bytes as people see it on their own device: "900 bytes", "340 kB", "2.4 MB"."""
    if size < 1_000:
        return f"{size} bytes" if size != 1 else "1 byte"
    if size < 1_000_000:
        return f"{round(size / 1_000)} kB" if size < 999_500 else "1.0 MB"
    return f"{size / 1_000_000:.1f} MB"


def sort_code_masked(sort_code: str) -> str:
    """Show the last two figures of a sort code: "••-••-33". Never more, whatever was stored."""
    digits = _digits(sort_code)
    shown = digits[-2:] if len(digits) == 6 else _DOT * 2
    return f"{_DOT * 2}-{_DOT * 2}-{shown}"


def account_masked(account_number: str) -> str:
    """Show the last four figures of a bank account number: "••••5678"; too short a number shows nothing."""
    digits = _digits(account_number)
    return f"{_DOT * 4}{digits[-4:]}" if len(digits) >= 8 else _DOT * 8


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter in "0123456789")


def _london(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("An instant needs a time zone; wall-clock times are passed as datetime.time.")
    return instant.astimezone(LONDON)


def _local_day(day: date) -> date:
    # datetime is a subclass of date, so instants arrive here too: late evening UTC can be the next day in London.
    return _london(day).date() if isinstance(day, datetime) else day
