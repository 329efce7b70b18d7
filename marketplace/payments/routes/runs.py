"""Pages of payment runs."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal, setting
from marketplace.accounts.errors import ConfirmFirst
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.payments.models import PaymentRun
from marketplace.payments.repository.returned import ReturnedItemRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.routes.shared import (
    LABELS,
    PAGE,
    RUN_LABELS,
    confirm_first,
    cut,
    row_id,
    take,
    texts,
    timeline_of,
)
from marketplace.payments.schemas import WARNING_LABELS, RunForm, RunWarning, read_reason, run_number
from marketplace.payments.service.bank_details import masked
from marketplace.payments.service.proposals import ProposalService
from marketplace.payments.service.run_files import earliest_pay_on, processing_day_of
from marketplace.payments.service.runs import PaymentRunService
from marketplace.payments.states import DEAD_RUNS, RELEASED_RUNS, RUN, RunStatus

CARD_PAGES = (
    (Permission.INVOICES_READ, "/payment-compliance", "Paying on time"),
    (Permission.REFUNDS_ASK, "/refunds", "Card payments and refunds"),
    (Permission.REFUNDS_AGREE, "/refunds-to-agree", "Refunds to agree"),
    (Permission.CARDS_RECONCILE, "/card-reconciliation", "Card payments compared with Stripe"),
)
REHEARSAL_LABELS = {**RUN_LABELS, RunStatus.MADE: "Rehearsed", RunStatus.CANCELLED: "Put away"}
MOST_TO_CHECK = 100
"""Payments with warnings, and without bank details, that the page of a large run names."""


def is_doubt(code: RunWarning) -> bool:
    """Whether a warning is a reason to leave a payment out, and no mere remark."""
    return code is not RunWarning.SET_OFF


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
            "returned_waiting": await ReturnedItemRepository(db).waiting_count(principal.council_id),
            "may_handle": principal.may(Permission.PAYMENTS_HANDLE),
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
            words = (
                "is a rehearsal. Look at its warnings and its file"
                if run.is_rehearsal
                else "is made. Another person must release it"
            )
            flash(request, f"{run_number(run.number)} {words}")
            return f"/payment-runs/{run.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _proposal_page(db, principal, data, error.fields, all_ticked=False)

    @get("/{run_id:str}", permission=Permission.INVOICES_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        after: Annotated[int, QueryParameter(name="after", ge=0, le=2**31 - 1)] = 0,
        show: Annotated[str, QueryParameter(name="show", max_length=10)] = "",
    ) -> Template:
        """Show a run with its lines, bills and history."""
        return await run_page(db, principal, run_id, {}, {}, after=after, only_warned=show == "check")

    @post("/{run_id:str}/release", permission=Permission.RUNS_RELEASE)
    async def release(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Release a run; who did not give the password lately does so first."""

        async def action() -> str:
            run = await PaymentRunService(db).release(principal, row_id(run_id))
            flash(request, f"{run_number(run.number)} is released. Download its file and send it to the bank")
            return f"/payment-runs/{run.id}"

        try:
            return await take(request, db, principal, data, action)
        except ConfirmFirst:
            return confirm_first(f"/payment-runs/{row_id(run_id)}")

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
            flash(request, f"{run_number(run.number)} is cancelled. What it would have paid can be paid by another run")
            return f"/payment-runs/{run.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await run_page(db, principal, run_id, data, error.fields)


def _parts(name: str, day: date) -> dict[str, str]:
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


async def _proposal_page(
    db: AsyncSession, principal: Principal, data: FormData, errors: dict[str, str], *, all_ticked: bool
) -> Template:
    day = today(clock_of(db))
    form = FormReader(data)
    ahead: int = await setting(db, principal.council_id, "payments.run_ahead_days", day)
    due_until = form.day("due_until", "the day bills are due by", required=False) or day + timedelta(days=ahead)
    proposal = await ProposalService(db).propose(principal, due_until)
    ticked = set(texts(data, "bills"))
    bills = [bill for payment in proposal.payments for bill in payment.bills]
    to_check = [payment for payment in proposal.payable if any(is_doubt(item.code) for item in payment.warnings)]
    context = {
        "proposal": proposal,
        "due_until": due_until,
        "is_ticked": {} if proposal.is_cut else {bill.id: all_ticked or str(bill.id) in ticked for bill in bills},
        "is_left_out": set(texts(data, "without")),
        "to_check": to_check[:MOST_TO_CHECK],
        "to_check_more": len(to_check[MOST_TO_CHECK:]),
        "left_out": [payment for payment in proposal.payments if payment.is_left_out][:MOST_TO_CHECK],
        "values": {**data, **_parts("due_until", due_until)},
        "errors": {**form.errors, **errors},
        "earliest": earliest_pay_on(day),
    }
    refused = bool(form.errors or errors)
    return Template("payments/run_new.html", context=context, status_code=422 if refused else 200)


async def run_page(
    db: AsyncSession,
    principal: Principal,
    run_id: str,
    values: FormData,
    errors: dict[str, str],
    *,
    after: int = 0,
    only_warned: bool = False,
) -> Template:
    """Show a run: a page of its payments, what is to be done next, what happened."""
    runs = PaymentRunRepository(db)
    run = await runs.find(principal.council_id, row_id(run_id))
    lines, has_more = cut(await runs.lines(run.id, after=after, limit=PAGE + 1, only_warned=only_warned))
    steps = await SelfBillRepository(db).steps(RUN.kind, run.id)
    bills: dict[UUID, list[Any]] = {}
    for bill in await runs.bills(run.id, [line.id for line in lines]):
        bills.setdefault(bill.line_id, []).append(bill)
    counts = await runs.warning_counts(run.id)
    returned = await runs.returned_sum(run.id)
    now = clock_of(db).now()
    is_waiting = run.status is RunStatus.MADE
    is_maker = run.made_by_user_id == principal.user_id
    may_handle = principal.may(Permission.PAYMENTS_HANDLE)
    processing_on = processing_day_of(run.pay_on)
    context = {
        **LABELS,
        "run": run,
        "number": run_number(run.number),
        "processing_on": processing_on,
        "lines": [(line, masked(line)) for line in lines],
        "names": await runs.names({line.organisation_id for line in lines}),
        "people": await AccountRepository(db).names(
            {user for user in (run.made_by_user_id, run.released_by_user_id) if user is not None}
        ),
        "bills": bills,
        "warning_labels": WARNING_LABELS,
        "warning_counts": [(label, counts[code]) for code, label in WARNING_LABELS.items() if code in counts],
        "only_warned": only_warned,
        "after": after,
        "next_after": lines[-1].position if has_more else 0,
        "returned": returned,
        "events": await timeline_of(db, steps, REHEARSAL_LABELS if run.is_rehearsal else RUN_LABELS),
        "may_release": is_waiting and principal.may(Permission.RUNS_RELEASE) and not is_maker and not run.is_rehearsal,
        "is_confirmed": principal.is_confirmed(now),
        "is_maker": is_waiting and is_maker and not run.is_rehearsal,
        "may_cancel": is_waiting and may_handle,
        "may_export": may_handle and (run.status in RELEASED_RUNS or (run.is_rehearsal and is_waiting)),
        "may_submit": may_handle and run.status is RunStatus.RELEASED and bool(run.export_count),
        "is_late": run.status is RunStatus.RELEASED and processing_on <= today(clock_of(db)),
        "may_confirm": may_handle and run.status is RunStatus.SUBMITTED and processing_on <= today(clock_of(db)),
        "may_return": may_handle and run.status in RELEASED_RUNS,
        "may_reject": may_handle
        and run.status in (RunStatus.RELEASED, RunStatus.SUBMITTED)
        and not returned[0]
        and not run.is_rehearsal,
        "instead": [] if run.is_rehearsal else _instead(run, await runs.sharing(run.id)),
        "values": values,
        "errors": errors,
    }
    return Template("payments/run.html", context=context, status_code=422 if errors else 200)


def _instead(run: PaymentRun, others: Sequence[Any]) -> list[Any]:
    """Return the runs that pay instead of one that the bank refused; of any other, those it pays instead of."""
    if run.status is RunStatus.REJECTED:
        return [other for other in others if other.status not in DEAD_RUNS and other.number > run.number]
    return [other for other in others if other.status is RunStatus.REJECTED and other.number < run.number]
