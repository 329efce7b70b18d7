"""The least lawful price of a week of care: what it costs to pay the legal wage for it (V8).

A price below it means that somebody is not paid for all of their time, or that something is left out. An offer below it
may be sent with a reason; who buys sees that it is marked.

Sources: the National Minimum Wage Act 1998 and its regulations of 2015 (time spent travelling from one visit to the
next and waiting for it is working time; so is a night on which one is awake for work); the wage, the employer's costs
and the minutes of travel are dated settings of the council.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from marketplace.core.formats import duration, plural, pounds
from marketplace.matching.care.week import HOUR_MINUTES, WeekVisit, half_up, weekly_price, worker_minutes

SHORT_MINUTES = 30
"""A shorter visit is shown by itself: travel weighs more in it than in any other."""
NIGHT_FROM_HOUR, NIGHT_UNTIL_HOUR = 22, 6
_HUNDRED = 100


class CostRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the council's settings say on a day."""

    wage_pence: int
    """Legal minimum wage for an hour, from the age of 21."""
    employer_percent: int
    """National Insurance, pension, holiday and training on top of the wage, in per cent."""
    travel_minutes: int
    """Paid travel and waiting for each worker and visit."""


class CostLine(msgspec.Struct, frozen=True):
    """A line of the working."""

    label: str
    how: str
    """How it comes about, in words."""
    pence: int


class LegalCost(msgspec.Struct, frozen=True, kw_only=True):
    """The least lawful price of a week, with its working. The lines add up to the total."""

    lines: tuple[CostLine, ...]
    total_pence: int
    minutes: int
    """Minutes of care in the week, each worker counted."""
    least_rate_pence: int
    """The lowest price for an hour at which the week brings the total in."""

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept with an offer."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def legal_cost(visits: Sequence[WeekVisit], rules: CostRules) -> LegalCost:
    """Work out the least lawful price of a week.

    Args:
        visits: One or more.
        rules: The settings.

    Returns:
        int. Half a penny is rounded up once a line: each kind of visit, travel, and the employer's costs on their
        sum.

    Raises:
        ValueError: No visit at all.
    """
    if not visits:
        raise ValueError("a week needs at least one visit")
    lines = [_time_line(label, group, rules) for label, group in _groups(visits) if group]
    calls = sum(visit.workers for visit in visits)
    travel = rules.travel_minutes * calls
    lines.append(
        CostLine(
            "Paid travel and waiting",
            f"{plural(calls, 'call')} with {plural(rules.travel_minutes, 'minute')} each at {pounds(rules.wage_pence)} "
            "an hour",
            half_up(rules.wage_pence * travel, HOUR_MINUTES),
        )
    )
    wages = sum(line.pence for line in lines)
    lines.append(
        CostLine(
            "Employer’s costs",
            f"{rules.employer_percent}% of {pounds(wages)}: National Insurance, pension, holiday, training",
            half_up(wages * rules.employer_percent, _HUNDRED),
        )
    )
    total = sum(line.pence for line in lines)
    minutes = worker_minutes(visits)
    return LegalCost(
        lines=tuple(lines), total_pence=total, minutes=minutes, least_rate_pence=_least_rate(total, minutes, visits)
    )


def is_night(visit: WeekVisit) -> bool:
    """Whether a visit begins between 10pm and 6am."""
    return visit.starts_local.hour >= NIGHT_FROM_HOUR or visit.starts_local.hour < NIGHT_UNTIL_HOUR


def _groups(visits: Sequence[WeekVisit]) -> list[tuple[str, list[WeekVisit]]]:
    nights = [visit for visit in visits if is_night(visit)]
    short = [visit for visit in visits if not is_night(visit) and visit.minutes < SHORT_MINUTES]
    others = [visit for visit in visits if not is_night(visit) and visit.minutes >= SHORT_MINUTES]
    return [
        ("Time with the person", others),
        (f"Visits shorter than {SHORT_MINUTES} minutes", short),
        ("Night visits, awake", nights),
    ]


def _time_line(label: str, visits: Sequence[WeekVisit], rules: CostRules) -> CostLine:
    minutes = worker_minutes(visits)
    return CostLine(
        label,
        f"{duration(minutes)} at {pounds(rules.wage_pence)} an hour, the legal minimum wage",
        half_up(rules.wage_pence * minutes, HOUR_MINUTES),
    )


def _least_rate(total: int, minutes: int, visits: Sequence[WeekVisit]) -> int:
    """Search the lowest rate: a price is rounded for each visit, so that a division alone can be pence off."""
    low, high = 0, total * HOUR_MINUTES // minutes + HOUR_MINUTES
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if weekly_price(middle, visits) >= total else (middle + 1, high)
    return low
