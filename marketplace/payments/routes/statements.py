"""A supplier's statement of account with a council, by month."""

from datetime import date
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.formats import uk_month
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.payments.repository.statements import StatementRepository
from marketplace.payments.schemas import run_number

MONTHS = 24
WORDS = {
    "bill": "Bill {}",
    "credit": "Credit note {}",
    "payment": "Payment, {}",
    "returned": "Payment that came back, {}",
}


class StatementController(Controller):
    """What moved between a supplier and a council."""

    path = "/earnings/statement"

    @get("/", permission=Permission.EARNINGS_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        month: Annotated[str, QueryParameter(name="month", max_length=10)] = "",
        council: Annotated[str, QueryParameter(name="council", max_length=36)] = "",
    ) -> Template:
        """Show a month: what was owed before, what moved, what is owed after."""
        context = await _statement(db, principal, month, council)
        return Template("payments/workspace/statement.html", context=context)

    @get("/statement.csv", permission=Permission.EARNINGS_OWN)
    async def table(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        month: Annotated[str, QueryParameter(name="month", max_length=10)] = "",
        council: Annotated[str, QueryParameter(name="council", max_length=36)] = "",
    ) -> Response[str]:
        """Give the same as a table."""
        found = await _statement(db, principal, month, council)
        rows: list[tuple[Cell, ...]] = [("day", "what", "amount_pounds", "balance_pounds")]
        rows.append((found["start"].isoformat(), "Owed before", None, pounds_cell(found["opening"])))
        rows += [
            (day.isoformat(), words, pounds_cell(pence), pounds_cell(balance))
            for day, words, pence, balance in found["rows"]
        ]
        headers = {
            "Content-Disposition": f'attachment; filename="statement-{found["start"]:%Y-%m}.csv"',
            "Cache-Control": "private, no-store",
        }
        return Response(csv_text(rows), media_type="text/csv; charset=utf-8", headers=headers)


async def _statement(db: AsyncSession, principal: Principal, month: str, council: str) -> dict[str, Any]:
    """Read the month and the council of an address; what is not known is this month, or the reader's council.

    Raises:
        NotFound: A council that the organisation has nothing to do with.
    """
    organisation_id, now = principal.need_organisation(), today(clock_of(db))
    council_id = (parse_id(council) if council else None) or principal.council_id
    if council_id not in principal.councils:
        raise NotFound
    months = [_month(now, back) for back in range(MONTHS)]
    start = next((one for one in months if one == parse_day(month)), months[0])
    moves = await StatementRepository(db).moves(organisation_id, council_id, _month(start, -1))
    opening = balance = sum(int(move.pence) for move in moves if move.day < start)
    rows = []
    for move in moves:
        if move.day >= start:
            balance += int(move.pence)
            is_bill = move.what in ("bill", "credit")
            reference = move.reference if is_bill else run_number(int(move.reference))
            rows.append((move.day, WORDS[move.what].format(reference), int(move.pence), balance))
    councils = [row for row in await AccountRepository(db).councils() if row.id in principal.councils]
    return {
        "start": start,
        "opening": opening,
        "closing": balance,
        "rows": rows,
        "months": [(one.isoformat(), uk_month(one)) for one in months],
        "councils": [(str(row.id), row.name) for row in councils],
        "council_id": str(council_id),
        "council_label": next((row.name for row in councils if row.id == council_id), principal.council_name),
    }


def _month(day: date, back: int) -> date:
    """Return the first day of the month some months before a day's."""
    count = day.year * 12 + day.month - 1 - back
    return date(count // 12, count % 12 + 1, 1)


ROUTES: list[Any] = [StatementController]
