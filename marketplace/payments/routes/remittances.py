"""What a payee was paid: its remittance advices as a list, a page and a table."""

from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.payments.models import CREDITS, SELF_BILLED
from marketplace.payments.repository.remittances import RemittanceRepository
from marketplace.payments.routes.shared import PAGE, cut, row_id
from marketplace.payments.schemas import run_number
from marketplace.payments.service.bank_details import masked
from marketplace.payments.states import RunStatus

HEADING: list[Cell] = [
    "Council", "Payment run", "Money arrives", "Reference on the statement", "Document", "Your number", "Amount",
    "Came back on",
]  # fmt: skip


class RemittanceController(Controller):
    """An organisation's own payments."""

    path = "/earnings/payments"

    @get("/", permission=Permission.EARNINGS_OWN)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[str, QueryParameter(name="before", max_length=36)] = "",
    ) -> Template:
        """Show payments, newest first."""
        rows, has_more = cut(
            await RemittanceRepository(db).listed(
                principal.need_organisation(), principal.councils, before=parse_id(before), limit=PAGE + 1
            )
        )
        context = {
            "payments": [(line, run, council, run_number(run.number)) for line, run, council in rows],
            "is_paid": RunStatus.CONFIRMED,
            "next_before": rows[-1][0].id if has_more else "",
        }
        return Template("payments/remittances.html", context=context)

    @get("/{line_id:str}", permission=Permission.EARNINGS_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], line_id: FromPath[str]
    ) -> Template:
        """Show one payment with what it is for."""
        context = await _payment(db, principal, line_id)
        return Template("payments/remittance.html", context=context)

    @get("/{line_id:str}/csv", permission=Permission.EARNINGS_OWN)
    async def table(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], line_id: FromPath[str]
    ) -> Response[bytes]:
        """Hand out the same as a table for the payee's own books."""
        found = await _payment(db, principal, line_id)
        line, run = found["line"], found["run"]
        rows: list[list[Cell]] = [
            [
                found["council"],
                found["number"],
                run.pay_on.isoformat(),
                line.reference,
                part.number,
                part.supplier_number,
                pounds_cell(part.amount_pence),
                line.returned_on.isoformat() if line.returned_on else "",
            ]
            for part in found["parts"]
        ]
        name = f"remittance-{found['number']}.csv"
        return Response(
            csv_text([HEADING, *rows]).encode(),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


async def _payment(db: AsyncSession, principal: Principal, line_id: str) -> dict[str, Any]:
    remittances = RemittanceRepository(db)
    line, run, council = await remittances.own(principal.need_organisation(), principal.councils, row_id(line_id))
    return {
        "line": line,
        "run": run,
        "council": council,
        "number": run_number(run.number),
        "account": masked(line),
        "parts": await remittances.parts(line.id),
        "is_paid": run.status is RunStatus.CONFIRMED,
        "credits": CREDITS,
        "self_billed": SELF_BILLED,
    }
