"""What an organisation earns, as its own people see it."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import pounds, uk_month
from marketplace.core.ids import parse_id
from marketplace.payments.repository.accruals import AccrualRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.statements import StatementRepository
from marketplace.payments.routes.bill_pages import block_use
from marketplace.payments.routes.shared import BILL_LABELS, LABELS, PAGE, cut, row_id, timeline_of
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.payments.states import HOLD_WORDS, INVOICE, InvoiceStatus

MOST_WAITING = 50
STAGES = {
    "accrued": "accrued",
    InvoiceStatus.ISSUED: "billed",
    InvoiceStatus.HELD: "held",
    InvoiceStatus.APPROVED: "approved",
    InvoiceStatus.IN_RUN: "approved",
    InvoiceStatus.SENT: "paid",
    InvoiceStatus.PAID: "paid",
}
"""Which of five stages an earning is in, by the state of its bill."""


class EarningsController(Controller):
    """An organisation's own money."""

    path = "/earnings"

    @get("/", permission=Permission.EARNINGS_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[str, QueryParameter(name="before", max_length=36)] = "",
    ) -> Template:
        """Show what was earned by month, and the bills."""
        organisation_id = principal.need_organisation()
        day = today(clock_of(db))
        since = date(day.year - 1, day.month, 1)
        accruals = AccrualRepository(db)
        months = _by_month(await accruals.by_month(organisation_id, principal.councils, since))
        bills, has_more = cut(
            await SelfBillRepository(db).of_organisation(
                organisation_id, principal.councils, before=parse_id(before), limit=PAGE + 1
            )
        )
        own = StatementRepository(db)
        context = {
            **LABELS,
            "coming": await own.coming(organisation_id, principal.councils, day, MOST_WAITING),
            "held": await own.held(organisation_id, principal.councils, MOST_WAITING),
            "hold_words": HOLD_WORDS,
            "months": months,
            "totals": {stage: sum(month[stage] for month in months) for stage in set(STAGES.values())},
            "bars": [(uk_month(month["month"]), month["total"], pounds(month["total"])) for month in months],
            "waiting": await accruals.waiting(organisation_id, principal.councils, MOST_WAITING),
            "bills": bills,
            "next_before": bills[-1][0].id if has_more else "",
            "today": day,
            "several_councils": len(principal.councils) > 1,
            "may_enter_details": principal.may(Permission.BANK_DETAILS_OWN),
        }
        return Template("payments/earnings.html", context=context)

    @get("/bills/{bill_id:str}", permission=Permission.EARNINGS_OWN)
    async def bill(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], bill_id: FromPath[str]
    ) -> Template:
        """Show one of the organisation's bills."""
        bill = await SelfBillService(db).own(principal, row_id(bill_id))
        bills = SelfBillRepository(db)
        council = await AccountRepository(db).council(bill.council_id)
        lines = await bills.lines(bill.id)
        context = {
            **LABELS,
            "bill": bill,
            "lines": lines,
            "block_use": await block_use(db, lines),
            "organisation": await bills.organisation(bill.organisation_id),
            "bill_council": council,
            "run": await bills.run_of(bill.id),
            "events": [
                {**event, "by": ""}
                for event in await timeline_of(db, await bills.steps(INVOICE.kind, bill.id), BILL_LABELS)
            ],
        }
        return Template("payments/earnings_bill.html", context=context)


def _by_month(rows: Sequence[Row[date, str, int, int]]) -> list[dict[str, Any]]:
    """Turn (month, state, number, pence) into a row a month with pence by stage, newest first."""
    months: dict[date, dict[str, Any]] = {}
    for start, state, _, pence in rows:
        stages: dict[str, Any] = dict.fromkeys(STAGES.values(), 0)
        month = months.setdefault(start, {"month": start, "total": 0, **stages})
        if state in STAGES:
            month[STAGES[state]] += int(pence)
            month["total"] += int(pence)
    return list(months.values())
