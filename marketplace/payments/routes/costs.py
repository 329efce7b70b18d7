"""What planning really costs: fees held against the time that was recorded, and against the legal wage (L22, 4.8)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.law import least_wage
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.formats import duration, pounds
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.payments.bands import hourly, is_below_wage
from marketplace.payments.repository.costs import CostRepository, PlanCost
from marketplace.payments.routes.shared import row_id
from marketplace.payments.rules import months_after
from marketplace.plans.models import ACTIVITY_LABELS, Activity

MONTHS = (3, 6, 12)


class CostController(Controller):
    """Cost truth by organisation and plan."""

    path = "/tariffs/costs"

    @get("/", permission=Permission.BOOKS_READ)
    async def listed(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], months: FromQuery[int] = 6
    ) -> Template:
        """Show organisations with fees, time, and how many plans paid below the legal wage."""
        context = await _context(db, principal, months, None)
        groups: dict[UUID, list[PlanCost]] = {}
        for row in context["plans"]:
            groups.setdefault(row.organisation_id, []).append(row)
        wage = context["wage_pence"]
        context["organisations"] = sorted(
            (_sums(rows, wage) for rows in groups.values()), key=lambda item: str(item["name"])
        )
        context["totals"] = _activities(context["plans"])
        return Template("payments/costs.html", context=context)

    @get("/plans.csv", permission=Permission.BOOKS_READ)
    async def download(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], months: FromQuery[int] = 6
    ) -> Response[str]:
        """Give every plan as a row."""
        context = await _context(db, principal, months, None)
        wage = context["wage_pence"]
        heading: list[Cell] = ["Case", "Organisation", "Earned", "Minutes", "Earned an hour", "Below legal wage"]
        rows: list[list[Cell]] = [[*heading, *(f"{ACTIVITY_LABELS[one]} (minutes)" for one in Activity)]]
        rows += [
            [
                row.reference,
                row.organisation,
                pounds_cell(row.earned_pence),
                row.minutes,
                pounds_cell(hourly(row.earned_pence, row.minutes)) if row.minutes else None,
                "yes" if row.minutes and is_below_wage(row.earned_pence, row.minutes, wage) else "no",
                *(row.by_activity.get(one, 0) for one in Activity),
            ]
            for row in context["plans"]
        ]
        headers = {"Content-Disposition": 'attachment; filename="plan-costs.csv"'}
        return Response("\ufeff" + csv_text(rows), media_type="text/csv; charset=utf-8", headers=headers)

    @get("/{organisation_id:str}", permission=Permission.BOOKS_READ)
    async def organisation(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        organisation_id: FromPath[str],
        months: FromQuery[int] = 12,
    ) -> Template:
        """Show an organisation's plans with the working of each."""
        context = await _context(db, principal, months, row_id(organisation_id))
        if not context["plans"]:
            raise NotFound
        context["sums"] = _sums(context["plans"], context["wage_pence"])
        context["rows"] = [_line(row, context["wage_pence"]) for row in context["plans"]]
        context["totals"] = _activities(context["plans"])
        return Template("payments/costs_organisation.html", context=context)


async def _context(db: AsyncSession, principal: Principal, months: int, organisation_id: UUID | None) -> dict[str, Any]:
    principal.require(Permission.BOOKS_READ)
    now = today(clock_of(db))
    until = now + timedelta(days=1)
    months = months if months in MONTHS else 6
    since = months_after(until, -months)
    return {
        "plans": await CostRepository(db).plans(principal.council_id, since, until, organisation_id),
        "wage_pence": await least_wage(db, principal.council_id, now),
        "since": since,
        "until": until,
        "months": months,
        "all_months": MONTHS,
    }


def _sums(rows: list[PlanCost], wage_pence: int) -> dict[str, Any]:
    timed = [row for row in rows if row.minutes]
    minutes, pence = sum(row.minutes for row in timed), sum(row.earned_pence for row in timed)
    return {
        "id": rows[0].organisation_id,
        "name": rows[0].organisation,
        "plans": len(rows),
        "earned_pence": sum(row.earned_pence for row in rows),
        "minutes": minutes,
        "hourly_pence": hourly(pence, minutes) if minutes else None,
        "short": sum(is_below_wage(row.earned_pence, row.minutes, wage_pence) for row in timed),
        "by_activity": sum(bool(row.by_activity) for row in rows),
    }


def _line(row: PlanCost, wage_pence: int) -> dict[str, Any]:
    words = "No time recorded"
    is_short = False
    if row.minutes:
        is_short = is_below_wage(row.earned_pence, row.minutes, wage_pence)
        an_hour = pounds(hourly(row.earned_pence, row.minutes))
        words = f"{pounds(row.earned_pence)} for {duration(row.minutes)} is {an_hour} an hour"
    return {"plan": row, "words": words, "is_short": is_short}


def _activities(rows: list[PlanCost]) -> list[tuple[str, int, str]]:
    """Return minutes by activity as bars, those with any."""
    found = {one: sum(row.by_activity.get(one, 0) for row in rows) for one in Activity}
    return [(ACTIVITY_LABELS[one], minutes, duration(minutes)) for one, minutes in found.items() if minutes]
