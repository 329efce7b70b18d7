"""What a tariff pays for recorded time, and whether that covers the legal wage. Pure rules, no rows."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from marketplace.core.money import Pence, half_up

LONGEST_BAND_MINUTES = 100 * 60
MOST_BANDS = 5


class Band(msgspec.Struct, frozen=True):
    """One step of a tariff: recorded time up to a limit (included) earns an amount."""

    up_to_minutes: int | None
    """None in the last band: any longer time."""
    pence: int


class BadBands(ValueError):
    """The bands do not give every length of time one fee. The message says why, for the person who set them."""


def check_bands(bands: Sequence[Band]) -> tuple[Band, ...]:
    """Return the bands when they are whole.

    Raises:
        BadBands: None, too many, limits that do not rise, no open end, or a fee of nothing.
    """
    if not 1 <= len(bands) <= MOST_BANDS:
        raise BadBands(f"A tariff has 1 to {MOST_BANDS} bands")
    if bands[-1].up_to_minutes is not None or any(band.up_to_minutes is None for band in bands[:-1]):
        raise BadBands("Leave the hours of the last band empty, and only those, so that every plan has a fee")
    limits = [band.up_to_minutes or 0 for band in bands[:-1]]
    if any(not 1 <= limit <= LONGEST_BAND_MINUTES for limit in limits):
        raise BadBands("Hours must be more than 0 and at most 100")
    if sorted(set(limits)) != limits:
        raise BadBands("Each band must have more hours than the one above it")
    if any(band.pence < 1 for band in bands):
        raise BadBands("Each band needs a fee of at least 1 penny")
    return tuple(bands)


def read_bands(rows: Iterable[dict[str, Any]]) -> tuple[Band, ...]:
    """Read bands as they are stored."""
    return check_bands(msgspec.convert(list(rows), list[Band]))


def fee_for(bands: Sequence[Band], minutes: int) -> Pence:
    """Return the fee for recorded time: the first band whose limit is not passed.

    Args:
        bands: Checked bands.
        minutes: Recorded time with the person, 0 or more.
    """
    if minutes < 0:
        raise ValueError("Recorded time cannot be negative")
    fee = next(band.pence for band in bands if band.up_to_minutes is None or minutes <= band.up_to_minutes)
    return Pence(fee)


def hourly(fee_pence: int, minutes: int) -> Pence:
    """Return what a fee is an hour, pence, half a penny up. `minutes` is 1 or more."""
    return half_up(Decimal(fee_pence) * 60 / minutes)


def is_below_wage(fee_pence: int, minutes: int, wage_pence: int) -> bool:
    """Whether a fee is less than the legal wage for the recorded time alone, before travel and employer's costs.

    Compared in whole numbers, so that rounding never hides a shortfall of a fraction of a penny.

    Source: domain.md 4.8: £75 for 6 hours is £12.50 an hour, under £12.71.
    """
    return fee_pence * 60 < wage_pence * minutes


class WageLine(msgspec.Struct, frozen=True):
    """The working of one band against the legal wage."""

    fee_pence: int
    minutes: int | None
    """The band's limit; None for the open band."""
    hourly_pence: int | None
    """The fee an hour at the limit."""
    covers_minutes: int
    """The longest time, whole minutes, for which the fee is at least the legal wage."""
    is_short: bool


def wage_lines(bands: Sequence[Band], wage_pence: int) -> list[WageLine]:
    """Work out for each band what it pays an hour at its limit.

    Args:
        bands: Checked bands.
        wage_pence: The legal wage, pence an hour, 1 or more.
    """
    lines = []
    for band in bands:
        limit = band.up_to_minutes
        lines.append(
            WageLine(
                band.pence,
                limit,
                None if limit is None else hourly(band.pence, limit),
                band.pence * 60 // wage_pence,
                limit is not None and is_below_wage(band.pence, limit, wage_pence),
            )
        )
    return lines
