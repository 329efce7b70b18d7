"""What workers can take on: plans a week, and hours by part of the day on each weekday."""

from collections.abc import Iterable
from typing import Final

import msgspec

from marketplace.core.formats import time_range
from marketplace.providers.service.times import WEEKDAYS, WeeklyTime

BANDS: Final = (
    ("Early", "6am to 9am", 6 * 60, 9 * 60),
    ("Morning", "9am to midday", 9 * 60, 12 * 60),
    ("Lunch", "midday to 2pm", 12 * 60, 14 * 60),
    ("Tea", "2pm to 6pm", 14 * 60, 18 * 60),
    ("Evening", "6pm to 10pm", 18 * 60, 22 * 60),
    ("Night", "10pm to 6am", 22 * 60, 6 * 60),
)
"""Parts of a care day: name, words, first minute, last minute. Night goes over midnight.

Source: the rounds in which home care is usually bought; a day's other parts are for searching (`service.times`).
"""
_DAY: Final = 24 * 60
SHADES: Final = 4
"""Steps of colour in a table, beside none at all."""


class Cell(msgspec.Struct, frozen=True):
    """Minutes of one part of one day, as shown."""

    minutes: int
    words: str
    shade: int
    """0 is nothing, 4 the most in the table."""


class Bar(msgspec.Struct, frozen=True):
    """A stretch of work in a drawn week: the middle of its column and its ends, in per cent."""

    left: float
    top: float
    height: float
    words: str


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """Hours in a usual week."""

    rows: tuple[tuple[str, str, tuple[Cell, ...], str], ...]
    """For each band its name, its words, a cell for each weekday and the whole week in words."""
    total: str
    total_minutes: int
    bars: tuple[Bar, ...]


def band_minutes(hours: Iterable[WeeklyTime]) -> list[list[int]]:
    """Add up minutes by band and weekday: `found[band][weekday]`, with 0 for Monday.

    Hours after midnight belong to the night of their own weekday.
    """
    found = [[0] * 7 for _ in BANDS]
    for row in hours:
        first = row.starts_local.hour * 60 + row.starts_local.minute
        last = row.ends_local.hour * 60 + row.ends_local.minute
        # The last minute of the day stands for midnight: hours never reach into the next day.
        last = _DAY if last == _DAY - 1 else last
        for number, (_, _, since, until) in enumerate(BANDS):
            stretches = [(since, until)] if since < until else [(since, _DAY), (0, until)]
            found[number][row.weekday] += sum(max(0, min(last, end) - max(first, start)) for start, end in stretches)
    return found


def capacity(hours: Iterable[WeeklyTime]) -> Capacity:
    """Lay out a usual week as a table and as a drawing."""
    rows = list(hours)
    minutes = band_minutes(rows)
    most = max((value for line in minutes for value in line), default=0) or 1
    total = sum(map(sum, minutes))
    return Capacity(
        rows=tuple(
            (
                name,
                words,
                tuple(Cell(value, _hours(value), -(-value * SHADES // most)) for value in line),
                _hours(sum(line)),
            )
            for (name, words, _, _), line in zip(BANDS, minutes, strict=True)
        ),
        total=_hours(total),
        total_minutes=total,
        bars=tuple(_bar(row) for row in rows),
    )


def _bar(row: WeeklyTime) -> Bar:
    first = row.starts_local.hour * 60 + row.starts_local.minute
    last = row.ends_local.hour * 60 + row.ends_local.minute
    return Bar(
        left=round(100 * row.weekday / 7, 2),
        top=round(100 * first / _DAY, 2),
        height=round(100 * (last - first) / _DAY, 2),
        words=f"{WEEKDAYS[row.weekday]} {time_range(row.starts_local, row.ends_local)}",
    )


def _hours(minutes: int) -> str:
    """Write minutes as hours: "0", "7.5"."""
    return f"{round(minutes / 60, 1):g}"
