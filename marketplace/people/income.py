"""When money of a budget comes in: the council's share and the person's own, by the council's payment rhythm."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from marketplace.people.budget_parts import months_on
from marketplace.people.models import Budget


class Payment(NamedTuple):
    """What a budget's schedule pays in on a day."""

    day: date
    pence: int
    paid_to: date
    """First day that it is no longer for."""


Rhythm = Callable[[date], int]
"""The council's weeks between two payments, 1 or more, by the first day of a budget that has no rhythm of its own: what
runs keeps its days when the council changes them for what begins later."""


def paydays(budget: Budget, after: date, until: date, every_weeks: Rhythm) -> list[tuple[date, int]]:
    """Return the days in (after, until] on which a budget pays, as (day, days that the payment is for).

    Args:
        budget: Pays from its first day, in advance, every so many weeks or each month; the last payment is for the
            days left.
        after: Payments up to and on this day are left out.
        until: Last day to look at.
        every_weeks: The council's rhythm.
    """
    number = _first_after(budget, after, every_weeks)
    found = []
    while (day := _payday(budget, number, every_weeks)) <= until and (budget.ends_on is None or day < budget.ends_on):
        ends = _payday(budget, number + 1, every_weeks)
        if budget.ends_on is not None:
            ends = min(ends, budget.ends_on)
        found.append((day, (ends - day).days))
        number += 1
    return found


def _payday(budget: Budget, number: int, every_weeks: Rhythm) -> date:
    """Return the day of a payment by its number, from 0. Months are counted from the first day: the 31st stays."""
    if budget.pays_monthly:
        return months_on(budget.starts_on, number)
    return budget.starts_on + number * timedelta(weeks=budget.pay_every_weeks or every_weeks(budget.starts_on))


def _first_after(budget: Budget, after: date, every_weeks: Rhythm) -> int:
    """Return the number of the first payment after a day."""
    first = budget.starts_on
    if first > after:
        return 0
    if not budget.pays_monthly:
        return (after - first) // timedelta(weeks=budget.pay_every_weeks or every_weeks(budget.starts_on)) + 1
    months = (after.year - first.year) * 12 + after.month - first.month
    return months if months_on(first, months) > after else months + 1


def expected_income(chain: Sequence[Budget], after: date, until: date, every_weeks: Rhythm) -> list[tuple[date, int]]:
    """Return what budgets that follow one another are to bring on the days in (after, until].

    Payments up to and on `after` are taken to have been made; the account's balance holds them.

    Returns:
        (day, pence), in order for each budget; own contribution and council's share together, and first what is paid
        once.
    """
    found = []
    schedule = chain_payments(chain, direct_part, date.min + timedelta(days=1), until, every_weeks)
    for budget, payments in zip(chain, schedule, strict=True):
        if budget.one_off_pence and after < budget.starts_on <= until:
            found.append((budget.starts_on, budget.one_off_pence))
        found += [(one.day, one.pence) for one in payments if one.day > after]
    return found


def direct_weekly(budget: Budget) -> int:
    """Return how much of a budget is a direct payment, pence a week: all of it unless routes are mixed."""
    return budget.weekly_pence if budget.direct_weekly_pence is None else budget.direct_weekly_pence


def direct_own_weekly(budget: Budget) -> int:
    """Return the person's own share of the direct payment, pence a week: in proportion, half a penny rounded up."""
    if not budget.weekly_pence:
        return 0
    return (2 * budget.own_weekly_pence * direct_weekly(budget) + budget.weekly_pence) // (2 * budget.weekly_pence)


def own_part(budget: Budget, first: date, ends_on: date) -> int:
    """Return the person's own contribution to a payment that is for [first, ends_on), pence."""
    return _spread(direct_own_weekly(budget), budget.starts_on, first, ends_on)


def direct_part(budget: Budget, first: date, ends_on: date) -> int:
    """Return a payment that is for [first, ends_on), the person's own part and the council's share together, pence."""
    return council_part(budget, first, ends_on) + own_part(budget, first, ends_on)


def council_part(budget: Budget, first: date, ends_on: date) -> int:
    """Return the council's share of a payment that is for [first, ends_on), pence."""
    weekly_pence = direct_weekly(budget) - direct_own_weekly(budget)
    return _spread(weekly_pence, budget.starts_on, first, ends_on)


def _spread(weekly_pence: int, starts_on: date, first: date, ends_on: date) -> int:
    """Return what a weekly amount brings for some days, counted from the budget's first day.

    What it brings up to their end less what it brought up to their start: payments that follow one another add up to
    the weekly amount, and no penny is lost in months that are no whole weeks.
    """
    before, upto = (first - starts_on).days, (ends_on - starts_on).days
    return weekly_pence * upto // 7 - weekly_pence * before // 7


def chain_payments(
    chain: Sequence[Budget],
    part: Callable[[Budget, date, date], int],
    from_day: date,
    until: date,
    every_weeks: Rhythm,
) -> list[list[Payment]]:
    """Return what budgets that follow one another pay in from a day to another, each list as its budget stands.

    A budget pays weeks ahead. Where another takes its place in the middle of them, what was paid for the days from then
    on is taken off the next payments: no day is paid twice, and nothing is asked back.

    Args:
        chain: Budgets of one person and kind by their first day; each pays until the next one's first day.
        part: What a budget pays for the days from one to another, pence.
        from_day: Earlier payments were not made by the schedule.
        until: Last day to look at.
        every_weeks: As of `paydays`.
    """
    found: list[list[Payment]] = []
    carried = 0
    for budget, following in zip(chain, [*chain[1:], None], strict=True):
        last = until if following is None else min(until, following.starts_on - timedelta(days=1))
        payments: list[Payment] = []
        covered_to = budget.starts_on
        for day, length in paydays(budget, max(from_day, budget.starts_on) - timedelta(days=1), last, every_weeks):
            payments.append(Payment(day, 0, day + timedelta(days=length)))
        if payments and budget.paid_to is not None and payments[-1].day < budget.paid_to:
            # Paid before anybody knew that it ends sooner.
            payments[-1] = payments[-1]._replace(paid_to=max(payments[-1].paid_to, budget.paid_to))
        for place, one in enumerate(payments):
            whole = part(budget, one.day, one.paid_to)
            taken = min(whole, carried)
            carried -= taken
            payments[place] = one._replace(pence=whole - taken)
            if whole == taken or (budget.paid_to is not None and one.day < budget.paid_to):
                covered_to = one.paid_to
        found.append(payments)
        if following is not None and covered_to > following.starts_on:
            carried += part(budget, following.starts_on, covered_to)
    return found
