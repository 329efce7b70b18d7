"""The visits of a week: their minutes, their price, the hours they take, and the grid they are drawn in."""

from collections.abc import Iterable, Sequence
from datetime import time
from typing import Protocol

import msgspec

from marketplace.core.formats import duration, uk_time
from marketplace.matching.bands import BANDS, WEEKDAYS, quarters_by_slot, slot

HOUR_MINUTES = 60


class WeekVisit(Protocol):
    """A visit of the week: a row, or what a form says."""

    @property
    def weekday(self) -> int:
        """0 is Monday."""
        ...

    @property
    def starts_local(self) -> time:
        """Wall-clock start."""
        ...

    @property
    def minutes(self) -> int:
        """Length, a multiple of 15."""
        ...

    @property
    def workers(self) -> int:
        """How many come at once, 1 to 3."""
        ...


class GridRow(msgspec.Struct, frozen=True):
    """One part of the day in the picture of a week; `cells[weekday]` lists what happens then."""

    label: str
    hours: str
    cells: list[list[str]]


def half_up(numerator: int, denominator: int) -> int:
    """Divide whole numbers of 0 or more, half rounded up."""
    return (2 * numerator + denominator) // (2 * denominator)


def in_order(visits: Iterable[WeekVisit]) -> list[WeekVisit]:
    """Return visits from Monday morning on."""
    return sorted(visits, key=lambda visit: (visit.weekday, visit.starts_local))


def worker_minutes(visits: Iterable[WeekVisit]) -> int:
    """Minutes of the week, each worker counted."""
    return sum(visit.minutes * visit.workers for visit in visits)


def quarters(visits: Iterable[WeekVisit], travel: int = 0) -> dict[int, int]:
    """Quarter hours of the week by slot (`bands.slot`), each worker counted.

    Args:
        visits: The visits of the week.
        travel: Quarter hours of travel of each worker to each visit, counted where the visit begins.
    """
    found: dict[int, int] = {}
    for visit in visits:
        by_slot = quarters_by_slot(visit.weekday, visit.starts_local, visit.minutes, visit.workers)
        for place, (number, taken) in enumerate(by_slot.items()):
            extra = travel * visit.workers if place == 0 else 0
            found[number] = found.get(number, 0) + taken + extra
    return found


def weekly_price(rate_pence: int, visits: Iterable[WeekVisit]) -> int:
    """Price of a week at a rate for an hour of one worker.

    Half a penny is rounded up once a visit and worker, so that a week equals the sum of its visits.
    """
    return sum(half_up(rate_pence * visit.minutes, HOUR_MINUTES) * visit.workers for visit in visits)


def visit_words(visit: WeekVisit) -> str:
    """Write a visit: "Monday 8am, 30 minutes, 2 workers"."""
    together = f", {visit.workers} workers" if visit.workers > 1 else ""
    return f"{WEEKDAYS[visit.weekday]} {uk_time(visit.starts_local)}, {duration(visit.minutes)}{together}"


def hours_words(visits: Sequence[WeekVisit]) -> str:
    """Write how much a week is: "14 visits, 7 hours a week"."""
    count = len(visits)
    return f"{count} {'visit' if count == 1 else 'visits'}, {duration(worker_minutes(visits))} a week"


def grid(visits: Iterable[WeekVisit]) -> list[GridRow]:
    """Return the week as parts of the day by weekday, for a picture beside the table of visits."""
    cells: dict[int, list[str]] = {}
    for visit in in_order(visits):
        # A visit stands where it begins.
        number = next(iter(quarters_by_slot(visit.weekday, visit.starts_local, visit.minutes)))
        together = f", {visit.workers} workers" if visit.workers > 1 else ""
        cells.setdefault(number, []).append(f"{uk_time(visit.starts_local)}, {duration(visit.minutes)}{together}")
    return [
        GridRow(band.label, band.hours, [cells.get(slot(day, index), []) for day in range(len(WEEKDAYS))])
        for index, band in enumerate(BANDS)
        if any(slot(day, index) in cells for day in range(len(WEEKDAYS)))
    ]
