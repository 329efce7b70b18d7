"""Pages of payment runs."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.idempotency import once_per_form
from marketplace.core.web import FormData
from marketplace.payments.models import Invoice
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.routes.shared import LABELS, PAGE, RUN_LABELS, cut, row_id, take, texts, timeline_of
from marketplace.payments.schemas import FileFormat, RunForm, read_reason, run_number
from marketplace.payments.service.bank_details import masked
from marketplace.payments.service.proposals import ProposalService
from marketplace.payments.service.run_files import earliest_pay_on, processing_day_of
from marketplace.payments.service.runs import PaymentRunService
from marketplace.payments.states import RUN, RunStatus

CARD_PAGES = (
    (Permission.INVOICES_READ, "/payment-compliance", "Paying on time"),
    (Permission.REFUNDS_ASK, "/refunds", "Card payments and refunds"),
    (Permission.REFUNDS_AGREE, "/refunds-to-agree", "Refunds to agree"),
    (Permission.CARDS_RECONCILE, "/card-reconciliation", "Card payments compared with Stripe"),
)
DUE_WITHIN = timedelta(days=31)
FORMATS = {"bacs18": FileFormat.BACS, "csv": FileFormat.CSV}
ENDINGS = {FileFormat.BACS: ("bacs18.txt", "text/plain; charset=us-ascii"), FileFormat.CSV: ("csv", "text/csv")}


class PaymentRunController(Controller):
    """Payments that leave together."""

    path = "/payment-runs"

    @get("/", permission=Permission.INVOICES_READ)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[int | None, QueryParameter(name="before", ge=1, le=2**31 - 1)] = None,
    ) -> Template:
        """Show runs, newest first."""
        rows, has_more = cut(await PaymentRunRepository(db).listed(principal.council_id, before=before, limit=PAGE + 1))
        context = {
            **LABELS,
            "runs": [(run, run_number(run.number)) for run in rows],
            "names": await AccountRepository(db).names({run.made_by_user_id for run in rows}),
            "next_before": rows[-1].number if has_more else "",
            "may_make": principal.may(Permission.RUNS_MAKE),
            "card_pages": [(address, words) for permission, address, words in CARD_PAGES if principal.may(permission)],
        }
        return Template("payments/runs.html", context=context)

    @get("/new", permission=Permission.RUNS_MAKE)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        due_day: Annotated[str, QueryParameter(name="due_until-day", max_length=4)] = "",
        due_month: Annotated[str, QueryParameter(name="due_until-month", max_length=4)] = "",
        due_year: Annotated[str, QueryParameter(name="due_until-year", max_length=4)] = "",
    ) -> Template:
        """Show what could be paid, with warnings."""
        typed = {"due_until-day": due_day, "due_until-month": due_month, "due_until-year": due_year}
        values: FormData = dict(_parts("pay_on", earliest_pay_on(today(clock_of(db)))))
        return await _proposal_page(db, principal, {**values, **typed}, {}, all_ticked=True)

    @post("/", permission=Permission.RUNS_MAKE)
    async def make(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Make a run of the bills that were ticked."""

        async def action() -> str:
            run = await PaymentRunService(db).make(principal, RunForm.read(data))
            flash(request, f"{run_number(run.number)} is made. Another person must release it")
            return f"/payment-runs/{run.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _proposal_page(db, principal, data, error.fields, all_ticked=False)

    @get("/{run_id:str}", permission=Permission.INVOICES_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], run_id: FromPath[str]
    ) -> Template:
        """Show a run with its lines, bills and history."""
        return await _run_page(db, principal, run_id, {}, {})

    @post("/{run_id:str}/release", permission=Permission.RUNS_RELEASE)
    async def release(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Release a run."""

        async def action() -> str:
            run = await PaymentRunService(db).release(principal, row_id(run_id))
            flash(request, f"{run_number(run.number)} is released. Download its file and send it to the bank")
            return f"/payment-runs/{run.id}"

        return await take(request, db, principal, data, action)

    @post("/{run_id:str}/cancel", permission=Permission.PAYMENTS_HANDLE)
    async def cancel(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Cancel a run before it is released."""

        async def action() -> str:
            reason = read_reason(data, "why you cancel the payment run")
            run = await PaymentRunService(db).cancel(principal, row_id(run_id), reason)
            flash(request, f"{run_number(run.number)} is cancelled. Its self-bills can be paid by another run")
            return f"/payment-runs/{run.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _run_page(db, principal, run_id, data, error.fields)

    @get("/{run_id:str}/{file_format:str}", permission=Permission.PAYMENTS_HANDLE)
    async def export_page(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        file_format: FromPath[str],
    ) -> Template:
        """Ask for what an export needs. Opening a page never counts as taking the file."""
        return await _export_page(db, principal, run_id, file_format, {}, {})

    @post("/{run_id:str}/{file_format:str}", permission=Permission.PAYMENTS_HANDLE)
    async def export(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        file_format: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Response[bytes] | Template:
        """Hand out the file and note who took it. The same form sent twice is one export."""
        wanted = _format(file_format)
        service = PaymentRunService(db)

        async def action() -> str:
            form = FormReader(data)
            reason = form.text("reason", "why you need the file again", required=False, longest=500)
            form.done()
            return str(await service.export(principal, row_id(run_id), wanted, reason))

        try:
            async with db.begin_nested():
                copy = await once_per_form(db, principal.actor, request.url.path, data, action)
        except InvalidInput as error:
            return await _export_page(db, principal, run_id, file_format, data, error.fields)
        run = await service.runs.find(principal.council_id, row_id(run_id))
        ending, media_type = ENDINGS[wanted]
        mark = "" if copy == "1" else f"-copy-{copy}"
        return Response(
            await service.files.render(run, wanted),
            media_type=media_type,
            status_code=200,
            headers={
                "Content-Disposition": f'attachment; filename="{run_number(run.number)}{mark}.{ending}"',
                "X-File-Copy": copy,
            },
        )


def _format(text: str) -> FileFormat:
    if text not in FORMATS:
        raise NotFound
    return FORMATS[text]


def _parts(name: str, day: date) -> dict[str, str]:
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


async def _proposal_page(
    db: AsyncSession, principal: Principal, data: FormData, errors: dict[str, str], *, all_ticked: bool
) -> Template:
    day = today(clock_of(db))
    form = FormReader(data)
    due_until = form.day("due_until", "the day bills are due by", required=False) or day + DUE_WITHIN
    proposal = await ProposalService(db).propose(principal, due_until)
    ticked = set(texts(data, "bills"))
    bills = [bill for payment in proposal.payments for bill in payment.bills]
    context = {
        "proposal": proposal,
        "due_until": due_until,
        "is_ticked": {bill.id: all_ticked or str(bill.id) in ticked for bill in bills},
        "values": {**data, **_parts("due_until", due_until)},
        "errors": {**form.errors, **errors},
        "earliest": earliest_pay_on(day),
    }
    refused = bool(form.errors or errors)
    return Template("payments/run_new.html", context=context, status_code=422 if refused else 200)


async def _run_page(
    db: AsyncSession, principal: Principal, run_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    runs = PaymentRunRepository(db)
    run = await runs.find(principal.council_id, row_id(run_id))
    lines = await runs.lines(run.id)
    steps = await SelfBillRepository(db).steps(RUN.kind, run.id)
    bills: dict[UUID, list[Invoice]] = {}
    for bill, line_id in await runs.bills(run.id):
        bills.setdefault(line_id, []).append(bill)
    may_move = run.status is RunStatus.MADE
    is_maker = run.made_by_user_id == principal.user_id
    context = {
        **LABELS,
        "run": run,
        "number": run_number(run.number),
        "processing_on": processing_day_of(run.pay_on),
        "lines": [(line, masked(line)) for line in lines],
        "names": await runs.names({line.organisation_id for line in lines}),
        "bills": bills,
        "events": await timeline_of(db, steps, RUN_LABELS),
        "may_release": may_move and principal.may(Permission.RUNS_RELEASE) and not is_maker,
        "is_maker": may_move and is_maker,
        "may_cancel": may_move and principal.may(Permission.PAYMENTS_HANDLE),
        "may_export": run.status is RunStatus.RELEASED and principal.may(Permission.PAYMENTS_HANDLE),
        "values": values,
        "errors": errors,
    }
    return Template("payments/run.html", context=context, status_code=422 if errors else 200)


async def _export_page(
    db: AsyncSession,
    principal: Principal,
    run_id: str,
    file_format: str,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    wanted = _format(file_format)
    service = PaymentRunService(db)
    run = await service.runs.find(principal.council_id, row_id(run_id))
    await service.files.render(run, wanted)
    context = {
        "run": run,
        "number": run_number(run.number),
        "file_format": file_format,
        "format_name": "Bacs" if wanted is FileFormat.BACS else "CSV",
        "values": values,
        "errors": errors,
    }
    return Template("payments/run_export.html", context=context, status_code=422 if errors else 200)
