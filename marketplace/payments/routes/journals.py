"""Pages of journals: made once, numbered, taken again only with a reason."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.idempotency import once_per_form
from marketplace.core.web import FormData, typed
from marketplace.payments.repository.journals import JournalRepository
from marketplace.payments.routes.shared import row_id, take
from marketplace.payments.service.books.journals import JournalService, journal_number


class JournalController(Controller):
    """Journals for the council's finance system."""

    path = "/books/journals"

    @get("/", permission=Permission.BOOKS_READ)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List journals and say what waits."""
        journals = JournalRepository(db)
        rows = await journals.listed(principal.council_id)
        context = {
            "rows": rows,
            "number_of": journal_number,
            "waiting": await journals.waiting(principal.council_id, rows[0].posted_until if rows else None),
            "may_keep": principal.may(Permission.BOOKS_KEEP),
        }
        return Template("payments/books/journals.html", context=context)

    @post("/", permission=Permission.BOOKS_KEEP)
    async def make(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Make the next journal."""

        async def action() -> str:
            row = await JournalService(db).make(principal)
            flash(request, f"Journal {journal_number(row.number)} is made")
            return f"/books/journals/{row.id}"

        return await take(request, db, principal, data, action)

    @get("/{journal_id:str}", permission=Permission.BOOKS_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], journal_id: FromPath[str]
    ) -> Template:
        """Show a journal. Opening the page never counts as taking the file."""
        return await _page(db, principal, journal_id, {}, {})

    @post("/{journal_id:str}", permission=Permission.BOOKS_KEEP)
    async def take_file(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        journal_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Response[bytes] | Template:
        """Hand out the file and note who took it. The same form sent twice is taken once."""
        wanted = row_id(journal_id)
        service = JournalService(db)

        async def action() -> str:
            form = FormReader(data)
            reason = form.text("reason", "why you need the file again", required=False, longest=500)
            form.done()
            return str(await service.take(principal, wanted, reason))

        try:
            async with db.begin_nested():
                copy = await once_per_form(db, principal.actor, request.url.path, data, action)
        except InvalidInput as error:
            return await _page(db, principal, journal_id, typed(data), error.fields)
        row = await service.journals.find(principal.council_id, wanted)
        mark = "" if copy == "1" else f"-copy-{copy}"
        return Response(
            await service.file(principal, wanted),
            media_type="text/csv; charset=utf-8",
            status_code=200,
            headers={
                "Content-Disposition": f'attachment; filename="{journal_number(row.number)}{mark}.csv"',
                "Cache-Control": "private, no-store",
                "X-File-Copy": copy,
            },
        )


async def _page(
    db: AsyncSession, principal: Principal, journal_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    row = await JournalRepository(db).find(principal.council_id, row_id(journal_id))
    context = {
        "row": row,
        "number": journal_number(row.number),
        "may_keep": principal.may(Permission.BOOKS_KEEP),
        "values": values,
        "errors": errors,
    }
    return Template("payments/books/journal.html", context=context, status_code=422 if errors else 200)


ROUTES: list[Any] = [JournalController]
