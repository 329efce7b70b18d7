"""Pages of the lists that the books are kept by: budget teams and cost codes."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.core.web import FormData, typed
from marketplace.payments.books_rules import FinancialYear, financial_year
from marketplace.payments.models import BudgetTeam
from marketplace.payments.repository.books_teams import BudgetTeamRepository, CostCodeRepository
from marketplace.payments.routes.shared import row_id, take
from marketplace.payments.service.books.codes import ACCOUNTS, CodeForm, CostCodeService
from marketplace.payments.service.books.teams import BudgetTeamService, TeamForm


def csv_answer(rows: list[tuple[Cell, ...]], name: str) -> Response[str]:
    """Give a table as a file."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "private, no-store"}
    return Response(csv_text(rows), media_type="text/csv; charset=utf-8", headers=headers)


async def current_year(db: AsyncSession, principal: Principal) -> FinancialYear:
    """Return the running financial year of the reader's council."""
    now = today(clock_of(db))
    return financial_year(now, await setting(db, principal.council_id, "payments.year_starts", now))


class BudgetTeamController(Controller):
    """Teams that hold budgets (D17)."""

    path = "/budget-teams"

    @get("/", permission=Permission.BOOKS_READ)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List teams and who bears what."""
        teams = BudgetTeamRepository(db)
        context = {
            "teams": await teams.listed(principal.council_id),
            "people": await teams.people_counts(principal.council_id),
            "staff": dict(await teams.staff(principal.council_id)),
            "may_keep": principal.may(Permission.BOOKS_KEEP),
            "today": today(clock_of(db)),
        }
        return Template("payments/books/teams.html", context=context)

    @get("/teams.csv", permission=Permission.BOOKS_READ)
    async def csv(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
        """Give the teams as a table."""
        rows: list[tuple[Cell, ...]] = [
            ("team", "cost_centre", "yearly_pounds", "postcode_areas", "is_default", "closed_on"),
            *(_team_cells(team) for team in await BudgetTeamRepository(db).listed(principal.council_id)),
        ]
        return csv_answer(rows, "budget-teams")

    @get("/new", permission=Permission.BOOKS_KEEP)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the form of a new team."""
        return await _form_page(db, principal, None, {}, {})

    @post("/new", permission=Permission.BOOKS_KEEP)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a team."""

        async def action() -> str:
            team = await BudgetTeamService(db).add(principal, TeamForm.read(data))
            flash(request, f"{team.name} is a budget team")
            return f"/budget-teams/{team.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _form_page(db, principal, None, typed(data), error.fields)

    @get("/{team_id:str}", permission=Permission.BOOKS_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], team_id: FromPath[str]
    ) -> Template:
        """Show a team, its areas and its people."""
        return await _team_page(db, principal, team_id, {}, {})

    @get("/{team_id:str}/change", permission=Permission.BOOKS_KEEP)
    async def change_page(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], team_id: FromPath[str]
    ) -> Template:
        """Show the form that changes a team."""
        team = await BudgetTeamRepository(db).find(principal.council_id, row_id(team_id))
        values = {
            "name": team.name,
            "cost_centre": team.cost_centre,
            "yearly": f"{team.yearly_pence / 100:.2f}" if team.yearly_pence is not None else "",
            "outwards": " ".join(team.outwards),
            "is_default": "yes" if team.is_default else "",
            "manager": str(team.manager_user_id or ""),
        }
        return await _form_page(db, principal, team, values, {})

    @post("/{team_id:str}/change", permission=Permission.BOOKS_KEEP)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        team_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change a team."""
        wanted = row_id(team_id)

        async def action() -> str:
            await BudgetTeamService(db).change(principal, wanted, TeamForm.read(data))
            flash(request, "The team is changed")
            return f"/budget-teams/{wanted}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            team = await BudgetTeamRepository(db).find(principal.council_id, wanted)
            return await _form_page(db, principal, team, typed(data), error.fields)

    @post("/{team_id:str}/people", permission=Permission.BOOKS_KEEP)
    async def name_person(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        team_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Name a person for a team."""
        wanted = row_id(team_id)

        async def action() -> str:
            form = FormReader(data)
            reference = form.text("person", "the person’s number", longest=40)
            starts_on = form.day("starts_on", "the first day")
            form.done()
            if starts_on is None:  # a message was noted above
                raise InvalidInput({"starts_on": "Enter the first day"})
            await BudgetTeamService(db).name_person(principal, wanted, reference, starts_on)
            flash(request, "The team bears this person’s costs from that day")
            return f"/budget-teams/{wanted}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _team_page(db, principal, team_id, typed(data), error.fields)

    @post("/{team_id:str}/close", permission=Permission.BOOKS_KEEP)
    async def close(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        team_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Close a team from a day on."""
        wanted = row_id(team_id)

        async def action() -> str:
            form = FormReader(data)
            closed_on = form.day("closed_on", "the first day on which it bears nothing more")
            form.done()
            if closed_on is None:  # a message was noted above
                raise InvalidInput({"closed_on": "Enter the day"})
            await BudgetTeamService(db).close(principal, wanted, closed_on)
            flash(request, "The team closes")
            return f"/budget-teams/{wanted}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _team_page(db, principal, team_id, typed(data), error.fields)


class CostCodeController(Controller):
    """What the finance system calls the accounts."""

    path = "/cost-codes"

    @get("/", permission=Permission.BOOKS_READ)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List codes and show the form."""
        return await _codes_page(db, principal, {}, {})

    @get("/codes.csv", permission=Permission.BOOKS_READ)
    async def csv(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
        """Give the codes as a table."""
        codes = await CostCodeRepository(db).listed(principal.council_id)
        rows: list[tuple[Cell, ...]] = [
            ("account", "name", "code", "first_day"),
            *((row.account, ACCOUNTS.get(row.account, ""), row.code, row.starts_on.isoformat()) for row in codes),
        ]
        return csv_answer(rows, "cost-codes")

    @post("/", permission=Permission.BOOKS_KEEP)
    async def set_code(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Set a code from a day on."""

        async def action() -> str:
            row = await CostCodeService(db).set(principal, CodeForm.read(data))
            flash(request, f"{ACCOUNTS[row.account]} has the code {row.code}")
            return "/cost-codes"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _codes_page(db, principal, typed(data), error.fields)


def _team_cells(team: BudgetTeam) -> tuple[Cell, ...]:
    return (
        team.name,
        team.cost_centre,
        pounds_cell(team.yearly_pence) if team.yearly_pence is not None else None,
        " ".join(team.outwards),
        "yes" if team.is_default else "no",
        team.closed_on.isoformat() if team.closed_on else None,
    )


async def _form_page(
    db: AsyncSession, principal: Principal, team: BudgetTeam | None, values: FormData, errors: dict[str, str]
) -> Template:
    staff = await BudgetTeamRepository(db).staff(principal.council_id)
    context = {"team": team, "staff": [(str(one), name) for one, name in staff], "values": values, "errors": errors}
    return Template("payments/books/team_form.html", context=context, status_code=422 if errors else 200)


async def _team_page(
    db: AsyncSession, principal: Principal, team_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    teams = BudgetTeamRepository(db)
    team = await teams.find(principal.council_id, row_id(team_id))
    context = {
        "team": team,
        "people": await teams.people(team),
        "manager": dict(await teams.staff(principal.council_id)).get(team.manager_user_id or team.id, ""),
        "may_keep": principal.may(Permission.BOOKS_KEEP),
        "today": today(clock_of(db)),
        "values": values,
        "errors": errors,
    }
    return Template("payments/books/team.html", context=context, status_code=422 if errors else 200)


async def _codes_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    rows = await CostCodeRepository(db).listed(principal.council_id)
    have = {row.account for row in rows}
    context = {
        "rows": rows,
        "accounts": ACCOUNTS,
        "without": [name for account, name in ACCOUNTS.items() if account not in have and ":" not in account],
        "may_keep": principal.may(Permission.BOOKS_KEEP),
        "today": today(clock_of(db)),
        "values": values,
        "errors": errors,
    }
    return Template("payments/books/codes.html", context=context, status_code=422 if errors else 200)


ROUTES: list[Any] = [BudgetTeamController, CostCodeController]
