"""Charts of the council's dashboards."""

from datetime import timedelta

from marketplace.accounts import Principal
from marketplace.core.clock import week_start
from marketplace.core.formats import plural, pounds, uk_date, uk_month, uk_short_date
from marketplace.reporting.schemas import Chart
from marketplace.reporting.service.home.desk import Desk

WEEKS_SHOWN = 8
MONTHS_SHOWN = 6


async def by_week(desk: Desk, principal: Principal) -> Chart:
    """Draw the referrals of the last weeks."""
    first = week_start(desk.today) - timedelta(weeks=WEEKS_SHOWN - 1)
    found = await desk.home.referrals_by_week(principal.council_id, first)
    mondays = [first + timedelta(weeks=week) for week in range(WEEKS_SHOWN)]
    rows = tuple((uk_short_date(monday), found.get(monday, 0), str(found.get(monday, 0))) for monday in mondays)
    total = sum(row[1] for row in rows)
    return Chart(
        "referrals-by-week",
        "Referrals by week",
        f"{plural(total, 'referral')} in the {WEEKS_SHOWN} weeks from {uk_date(first)}.",
        rows,
        "Week from",
        "Referrals",
    )


async def by_month(desk: Desk, principal: Principal) -> Chart:
    """Draw what planners earned with support plans in the last months."""
    months = [desk.today.replace(day=1)]
    while len(months) < MONTHS_SHOWN:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    found = await desk.home.plan_spend_by_month(principal.council_id, months[0])
    rows = tuple((uk_month(month), found.get(month, 0), pounds(found.get(month, 0))) for month in months)
    total = sum(row[1] for row in rows)
    return Chart(
        "plan-spend-by-month",
        "Spent on support plans by month",
        f"{pounds(total)} from {uk_month(months[0])} to {uk_month(months[-1])}.",
        rows,
        "Month",
        "Earned by planners",
    )
