"""Pages of what follows a run's release: its file, the bank's receipt, the bank's report."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.idempotency import once_per_form
from marketplace.core.web import FormData
from marketplace.payments.routes.runs import run_page
from marketplace.payments.routes.shared import row_id, take, texts
from marketplace.payments.schemas import FileFormat, run_number
from marketplace.payments.service.run_submission import RunSubmissionService

FORMATS = {"bacs18": FileFormat.BACS, "csv": FileFormat.CSV}
ENDINGS = {FileFormat.BACS: ("bacs18.txt", "text/plain; charset=us-ascii"), FileFormat.CSV: ("csv", "text/csv")}


class RunFileController(Controller):
    """From a released run to the bank's report."""

    path = "/payment-runs/{run_id:str}"

    @post("/submit", permission=Permission.PAYMENTS_HANDLE)
    async def submit(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note that the bank has the file."""

        async def action() -> str:
            form = FormReader(data)
            reference = form.text("reference", "the bank’s reference", longest=100)
            form.done()
            run = await RunSubmissionService(db).submit(principal, row_id(run_id), reference)
            flash(request, f"{run_number(run.number)} is with the bank. Confirm it when the bank’s report comes")
            return f"/payment-runs/{run.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await run_page(db, principal, run_id, data, error.fields)

    @post("/confirm", permission=Permission.PAYMENTS_HANDLE)
    async def confirm(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note that the bank has processed it, with the total of its report."""

        async def action() -> str:
            form = FormReader(data)
            reported_pence = form.pounds("total", "the total of the bank’s report")
            form.done()
            run = await RunSubmissionService(db).confirm(principal, row_id(run_id), reported_pence or 0)
            flash(request, f"{run_number(run.number)} is paid")
            return f"/payment-runs/{run.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await run_page(db, principal, run_id, data, error.fields)

    @post("/reject", permission=Permission.PAYMENTS_HANDLE)
    async def reject(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note that the bank took none of it."""

        async def action() -> str:
            form = FormReader(data)
            why = form.text("why", "what the bank said", longest=500)
            if "yes" not in texts(data, "none_paid"):
                form.errors["none_paid"] = "Call the bank first. Tick the box when it says that nothing was paid"
            form.done()
            run = await RunSubmissionService(db).reject(principal, row_id(run_id), why)
            flash(request, f"{run_number(run.number)} pays nothing. All of it is owed again: make a new payment run")
            return f"/payment-runs/{run.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await run_page(db, principal, run_id, data, error.fields)

    @get("/{file_format:str}", permission=Permission.PAYMENTS_HANDLE)
    async def export_page(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        file_format: FromPath[str],
    ) -> Template:
        """Ask for what an export needs. Opening a page never counts as taking the file."""
        return await _export_page(db, principal, run_id, file_format, {}, {})

    @post("/{file_format:str}", permission=Permission.PAYMENTS_HANDLE)
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
        service = RunSubmissionService(db)

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
        mark = "-rehearsal" if run.is_rehearsal else "" if copy == "1" else f"-copy-{copy}"
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


async def _export_page(
    db: AsyncSession,
    principal: Principal,
    run_id: str,
    file_format: str,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    wanted = _format(file_format)
    service = RunSubmissionService(db)
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
