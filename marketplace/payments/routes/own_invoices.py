"""Pages of a supplier's own invoices: from delivered visits, from a file, held lines, credit notes."""

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
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.textfiles import UnreadableFile
from marketplace.core.web import FormData, submit, typed
from marketplace.payments.models import CREDITS, InvoiceKind
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.repository.invoice_facts import InvoiceFactRepository
from marketplace.payments.repository.supply import BatchRepository
from marketplace.payments.routes.bill_pages import (
    LINE_PAGE,
    bill_context,
    credit_page,
    next_before,
    place_of,
    read_before,
    read_parts,
)
from marketplace.payments.routes.shared import LABELS, PAGE, cut, row_id, take
from marketplace.payments.schemas import PeriodForm, read_reason
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.payments.service.facts import asked_of
from marketplace.payments.service.holds import HoldService
from marketplace.payments.service.invoice_files import LONGEST_NUMBER, read_correction
from marketplace.payments.service.invoices import InvoiceService, words_of
from marketplace.payments.service.self_billing import SelfBillingService
from marketplace.payments.states import HOLD_WORDS, BatchStatus, InvoiceStatus, LineStatus

OWN_KINDS = (InvoiceKind.PROVIDER_INVOICE, InvoiceKind.CREDIT_NOTE)
LARGEST_FILE = 5_000_000
MOST_WAITING = 50


class OwnInvoiceController(Controller):
    """A supplier's own invoices."""

    path = "/provider/invoices"

    @get("/", permission=Permission.EARNINGS_OWN)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[str, QueryParameter(name="before", max_length=60)] = "",
    ) -> Template:
        """Show invoices and credit notes, newest first, and files that wait to be sent."""
        organisation_id = principal.need_organisation()
        rows, has_more = cut(
            await BillRepository(db).of_supplier(
                organisation_id, principal.councils, OWN_KINDS, before=read_before(before), limit=PAGE + 1
            )
        )
        files = await BatchRepository(db).of_supplier(organisation_id, principal.councils, before=None, limit=10)
        context = {
            **LABELS,
            "rows": rows,
            "files": [(batch, name) for batch, name in files if batch.status is BatchStatus.CHECKED],
            "next_before": next_before(rows[-1][0]) if has_more else "",
            "several_councils": len(principal.councils) > 1,
            "may_send": bool(await _councils(db, principal)),
        }
        return Template("payments/invoices_own.html", context=context)

    @get("/new", permission=Permission.EARNINGS_OWN)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask for the days; last month is filled in."""
        principal.need_organisation()
        return await _new_page(db, principal, {**_last_month(today(clock_of(db)))}, {})

    @post("/new", permission=Permission.EARNINGS_OWN)
    async def preview(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], data: URLEncodedBody[FormData]
    ) -> Template:
        """Show what would be billed."""
        try:
            period, number = _period_and_number(data, today(clock_of(db)))
            council_id = _council(principal, data)
            found = await InvoiceService(db).delivered(principal, council_id, period)
            if not found.rows and not found.unclear:
                raise InvalidInput({"first_on": "Nothing was approved on these days that is not on a bill already"})
        except InvalidInput as error:
            return await _new_page(db, principal, typed(data), error.fields)
        organisation_id = principal.need_organisation()
        context = {
            "found": found,
            "period": period,
            "number": number,
            "values": typed(data),
            "council": council_id,
            "council_label": (await InvoiceFactRepository(db).council_names([council_id])).get(council_id, ""),
            "shown": found.rows[:LINE_PAGE],
            "not_approved": await InvoiceFactRepository(db).not_approved(
                council_id, organisation_id, period.starts_on, period.ends_on, MOST_WAITING
            ),
        }
        return Template("payments/invoice_preview.html", context=context)

    @post("/", permission=Permission.EARNINGS_OWN)
    async def send(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send the invoice that the preview showed."""

        async def action() -> str:
            period, number = _period_and_number(data, today(clock_of(db)))
            text = str(data.get("expected_pence", ""))
            expected = int(text) if text.isascii() and text.isdecimal() and len(text) < 15 else -1
            invoice = await InvoiceService(db).send_delivered(
                principal, _council(principal, data), period, number, expected
            )
            flash(request, f"You have sent invoice {invoice.supplier_number}. The council calls it {invoice.number}")
            return f"/provider/invoices/{invoice.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _new_page(db, principal, typed(data), error.fields)

    @get("/upload", permission=Permission.EARNINGS_OWN)
    async def upload_form(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask for a file."""
        principal.need_organisation()
        return await _upload_page(db, principal, {**_last_month(today(clock_of(db)))}, {})

    @get("/template", permission=Permission.EARNINGS_OWN)
    async def template(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        council: Annotated[str, QueryParameter(name="council", max_length=36)] = "",
    ) -> Response[bytes]:
        """Send a file with the headings and every approved visit of the last year that no bill has."""
        day = today(clock_of(db))
        period = PeriodForm(day - timedelta(days=365), day + timedelta(days=1))
        council_id = _council(principal, {"council": council})
        body = await InvoiceService(db).template(principal, council_id, period)
        headers = {"Content-Disposition": f'attachment; filename="visits-{day.isoformat()}.csv"'}
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)

    @post("/upload", permission=Permission.EARNINGS_OWN, **UPLOAD)
    async def upload(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal]
    ) -> Redirect | Template:
        """Check a file; nothing is sent yet."""
        given = await FileForm.read(request)
        principal.need_organisation()
        async with transaction(session_maker(), principal.councils) as db:
            try:
                files = given.files.get("file", [])
                if not files or not files[0].content:
                    raise InvalidInput({"file": "Choose a file"})
                if len(files[0].content) > LARGEST_FILE:
                    raise InvalidInput({"file": "The file must be 5 MB or smaller"})

                async def act() -> str:
                    batch = await InvoiceService(db).check_file(
                        principal, _council(principal, given.values), files[0].name, files[0].content
                    )
                    return f"/provider/invoices/files/{batch.id}"

                async with db.begin_nested():
                    return await submit(request, db, principal.actor, given.content, act)
            except UnreadableFile as error:
                return await _upload_page(db, principal, typed(given.values), {"file": str(error)})
            except InvalidInput as error:
                return await _upload_page(db, principal, typed(given.values), error.fields)

    @get("/files/{batch_id:str}", permission=Permission.EARNINGS_OWN)
    async def file(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        batch_id: FromPath[str],
        after: Annotated[str, QueryParameter(name="after", max_length=60)] = "",
    ) -> Template:
        """Show the check of a file: what goes on, what is held and why, what cannot be read."""
        return await _file_page(db, principal, batch_id, after, {})

    @post("/files/{batch_id:str}/send", permission=Permission.EARNINGS_OWN)
    async def send_file(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        batch_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send the invoices of a file."""

        async def action() -> str:
            sent = await InvoiceService(db).send_file(principal, row_id(batch_id))
            flash(request, f"You have sent {plural(len(sent), 'invoice')}")
            return "/provider/invoices"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            await InvoiceService(db).check_again(principal, row_id(batch_id))
            return await _file_page(db, principal, batch_id, "", {"form": next(iter(error.fields.values()))})

    @post("/files/{batch_id:str}/drop", permission=Permission.EARNINGS_OWN)
    async def drop_file(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        batch_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Give a file up."""

        async def action() -> str:
            await InvoiceService(db).drop_file(principal, row_id(batch_id))
            flash(request, "Nothing was sent")
            return "/provider/invoices"

        return await take(request, db, principal, data, action)

    @get("/{invoice_id:str}", permission=Permission.EARNINGS_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        after: Annotated[int, QueryParameter(name="after", ge=0, le=100_000)] = 0,
        only: Annotated[str, QueryParameter(name="only", max_length=10)] = "",
    ) -> Template:
        """Show an invoice with its lines, its holds and its credit notes."""
        bill = await BillRepository(db).own(principal.need_organisation(), principal.councils, row_id(invoice_id))
        council = await AccountRepository(db).council(bill.council_id)
        context = {
            **await bill_context(db, bill, after, only),
            "bill_council": council,
            "may_credit": bill.kind is InvoiceKind.PROVIDER_INVOICE
            and bill.status not in (InvoiceStatus.DRAFT, InvoiceStatus.REFUSED, InvoiceStatus.WITHDRAWN),
        }
        return Template("payments/invoice_own.html", context=context)

    @get("/{invoice_id:str}/credit", permission=Permission.EARNINGS_OWN)
    async def credit_form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        after: Annotated[int, QueryParameter(name="after", ge=0, le=100_000)] = 0,
    ) -> Template:
        """Ask what to take back."""
        return await _credit_page(db, principal, invoice_id, after, {}, {})

    @post("/{invoice_id:str}/credit", permission=Permission.EARNINGS_OWN)
    async def credit(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send a credit note."""

        async def action() -> str:
            form = FormReader(data)
            number = form.text("supplier_number", "your number of the credit note", longest=LONGEST_NUMBER)
            reason = form.text("reason", "why you take it back", longest=500)
            bill = await BillRepository(db).own(principal.need_organisation(), principal.councils, row_id(invoice_id))
            parts = read_parts(form, data, await BillRepository(db).lines(bill.id))
            form.done()
            note = await CreditNoteService(db).send(principal, bill.id, parts, reason, number)
            flash(request, f"You have sent credit note {note.supplier_number}")
            return f"/provider/invoices/{note.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _credit_page(db, principal, invoice_id, place_of(data), typed(data), error.fields)

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


def _council(principal: Principal, data: FormData) -> UUID:
    """Return which council a form means: the reader's own where only one is possible."""
    text = str(data.get("council") or "")
    return row_id(text) if text else principal.council_id


def _period_and_number(data: FormData, day: date) -> tuple[PeriodForm, str]:
    form = FormReader(data)
    number = form.text("supplier_number", "your invoice number", longest=LONGEST_NUMBER)
    try:
        period = PeriodForm.read(data, day)
    except InvalidInput as error:
        raise InvalidInput({**error.fields, **form.errors}) from error
    form.done()
    return period, number


def _last_month(day: date) -> dict[str, str]:
    last = day.replace(day=1) - timedelta(days=1)
    days = {"first_on": last.replace(day=1), "last_on": last}
    return {f"{name}-{part}": str(getattr(on, part)) for name, on in days.items() for part in ("day", "month", "year")}


async def _councils(db: AsyncSession, principal: Principal) -> list[tuple[str, str]]:
    """Return the councils to which the reader's organisation sends invoices, by name."""
    makers = await SelfBillingService(db).makers(principal)
    names = await InvoiceFactRepository(db).council_names([key for key in principal.councils if key not in makers])
    return sorted(((str(key), name) for key, name in names.items()), key=lambda item: item[1])


async def _new_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    principal.require(Permission.EARNINGS_OWN)
    context = {"councils": await _councils(db, principal), "values": values, "errors": errors}
    return Template("payments/invoice_new.html", context=context, status_code=422 if errors else 200)


async def _upload_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    context = {"councils": await _councils(db, principal), "values": values, "errors": errors}
    return Template("payments/invoice_upload.html", context=context, status_code=422 if errors else 200)


async def _file_page(
    db: AsyncSession, principal: Principal, batch_id: str, after: str, errors: dict[str, str]
) -> Template:
    batches = BatchRepository(db)
    batch = await batches.own(principal.need_organisation(), principal.councils, row_id(batch_id))
    place: tuple[UUID, int] | None = None
    if after:
        invoice, _, position = after.partition(".")
        found = parse_id(invoice)
        if found is None or not position.isascii() or not position.isdecimal() or len(position) > 6:
            raise BadRequest
        place = found, int(position)
    rows, has_more = cut(await batches.held_lines(batch.id, after=place, limit=PAGE + 1))
    invoices = await batches.invoices(batch.id)
    context = {
        **LABELS,
        "batch": batch,
        "rows": [(line, number, words_of(line)) for line, number in rows],
        "next_after": f"{rows[-1][0].invoice_id}.{rows[-1][0].position}" if has_more else "",
        "invoices": invoices[:PAGE],
        "invoice_count": len(invoices),
        "total_pence": sum(invoice.total_pence for invoice in invoices),
        "errors": errors,
        "may_send": batch.status is BatchStatus.CHECKED and bool(invoices),
        "may_drop": batch.status is BatchStatus.CHECKED,
    }
    return Template("payments/invoice_file.html", context=context, status_code=422 if errors else 200)


async def _credit_page(
    db: AsyncSession, principal: Principal, invoice_id: str, after: int, values: FormData, errors: dict[str, str]
) -> Template:
    bill = await BillRepository(db).own(principal.need_organisation(), principal.councils, row_id(invoice_id))
    return await credit_page(db, bill, "/provider/invoices", after, values, errors)


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
