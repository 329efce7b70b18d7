"""The market as JSON."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.places import METRES_PER_MILE
from marketplace.providers.routes.market import search_of
from marketplace.providers.schemas import ListingHit, ListingsAnswer
from marketplace.providers.service.market import MarketService, Result
from marketplace.providers.service.market_query import read_query


@get("/api/v1/listings", permission=None, summary="Search listings")
async def search_listings(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    q: Annotated[FromQuery[str | None], QueryParameter(description="Words, at most 200 characters")] = None,
    postcode: Annotated[
        FromQuery[str | None], QueryParameter(description="Postcode, its first half, or a town")
    ] = None,
    radius_miles: Annotated[
        FromQuery[str | None], QueryParameter(description='0.1 to 500, or "any"; 10 when a place is given')
    ] = None,
    category: Annotated[FromQuery[list[str] | None], QueryParameter(description="May come several times")] = None,
    sort: Annotated[FromQuery[str | None], QueryParameter(description="relevance, distance or price")] = None,
    page: Annotated[FromQuery[str | None], QueryParameter(description="1 to 500")] = None,
    per_page: Annotated[FromQuery[str | None], QueryParameter(description="1 to 100; 20 when absent")] = None,
) -> ListingsAnswer:
    """Search listings as the page does. Values that make no sense are refused (422), never guessed."""
    # The parameters are declared for the description of the API; they are read in one place, for page and API alike.
    query = read_query(request.query_params.dict(), for_page=False)
    results = await MarketService(db, search_of(request)).search(query)
    base = request.app.state.settings.public_url
    return ListingsAnswer(
        total=results.total,
        page=query.page,
        per_page=query.per_page,
        facets=results.facets,
        results=[listing_hit(row, base) for row in results.rows],
        suggestion=results.suggestion,
        place=results.where.label or None,
        notice=results.where.notice or None,
    )


def listing_hit(row: Result, base: str) -> ListingHit:
    """Write one result for machines."""
    metres = row.distance_metres
    return ListingHit(
        id=row.id,
        name=row.name,
        provider=row.provider,
        category=row.category,
        distance_miles=round(metres / METRES_PER_MILE, 1) if metres is not None else None,
        price_pence=row.price_pence,
        price_unit=row.price_unit,
        url=f"{base}{row.url}",
    )
