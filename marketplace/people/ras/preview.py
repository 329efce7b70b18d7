"""What a version would mean: how budgets spread, who would get less than before, what if the mean were another."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from statistics import median
from typing import Final

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.formats import plural, pounds, pounds_short
from marketplace.people.models import RasCase, RasVersion, SliceOrder
from marketplace.people.ras.engine import RasSettings, a_week, calibrate, commitment, protection, worth
from marketplace.people.ras.fingerprint import settings_of

MOST_BANDS: Final = 12
STEPS_PENCE: Final = (1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000)
"""Widths of a band, pence a week: the narrowest that needs no more than twelve bands."""
MOST_LOSERS: Final = 20
SHIFTS: Final = (-10, -5, 5, 10)
NOT_SAID: Final = "Not said"
KINDS: Final = (("age_band", "Age"), ("care_group", "Care group"), ("ethnicity", "Ethnicity"), ("gender", "Gender"))


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """A case of the sample with what the points give it."""

    reference: str
    points: int
    annual_pence: int
    weekly_pence: int
    previous_annual_pence: int | None
    loss_pence: int
    """What it cost before beyond what the points give, a year."""
    groups: dict[str, str]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a group had and would have, for cases whose previous cost is known."""

    label: str
    cases: int
    previous_pence: int
    """Mean of a year."""
    annual_pence: int
    """Mean of a year."""
    lose: int
    """Cases that would get less than before."""
    loss_pence: int
    """What these would miss together, a year."""

    @property
    def change_pence(self) -> int:
        """By how much the mean goes up; below 0 where it goes down."""
        return self.annual_pence - self.previous_pence

    @property
    def change(self) -> str:
        """Write the change with its sign."""
        sign = "+" if self.change_pence > 0 else "−" if self.change_pence < 0 else ""
        return f"{sign}{pounds(abs(self.change_pence))}"


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody's points would cost if the true mean were another (domain.md 4.7)."""

    mean: Decimal
    committed_pence: int
    over_pence: int
    """Beyond the allocatable sum; 0 within it."""
    share_of_pot: Decimal | None
    """Of the protected sum, per cent with one decimal, that the excess takes; None where nothing is protected."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows of a sample and a value."""

    cases: list[Priced]
    bands: list[tuple[str, int, str]]
    """`(label, cases, in words)` by weekly sum, for a chart."""
    lowest_pence: int
    median_pence: int
    highest_pence: int
    """Of a week."""
    compared: Comparison | None
    """All cases with a previous cost; None where the file has none."""
    by_kind: list[tuple[str, str, list[Comparison]]]
    """`(key, title, groups)` for each kind of group that the file has."""
    losers: list[Priced]
    """The twenty who would miss most."""
    protection_needed_pence: int
    """What all people would miss if they were as the sample, a year."""
    what_if: list[WhatIf]
    settings: list[tuple[str, str, str]]
    """`(change, value of a point, allocatable)` with one setting changed."""


def price(version: RasVersion, cases: Sequence[RasCase]) -> list[Priced]:
    """Price each case of a sample by the version's value."""
    found = []
    for case in cases:
        sums = worth(case.points, version.point_value_pence, version.weeks)
        found.append(
            Priced(
                reference=case.reference,
                points=case.points,
                annual_pence=sums.annual_pence,
                weekly_pence=sums.weekly_pence,
                previous_annual_pence=case.previous_annual_pence,
                loss_pence=protection(case.previous_annual_pence, sums.annual_pence),
                groups={key: getattr(case, key) for key, _ in KINDS},
            )
        )
    return found


def preview(version: RasVersion, cases: Sequence[RasCase], asked_mean: Decimal | None = None) -> Preview | None:
    """Show what a version would mean; None as long as a point has no value.

    Args:
        version: Whose value and settings.
        cases: Its sample.
        asked_mean: A mean to try out, beside 5 and 10 per cent below and above.
    """
    if not cases or version.point_value_pence <= 0:
        return None
    priced = price(version, cases)
    weekly = sorted(case.weekly_pence for case in priced)
    known = [case for case in priced if case.previous_annual_pence is not None]
    missed = sum(case.loss_pence for case in known)
    means = [version.mean_points * (100 + shift) / 100 for shift in SHIFTS] + [version.mean_points]
    if asked_mean is not None:
        means.append(asked_mean)
    return Preview(
        cases=priced,
        bands=_bands(weekly),
        lowest_pence=weekly[0],
        median_pence=round(median(weekly)),
        highest_pence=weekly[-1],
        compared=_compare("All cases", known) if known else None,
        by_kind=[(key, title, _by(key, known)) for key, title in KINDS if any(case.groups[key] for case in known)],
        losers=sorted((case for case in known if case.loss_pence), key=lambda case: (-case.loss_pence, case.reference))[
            :MOST_LOSERS
        ],
        protection_needed_pence=round(Decimal(missed) * version.people_count / len(known)) if known else 0,
        what_if=[what_if(version, mean) for mean in sorted(set(means))],
        settings=_settings(version, cases),
    )


def what_if(version: RasVersion, mean: Decimal) -> WhatIf:
    """Work out what everybody's points would cost at another mean and this value."""
    committed = commitment(mean, version.people_count, version.point_value_pence)
    over = max(0, committed - version.allocatable_pence)
    pot = version.protection_pence
    return WhatIf(
        mean=mean.quantize(Decimal("0.01")),
        committed_pence=committed,
        over_pence=over,
        share_of_pot=round(Decimal(100 * over) / pot, 1) if pot else None,
    )


def _bands(weekly: Sequence[int]) -> list[tuple[str, int, str]]:
    """Count weekly sums in bands of one width."""
    step = next((step for step in STEPS_PENCE if weekly[-1] // step < MOST_BANDS), None)
    if step is None:
        step = -(-(weekly[-1] + 1) // MOST_BANDS)
    first, last = weekly[0] // step, weekly[-1] // step
    counts: dict[int, int] = defaultdict(int)
    for pence in weekly:
        counts[pence // step] += 1
    return [
        (
            f"{pounds_short(band * step)} to under {pounds_short((band + 1) * step)}",
            counts[band],
            plural(counts[band], "case"),
        )
        for band in range(first, last + 1)
    ]


def _by(key: str, cases: Sequence[Priced]) -> list[Comparison]:
    groups: dict[str, list[Priced]] = defaultdict(list)
    for case in cases:
        groups[case.groups[key] or NOT_SAID].append(case)
    return [_compare(label, groups[label]) for label in sorted(groups, key=lambda label: (label == NOT_SAID, label))]


def _compare(label: str, cases: Sequence[Priced]) -> Comparison:
    losses = [case.loss_pence for case in cases if case.loss_pence]
    return Comparison(
        label=label,
        cases=len(cases),
        previous_pence=round(Decimal(sum(case.previous_annual_pence or 0 for case in cases)) / len(cases)),
        annual_pence=round(Decimal(sum(case.annual_pence for case in cases)) / len(cases)),
        lose=len(losses),
        loss_pence=sum(losses),
    )


def _settings(version: RasVersion, cases: Sequence[RasCase]) -> list[tuple[str, str, str]]:
    """What a point would be worth with one setting changed."""
    now = settings_of(version)
    other = SliceOrder.AFTER if now.slice_order is SliceOrder.FIRST else SliceOrder.FIRST
    order = "before the division" if other is SliceOrder.FIRST else "after the division"
    changes: list[tuple[str, RasSettings]] = [("As it is", now)]
    for slice_basis_points in (0, 1_000, 1_500, 2_000):
        if slice_basis_points != now.slice_basis_points:
            words = f"Slice of {slice_basis_points // 100} per cent"
            changes.append((words, msgspec.structs.replace(now, slice_basis_points=slice_basis_points)))
    changes.append((f"Slice taken off {order}", msgspec.structs.replace(now, slice_order=other)))
    for shift in (-10, 10):
        people = max(1, now.people * (100 + shift) // 100)
        words = f"{abs(shift)} per cent {'more' if shift > 0 else 'fewer'} people"
        changes.append((words, msgspec.structs.replace(now, people=people)))
    rows = []
    for words, settings in changes:
        try:
            found = calibrate([case.points for case in cases], settings)
        except InvalidInput:
            continue
        rows.append((words, value_words(found.point_value_pence), pounds(found.allocatable_pence)))
    return rows


def value_words(value_pence: Decimal) -> str:
    """Write the value of a point in pounds with all its decimals that count: "£100.00", "£117.647059"."""
    pounds_value = f"{value_pence / 100:,.6f}"
    whole, _, part = pounds_value.partition(".")
    return f"£{whole}.{part.rstrip('0').ljust(2, '0')}"


def week_of(version: RasVersion, annual_pence: int) -> str:
    """Write a year's sum as a week's."""
    return pounds(a_week(annual_pence, version.weeks))
