"""Parts of budgets and how a sum came about, and small rules that the verbs of budgets share."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.formats import pounds
from marketplace.people.models import Budget, BudgetStatus, FundingRoute, RasVersion

LARGEST_WEEKLY_PENCE = 2_000_000
"""£20,000 a week: more is a slip of the keyboard."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a budget that takes a route of its own."""

    route: FundingRoute
    weekly_pence: int
    what_for: str = ""


class Working(msgspec.Struct, frozen=True, kw_only=True):
    """How an indicative sum came about: points and what they are worth, and what is protected beyond them."""

    points: int
    version: RasVersion
    annual_pence: int
    weekly_pence: int
    """From the points alone."""
    previous_weekly_pence: int | None = None
    """What support cost before; beyond the points it is protected for a time (R5)."""


def check_amounts(weekly_pence: int, one_off_pence: int) -> None:
    """Hold sums against their range.

    Raises:
        InvalidInput: By field.
    """
    wrong = {}
    for name, label, amount in (
        ("weekly_pence", "The budget for a week", weekly_pence),
        ("one_off_pence", "The sum paid once", one_off_pence),
    ):
        if not 0 <= amount <= LARGEST_WEEKLY_PENCE:
            wrong[name] = f"{label} must be between £0.00 and {pounds(LARGEST_WEEKLY_PENCE)}"
    if wrong:
        raise InvalidInput(wrong)


def split_anew(parts: Sequence[Part], weekly_pence: int) -> list[Part]:
    """Share a new sum among the parts as the old one was shared: whole pence that add up to it.

    Pence left over go one each to the parts that lost most by rounding down, the earlier first. Parts that were all
    nothing share alike.

    Args:
        parts: As they are held now.
        weekly_pence: The new sum for a week.
    """
    whole = sum(part.weekly_pence for part in parts)
    weights = [part.weekly_pence for part in parts] if whole else [1] * len(parts)
    whole = whole or len(parts)
    amounts = [weekly_pence * weight // whole for weight in weights]
    by_loss = sorted(range(len(parts)), key=lambda place: -(weekly_pence * weights[place] % whole))
    for place in by_loss[: weekly_pence - sum(amounts)]:
        amounts[place] += 1
    return [msgspec.structs.replace(part, weekly_pence=amount) for part, amount in zip(parts, amounts, strict=True)]


def route_of(parts: Sequence[Part], route: FundingRoute | None, advice: Budget | None) -> FundingRoute:
    """Return the route that a budget is known by: a direct payment where any part is one, else the largest part's."""
    if any(part.route is FundingRoute.DIRECT_PAYMENT for part in parts):
        return FundingRoute.DIRECT_PAYMENT
    if parts:
        return max(parts, key=lambda part: part.weekly_pence).route
    if route is not None:
        return route
    return advice.route if advice else FundingRoute.COUNCIL_MANAGED


def direct_of(parts: Sequence[Part]) -> int | None:
    """Return how much of mixed routes is a direct payment, pence a week; None where they are not mixed."""
    direct = [part.weekly_pence for part in parts if part.route is FundingRoute.DIRECT_PAYMENT]
    return sum(direct) if direct and len(direct) < len(parts) else None


def figures(budget: Budget) -> dict[str, Any]:
    """Return what the audit log keeps of a budget: figures alone."""
    return {
        "status": budget.status.value,
        "kind": budget.kind.value,
        "weekly_pence": budget.weekly_pence,
        "own_weekly_pence": budget.own_weekly_pence,
        "one_off_pence": budget.one_off_pence,
        "points": budget.points,
        "starts_on": budget.starts_on.isoformat(),
    }


def end_budget(budget: Budget, on: date, *, had_begun: bool = True) -> None:
    """End a budget before a day. One that never ran is set aside; one that ran keeps its days for the books."""
    if budget.status is BudgetStatus.FINAL and had_begun:
        if budget.ends_on is None or budget.ends_on > on:
            budget.ends_on = on
        return
    budget.status = BudgetStatus.ENDED
    if budget.starts_on < on and (budget.ends_on is None or budget.ends_on > on):
        budget.ends_on = on


def months_on(day: date, months: int) -> date:
    """Return the day some months later; the month's last day where the month is shorter."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
