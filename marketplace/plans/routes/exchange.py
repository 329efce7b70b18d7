"""Pages of the exchange with the case system, and its published schemas."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import csv_text
from marketplace.core.textfiles import UnreadableFile
from marketplace.core.web import FormData, submit
from marketplace.plans.exchange_layout import EXPORTS, FORMATS, REFERRALS, schema
from marketplace.plans.service.exchange import ExchangeService
from marketplace.plans.service.exchange_out import ExportService

MOST_ROWS = 5_000
"""Rows of a file on the page. The command line takes any number."""
LARGEST_FILE = 5_000_000
MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
LAYOUTS = ("referrals", *EXPORTS)


class ExchangeController(Controller):
    """Hand-overs of a council."""

    path = "/exchange"

    @get("/", permission=Permission.EXCHANGE)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List hand-overs; take a file in, give one out."""
        return await _index(db, principal, {})

    @post("/", permission=Permission.EXCHANGE, **UPLOAD)
    async def take(self, request: Request[Any, Any, Any], principal: NamedDependency[Principal]) -> Redirect | Template:
        """Take a file of referrals; its rows are taken in the background, and its page says what became of each."""
        given = await FileForm.read(request)
        async with transaction(session_maker(), principal.councils) as db:
            try:
                files = given.files.get("file", [])
                if not files or not files[0].content:
                    raise InvalidInput({"file": "Choose a file"})
                if len(files[0].content) > LARGEST_FILE:
                    raise InvalidInput({"file": "The file must be 5 MB or smaller"})

                async def act() -> str:
                    run = await ExchangeService(db).accept(principal, files[0].name, files[0].content, MOST_ROWS)
                    flash(request, "The file is here. Its rows are taken in now")
                    return f"/exchange/{run.id}"

                async with db.begin_nested():
                    return await submit(request, db, principal.actor, given.content, act)
            except UnreadableFile as error:
                return await _index(db, principal, {"file": str(error)})
            except InvalidInput as error:
                return await _index(db, principal, error.fields)

    @post("/export", permission=Permission.EXCHANGE, status_code=200)
    async def give(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Response[bytes]:
        """Give plans or outcomes as a file; that they went out is noted."""
        form = FormReader(data)
        what = form.option("what", "what to download", EXPORTS)
        kind = form.option("format", "the format", FORMATS)
        if form.errors:
            return await _index(db, principal, form.errors)
        content, _ = await ExportService(db).give(principal, principal.council_id, what, kind)
        headers = {"Content-Disposition": f'attachment; filename="{what}.{kind}"', "Cache-Control": "private, no-store"}
        return Response(content, media_type=MEDIA[kind], headers=headers)

    @get("/schema/{name:str}", permission=None)
    async def published(self, name: FromPath[str]) -> Response[dict[str, Any]]:
        """Publish the JSON Schema of a layout."""
        layout = name.removesuffix(".json")
        if layout not in LAYOUTS or not name.endswith(".json"):
            raise NotFound
        return Response(schema(layout), media_type="application/schema+json")

    @get("/{run_id:str}", permission=Permission.EXCHANGE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], run_id: FromPath[str]
    ) -> Template:
        """Show what became of each row that was refused."""
        run = await ExchangeService(db).run(principal, _id(run_id))
        return Template("plans/exchange/show.html", context={"run": run})

    @get("/{run_id:str}/progress", permission=Permission.EXCHANGE)
    async def progress(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], run_id: FromPath[str]
    ) -> Template:
        """Show how far a run is, for the page that waits."""
        run = await ExchangeService(db).run(principal, _id(run_id))
        return Template("plans/exchange/_progress.html", context={"run": run})

    @get("/{run_id:str}/problems.csv", permission=Permission.EXCHANGE)
    async def problems(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], run_id: FromPath[str]
    ) -> Response[str]:
        """Give the problems as a file."""
        run = await ExchangeService(db).run(principal, _id(run_id))
        lines = [(item["row"], item["column"], item["problem"]) for item in run.problems]
        return Response(
            csv_text([("row", "column", "problem"), *lines]),
            media_type=MEDIA["csv"],
            headers={"Content-Disposition": 'attachment; filename="problems.csv"'},
        )


async def _index(db: AsyncSession, principal: Principal, errors: dict[str, str]) -> Template:
    runs = await ExchangeService(db).runs(principal)
    context = {
        "runs": runs,
        "names": await AccountRepository(db).names({run.started_by_user_id for run in runs if run.started_by_user_id}),
        "columns": [[column.name, column.meaning, "Yes" if column.is_required else "No"] for column in REFERRALS],
        "exports": [(name, name.capitalize()) for name in EXPORTS],
        "formats": [(name, name.upper()) for name in FORMATS],
        "layouts": LAYOUTS,
        "most": MOST_ROWS,
        "errors": errors,
    }
    return Template("plans/exchange/index.html", context=context, status_code=422 if errors else 200)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
