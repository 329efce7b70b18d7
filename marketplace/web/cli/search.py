"""Commands of the search index."""

import argparse

from marketplace.core.database import SessionMaker, transaction
from marketplace.providers.routes.api import listing_hit
from marketplace.providers.schemas import ListingsAnswer
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.market_index import rebuild_index
from marketplace.providers.service.market_query import read_query
from marketplace.web.cli.console import CommandFailed, print_figures, print_json, say
from marketplace.web.cli.installation import installation
from marketplace.web.parts import open_search
from search import IndexBusy, IndexUnavailable


def rebuild(options: argparse.Namespace) -> int:
    """Make the index anew from the database; searches go on meanwhile."""
    with installation() as place:

        async def work(maker: SessionMaker) -> int:
            search = open_search(place.settings)
            try:
                return await rebuild_index(search.backend, maker)
            finally:
                await search.close()

        try:
            count = place.run(work)
        except IndexBusy as error:
            raise CommandFailed("Another process is rebuilding the index. Try again in a minute.") from error
        except IndexUnavailable as error:
            raise CommandFailed(f"The index cannot be written: {error}") from error
    if options.json:
        print_json({"documents": count})
    else:
        print_figures({"documents": count})
    return 0


def query(options: argparse.Namespace) -> int:
    """Ask the market as the page and `/api/v1/listings` do."""
    asked = {"q": options.text, "postcode": options.postcode or "", "per_page": str(min(100, options.limit))}
    with installation() as place:

        async def work(maker: SessionMaker) -> ListingsAnswer:
            search = open_search(place.settings)
            try:
                question = read_query(asked, for_page=False)
                async with transaction(maker) as db:
                    results = await MarketService(db, search).search(question)
            finally:
                await search.close()
            return ListingsAnswer(
                total=results.total,
                page=question.page,
                per_page=question.per_page,
                facets=results.facets,
                results=[listing_hit(row, place.settings.public_url) for row in results.rows],
                suggestion=results.suggestion,
                place=results.where.label or None,
                notice=results.where.notice or None,
            )

        answer = place.run(work)
    if options.json:
        print_json(answer)
        return 0
    say(f"{answer.total:,} found")
    for hit in answer.results:
        away = f"{hit.distance_miles:5.1f} miles" if hit.distance_miles is not None else " " * 11
        print(f"{away}  {hit.name} ({hit.provider}, {hit.category})  {hit.url}")
    return 0
