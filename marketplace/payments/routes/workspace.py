"""Finance's workspace in pages and tables to take away."""

from datetime import date
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import parse_day
from marketplace.core.formats import date_range, pounds
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.payments.models import SELF_BILLED
from marketplace.payments.service.workspace import AGES, MOST_DUE, PARTS, WorkspaceService

MOST_BARS = 10


class WorkspaceController(Controller):
    """All of finance's work at once."""

    path = "/finance"

    @get("/", permission=Permission.INVOICES_READ)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what waits, what is due and how old it is."""
        service = WorkspaceService(db)
        whole, _ = await service.ageing(principal)
        due = await service.due(principal)
        found = await service.overview(principal)
        context = {
            "found": found,
            "due_bars": [(words, max(pence, 0), f"{pounds(pence)} ({number:,})") for words, number, pence in due],
            "has_due": any(number for _, number, _ in due),
            "age_bars": _age_bars(whole.pence),
            "whole": whole,
            "may_make": principal.may(Permission.RUNS_MAKE),
        }
        return Template("payments/workspace/finance.html", context=context)

    @get("/due", permission=Permission.INVOICES_READ)
    async def due(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what is due within 30 days, earliest first."""
        service = WorkspaceService(db)
        context = {
            "rows": await service.due_rows(principal),
            "today": service.today,
            "most": MOST_DUE,
            "self_billed": SELF_BILLED,
        }
        return Template("payments/workspace/due.html", context=context)

    @get("/due.csv", permission=Permission.INVOICES_READ)
    async def due_csv(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
        """Give the same as a table."""
        rows: list[tuple[Cell, ...]] = [("bill", "organisation", "received_on", "due_on", "amount_pounds")]
        rows += [
            (number, name, row.received_on.isoformat(), row.due_on.isoformat(), pounds_cell(row.amount_pence))
            for row, number, _, name in await WorkspaceService(db).due_rows(principal)
        ]
        return _csv("due", rows)

    @get("/ageing", permission=Permission.INVOICES_READ)
    async def ageing(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what is owed by organisation and days since receipt."""
        whole, rows = await WorkspaceService(db).ageing(principal)
        context = {"whole": whole, "rows": rows, "ages": AGES, "bars": _age_bars(whole.pence)}
        return Template("payments/workspace/ageing.html", context=context)

    @get("/ageing.csv", permission=Permission.INVOICES_READ)
    async def ageing_csv(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Response[str]:
        """Give the same as a table."""
        whole, found = await WorkspaceService(db).ageing(principal)
        rows: list[tuple[Cell, ...]] = [("organisation", *AGES, *PARTS, "total")]
        rows += [
            (
                row.name,
                *(pounds_cell(pence) for pence in row.pence),
                *(pounds_cell(row.by_part[part]) for part in PARTS),
                pounds_cell(row.total),
            )
            for row in (*found, whole)
        ]
        return _csv("ageing", rows)

    @get("/spend", permission=Permission.INVOICES_READ)
    async def spend(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        year: Annotated[str, QueryParameter(name="year", max_length=10)] = "",
    ) -> Template:
        """Show what was spent in a financial year by lot and by tariff."""
        service = WorkspaceService(db)
        years, (starts_on, until_on) = await _chosen(service, principal, year)
        lots, tariffs = await service.spend(principal, starts_on, until_on)
        context = {
            "lots": lots,
            "tariffs": tariffs,
            "lot_bars": _spend_bars(lots),
            "tariff_bars": _spend_bars(tariffs),
            "total": sum(row.pence for row in lots),
            "starts_on": starts_on,
            "until_on": until_on,
            "years": [(start.isoformat(), date_range(start, until)) for start, until in years],
        }
        return Template("payments/workspace/spend.html", context=context)

    @get("/spend.csv", permission=Permission.INVOICES_READ)
    async def spend_csv(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        year: Annotated[str, QueryParameter(name="year", max_length=10)] = "",
    ) -> Response[str]:
        """Give the same as a table."""
        service = WorkspaceService(db)
        _, (starts_on, until_on) = await _chosen(service, principal, year)
        lots, tariffs = await service.spend(principal, starts_on, until_on)
        rows: list[tuple[Cell, ...]] = [("by", "name", "count", "spend_pounds")]
        rows += [("lot", row.name, row.count, pounds_cell(row.pence)) for row in lots]
        rows += [("tariff", row.name, row.count, pounds_cell(row.pence)) for row in tariffs]
        return _csv(f"spend-{starts_on.isoformat()}", rows)


async def _chosen(
    service: WorkspaceService, principal: Principal, year: str
) -> tuple[list[tuple[date, date]], tuple[date, date]]:
    years = await service.years(principal)
    wanted = parse_day(year)
    return years, next((one for one in years if one[0] == wanted), years[0])


def _age_bars(pence: tuple[int, ...]) -> list[tuple[str, int, str]]:
    return [(words, max(value, 0), pounds(value)) for words, value in zip(AGES, pence, strict=True)]


def _spend_bars(rows: Any) -> list[tuple[str, int, str]]:
    """At most ten bars: the rest together."""
    shown, rest = rows[:MOST_BARS], rows[MOST_BARS:]
    bars = [(row.name, max(row.pence, 0), pounds(row.pence)) for row in shown]
    if rest:
        pence = sum(row.pence for row in rest)
        bars.append((f"{len(rest)} others", max(pence, 0), pounds(pence)))
    return bars


def _csv(name: str, rows: list[tuple[Cell, ...]]) -> Response[str]:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "private, no-store"}
    return Response(csv_text(rows), media_type="text/csv; charset=utf-8", headers=headers)


ROUTES: list[Any] = [WorkspaceController]
