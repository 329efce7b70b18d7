"""Pure arithmetic of visits that repeat: on which days a pattern falls, and when a visit begins and ends."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from marketplace.bookings.calendar import Span
from marketplace.core.clock import LONDON, instant, week_start

WEEK = timedelta(weeks=1)
DAY = timedelta(days=1)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Repeats(Protocol):
    """What says on which days something takes place; a `VisitPattern` row is one."""

    weekday: int
    every_weeks: int
    anchor_on: date
    starts_on: date
    ends_on: date | None


class Period(Protocol):
    """Days [starts_on, ends_on); an open end has no last day. A pause is one."""

    starts_on: date
    ends_on: date | None


def holds(period: Period, day: date) -> bool:
    """Whether a day falls into a period."""
    return period.starts_on <= day and (period.ends_on is None or day < period.ends_on)


def is_in_any(periods: Iterable[Period], day: date) -> bool:
    """Whether a day falls into one of several periods."""
    return any(holds(period, day) for period in periods)


def day_in_week(pattern: Repeats, monday: date) -> date | None:
    """Return the pattern's day in the week that begins on a Monday; None in weeks it leaves out.

    Weeks are counted from the anchor, never from the start of a year: a year of 53 weeks changes nothing. The pattern's
    first and last day are not looked at here.
    """
    weeks = (monday - week_start(pattern.anchor_on)).days // 7
    return monday + timedelta(days=pattern.weekday) if weeks % pattern.every_weeks == 0 else None


def days_of(pattern: Repeats, first: date, until: date) -> Iterator[date]:
    """Yield the pattern's days in [first, until), in order."""
    first = max(first, pattern.starts_on)
    until = until if pattern.ends_on is None else min(until, pattern.ends_on)
    monday = week_start(first)
    while monday < until:
        day = day_in_week(pattern, monday)
        if day is not None and first <= day < until:
            yield day
        monday += WEEK


def next_day(pattern: Repeats, first: date) -> date | None:
    """Return the first day of a pattern from a day on; None when it has no more."""
    return next(days_of(pattern, first, first + WEEK * (pattern.every_weeks + 1)), None)


def span_of(day: date, starts_local: time, minutes: int) -> Span:
    """Return when a visit begins and ends, as instants.

    A promise is wall-clock time: a night from 10pm for nine hours ends at 7am on the wall, also when the clocks change
    in between (it then lasts eight or ten hours, and is paid by its planned minutes). Only when the start or the end
    itself falls into the hour that is missing or comes twice do the minutes count as they pass.

    Args:
        day: The day on which it starts, in Europe/London.
        starts_local: Wall-clock start.
        minutes: Planned length, 1 or more.
    """
    starts_at = instant(day, starts_local)
    ends_local = datetime.combine(day, starts_local) + timedelta(minutes=minutes)
    elapsed = starts_at + timedelta(minutes=minutes)
    if _is_plain(datetime.combine(day, starts_local)) and _is_plain(ends_local):
        return Span(starts_at, ends_local.replace(tzinfo=LONDON).astimezone(UTC))
    return Span(starts_at, elapsed)


def _is_plain(wall: datetime) -> bool:
    """Whether a time on the wall comes exactly once."""
    first, second = wall.replace(tzinfo=LONDON, fold=0), wall.replace(tzinfo=LONDON, fold=1)
    return first.utcoffset() == second.utcoffset()


def name_of(every_weeks: int, weekday: int) -> str:
    """Write when a pattern falls: "Every Monday", "Every second Monday"."""
    words = {1: "Every", 2: "Every second", 3: "Every third", 4: "Every fourth"}
    return f"{words[every_weeks]} {WEEKDAYS[weekday]}"
