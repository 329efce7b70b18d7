"""Pages of bills of every kind for finance: the list, a bill, held lines and credit notes."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.payments.models import CREDITS, SELF_BILLED, InvoiceKind
from marketplace.payments.repository.bills import BillRepository, HeldBefore
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.routes.bill_pages import (
    KIND_LABELS,
    bill_context,
    credit_page,
    next_before,
    place_of,
    read_before,
    read_parts,
)
from marketplace.payments.routes.shared import BILL_LABELS, LABELS, PAGE, cut, row_id, take, texts
from marketplace.payments.schemas import read_reason
from marketplace.payments.service.billing_again import BillingAgainService
from marketplace.payments.service.bills import WAITING, BillService
from marketplace.payments.service.credit_notes import CREDITABLE, CreditNoteService
from marketplace.payments.service.holds import HoldService
from marketplace.payments.states import HOLD_WORDS, HoldReason, InvoiceStatus, LineStatus

NOT_LISTED = (InvoiceStatus.DRAFT, InvoiceStatus.WITHDRAWN)


class InvoiceController(Controller):
    """Bills of every kind."""

    path = "/invoices"

    @get("/", permission=Permission.INVOICES_READ)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        kind: Annotated[str, QueryParameter(name="kind", max_length=30)] = "",
        status: Annotated[str, QueryParameter(name="status", max_length=20)] = "",
        words: Annotated[str, QueryParameter(name="q", max_length=100)] = "",
        before: Annotated[str, QueryParameter(name="before", max_length=60)] = "",
    ) -> Template:
        """Show bills, newest first, by kind, state and supplier."""
        wanted = InvoiceStatus(status) if status in set(InvoiceStatus) - set(NOT_LISTED) else None
        of_kind = InvoiceKind(kind) if kind in set(InvoiceKind) else None
        rows, has_more = cut(
            await BillRepository(db).listed(
                principal.council_id,
                kind=of_kind,
                status=wanted,
                words=words.strip(),
                before=read_before(before),
                limit=PAGE + 1,
            )
        )
        context = {
            **LABELS,
            "rows": rows,
            "kind_labels": KIND_LABELS,
            "kinds": list(KIND_LABELS.items()),
            "states": [(key, label) for key, label in BILL_LABELS.items() if key not in NOT_LISTED],
            "values": {
                "kind": of_kind.value if of_kind else "",
                "status": wanted.value if wanted else "",
                "q": words.strip(),
            },
            "next_before": next_before(rows[-1][0]) if has_more else "",
        }
        return Template("payments/invoices.html", context=context)

    @get("/{invoice_id:str}", permission=Permission.INVOICES_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        after: Annotated[int, QueryParameter(name="after", ge=0, le=100_000)] = 0,
        only: Annotated[str, QueryParameter(name="only", max_length=10)] = "",
    ) -> Template:
        """Show a bill with its lines, holds and credit notes."""
        return await _bill_page(db, principal, invoice_id, after, only, {}, {})

    @post("/{invoice_id:str}/approve", permission=Permission.INVOICES_APPROVE)
    async def approve(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Approve a bill, or agree to a credit note."""

        async def action() -> str:
            wanted = row_id(invoice_id)
            found = await BillRepository(db).sent(principal.council_id, wanted)
            if found.kind in CREDITS:
                found = await CreditNoteService(db).approve(principal, wanted)
            else:
                found = await BillService(db).approve(principal, wanted)
            flash(request, f"{found.number} is approved")
            return f"/invoices/{found.id}"

        return await take(request, db, principal, data, action)

    @post("/{invoice_id:str}/hold-lines", permission=Permission.INVOICES_APPROVE)
    async def hold_lines(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Hold the lines that were ticked; the others are paid on time."""

        async def action() -> str:
            form = FormReader(data)
            reason = form.choice("reason_code", "why the lines are on hold", HoldReason)
            words = form.text("words", "your question", required=False, longest=500)
            lines = [row_id(text) for text in texts(data, "lines")]
            if not lines:
                form.wrong("lines", "Select the lines to hold")
            form.done()
            wanted = row_id(invoice_id)
            count = await HoldService(db).hold(principal, wanted, lines, reason or HoldReason.QUERIED, words)
            flash(request, f"{plural(count, 'line')} on hold. We tell the supplier why")
            return f"/invoices/{wanted}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _bill_page(db, principal, invoice_id, 0, "", typed(data), error.fields)

    @post("/{invoice_id:str}/refuse", permission=Permission.INVOICES_APPROVE)
    async def refuse(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Refuse a supplier's invoice or credit note that is not valid."""

        async def action() -> str:
            reason = read_reason(data, "why it is not valid")
            bill = await BillService(db).refuse(principal, row_id(invoice_id), reason)
            flash(request, f"{bill.number} is refused. We tell the supplier why")
            return f"/invoices/{bill.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _bill_page(db, principal, invoice_id, 0, "", typed(data), error.fields)

    @post("/{invoice_id:str}/bill-again", permission=Permission.INVOICES_APPROVE)
    async def bill_again(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Free what a supplier's credit note took back for another invoice of the supplier."""

        async def action() -> str:
            reason = read_reason(data, "what was wrong with the invoice")
            wanted = row_id(invoice_id)
            number = await BillingAgainService(db).free(principal, wanted, reason)
            flash(request, f"{plural(number, 'line')} can be invoiced again. The supplier is told")
            return f"/invoices/{wanted}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _bill_page(db, principal, invoice_id, 0, "", data, error.fields)

    @get("/{invoice_id:str}/credit", permission=Permission.INVOICES_APPROVE)
    async def credit_form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        after: Annotated[int, QueryParameter(name="after", ge=0, le=100_000)] = 0,
    ) -> Template:
        """Ask what to take back of a self-bill."""
        return await _credit_page(db, principal, invoice_id, after, {}, {})

    @post("/{invoice_id:str}/credit", permission=Permission.INVOICES_APPROVE)
    async def credit(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Make a credit note of a self-bill."""

        async def action() -> str:
            form = FormReader(data)
            reason = form.text("reason", "why it is taken back", longest=500)
            bill = await BillRepository(db).sent(principal.council_id, row_id(invoice_id))
            parts = read_parts(form, data, await BillRepository(db).lines(bill.id))
            form.done()
            note = await CreditNoteService(db).make(principal, bill.id, parts, reason)
            flash(request, f"You have made {note.number}")
            return f"/invoices/{note.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _credit_page(db, principal, invoice_id, place_of(data), typed(data), error.fields)


class HeldLineController(Controller):
    """The queue of held lines."""

    path = "/held-lines"

    @get("/", permission=Permission.INVOICES_READ)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        reason: Annotated[str, QueryParameter(name="reason", max_length=30)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=80)] = "",
    ) -> Template:
        """Show held lines, the longest held first."""
        wanted = HoldReason(reason) if reason in set(HoldReason) else None
        bills = BillRepository(db)
        rows, has_more = cut(await bills.held(principal.council_id, reason=wanted, after=_after(after), limit=PAGE + 1))
        holds = await bills.open_holds([line.id for line, _, _ in rows])
        day = today(clock_of(db))
        sums = await bills.held_sums(principal.council_id)
        last = rows[-1][0] if has_more else None
        context = {
            "rows": [
                (line, bill, name, holds.get(line.id), (day - local(line.held_at).date()).days if line.held_at else 0)
                for line, bill, name in rows
            ],
            "hold_words": HOLD_WORDS,
            "options": [(key.value, words) for key, words in HOLD_WORDS.items()],
            "count": sum(number for number, _ in sums.values()),
            "pence": sum(pence for _, pence in sums.values()),
            "sums": [(HOLD_WORDS[key], number, pence) for key, (number, pence) in sums.items()],
            "values": {"reason": wanted.value if wanted else ""},
            "next_after": f"{last.held_at.isoformat()}~{last.id}" if last is not None and last.held_at else "",
        }
        return Template("payments/held_lines.html", context=context)

    @get("/{line_id:str}", permission=Permission.INVOICES_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], line_id: FromPath[str]
    ) -> Template:
        """Show a held line with what was asked, answered and decided."""
        return await _line_page(db, principal, line_id, {}, {})

    @post("/{line_id:str}", permission=Permission.INVOICES_APPROVE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        line_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Check a line again, pay it after all, or refuse it."""

        async def action() -> str:
            wanted, service = row_id(line_id), HoldService(db)
            form = FormReader(data)
            outcome = form.option("outcome", "what to do", ("check", "agree", "refuse"))
            words = form.text("words", "why", required=outcome == "refuse", longest=500)
            form.done()
            if outcome == "check":
                judged = await service.check_again(principal, wanted)
                flash(request, "The line fits now" if judged.reason is None else f"Still on hold. {judged.words}")
            elif outcome == "agree":
                await service.agree(principal, wanted, words)
                flash(request, "The line is paid with its bill, or in the next run")
            else:
                await service.refuse(principal, wanted, words)
                flash(request, "The line is refused. We tell the supplier why")
            return f"/held-lines/{wanted}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _line_page(db, principal, line_id, typed(data), error.fields)


def _after(text: str) -> HeldBefore | None:
    if not text:
        return None
    at, _, found = text.replace(" ", "+").partition("~")
    row = parse_id(found)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise BadRequest from error
    if row is None or moment.tzinfo is None:
        raise BadRequest
    return HeldBefore(moment, row)


async def _bill_page(
    db: AsyncSession,
    principal: Principal,
    invoice_id: str,
    after: int,
    only: str,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    bill = await BillRepository(db).sent(principal.council_id, row_id(invoice_id))
    may = principal.may(Permission.INVOICES_APPROVE)
    is_waiting = bill.status in WAITING
    shared = await bill_context(db, bill, after, only)
    context = {
        **shared,
        "reasons": [(reason.value, words) for reason, words in HOLD_WORDS.items()],
        "may_approve": may and bill.status is InvoiceStatus.ISSUED,
        "may_hold": may and is_waiting and bill.kind not in CREDITS,
        "may_refuse": may and is_waiting and bill.kind not in SELF_BILLED,
        "may_credit": may and bill.kind is InvoiceKind.SELF_BILL and bill.status in CREDITABLE,
        "again": await BillingAgainService(db).lines(principal, bill) if may and shared["notes"] else [],
        "ticked": texts(values, "lines"),
        "values": values,
        "errors": errors,
    }
    return Template("payments/invoice.html", context=context, status_code=422 if errors else 200)


async def _credit_page(
    db: AsyncSession, principal: Principal, invoice_id: str, after: int, values: FormData, errors: dict[str, str]
) -> Template:
    bill = await BillRepository(db).sent(principal.council_id, row_id(invoice_id))
    return await credit_page(db, bill, "/invoices", after, values, errors)


async def _line_page(
    db: AsyncSession, principal: Principal, line_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    bills = BillRepository(db)
    line = await bills.line(principal.council_id, row_id(line_id))
    bill = await bills.sent(principal.council_id, line.invoice_id)
    accruals = await bills.accruals([line.accrual_id] if line.accrual_id else [])
    context = {
        "line": line,
        "bill": bill,
        "earned": next(iter(accruals.values()), None),
        "organisation": await SelfBillRepository(db).organisation(bill.organisation_id),
        "holds": await bills.holds_of_line(line.id),
        "hold_words": HOLD_WORDS,
        "is_held": line.status is LineStatus.HELD,
        "may_decide": principal.may(Permission.INVOICES_APPROVE) and line.status is LineStatus.HELD,
        "may_check": bool(line.asked) and bill.kind not in SELF_BILLED,
        "values": values,
        "errors": errors,
    }
    return Template("payments/held_line.html", context=context, status_code=422 if errors else 200)


ROUTES: list[Any] = [InvoiceController, HeldLineController]
