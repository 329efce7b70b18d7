"""Lines on hold: why, an answer in words, or a correction."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData, typed
from marketplace.payments.models import CREDITS
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.routes.shared import LABELS, row_id, take
from marketplace.payments.schemas import read_reason
from marketplace.payments.service.facts import asked_of
from marketplace.payments.service.holds import HoldService
from marketplace.payments.service.invoice_files import read_correction
from marketplace.payments.states import HOLD_WORDS, LineStatus


class HeldLineController(Controller):
    """A supplier's lines that are on hold."""

    path = "/provider/invoices"

    @get("/lines/{line_id:str}", permission=Permission.EARNINGS_OWN)
    async def line(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], line_id: FromPath[str]
    ) -> Template:
        """Show a held line: why, since when, and how to answer or correct it."""
        return await _line_page(db, principal, line_id, None, {})

    @post("/lines/{line_id:str}/answer", permission=Permission.EARNINGS_OWN)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        line_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Answer in words."""

        async def action() -> str:
            words = read_reason(data, "your answer", name="answer")
            line = await HoldService(db).answer(principal, row_id(line_id), words)
            flash(request, "The council has your answer")
            return f"/provider/invoices/{line.invoice_id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _line_page(db, principal, line_id, typed(data), error.fields)

    @post("/lines/{line_id:str}/correct", permission=Permission.EARNINGS_OWN)
    async def correct(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        line_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Correct what the line asks for."""

        async def action() -> str:
            judged = await HoldService(db).correct(principal, row_id(line_id), read_correction(data))
            if judged.reason is None:
                flash(request, "The line fits now and is no longer on hold")
            else:
                flash(request, f"The line is still on hold. {judged.words}", kind="information", heading="Look again")
            return f"/provider/invoices/lines/{row_id(line_id)}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _line_page(db, principal, line_id, typed(data), error.fields)


async def _line_page(
    db: AsyncSession, principal: Principal, line_id: str, values: FormData | None, errors: dict[str, str]
) -> Template:
    bills = BillRepository(db)
    organisation_id = principal.need_organisation()
    line = await bills.own_line(organisation_id, principal.councils, row_id(line_id))
    bill = await bills.own(organisation_id, principal.councils, line.invoice_id)
    if values is None and line.asked:
        asked = asked_of(line)
        values = {
            "person_reference": asked.reference,
            "start_time": f"{asked.starts_local:%H:%M}" if asked.starts_local else "",
            "minutes": str(asked.minutes),
            "amount_pounds": f"{asked.pence // 100}.{asked.pence % 100:02}",
            "visit_reference": asked.visit_reference,
            **{f"visit_date-{part}": str(getattr(asked.visit_on, part)) for part in ("day", "month", "year")},
        }
    context = {
        **LABELS,
        "line": line,
        "bill": bill,
        "holds": await bills.holds_of_line(line.id),
        "hold_words": HOLD_WORDS,
        "is_held": line.status is LineStatus.HELD,
        "may_correct": bool(line.asked) and bill.kind not in CREDITS,
        "values": values or {},
        "errors": errors,
    }
    return Template("payments/held_line_own.html", context=context, status_code=422 if errors else 200)
