"""Versions of a council's points: the list, a new draft, one of them, and one worked out again."""

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.people.ras.fingerprint import rerun
from marketplace.people.ras.preview import value_words
from marketplace.people.ras.repository import RasRepository
from marketplace.people.ras.service import RasService
from marketplace.people.routes_ras.page import version_page
from marketplace.people.routes_ras.shared import WORDS, version_of
from marketplace.people.states import RasStatus


class RasController(Controller):
    """Versions of a council's points."""

    path = "/ras"

    @get("/", permission=Permission.RAS_READ)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List versions, newest first."""
        repository = RasRepository(db)
        on = today(clock_of(db))
        context = {
            "versions": await repository.versions(principal.council_id),
            "current": await repository.current(principal.council_id, on),
            "on": on,
            "may_draft": principal.may(Permission.RAS_DRAFT),
            **WORDS,
        }
        return Template("people/ras/index.html", context=context)

    @post("/new", permission=Permission.RAS_DRAFT)
    async def new(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Begin a draft, from another version where one is named."""
        given = str(data.get("from") or "")
        copied = parse_id(given)
        if given and copied is None:
            raise NotFound

        async def action() -> str:
            row = await RasService(db).draft(principal, copied)
            flash(request, f"Draft version {row.number} is ready to be worked on")
            return f"/ras/{row.id}"

        return await submit(request, db, principal.actor, data, action)

    @get("/{version_id:str}", permission=Permission.RAS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        mean: Annotated[str, QueryParameter(name="mean", max_length=12)] = "",
    ) -> Template:
        """Show a version: its points, what they mean for the sample, and what can be done with it."""
        row = await version_of(db, principal, version_id)
        return await version_page(db, principal, row, asked=mean)

    @get("/{version_id:str}/rerun", permission=Permission.RAS_READ)
    async def run_again(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Work a published version out again from its stored sample, and hold it against what is stored."""
        row = await version_of(db, principal, version_id)
        if row.status is not RasStatus.PUBLISHED:
            raise NotFound
        again = rerun(row, await RasRepository(db).cases(row))
        return Template("people/ras/rerun.html", context={"row": row, "again": again, "value": value_words})
