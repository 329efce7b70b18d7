"""The arithmetic of the resource allocation system: exact, and rounded at stated places alone (domain.md 4.7).

It asks no table and no file. Everything that is shown, stored or paid comes from here, so that a run repeats to the
penny for as long as anybody asks.

Where is rounded, always half up:
- the protected slice, to whole pence; the allocatable sum is the rest, so the two add up to the budget;
- the value of a point, to four decimals of a penny, from the exact mean;
- a year's sum, to whole pence; a week's sum, to whole pence, from the year's whole pence, as anybody can check by hand.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.money import Pence
from marketplace.people.models import SliceOrder, WeeksOfYear

ENGINE: Final = "ras/1"
"""Part of each fingerprint: another way of rounding would be another engine."""

WHOLE_SLICE: Final = 10_000
FOUR_PLACES: Final = Decimal("0.0001")
DEAREST_POINT: Final = Decimal(1_000_000_000)
"""Pence: £10 million a point a year is a slip of the keyboard, and more does not fit its column."""
MOST_POINTS: Final = 1_000
"""Points of one answer or domain at most; more is a slip of the keyboard."""


class RasSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a council sets beside its points."""

    budget_pence: int
    """A year's money for support, before the slice; above 0."""
    people: int
    """People who use support now; above 0."""
    slice_basis_points: int = 1_500
    """The protected part, hundredths of a per cent, 0 to 10,000 (R5: 15 %)."""
    slice_order: SliceOrder = SliceOrder.FIRST
    weeks: WeeksOfYear = WeeksOfYear.WEEKS_52


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What a point is worth, and how it came about."""

    cases: int
    mean_points: Decimal
    """To four decimals; the reckoning itself goes on with the exact mean."""
    total_points: Decimal
    """Mean times people, to four decimals (R3)."""
    protection_pence: int
    allocatable_pence: int
    """Budget less the slice, in either order."""
    point_value_pence: Decimal
    """Pence a point a year, to four decimals."""
    promised_pence: int
    """What the points of everybody come to at this value."""

    @property
    def beyond_pence(self) -> int:
        """What the points promise beyond the allocatable sum; 0 where they stay within it.

        Where the slice comes off after the division the points promise the whole budget, and the slice is promised
        twice. A penny or two may come from rounding the value.
        """
        return max(0, self.promised_pence - self.allocatable_pence)


class Indicative(msgspec.Struct, frozen=True, kw_only=True):
    """What points come to: advice, not the budget (domain.md 4.7)."""

    annual_pence: Pence
    weekly_pence: Pence


def calibrate(points: Iterable[int | Decimal], settings: RasSettings) -> Calibration:
    """Work out what a point is worth from a sample of cases (R3 to R5).

    Args:
        points: Points of each case, 0 or more.
        settings: Budget, people, slice and its order.

    Raises:
        InvalidInput: No case, points below nothing, no points at all, or settings out of range; by field.
    """
    check_settings(settings)
    found = [Fraction(value) for value in points]
    if not found:
        raise InvalidInput({"sample": "The sample has no cases"})
    if any(value < 0 for value in found):
        raise InvalidInput({"sample": "Points must be 0 or more"})
    mean = sum(found, Fraction()) / len(found)
    if mean == 0:
        raise InvalidInput({"sample": "All cases of the sample have 0 points, so a point has no value"})
    total = mean * settings.people
    protection = int(_half_up(Fraction(settings.budget_pence * settings.slice_basis_points, WHOLE_SLICE), Decimal(1)))
    allocatable = settings.budget_pence - protection
    divided = allocatable if settings.slice_order is SliceOrder.FIRST else settings.budget_pence
    value = _half_up(divided / total, FOUR_PLACES)
    if value == 0:
        raise InvalidInput({"budget": "So little money for so many points leaves nothing for a point"})
    if value > DEAREST_POINT:
        raise InvalidInput({"budget": "So much money for so few points makes a point worth more than £10 million"})
    return Calibration(
        cases=len(found),
        mean_points=_half_up(mean, FOUR_PLACES),
        total_points=_half_up(total, FOUR_PLACES),
        protection_pence=protection,
        allocatable_pence=allocatable,
        point_value_pence=value,
        promised_pence=int(_half_up(total * Fraction(value), Decimal(1))),
    )


def worth(points: int | Decimal, value_pence: Decimal, weeks: WeeksOfYear) -> Indicative:
    """Price points.

    Args:
        points: 0 or more.
        value_pence: Pence a point a year.
        weeks: How a year becomes weeks: divided by 52, or times 7/365.

    Raises:
        ValueError: Points below nothing.
    """
    if points < 0:
        raise ValueError("Points are 0 or more")
    annual = int(_half_up(Fraction(points) * Fraction(value_pence), Decimal(1)))
    return Indicative(annual_pence=Pence(annual), weekly_pence=a_week(annual, weeks))


def a_week(annual_pence: int, weeks: WeeksOfYear) -> Pence:
    """Turn a year's pence into a week's."""
    share = Fraction(1, 52) if weeks is WeeksOfYear.WEEKS_52 else Fraction(7, 365)
    return Pence(int(_half_up(annual_pence * share, Decimal(1))))


def a_year(weekly_pence: int, weeks: WeeksOfYear) -> Pence:
    """Turn a week's pence into a year's, the other way round."""
    share = Fraction(52) if weeks is WeeksOfYear.WEEKS_52 else Fraction(365, 7)
    return Pence(int(_half_up(weekly_pence * share, Decimal(1))))


def protection(previous_annual_pence: int | None, indicative_annual_pence: int) -> Pence:
    """Return what somebody's support cost beyond what the points give, a year; 0 where it did not (R5)."""
    return Pence(max(0, (previous_annual_pence or 0) - indicative_annual_pence))


def commitment(mean_points: Decimal, people: int, value_pence: Decimal) -> int:
    """Return what a year costs, pence, if people had this mean."""
    return int(_half_up(Fraction(mean_points) * people * Fraction(value_pence), Decimal(1)))


def check_settings(settings: RasSettings) -> None:
    """Hold settings against their ranges.

    Raises:
        InvalidInput: With a message for each that is out of range.
    """
    wrong: dict[str, str] = {}
    if settings.budget_pence <= 0:
        wrong["budget"] = "The budget must be more than £0"
    if settings.people <= 0:
        wrong["people"] = "There must be at least one person who uses support"
    if not 0 <= settings.slice_basis_points < WHOLE_SLICE:
        wrong["slice"] = "The protected slice must be from 0 to 99.99 per cent"
    if wrong:
        raise InvalidInput(wrong)


def _half_up(value: Fraction, step: Decimal) -> Decimal:
    """Round a number of 0 or more to a step, half up, without a detour through a rounded decimal."""
    steps = value / Fraction(step)
    whole, rest = divmod(steps.numerator, steps.denominator)
    count = whole + (2 * rest >= steps.denominator)
    return (Decimal(count) * step).quantize(step, rounding=ROUND_HALF_UP)
