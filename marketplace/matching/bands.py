"""Time bands of the day in which hours of care are counted: 5 bands on 7 days are the 35 slots of a week."""

from datetime import time
from typing import Final

import msgspec

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
QUARTER_MINUTES: Final = 15
_DAY_MINUTES: Final = 24 * 60


class Band(msgspec.Struct, frozen=True):
    """A part of the day, from its first minute to the minute after its last; the night runs over midnight."""

    code: str
    label: str
    from_minute: int
    until_minute: int

    @property
    def hours(self) -> str:
        """The hours in words: "6am to 10am"."""
        return f"{_clock(self.from_minute)} to {_clock(self.until_minute)}"


BANDS: Final = (
    Band("morning", "Morning", 6 * 60, 10 * 60),
    Band("midday", "Middle of the day", 10 * 60, 14 * 60),
    Band("afternoon", "Afternoon", 14 * 60, 17 * 60),
    Band("evening", "Evening", 17 * 60, 22 * 60),
    Band("night", "Night", 22 * 60, 6 * 60),
)
"""In the order of the day; never reorder: rows hold the index."""

SLOTS: Final = len(WEEKDAYS) * len(BANDS)
"""Slots of a week; slot `weekday * 5 + band`."""


def slot(weekday: int, band: int) -> int:
    """Number of a slot, 0 to 34."""
    return weekday * len(BANDS) + band


def slot_label(number: int) -> str:
    """Name a slot: "Monday morning"."""
    weekday, band = divmod(number, len(BANDS))
    return f"{WEEKDAYS[weekday]} {BANDS[band].label.lower() if band != 1 else 'midday'}"


def quarters_by_slot(weekday: int, starts_local: time, minutes: int, workers: int = 1) -> dict[int, int]:
    """Quarter hours that one visit takes of each slot, all workers together.

    A quarter belongs to the slot in which it begins. A visit over midnight goes on in the next weekday's slots; the
    hours before 6am belong to the night that began the evening before.

    Args:
        weekday: 0 is Monday.
        starts_local: Wall-clock start.
        minutes: Length, a multiple of 15.
        workers: How many come at once.
    """
    found: dict[int, int] = {}
    start = starts_local.hour * 60 + starts_local.minute
    for offset in range(0, minutes, QUARTER_MINUTES):
        day, minute = divmod(start + offset, _DAY_MINUTES)
        on = weekday + day
        if minute < BANDS[0].from_minute:
            on, band = on - 1, len(BANDS) - 1
        else:
            band = max(index for index, item in enumerate(BANDS) if item.from_minute <= minute)
        number = slot(on % len(WEEKDAYS), band)
        found[number] = found.get(number, 0) + workers
    return found


def _clock(minute: int) -> str:
    hour = minute // 60 % 24
    return "midnight" if hour == 0 else "midday" if hour == 12 else f"{hour % 12 or 12}{'am' if hour < 12 else 'pm'}"
