"""The market's public pages: search, a listing, an entry of the register. Nobody needs to sign in or gets a cookie."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency, Provide
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import reading, session_maker
from marketplace.core.errors import InvalidInput
from marketplace.providers.routes.market_view import form_context, looked_for, printable
from marketplace.providers.service.demand import DemandService
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.market_query import lenient_query, read_query
from marketplace.providers.service.social import PageMeta, market_meta
from marketplace.providers.service.suggestions import place_names, suggestions
from marketplace.providers.service.weekly import Purse
from search import AsyncSearch

FIELDS = frozenset({"q", "postcode", "radius_miles", "amount", "sort"})
"""Fields of the search form that are always on the page."""
RESULTS_ID = "market-results"
"""The part of the page that htmx replaces."""
MOST_FEW = 10
"""No council counts a search with so many results as unmet need; below, its own measure decides."""
SUGGESTIONS_CACHE = {"cache-control": "public, max-age=300"}
PLACES_CACHE = {"cache-control": "public, max-age=86400"}

PurseReader = Callable[[AsyncSession, Principal], Awaitable[Purse | None]]


def search_of(request: Request[Any, Any, Any]) -> AsyncSearch | None:
    """Return the search engine of this process, None when it opened none."""
    found: AsyncSearch | None = request.app.state.get("search")
    return found


async def purse_of(request: Request[Any, Any, Any], db: AsyncSession, visitor: Principal | None) -> Purse | None:
    """Return the direct payment of who is signed in; budgets are other packages' rows, so `web` gives the reader."""
    reader: PurseReader | None = request.app.state.get("weekly_budget")
    if reader is None or visitor is None or visitor.person_id is None:
        return None
    return await reader(db, visitor)


async def provide_reading(visitor: NamedDependency[Principal | None]) -> AsyncGenerator[AsyncSession, None]:
    """Give a public page its transaction."""
    async with reading(session_maker(), visitor.councils if visitor else ()) as db:
        yield db


@get("/market", permission=None, dependencies={"db": Provide(provide_reading)})
async def market_page(
    request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], visitor: NamedDependency[Principal | None]
) -> Template:
    """Search the market: the whole page, or for htmx the results and the filters with their counts."""
    given = request.query_params.dict()
    is_fragment = request.headers.get("hx-request") == "true" and request.headers.get("hx-target") == RESULTS_ID
    # One address, two bodies: no cache may take one for the other.
    headers = {"vary": "HX-Request"}
    try:
        query = read_query(given)
    except InvalidInput as error:
        context = form_context(lenient_query(given), None, {})
        context["values"] = {name: printable(value[-1]) for name, value in given.items() if value}
        # A message leads to its field; what has none on the page (a page number, a filter) goes without a link.
        context["errors"] = {name if name in FIELDS else "form": message for name, message in error.fields.items()}
        context["meta"] = _meta(request, 1, is_searched=True)
        return _page(context, is_fragment, headers, 422)
    service = MarketService(db, search_of(request))
    results = await service.search(query, purse=await purse_of(request, db, visitor))
    councils = await service.councils_to_choose(query, results, visitor)
    context = form_context(query, results, councils)
    is_searched = bool(query.words or query.place or query.chosen)
    context["meta"] = _meta(request, query.page, is_searched=is_searched)
    context["may_record"] = visitor is not None and visitor.may(Permission.CHOICES_RECORD)
    context["councils"] = await service.council_to_ring(results.where) if not results.rows else []
    if not is_fragment and query.page == 1 and results.is_counted and results.total < MOST_FEW:
        # Last, since it narrows the transaction to the council that sees what was missing.
        await DemandService(db).note_few(looked_for(query, results), results.total)
    if is_fragment:
        headers["hx-push-url"] = query.address(page=query.page if query.page > 1 else "")
    return _page(context, is_fragment, headers, 200)


def _meta(request: Request[Any, Any, Any], page: int, *, is_searched: bool) -> PageMeta:
    return market_meta(request.app.state.settings.public_url, page=page, is_searched=is_searched)


def _page(context: dict[str, Any], is_fragment: bool, headers: dict[str, str], status: int) -> Template:
    name = "providers/_market.html" if is_fragment else "providers/market.html"
    context["is_fragment"] = is_fragment
    return Template(name, context=context, headers=headers, status_code=status)


@get("/market/suggestions", permission=None)
async def market_suggestions(request: Request[Any, Any, Any]) -> Template:
    """Complete what somebody types: options of the search field's list."""
    found = await suggestions(search_of(request), str(request.query_params.get("q", ""))[:200])
    return Template("providers/_suggestions.html", context={"found": found}, headers=SUGGESTIONS_CACHE)


@get("/market/places", permission=None)
async def market_places() -> Template:
    """Name the towns we know, once for all typing: nothing that somebody types about where they live is sent."""
    return Template("providers/_suggestions.html", context={"found": place_names()}, headers=PLACES_CACHE)
