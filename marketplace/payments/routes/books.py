"""Pages of a council's books: spending by team, block contracts, the trial balance, the year-end."""

from datetime import date
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import parse_day
from marketplace.core.formats import pounds, uk_month
from marketplace.core.spreadsheets import Cell, pounds_cell
from marketplace.payments.books_rules import pay_weeks
from marketplace.payments.repository.commitments import COMMITTED_PLAN
from marketplace.payments.routes.books_lists import csv_answer
from marketplace.payments.routes.shared import row_id
from marketplace.payments.service.books.promises import WORDS
from marketplace.payments.service.books.reports import BooksService, Owed, TeamSpend, months_of, totals
from marketplace.providers.models import SERVICE_LABELS

YEARS = 4
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
STAGE_LABELS = (
    ("earned", "Earned, not billed"),
    ("billed", "Billed, not approved"),
    ("owed", "Approved, not paid"),
    ("paid", "Paid"),
)
KIND_LABELS = {
    "plan": "Completed plans",
    "plan_stage": "Stages of plans",
    "visit": "Visits",
    "review": "Reviews",
    "money_management": "Money management",
    "claim": "Agreed claims",
    "block": "Block contracts",
    "interest": "Interest for paying late",
}
PROMISE_LABELS = {COMMITTED_PLAN: "Plans in the making", **WORDS}
Year = Annotated[int | None, QueryParameter(name="year", ge=2000, le=2200)]
On = Annotated[str, QueryParameter(name="on", max_length=10)]


class BooksController(Controller):
    """What teams commit, owe and pay (D17), and what the year leaves (C16)."""

    path = "/books"

    @get("/", permission=Permission.BOOKS_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], year: Year = None
    ) -> Template:
        """Show each team's year against its budget."""
        service = BooksService(db, principal)
        chosen = await service.year(year)
        rows = await service.spending(chosen)
        sums = totals(rows)
        context = {
            "rows": rows,
            "totals": sums,
            "over": [row for row in rows if row.left is not None and row.left < 0],
            "near": [row for row in rows if row.left is not None and row.left >= 0 and (row.share or 0) >= 90],
            "year": chosen,
            "years": await _years(service),
            "bars": [(row.name, max(0, row.expected), pounds(row.expected)) for row in rows],
            "parts": [(label, max(0, sums[name]), pounds(sums[name])) for name, label in STAGE_LABELS],
            "may_keep": principal.may(Permission.BOOKS_KEEP),
        }
        return Template("payments/books/spending.html", context=context)

    @get("/spending.csv", permission=Permission.BOOKS_READ)
    async def spending_csv(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], year: Year = None
    ) -> Response[str]:
        """Give the year by team as a table."""
        service = BooksService(db, principal)
        chosen = await service.year(year)
        rows: list[tuple[Cell, ...]] = [
            (
                "team",
                "cost_centre",
                "budget_pounds",
                "committed_pounds",
                "earned_not_billed_pounds",
                "billed_not_approved_pounds",
                "approved_not_paid_pounds",
                "paid_pounds",
                "left_pounds",
            ),
            *(_spend_cells(row) for row in await service.spending(chosen)),
        ]
        return csv_answer(rows, f"spending-{chosen.starts_on.isoformat()}")

    @get("/teams/{team_id:str}", permission=Permission.BOOKS_READ)
    async def team(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        team_id: FromPath[str],
        year: Year = None,
    ) -> Template:
        """Show what a team's year is made of."""
        service = BooksService(db, principal)
        chosen = await service.year(year)
        row, positions = await service.of_team(row_id(team_id), chosen)
        context = {
            "row": row,
            "positions": positions,
            "promised": [(PROMISE_LABELS[kind], pence) for kind, pence in row.committed_for.items() if pence],
            "stage_labels": dict(STAGE_LABELS),
            "kind_labels": KIND_LABELS,
            "parts": [(label, max(0, getattr(row, name)), pounds(getattr(row, name))) for name, label in STAGE_LABELS],
            "year": chosen,
            "years": await _years(service),
        }
        return Template("payments/books/team_spending.html", context=context)

    @get("/trial-balance", permission=Permission.BOOKS_READ)
    async def trial_balance(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], on: On = ""
    ) -> Template:
        """Show every account's balance at the end of a day."""
        service = BooksService(db, principal)
        day = _day(on, service.today)
        lines = await service.trial_balance(day)
        context = {
            "lines": [line for line in lines if not line.is_memorandum],
            "memorandum": [line for line in lines if line.is_memorandum],
            "day": day,
            "is_wrong": bool(on) and parse_day(on) is None,
        }
        return Template("payments/books/trial_balance.html", context=context)

    @get("/trial-balance.csv", permission=Permission.BOOKS_READ)
    async def trial_balance_csv(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], on: On = ""
    ) -> Response[str]:
        """Give the trial balance as a table."""
        service = BooksService(db, principal)
        day = _day(on, service.today)
        rows: list[tuple[Cell, ...]] = [
            ("account", "name", "cost_code", "debit_pounds", "credit_pounds"),
            *(
                (line.purpose.value, line.label, line.code, pounds_cell(line.debit), pounds_cell(line.credit))
                for line in await service.trial_balance(day)
            ),
        ]
        return csv_answer(rows, f"trial-balance-{day.isoformat()}")

    @get("/year-end", permission=Permission.BOOKS_READ)
    async def year_end(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], year: Year = None
    ) -> Template:
        """Show what was owed to suppliers when a year ended."""
        service = BooksService(db, principal)
        chosen = await service.year(year)
        rows = await service.year_end(chosen)
        context = {
            "rows": rows,
            "sums": {name: sum(getattr(row, name) for row in rows) for name in ("earned", "billed", "owed", "total")},
            "year": chosen,
            "years": await _years(service),
            "is_running": service.today < chosen.ends_on,
            "long_weekdays": [name for number, name in enumerate(WEEKDAYS) if pay_weeks(chosen, number) == 53],
            "bars": [(team, pence, pounds(pence)) for team, pence in _by_team(rows)],
        }
        return Template("payments/books/year_end.html", context=context)

    @get("/year-end.csv", permission=Permission.BOOKS_READ)
    async def year_end_csv(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], year: Year = None
    ) -> Response[str]:
        """Give the year-end accruals as a table."""
        service = BooksService(db, principal)
        chosen = await service.year(year)
        rows: list[tuple[Cell, ...]] = [
            (
                "team",
                "cost_centre",
                "supplier",
                "earned_not_billed_pounds",
                "billed_not_approved_pounds",
                "approved_not_paid_pounds",
            ),
            *(
                (
                    row.team,
                    row.cost_centre,
                    row.organisation,
                    pounds_cell(row.earned),
                    pounds_cell(row.billed),
                    pounds_cell(row.owed),
                )
                for row in await service.year_end(chosen)
            ),
        ]
        return csv_answer(rows, f"year-end-{chosen.last_on.isoformat()}")


class BlockUseController(Controller):
    """How much of block contracts is used (C12, R27)."""

    path = "/block-contracts"

    @get("/", permission=Permission.BOOKS_READ)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show contracts, what each month used and what stayed unused."""
        rows = await BooksService(db, principal).blocks()
        months = months_of(rows)
        context = {
            "rows": rows,
            "months": months,
            "used": [
                (uk_month(month), used * 100 // bought if bought else 0, f"{used * 100 // bought if bought else 0}%")
                for month, bought, used, _ in months
            ],
            "stranded": [(uk_month(month), pence, pounds(pence)) for month, _, _, pence in months],
            "service_labels": SERVICE_LABELS,
            "may_keep": principal.may(Permission.BOOKS_KEEP),
        }
        return Template("payments/books/blocks.html", context=context)

    @get("/utilisation.csv", permission=Permission.BOOKS_READ)
    async def csv(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
        """Give each month of each contract as a table."""
        rows: list[tuple[Cell, ...]] = [
            (
                "contract",
                "organisation",
                "team",
                "month",
                "bought_minutes",
                "used_minutes",
                "used_percent",
                "cost_pounds",
                "stranded_pounds",
            )
        ]
        rows.extend(
            (
                row.contract.name,
                row.organisation,
                row.team,
                use.month.first.isoformat()[:7],
                use.bought_minutes,
                use.used_minutes,
                use.share,
                pounds_cell(use.cost_pence),
                pounds_cell(use.stranded_pence),
            )
            for row in await BooksService(db, principal).blocks()
            for use in row.uses
        )
        return csv_answer(rows, "block-contracts")


async def _years(service: BooksService) -> list[tuple[str, str]]:
    running = await service.year()
    first = running.starts_on.year
    years = [running, *[await service.year(first - back) for back in range(1, YEARS)]]
    return [(str(one.starts_on.year), one.label) for one in years]


def _day(text: str, today: date) -> date:
    return parse_day(text) or today


def _spend_cells(row: TeamSpend) -> tuple[Cell, ...]:
    return (
        row.name,
        row.team.cost_centre if row.team else "",
        pounds_cell(row.budget) if row.budget is not None else None,
        pounds_cell(row.committed),
        *(pounds_cell(getattr(row, name)) for name, _ in STAGE_LABELS),
        pounds_cell(row.left) if row.left is not None else None,
    )


def _by_team(rows: list[Owed]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.team] = sums.get(row.team, 0) + row.total
    return [(team, max(0, pence)) for team, pence in sums.items()]


ROUTES: list[Any] = [BooksController, BlockUseController]
