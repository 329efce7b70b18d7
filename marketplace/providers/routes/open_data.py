"""What machines read beside the feed: the table of services, the site map, words for crawlers, the preview picture."""

from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import session_maker
from marketplace.core.errors import NotFound
from marketplace.providers.service.open_data import (
    COLUMNS,
    SiteMap,
    robots_words,
    services_csv,
    site_map_index,
    site_map_part,
)
from marketplace.providers.service.social_image import social_image

KEPT: Final = {"cache-control": "public, max-age=3600"}
XML: Final = "application/xml"


def base_of(request: Request[Any, Any, Any]) -> str:
    """Public address of the site, without a slash at its end."""
    return str(request.app.state.settings.public_url).rstrip("/")


@get("/open-data", permission=None)
async def open_data(request: Request[Any, Any, Any]) -> Template:
    """What machines may read without an account."""
    return Template("providers/open_data.html", context={"base": base_of(request), "columns": COLUMNS})


@get("/market/services.csv", permission=None)
async def services_table(request: Request[Any, Any, Any]) -> Stream:
    """All public services as a table."""
    headers = {"content-disposition": 'attachment; filename="services.csv"', **KEPT}
    return Stream(
        services_csv(session_maker(), base_of(request)), media_type="text/csv", headers=headers
    )  # fmt: skip


@get("/sitemap.xml", permission=None)
async def site_map(request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Response[str]:
    """The parts of the site map."""
    return Response(site_map_index(await SiteMap(db).parts(), base_of(request)), media_type=XML, headers=KEPT)


@get("/sitemaps/{name:str}", permission=None)
async def site_map_page(
    request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], name: FromPath[str]
) -> Response[str]:
    """One part of the site map."""
    part, dot, ending = name.rpartition(".")
    if ending != "xml" or not dot:
        raise NotFound
    return Response(site_map_part(await SiteMap(db).part(part), base_of(request)), media_type=XML, headers=KEPT)


@get("/robots.txt", permission=None)
async def robots(request: Request[Any, Any, Any]) -> Response[str]:
    """What crawlers may read."""
    return Response(robots_words(base_of(request)), media_type="text/plain", headers=KEPT)


@get("/social-preview.png", permission=None, sync_to_thread=True)
def social_preview() -> Response[bytes]:
    """The picture of social previews; other sites show it, so it may be read from them."""
    headers = {"cache-control": "public, max-age=86400", "cross-origin-resource-policy": "cross-origin"}
    return Response(social_image(), media_type="image/png", headers=headers)


OPEN_DATA_ROUTES: Final = [open_data, services_table, site_map, site_map_page, robots, social_preview]
