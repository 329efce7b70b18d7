"""Weekly hours as people look for them: days, parts of the day, both together."""

from collections.abc import Iterable, Sequence
from datetime import time
from typing import Final, NamedTuple, Protocol

from marketplace.core.formats import uk_time

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

PARTS: Final[dict[str, str]] = {
    "morning": "Morning (before midday)",
    "afternoon": "Afternoon (midday to 5pm)",
    "evening": "Evening (5pm to 10pm)",
    "night": "Night (after 10pm)",
}
"""Parts of the day and their words."""

_BOUNDS: Final = (
    ("night", 0, 6 * 60),
    ("morning", 6 * 60, 12 * 60),
    ("afternoon", 12 * 60, 17 * 60),
    ("evening", 17 * 60, 22 * 60),
    ("night", 22 * 60, 24 * 60),
)
LEAST_MINUTES: Final = 30
"""Hours that reach less far into a part of the day do not count for it: 9am to 12:15pm is a morning."""


class Hours(NamedTuple):
    """Usual time on a weekday (0 is Monday), wall clock."""

    weekday: int
    starts_local: time
    ends_local: time


class WeeklyTime(Protocol):
    """Whatever has usual time on a weekday: a worker's hours, a listing's, `Hours`."""

    @property
    def weekday(self) -> int: ...
    @property
    def starts_local(self) -> time: ...
    @property
    def ends_local(self) -> time: ...


def parts_of(starts: time, ends: time) -> list[str]:
    """Give the parts of the day that a stretch of time reaches into, in order; always at least one."""
    first, last = _minutes(starts), _minutes(ends)
    reach = [(name, min(last, until) - max(first, since)) for name, since, until in _BOUNDS]
    found = [name for name, minutes in reach if minutes >= LEAST_MINUTES]
    return list(dict.fromkeys(found)) or [max(reach, key=lambda item: item[1])[0]]


def part_bounds(name: str) -> list[tuple[int, int]]:
    """Give the stretches of a part of the day, in minutes after midnight; none for a part that does not exist."""
    return [(since, until) for part, since, until in _BOUNDS if part == name]


def days_of(hours: Iterable[Hours]) -> list[str]:
    """Give the days of the week with any time, in order."""
    return [WEEKDAYS[day] for day in sorted({row.weekday for row in hours})]


def slots_of(hours: Iterable[Hours]) -> list[str]:
    """Give days and parts together, as the index has them: "Saturday-morning"."""
    found = {(row.weekday, part) for row in hours for part in parts_of(row.starts_local, row.ends_local)}
    order = list(PARTS)
    return [f"{WEEKDAYS[day]}-{part}" for day, part in sorted(found, key=lambda slot: (slot[0], order.index(slot[1])))]


def times_of(hours: Iterable[Hours]) -> list[str]:
    """Give the parts of the day on any day, in order."""
    found = {part for row in hours for part in parts_of(row.starts_local, row.ends_local)}
    return [part for part in PARTS if part in found]


def fitting_days(hours: Sequence[Hours], days: Sequence[str], times: Sequence[str]) -> list[str]:
    """Give those of the days asked for on which there is time, at one of the times asked for where any is."""
    if not times:
        have = set(days_of(hours))
        return [day for day in days if day in have]
    slots = set(slots_of(hours))
    return [day for day in days if any(f"{day}-{part}" in slots for part in times)]


def short_times(hours: Sequence[Hours]) -> str:
    """Write weekly hours in one line: "Monday to Friday, 9am to 5pm", or the days alone when times differ."""
    if not hours:
        return ""
    days = sorted({row.weekday for row in hours})
    spans = {(row.starts_local, row.ends_local) for row in hours}
    names = _span(days)
    if len(spans) > 1:
        return names
    starts, ends = spans.pop()
    return f"{names}, {uk_time(starts)} to {uk_time(ends)}"


def hours_rows(hours: Sequence[WeeklyTime], none: str) -> list[tuple[str, str]]:
    """Write weekly hours as (day, times), all seven days; `none` stands where there are none."""
    if not hours:
        return []
    return [
        (
            name,
            ", ".join(
                f"{uk_time(row.starts_local)} to {uk_time(row.ends_local)}" for row in hours if row.weekday == day
            )
            or none,
        )
        for day, name in enumerate(WEEKDAYS)
    ]


def hours_lines(hours: Iterable[WeeklyTime]) -> tuple[str, ...]:
    """Write weekly hours shortly, days with the same times together: "Monday to Friday, 9am to 5pm"."""
    times: dict[int, str] = {}
    for row in hours:
        span = f"{uk_time(row.starts_local)} to {uk_time(row.ends_local)}"
        times[row.weekday] = f"{times[row.weekday]} and {span}" if row.weekday in times else span
    lines: list[tuple[int, int, str]] = []
    for weekday in sorted(times):
        if lines and lines[-1][1] == weekday - 1 and lines[-1][2] == times[weekday]:
            lines[-1] = (lines[-1][0], weekday, times[weekday])
        else:
            lines.append((weekday, weekday, times[weekday]))
    return tuple(f"{_run(first, last)}, {span}" for first, last, span in lines)


def _run(first: int, last: int) -> str:
    if first == last:
        return WEEKDAYS[first]
    joint = "and" if last == first + 1 else "to"
    return f"{WEEKDAYS[first]} {joint} {WEEKDAYS[last]}"


def joined(words: Sequence[str]) -> str:
    """Write a list: "Monday, Wednesday and Friday"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _span(days: list[int]) -> str:
    if len(days) == 7:
        return "Every day"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{WEEKDAYS[days[0]]} to {WEEKDAYS[days[-1]]}"
    return joined([WEEKDAYS[day] for day in days])


def _minutes(moment: time) -> int:
    # A day's end is written 23:59 at the latest.
    return 24 * 60 if (moment.hour, moment.minute) == (23, 59) else moment.hour * 60 + moment.minute
