"""Pages of self-bills for the council."""

from datetime import date, timedelta
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.web import FormData
from marketplace.payments.repository.accruals import AccrualRepository
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.routes.bill_pages import block_use
from marketplace.payments.routes.shared import BILL_LABELS, LABELS, PAGE, cut, row_id, take, texts, timeline_of
from marketplace.payments.schemas import PeriodForm, read_reason
from marketplace.payments.service.billing_again import BillingAgainService
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.payments.states import INVOICE, InvoiceStatus
from marketplace.providers.models import VAT_LABELS

PeriodParts = ("first_on-day", "first_on-month", "first_on-year", "last_on-day", "last_on-month", "last_on-year")


SELF_BILL_NEVER = (InvoiceStatus.DRAFT, InvoiceStatus.WITHDRAWN, InvoiceStatus.REFUSED)
"""States of suppliers' invoices alone."""


class SelfBillController(Controller):
    """Bills the council makes out for its suppliers."""

    path = "/self-bills"

    @get("/", permission=Permission.INVOICES_READ)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        status: Annotated[str, QueryParameter(name="status", max_length=20)] = "",
        words: Annotated[str, QueryParameter(name="q", max_length=100)] = "",
        before: Annotated[str, QueryParameter(name="before", pattern=r"^(SB-\d{6,12})?$")] = "",
    ) -> Template:
        """Show bills, highest number first, by state and organisation."""
        return await _list_page(db, principal, status, words, before, {})

    @post("/approve", permission=Permission.INVOICES_APPROVE)
    async def approve_many(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Approve the bills that were ticked."""

        async def action() -> str:
            ids = [row_id(text) for text in texts(data, "bills")]
            count = await SelfBillService(db).approve_many(principal, ids)
            flash(request, f"You have approved {plural(count, 'self-bill')}")
            return "/self-bills?status=issued"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _list_page(db, principal, InvoiceStatus.ISSUED.value, "", "", error.fields)

    @get("/new", permission=Permission.INVOICES_APPROVE)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask for the days; last month is filled in."""
        first_of_month = today(clock_of(db)).replace(day=1)
        last = first_of_month - timedelta(days=1)
        values = {**_parts("first_on", last.replace(day=1)), **_parts("last_on", last)}
        oldest = await AccrualRepository(db).oldest_unbilled(principal.council_id)
        return Template("payments/self_bill_new.html", context={"values": values, "errors": {}, "oldest": oldest})

    @post("/new", permission=Permission.INVOICES_APPROVE)
    async def preview(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], data: URLEncodedBody[FormData]
    ) -> Template:
        """Show the bills that would be made."""
        try:
            period = PeriodForm.read(data, today(clock_of(db)))
        except InvalidInput as error:
            return await _period_page(db, principal, data, error.fields)
        bills = await SelfBillService(db).preview(principal, period)
        if not bills:
            message = "Nothing was earned on these days that is not on a self-bill already"
            return await _period_page(db, principal, data, {"first_on": message})
        context = {
            "period": period,
            "values": data,
            "fields": PeriodParts,
            "bills": [bill for bill in bills if not bill.left_out],
            "left_out": [bill for bill in bills if bill.left_out],
            "total_pence": sum(bill.total_pence for bill in bills if not bill.left_out),
        }
        return Template("payments/self_bill_preview.html", context=context)

    @post("/", permission=Permission.INVOICES_APPROVE)
    async def make(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Make the bills that the preview showed."""

        async def action() -> str:
            period = PeriodForm.read(data, today(clock_of(db)))
            text = str(data.get("expected_pence", ""))
            expected = int(text) if text.isascii() and text.isdecimal() and len(text) < 15 else -1
            made = await SelfBillService(db).make(principal, period, expected)
            if not made:
                flash(request, "No self-bill was made. We have asked the organisations to sign an agreement")
                return "/self-billing"
            flash(request, f"You have made {plural(len(made), 'self-bill')}")
            return "/self-bills?status=issued"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _period_page(db, principal, data, error.fields)

    @get("/{bill_id:str}", permission=Permission.INVOICES_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], bill_id: FromPath[str]
    ) -> Template:
        """Show a bill with its lines and what happened to it."""
        return await _bill_page(db, principal, bill_id, {}, {})

    @post("/{bill_id:str}/approve", permission=Permission.INVOICES_APPROVE)
    async def approve(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        bill_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Approve a bill."""

        async def action() -> str:
            bill = await SelfBillService(db).approve(principal, row_id(bill_id))
            flash(request, f"{bill.number} is approved")
            return f"/self-bills/{bill.id}"

        return await take(request, db, principal, data, action)

    @post("/{bill_id:str}/hold", permission=Permission.INVOICES_APPROVE)
    async def hold(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        bill_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Put a bill on hold."""

        async def action() -> str:
            reason = read_reason(data, "why the bill is on hold")
            bill = await SelfBillService(db).hold(principal, row_id(bill_id), reason)
            flash(request, f"{bill.number} is on hold. We tell the organisation why")
            return f"/self-bills/{bill.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _bill_page(db, principal, bill_id, data, error.fields)

    @post("/{bill_id:str}/end-hold", permission=Permission.INVOICES_APPROVE)
    async def end_hold(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        bill_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """End a hold."""

        async def action() -> str:
            bill = await SelfBillService(db).release_hold(principal, row_id(bill_id))
            flash(request, f"{bill.number} waits for approval again")
            return f"/self-bills/{bill.id}"

        return await take(request, db, principal, data, action)

    @post("/{bill_id:str}/bill-again", permission=Permission.INVOICES_APPROVE)
    async def bill_again(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        bill_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Free what a credit note took back for another bill."""

        async def action() -> str:
            reason = read_reason(data, "what was wrong with the bill")
            number = await BillingAgainService(db).free(principal, row_id(bill_id), reason)
            flash(request, f"{plural(number, 'earning')} can be billed again. The next self-bills take them up")
            return "/self-bills/new"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _bill_page(db, principal, bill_id, data, error.fields)


async def _list_page(
    db: AsyncSession, principal: Principal, status: str, words: str, before: str, errors: dict[str, str]
) -> Template:
    wanted = InvoiceStatus(status) if status in set(InvoiceStatus) else None
    bills = SelfBillRepository(db)
    rows, has_more = cut(
        await bills.listed(principal.council_id, status=wanted, words=words.strip(), before=before, limit=PAGE + 1)
    )
    is_finance = principal.may(Permission.PAYMENTS_HANDLE)
    waiting = await BankAccountRepository(db).waiting(principal.council_id) if is_finance else []
    context = {
        **LABELS,
        "rows": rows,
        "sums": await bills.sums(principal.council_id),
        "options": [(value, label) for value, label in BILL_LABELS.items() if value not in SELF_BILL_NEVER],
        "values": {"status": wanted.value if wanted else "", "q": words.strip()},
        "errors": errors,
        "next_before": rows[-1][0].number if has_more else "",
        "may_approve": principal.may(Permission.INVOICES_APPROVE),
        "is_finance": is_finance,
        "details_waiting": len(waiting),
    }
    return Template("payments/self_bills.html", context=context, status_code=422 if errors else 200)


async def _period_page(db: AsyncSession, principal: Principal, data: FormData, errors: dict[str, str]) -> Template:
    oldest = await AccrualRepository(db).oldest_unbilled(principal.council_id)
    context = {"values": data, "errors": errors, "oldest": oldest}
    return Template("payments/self_bill_new.html", context=context, status_code=422)


async def _bill_page(
    db: AsyncSession, principal: Principal, bill_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    bills = SelfBillRepository(db)
    bill = await bills.find(principal.council_id, row_id(bill_id))
    lines = await bills.lines(bill.id)
    approver = await AccountRepository(db).names({bill.approved_by_user_id} if bill.approved_by_user_id else set())
    may_approve = principal.may(Permission.INVOICES_APPROVE)
    context = {
        **LABELS,
        "bill": bill,
        "lines": lines,
        "block_use": await block_use(db, lines),
        "organisation": await bills.organisation(bill.organisation_id),
        "council_name": principal.council_name,
        "run": await bills.run_of(bill.id),
        "approver": next(iter(approver.values()), ""),
        "events": await timeline_of(db, await bills.steps(INVOICE.kind, bill.id), BILL_LABELS),
        "values": values,
        "errors": errors,
        "may_approve": may_approve and bill.status is InvoiceStatus.ISSUED,
        "may_end_hold": may_approve and bill.status is InvoiceStatus.HELD,
        "again": await BillingAgainService(db).lines(principal, bill),
        "vat_labels": VAT_LABELS,
        "freed": [line for line in lines if line.billed_again_on is not None],
        "may_bill_again": may_approve,
    }
    return Template("payments/self_bill.html", context=context, status_code=422 if errors else 200)


def _parts(name: str, day: date) -> dict[str, str]:
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}
