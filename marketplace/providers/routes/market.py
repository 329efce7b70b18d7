"""The market's public pages: search, a listing, an entry of the register. Nobody needs to sign in or gets a cookie."""

import unicodedata
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.ids import parse_id
from marketplace.providers.models import CATEGORY_LABELS
from marketplace.providers.service.listing_page import ListingPageService
from marketplace.providers.service.market import MarketService, Results
from marketplace.providers.service.market_query import (
    ALL_KINDS,
    ANY_DISTANCE,
    FACET_LABELS,
    LAST_PAGE,
    RADIUS_CHOICES,
    SORT_CHOICES,
    MarketQuery,
    lenient_query,
    read_query,
)
from search import AsyncSearch

LONGEST_LOCATION_ID = 40
FIELDS = frozenset({"q", "postcode", "radius_miles", "sort"})
"""Fields of the search form that are always on the page."""


class Option(msgspec.Struct, frozen=True):
    """A value to tick, with how many results it has."""

    value: str
    label: str
    count: int
    is_chosen: bool


class Facet(msgspec.Struct, frozen=True):
    """A group of values to tick."""

    name: str
    heading: str
    options: list[Option]
    is_open: bool


def search_of(request: Request[Any, Any, Any]) -> AsyncSearch | None:
    """Return the search engine of this process, None when it opened none."""
    found: AsyncSearch | None = request.app.state.get("search")
    return found


@get("/market", permission=None)
async def market_page(request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Template:
    """Search the market."""
    given = request.query_params.dict()
    try:
        query = read_query(given)
    except InvalidInput as error:
        context = _form_context(lenient_query(given), None)
        context["values"] = {name: _printable(value[-1]) for name, value in given.items() if value}
        # A message leads to its field; what has none on the page (a page number, a filter) goes without a link.
        context["errors"] = {name if name in FIELDS else "form": message for name, message in error.fields.items()}
        return Template("providers/market.html", context=context, status_code=422)
    service = MarketService(db, search_of(request))
    results = await service.search(query)
    context = _form_context(query, results)
    context["councils"] = await service.council_to_ring(results.where) if not results.rows else []
    return Template("providers/market.html", context=context)


@get("/market/{listing_id:str}", permission=None)
async def listing_page(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    visitor: NamedDependency[Principal | None],
    listing_id: FromPath[str],
) -> Template:
    """Show one offer."""
    wanted = parse_id(listing_id)
    if wanted is None:
        raise NotFound
    page = await ListingPageService(db).listing(wanted)
    # A visitor may press the button: the booking page asks them to sign in and comes back.
    may_book = visitor is None or visitor.may(Permission.BOOKINGS_REQUEST)
    return Template("providers/listing.html", context={"page": page, "may_book": may_book})


@get("/market/register/{location_id:str}", permission=None)
async def register_page(db: NamedDependency[AsyncSession], location_id: FromPath[str]) -> Template | Redirect:
    """Show what the regulator's register says of a place."""
    if len(location_id) > LONGEST_LOCATION_ID or "\x00" in location_id:
        raise NotFound
    page = await ListingPageService(db).register(location_id)
    return Template("providers/register.html", context={"page": page})


def _printable(text: str) -> str:
    """Return what was typed as far as a page can hold it: its start, without controls and unassigned characters."""
    return "".join(char for char in str(text)[:300] if unicodedata.category(char) not in ("Cc", "Cs", "Cn"))


def _form_context(query: MarketQuery, results: Results | None) -> dict[str, Any]:
    facets = _facets(query, results.facets if results else {})
    pages = -(-results.total // query.per_page) if results else 0
    pages = min(pages, LAST_PAGE)
    return {
        "query": query,
        "results": results,
        "values": {
            "q": query.words,
            "postcode": query.place,
            "radius_miles": query.radius_choice,
            "sort": query.sort,
        },
        "errors": {},
        "facets": facets,
        "understood": CATEGORY_LABELS[query.understood] if query.understood else "",
        "all_kinds_href": query.address(kinds=ALL_KINDS),
        "chips": _chips(query),
        "radius_choices": RADIUS_CHOICES,
        "sort_choices": SORT_CHOICES,
        "councils": [],
        "page_count": pages,
        "pages": _page_links(query, pages),
        "previous_href": query.address(page=query.page - 1) if 1 < query.page <= pages else "",
        "next_href": query.address(page=query.page + 1) if query.page < pages else "",
        "first": (query.page - 1) * query.per_page + 1,
        "ways_out": _ways_out(query, results),
        "did_you_mean": query.address(q=results.suggestion) if results and results.suggestion else "",
        "near_href": query.address(postcode=results.where.near) if results and results.where.near else "",
    }


def _facets(query: MarketQuery, counts: dict[str, dict[str, int]]) -> list[Facet]:
    """Give the values that can be ticked: those with results, and those that are ticked already."""
    facets = []
    for name, (heading, labels) in FACET_LABELS.items():
        ticked = query.chosen.get(name, [])
        found = counts.get(name, {})
        options = [
            Option(value, label, found.get(value, 0), value in ticked)
            for value, label in labels.items()
            if found.get(value) or value in ticked
        ]
        if options:
            facets.append(Facet(name, heading, options, name == "category" or bool(ticked)))
    return facets


def _chips(query: MarketQuery) -> list[tuple[str, str]]:
    """Give what is chosen as (words, address without it)."""
    chips = []
    if query.words:
        chips.append((f"“{query.words}”", query.address(q="")))
    if query.place:
        chips.append((f"Near {query.place}", query.address(postcode="")))
    for name, values in query.chosen.items():
        labels = FACET_LABELS[name][1]
        chips += [(labels[value], query.address(without=(name, value))) for value in values]
    return chips


def _page_links(query: MarketQuery, pages: int) -> list[Any]:
    if pages < 2:
        return []
    shown = sorted({1, pages, *(n for n in range(query.page - 1, query.page + 2) if 1 <= n <= pages)})
    links: list[Any] = []
    for before, number in zip([0, *shown], shown, strict=False):
        if number - before > 1:
            links.append("…")
        links.append((number, query.address(page=number), number == query.page))
    return links


def _ways_out(query: MarketQuery, results: Results | None) -> Iterable[tuple[str, str]]:
    """Suggest what to do when nothing was found."""
    if results is None or results.rows:
        return []
    ways = []
    if query.page > 1:
        ways.append(("Go to the first page of results", query.address()))
    if results.where.label and query.limit_miles is not None:
        wider = [(value, label) for value, label in RADIUS_CHOICES if value != ANY_DISTANCE]
        wider = [(value, label) for value, label in wider if float(value) > query.limit_miles][:1]
        for value, label in wider or [(ANY_DISTANCE, "any distance")]:
            ways.append((f"Search within {label}" if wider else "Search at any distance",
                         query.address(radius_miles=value)))  # fmt: skip
    if query.chosen:
        cleared = MarketQuery(
            words=query.words, place=query.place, miles=query.miles, is_far_as_usual=query.is_far_as_usual
        )
        ways.append(("Remove all filters", cleared.address()))
    if query.words and (query.place or query.chosen):
        ways.append(("See everything near you" if query.place else "See everything", query.address(q="")))
    return ways
