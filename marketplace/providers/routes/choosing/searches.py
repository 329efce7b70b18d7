"""Pages of one's own saved searches."""

from typing import Any
from urllib.parse import urlsplit

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData, typed
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.routes.market import search_of
from marketplace.providers.service.market_query import MarketQuery, read_query
from marketplace.providers.service.saved_searches import (
    LONGEST_NAME,
    WATCHED,
    SavedSearchService,
    SearchForm,
    query_of,
    question_words,
    read_parameters,
)

OFTEN = (
    ("daily", "Every day, if there is something new"),
    ("weekly", "Once a week, if there is something new"),
    ("never", "Do not email me. I look myself"),
)


class SavedSearchController(Controller):
    """One's own saved searches."""

    path = "/saved-searches"

    @get("/", permission=Permission.SAVED_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List them."""
        rows = await SavedSearchService(db, None).mine(principal)
        items = [(row, ", ".join(question_words(query_of(row)))) for row in rows]
        return Template("providers/choosing/searches.html", context={"items": items})

    @get("/new", permission=Permission.SAVED_OWN)
    async def ask(self, request: Request[Any, Any, Any]) -> Template:
        """Ask for a name and how often to tell; the address carries the question as the search page's does."""
        try:
            query = read_query(request.query_params.dict())
        except InvalidInput as error:
            return _form(None, {}, {"form": next(iter(error.fields.values()))})
        return _form(query, {"often": "daily", "name": ", ".join(question_words(query))[:LONGEST_NAME]}, {})

    @post("/", permission=Permission.SAVED_OWN)
    async def save(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep the question."""
        query: MarketQuery | None = None

        async def act() -> str:
            nonlocal query
            query = read_parameters(str(data.get("question", "")))
            row = await SavedSearchService(db, search_of(request)).save(principal, query, SearchForm.read(data))
            flash(request, "Search saved. We tell you when something new appears" if row.is_telling else "Search saved")
            return "/saved-searches"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return _form(query, typed(data), error.fields)

    @get("/{search_id:str}", permission=Permission.SAVED_OWN)
    async def show(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        search_id: FromPath[str],
    ) -> Template:
        """Show what is new."""
        page = await SavedSearchService(db, search_of(request)).page(principal, id_of(search_id))
        return Template("providers/choosing/search.html", context={"page": page, "watched": WATCHED})

    @post("/{search_id:str}/open", permission=Permission.SAVED_OWN)
    async def open(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        search_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Mark everything as seen and go to the search."""
        wanted = id_of(search_id)

        async def act() -> str:
            return await SavedSearchService(db, search_of(request)).open(principal, wanted)

        return await attempt(request, db, principal.actor, data, act)

    @post("/{search_id:str}/telling", permission=Permission.SAVED_OWN)
    async def tell(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        search_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Pause it, or go on."""
        wanted = id_of(search_id)
        is_telling = data.get("telling") == "yes"

        async def act() -> str:
            await SavedSearchService(db, None).tell(principal, wanted, is_telling=is_telling)
            flash(request, "We tell you when something new appears" if is_telling else "Search paused")
            return f"/saved-searches/{wanted}"

        return await attempt(request, db, principal.actor, data, act)

    @post("/{search_id:str}/delete", permission=Permission.SAVED_OWN)
    async def delete(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        search_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Delete it."""
        wanted = id_of(search_id)

        async def act() -> str:
            await SavedSearchService(db, None).delete(principal, wanted)
            flash(request, "Saved search deleted")
            return "/saved-searches"

        return await attempt(request, db, principal.actor, data, act)


def _form(query: MarketQuery | None, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "question": urlsplit(query.address()).query if query is not None else "",
        "words": question_words(query) if query is not None else [],
        "is_usable": query is not None,
        "market_href": query.address() if query is not None else "/market",
        "often": OFTEN,
        "values": values,
        "errors": errors,
    }
    return Template("providers/choosing/search_new.html", context=context, status_code=422 if errors else 200)
