"""One press that says "nothing here suits me"."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import Forbidden, NotFound
from marketplace.core.web import FormData, submit
from marketplace.providers.repository.demand import DemandRepository
from marketplace.providers.service.demand import TIMES_OF_DAY, DemandService, Looked
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.market_query import LONGEST_PLACE, LONGEST_WORDS
from marketplace.providers.service.words import WEEKDAYS

NOWHERE = "elsewhere"
LONGEST_SLUG = 60


def _every(data: FormData, name: str) -> list[str]:
    value = data.get(name) or []
    return [str(item) for item in (value if isinstance(value, list) else [value])][:10]


# No account and no cookie, so that pressing it needs neither; it only counts. Other sites' pages are refused below.
@post("/unmet-need", permission=None, csrf=False, status_code=303)
async def say_unmet(
    request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], data: URLEncodedBody[FormData]
) -> Redirect:
    """Count a wish that the market does not meet."""
    if request.headers.get("sec-fetch-site") not in (None, "same-origin", "none"):
        raise Forbidden("This form was sent from another site.")
    words, place, category = ((_every(data, name) or [""])[0] for name in ("q", "postcode", "category"))
    where = await MarketService(db, None).where(place[:LONGEST_PLACE].strip())
    looked = Looked(
        words=words[:LONGEST_WORDS],
        category=category,
        days=[day for day in WEEKDAYS if day in _every(data, "days")],
        times_of_day=[name for name in TIMES_OF_DAY if name in _every(data, "times")],
        place=place[:LONGEST_PLACE],
        lat=where.lat,
        lon=where.lon,
        lad_code=where.lad_code,
    )

    async def act() -> str:
        council = await DemandService(db).say(looked)
        return f"/unmet-need/thanks/{council.slug if council else NOWHERE}"

    return await submit(request, db, "visitor", data, act)


@get("/unmet-need/thanks/{slug:str}", permission=None)
async def thanks(db: NamedDependency[AsyncSession], slug: FromPath[str]) -> Template:
    """Say what happens with it."""
    if len(slug) > LONGEST_SLUG or "\x00" in slug:
        raise NotFound
    council = None if slug == NOWHERE else await DemandRepository(db).council_by_slug(slug)
    if council is None and slug != NOWHERE:
        raise NotFound
    return Template("providers/unmet_thanks.html", context={"council": council})


ROUTES = [say_unmet, thanks]
