"""The market as JSON."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.places import METRES_PER_MILE
from marketplace.providers.routes.market import provide_reading, search_of
from marketplace.providers.schemas import ListingHit, ListingsAnswer
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.market_cards import Result
from marketplace.providers.service.market_query import FACET_LABELS, read_query


def _parameter(description: str) -> Any:
    return QueryParameter(description=description)


SEVERAL = "May come several times; any of the values will do."
Words = Annotated[FromQuery[str | None], _parameter("Words, at most 200 characters, taken as words only")]
Place = Annotated[FromQuery[str | None], _parameter("Postcode, its first half, or a town")]
Radius = Annotated[FromQuery[str | None], _parameter('0.1 to 500, or "any"; 10 when a place is given')]
Amount = Annotated[FromQuery[str | None], _parameter("Units a week for `weekly_pence`, 0.1 to 168, like 2 or 2.5")]
Sort = Annotated[FromQuery[str | None], _parameter("relevance, distance or price")]
Page = Annotated[FromQuery[str | None], _parameter("1 to 500")]
PerPage = Annotated[FromQuery[str | None], _parameter("1 to 100; 20 when absent")]
Several = FromQuery[list[str] | None]


def _any_of(name: str) -> str:
    return f"{SEVERAL} {', '.join(FACET_LABELS[name][1])}"


@get(
    "/api/v1/listings",
    permission=None,
    summary="Search listings",
    dependencies={"db": Provide(provide_reading)},
)
async def search_listings(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    q: Words = None,
    postcode: Place = None,
    radius_miles: Radius = None,
    category: Annotated[Several, _parameter(_any_of("category"))] = None,
    suits: Annotated[Several, _parameter(_any_of("suits"))] = None,
    days: Annotated[
        Several, _parameter(f"{_any_of('days')}. With `times`: any of these times on any of these days")
    ] = None,
    times: Annotated[Several, _parameter(_any_of("times"))] = None,
    price_band: Annotated[Several, _parameter(_any_of("price_band"))] = None,
    has_free_capacity: Annotated[Several, _parameter("true: only those with room now")] = None,
    languages: Annotated[Several, _parameter(_any_of("languages"))] = None,
    gender: Annotated[Several, _parameter(_any_of("gender"))] = None,
    rating: Annotated[Several, _parameter(f"Of the regulator. {_any_of('rating')}")] = None,
    run_by: Annotated[Several, _parameter(_any_of("run_by"))] = None,
    councils: Annotated[Several, _parameter(f"Ids of accrediting councils. {SEVERAL}")] = None,
    amount: Amount = None,
    sort: Sort = None,
    page: Page = None,
    per_page: PerPage = None,
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
        kind=row.kind,
        weekly_pence=row.weekly_pence,
        rating=row.rating,
        accredited_by=list(row.accredited_by),
        has_room=row.has_room,
    )
