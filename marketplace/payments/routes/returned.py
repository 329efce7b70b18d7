"""Pages of payments that the bank sent back."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.payments.models import PaymentRunLine
from marketplace.payments.repository.returned import ReturnedItemRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.returned_files import RETURN_CODES, ReturnedFile, read_returned
from marketplace.payments.routes.shared import PAGE, cut, row_id, take
from marketplace.payments.schemas import read_return, run_number
from marketplace.payments.service.bank_details import masked
from marketplace.payments.service.returns import ReturnsService

CODES = list(RETURN_CODES.items())


class ReturnedController(Controller):
    """What came back, and what nobody could match."""

    path = "/returned-payments"

    @get("/", permission=Permission.INVOICES_READ)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[str, QueryParameter(name="before", max_length=36)] = "",
    ) -> Template:
        """Show items to look into, then those that were dealt with, newest first."""
        items = ReturnedItemRepository(db)
        council_id = principal.council_id
        done, has_more = cut(await items.listed(council_id, is_waiting=False, before=parse_id(before), limit=PAGE + 1))
        waiting = [] if before else await items.listed(council_id, is_waiting=True, before=None, limit=200)
        context = {
            "waiting": [item for item, *_ in waiting],
            "done": [(item, line, run_number(run.number) if run else "", name) for item, line, run, name in done],
            "codes": RETURN_CODES,
            "next_before": done[-1][0].id if has_more else "",
            "may_enter": principal.may(Permission.PAYMENTS_HANDLE),
        }
        return Template("payments/returned.html", context=context)

    @get("/new", permission=Permission.PAYMENTS_HANDLE)
    async def new(self) -> Template:
        """Ask for an item of which only the bank's words are known."""
        return _form_page({}, {})

    @post("/", permission=Permission.PAYMENTS_HANDLE)
    async def enter(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take an item; the payment it fits is looked for."""

        async def action() -> str:
            item = await ReturnsService(db).enter(principal, read_return(data, is_known=False))
            if item.line_id is None:
                flash(request, "No single payment fits this. Look into it", kind="information")
                return f"/returned-payments/{item.id}"
            flash(request, "The payment is found. What it paid is owed again")
            return "/returned-payments"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return _form_page(data, error.fields)

    @get("/file", permission=Permission.PAYMENTS_HANDLE)
    async def file(self) -> Template:
        """Ask for the bank's list."""
        return Template("payments/returned_file.html", context={"errors": {}, "problems": [], "outcome": None})

    @post("/file", permission=Permission.PAYMENTS_HANDLE, **UPLOAD)
    async def take_file(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal]
    ) -> Redirect | Template:
        """Read the bank's list and enter its rows; those that cannot be read are listed."""
        form = await FileForm.read(request)
        given = form.files.get("file", [])
        try:
            if not given:
                raise InvalidInput({"file": "Choose the bank’s list of returned payments"})
            async with transaction(session_maker(), principal.councils) as db:
                found: ReturnedFile = read_returned(given[0].content, today(clock_of(db)))
                outcome: list[Any] = []

                async def action() -> str:
                    outcome.append(await ReturnsService(db).enter_many(principal, found.rows))
                    return "/returned-payments"

                answer = await submit(request, db, principal.actor, form.content, action)
        except InvalidInput as error:
            context: dict[str, Any] = {"errors": error.fields, "problems": [], "outcome": None}
            return Template("payments/returned_file.html", context=context, status_code=422)
        if not outcome:
            return answer
        if found.problems:
            shown = {"errors": {}, "problems": found.problems, "outcome": outcome[0]}
            return Template("payments/returned_file.html", context=shown)
        result = outcome[0]
        words = f"{plural(result.matched, 'payment')} found and owed again, {result.unmatched} to look into"
        flash(request, f"{words}, {result.known} known before")
        return answer

    @get("/of/{line_id:str}", permission=Permission.PAYMENTS_HANDLE)
    async def of_line(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], line_id: FromPath[str]
    ) -> Template:
        """Ask what the bank said of one payment."""
        return await _line_page(db, principal, line_id, {}, {})

    @post("/of/{line_id:str}", permission=Permission.PAYMENTS_HANDLE)
    async def enter_of_line(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        line_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take back one payment of a run."""

        async def action() -> str:
            line = await _line(db, principal, row_id(line_id))
            row = read_return(data, is_known=True)
            row = type(row)(row.returned_on, line.amount_pence, "", "", row.code, row.note)
            await ReturnsService(db).enter(principal, row, line.id)
            flash(request, "What this payment paid is owed again")
            return f"/payment-runs/{line.run_id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _line_page(db, principal, line_id, data, error.fields)

    @get("/{item_id:str}", permission=Permission.PAYMENTS_HANDLE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], item_id: FromPath[str]
    ) -> Template:
        """Show an item that waits, with the payments it may be."""
        return await _item_page(db, principal, item_id, {}, {})

    @post("/{item_id:str}", permission=Permission.PAYMENTS_HANDLE)
    async def settle(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        item_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say which payment it is, or that it is none."""

        async def action() -> str:
            form = FormReader(data)
            chosen = form.text("line", "which payment it is", longest=36)
            note = form.text("note", "what you found out", longest=500)
            line_id = None if chosen == "none" else parse_id(chosen)
            if chosen and chosen != "none" and line_id is None:
                form.wrong("line", "Select which payment it is")
            form.done()
            await ReturnsService(db).settle(principal, row_id(item_id), line_id, note)
            flash(request, "The returned payment is dealt with")
            return "/returned-payments"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _item_page(db, principal, item_id, data, error.fields)


def _form_page(values: FormData, errors: dict[str, str]) -> Template:
    context = {"codes": CODES, "values": values, "errors": errors}
    return Template("payments/returned_new.html", context=context, status_code=422 if errors else 200)


async def _line(db: AsyncSession, principal: Principal, line_id: UUID) -> PaymentRunLine:
    line = await PaymentRunRepository(db).line(principal.council_id, line_id)
    if line is None:
        raise NotFound
    return line


async def _line_page(
    db: AsyncSession, principal: Principal, line_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    line = await _line(db, principal, row_id(line_id))
    runs = PaymentRunRepository(db)
    run = await runs.find(principal.council_id, line.run_id)
    context = {
        "line": line,
        "account": masked(line),
        "run": run,
        "number": run_number(run.number),
        "name": (await runs.names([line.organisation_id]))[line.organisation_id],
        "bills": await runs.bills(run.id, [line.id]),
        "codes": CODES,
        "values": values,
        "errors": errors,
    }
    return Template("payments/returned_line.html", context=context, status_code=422 if errors else 200)


async def _item_page(
    db: AsyncSession, principal: Principal, item_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    items = ReturnedItemRepository(db)
    item = await items.find(principal.council_id, row_id(item_id))
    is_waiting = item.line_id is None and item.settled_at is None
    found = await items.candidates(principal.council_id, item.amount_pence, item.returned_on) if is_waiting else []
    context = {
        "item": item,
        "is_waiting": is_waiting,
        "codes": RETURN_CODES,
        "choices": [
            (str(line.id), f"{name}, {line.reference}, {run_number(run.number)}", f"Went to {masked(line)}")
            for line, run, name in found
        ],
        "values": values,
        "errors": errors,
    }
    return Template("payments/returned_item.html", context=context, status_code=422 if errors else 200)
