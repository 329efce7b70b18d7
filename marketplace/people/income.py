"""When money of a budget comes in: the council's share and the person's own, by the council's payment rhythm."""

from datetime import date, timedelta

from marketplace.people.models import Budget


def paydays(budget: Budget, after: date, until: date, every_weeks: int) -> list[tuple[date, int]]:
    """Return the days in (after, until] on which a budget pays, as (day, days that the payment is for).

    Args:
        budget: Pays from its first day, in advance, every `every_weeks` weeks; the last payment is for the days left.
        after: Payments up to and on this day are left out.
        until: Last day to look at.
        every_weeks: Weeks between two payments, 1 or more.
    """
    step = timedelta(weeks=every_weeks)
    day = budget.starts_on
    if day <= after:
        day += ((after - day) // step + 1) * step
    found = []
    while day <= until and (budget.ends_on is None or day < budget.ends_on):
        ends = day + step if budget.ends_on is None else min(day + step, budget.ends_on)
        found.append((day, (ends - day).days))
        day += step
    return found


def expected_income(budget: Budget, after: date, until: date, every_weeks: int) -> list[tuple[date, int]]:
    """Return what a budget is to bring on the days in (after, until].

    Payments up to and on `after` are taken to have been made; the account's balance holds them. Arguments as `paydays`.

    Returns:
        (day, pence), in order; own contribution and council's share together.
    """
    return [(day, budget.weekly_pence * days // 7) for day, days in paydays(budget, after, until, every_weeks)]


def own_part(budget: Budget, days: int) -> int:
    """Return the person's own contribution to a payment that is for some days, pence."""
    return budget.own_weekly_pence * days // 7
