"""The form of free hours of care: a number of hours for each weekday and part of the day."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from marketplace.core.forms import FormReader
from marketplace.matching.bands import BANDS, SLOTS, WEEKDAYS, slot, slot_label
from marketplace.matching.models import CareHours
from marketplace.matching.words_care import CARE_SERVICES
from marketplace.providers.models import ServiceLine

MOST_HOURS: Final = 500
"""Free hours of an organisation in one part of a day, all workers together: more is a slip of the keyboard."""
QUARTERS_AN_HOUR: Final = 4
COPIES: Final[Mapping[str, tuple[int, ...]]] = {"copy-week": (1, 2, 3, 4), "copy-all": (1, 2, 3, 4, 5, 6)}
"""What the buttons do that copy Monday, by the days they copy it to."""
_DAY_MINUTES = 24 * 60
_HOURS = re.compile(r"^\d{1,5}(\.\d{1,4})?$", re.ASCII)


class HoursForm(msgspec.Struct, frozen=True, kw_only=True):
    """Free quarter hours of one service."""

    service_line: ServiceLine
    quarters: tuple[int, ...]
    """`quarters[slot]`, 35 of them."""

    @classmethod
    def read(cls, data: Mapping[str, Any], *, workers: int | None = None) -> "HoursForm":
        """Read the form. An empty field is no free time.

        Args:
            data: The form: `service`, and `slot-0` to `slot-34` in hours such as "2" or "2.5".
            workers: So many people can work at once, where that is known; None: any number.

        Raises:
            InvalidInput: Not a number, not quarter hours, or more than the part of the day holds.
        """
        form = FormReader(data)
        service = form.option("service", "the service", [line.value for line in CARE_SERVICES])
        quarters = tuple(_quarters(form, number, workers) for number in range(SLOTS))
        form.done()
        return cls(service_line=ServiceLine(service), quarters=quarters)


def _quarters(form: FormReader, number: int, workers: int | None) -> int:
    name, label = f"slot-{number}", slot_label(number)
    text = form.raw(name).replace(",", ".")
    if not text:
        return 0
    if text.startswith(("-", "\N{MINUS SIGN}")):
        form.wrong(name, f"{label}: hours must be 0 or more")
        return 0
    if not _HOURS.match(text):
        form.wrong(name, f"{label}: enter hours as a number, like 2 or 2.5")
        return 0
    quarters = float(text) * QUARTERS_AN_HOUR
    if quarters != int(quarters):
        form.wrong(name, f"{label}: enter full quarter hours, like 2.25 or 2.5")
        return 0
    most = MOST_HOURS if workers is None else workers * band_minutes(number % len(BANDS)) // 60
    if quarters > most * QUARTERS_AN_HOUR:
        alone = " for one person" if workers == 1 else ""
        form.wrong(name, f"{label}: there can be {most} hours at most{alone}")
        return 0
    return int(quarters)


def band_minutes(band: int) -> int:
    """How long a part of the day is, minutes."""
    return (BANDS[band].until_minute - BANDS[band].from_minute) % _DAY_MINUTES


def hours_text(quarters: int) -> str:
    """Write quarter hours as hours: 10 is "2.5", 8 is "2"."""
    return f"{quarters / QUARTERS_AN_HOUR:g}"


def hours_words(quarters: int) -> str:
    """Write quarter hours with their unit: "2.5 hours", "1 hour"."""
    return f"{hours_text(quarters)} {'hour' if quarters == QUARTERS_AN_HOUR else 'hours'}"


def hours_values(rows: Iterable[CareHours]) -> dict[str, str]:
    """Return what is free now as the form shows it; a slot with nothing free is empty."""
    return {f"slot-{slot(row.weekday, row.band)}": hours_text(row.left_quarters) for row in rows if row.left_quarters}


def copied(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Copy Monday to other days where the form was sent for that; None when it was sent to be kept."""
    values = dict(data)
    days = COPIES.get(str(values.pop("change", "") or ""))
    if days is None:
        return None
    for day in days:
        for band in range(len(BANDS)):
            values[f"slot-{slot(day, band)}"] = values.get(f"slot-{slot(0, band)}", "")
    return values


class HoursRow(msgspec.Struct, frozen=True):
    """A part of the day in the picture of free hours."""

    label: str
    hours: str
    cells: list[tuple[str, int]]
    """By weekday: hours in words, and how full the colour is, 0 to 100."""


def picture(quarters: Mapping[int, int]) -> list[HoursRow]:
    """Return free hours by part of the day and weekday, for the drawn week and the table beside it."""
    top = max([*quarters.values(), 1])
    return [
        HoursRow(
            band.label,
            band.hours,
            [
                (hours_text(free), -(-100 * free // top))
                for free in (quarters.get(slot(day, index), 0) for day in range(len(WEEKDAYS)))
            ],
        )
        for index, band in enumerate(BANDS)
    ]
