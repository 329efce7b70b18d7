"""Pages of fair choice records: kept results, their print, their check and their download."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.routes.market import search_of
from marketplace.providers.service.choice_records import (
    MOST_KEPT,
    ChoiceRecordService,
    RecordForm,
    as_csv,
    is_print_of,
)
from marketplace.providers.service.market_query import MarketQuery, read_query
from marketplace.providers.service.saved_searches import question_words, read_parameters

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ChoiceRecordController(Controller):
    """Fair choice records of the own council."""

    path = "/choice-records"

    @get("/", permission=Permission.CHOICES_RECORD)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[str | None, QueryParameter(name="before", max_length=100)] = None,
    ) -> Template:
        """List them, the newest first."""
        rows, has_more = await ChoiceRecordService(db).list_page(principal, _key(before))
        last = rows[-1][0] if rows else None
        context = {
            "rows": rows,
            "is_first": before is None,
            "older": f"{(last.made_at - EPOCH) // timedelta(microseconds=1)}_{last.id}"
            if last is not None and has_more
            else "",
        }
        return Template("providers/choosing/records.html", context=context)

    @get("/new", permission=Permission.CHOICES_RECORD)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Show what would be kept; the address carries the question as the search page's does."""
        try:
            query = read_query(request.query_params.dict())
        except InvalidInput as error:
            return await _form(request, db, principal, None, {}, {"form": next(iter(error.fields.values()))})
        return await _form(request, db, principal, query, {}, {})

    @post("/", permission=Permission.CHOICES_RECORD)
    async def keep(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep the results."""
        query: MarketQuery | None = None

        async def act() -> str:
            nonlocal query
            query = read_parameters(str(data.get("question", "")))
            form = RecordForm.read(data)
            row = await ChoiceRecordService(db, search_of(request)).keep(principal, query, form)
            flash(request, "Record kept. It can be read and printed, but not changed")
            return f"/choice-records/{row.id}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _form(request, db, principal, query, typed(data), error.fields)

    @get("/{record_id:str}", permission=Permission.CHOICES_RECORD)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        record_id: FromPath[str],
        typed_hash: Annotated[str | None, QueryParameter(name="hash", max_length=200)] = None,
    ) -> Template:
        """Show one; with the hash of a print, say whether the print is of this record."""
        page = await ChoiceRecordService(db).page(principal, id_of(record_id))
        typed_hash = (typed_hash or "").strip()
        context = {
            "page": page,
            "words": question_words(page.query),
            "is_checked": bool(typed_hash),
            "is_print": bool(typed_hash) and is_print_of(typed_hash, page.row),
            "values": {"hash": typed_hash},
            "errors": {},
            "most_kept": MOST_KEPT,
        }
        return Template("providers/choosing/record.html", context=context)

    @get("/{record_id:str}/results.csv", permission=Permission.CHOICES_RECORD)
    async def download(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], record_id: FromPath[str]
    ) -> Response[bytes]:
        """Download the results as CSV."""
        row = await ChoiceRecordService(db).find(principal, id_of(record_id))
        name = f"choice-record-{row.made_at:%Y-%m-%d}-{row.content_hash.hex()[:8]}.csv"
        return Response(
            # With a byte order mark, so that spreadsheets read the pound sign as UTF-8.
            as_csv(row).encode("utf-8-sig"),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _key(text: str | None) -> tuple[datetime, UUID] | None:
    """Read the key of a page: an instant in microseconds since 1970 and an id.

    Raises:
        BadRequest: It is none.
    """
    if not text:
        return None
    micros, _, record = text.partition("_")
    record_id = parse_id(record)
    if record_id is None or not (micros.isascii() and micros.isdecimal() and len(micros) <= 17):
        raise BadRequest
    return EPOCH + timedelta(microseconds=int(micros)), record_id


async def _form(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    query: MarketQuery | None,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    results = await ChoiceRecordService(db, search_of(request)).preview(principal, query) if query is not None else None
    context = {
        "question": urlsplit(query.address()).query if query is not None else "",
        "words": question_words(query) if query is not None else [],
        "results": results,
        "market_href": query.address() if query is not None else "/market",
        "most_kept": MOST_KEPT,
        "values": values,
        "errors": errors,
    }
    return Template("providers/choosing/record_new.html", context=context, status_code=422 if errors else 200)
