"""Invoices from a file of visits: checked, looked at, then sent or given up."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.ids import parse_id
from marketplace.core.textfiles import UnreadableFile
from marketplace.core.web import FormData, submit, typed
from marketplace.payments.repository.supply import BatchRepository
from marketplace.payments.routes.own_invoices.shared import council_of, councils_of, last_month
from marketplace.payments.routes.shared import LABELS, PAGE, cut, row_id, take
from marketplace.payments.schemas import PeriodForm
from marketplace.payments.service.invoices import InvoiceService, words_of
from marketplace.payments.states import BatchStatus

LARGEST_FILE = 5_000_000


class InvoiceFileController(Controller):
    """Takes invoices in as a file."""

    path = "/provider/invoices"

    @get("/upload", permission=Permission.EARNINGS_OWN)
    async def upload_form(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask for a file."""
        principal.need_organisation()
        return await _upload_page(db, principal, {**last_month(today(clock_of(db)))}, {})

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
        council_id = council_of(principal, {"council": council})
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
                        principal, council_of(principal, given.values), files[0].name, files[0].content
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


async def _upload_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    context = {"councils": await councils_of(db, principal), "values": values, "errors": errors}
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
