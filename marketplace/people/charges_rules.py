"""What somebody can pay, by the law's figures: capital limits, tariff income, what must be left to live on.

Pure arithmetic; the decision is always the council's (`people.charges`). Source: Care and Support (Charging and
Assessment of Resources) Regulations 2014 and the yearly circular; the figures come from the law book with their days.
"""

import msgspec

from marketplace.accounts.law import LawBook
from marketplace.people.models import FinancialAssessment


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has and needs, pence; incomes and expenses a week. All 0 or more."""

    capital_pence: int
    income_weekly_pence: int
    disregarded_weekly_pence: int = 0
    expenses_weekly_pence: int = 0
    protected_weekly_pence: int = 0


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from somebody's means."""

    tariff_income_weekly_pence: int
    contribution_weekly_pence: int
    """The most they pay a week. 0 where they pay all of it: then `is_full_cost` says so."""
    is_full_cost: bool


def tariff_income(book: LawBook, capital_pence: int) -> int:
    """Return the weekly income that capital between the limits counts as, pence.

    Each step, or part of one, above the lower limit counts; nothing at or below it. Above the upper limit the rule
    does not apply: all is paid.
    """
    above = min(capital_pence, book["capital_upper_limit"]) - book["capital_lower_limit"]
    if above <= 0:
        return 0
    step = book["tariff_income_step"]
    return -(-above // step) * book["tariff_income_weekly"]


def contribution(book: LawBook, means: Means) -> Contribution:
    """Work out what somebody pays at most.

    Args:
        book: Open at the first day of the decision.
        means: What they have and need.
    """
    tariff = tariff_income(book, means.capital_pence)
    if means.capital_pence > book["capital_upper_limit"]:
        return Contribution(tariff_income_weekly_pence=tariff, contribution_weekly_pence=0, is_full_cost=True)
    counted = means.income_weekly_pence - means.disregarded_weekly_pence + tariff
    left = counted - means.expenses_weekly_pence - means.protected_weekly_pence
    return Contribution(tariff_income_weekly_pence=tariff, contribution_weekly_pence=max(0, left), is_full_cost=False)


def own_share(charge: FinancialAssessment | None, weekly_pence: int) -> int:
    """Return how much of a weekly budget the person pays, pence: never more than it costs.

    Nothing is asked for before the council has decided.
    """
    if charge is None:
        return 0
    return weekly_pence if charge.is_full_cost else min(weekly_pence, charge.contribution_weekly_pence)
