"""What people looked for and did not find."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import BadRequest
from marketplace.core.spreadsheets import csv_text
from marketplace.reporting.service.unmet_need import PERIODS, SOURCES, UnmetNeedService


def _asked(request: Request[Any, Any, Any]) -> tuple[int, str]:
    weeks = request.query_params.get("weeks") or "13"
    source = request.query_params.get("source") or ""
    if weeks not in {str(number) for number, _ in PERIODS} or source not in SOURCES:
        raise BadRequest
    return int(weeks), source


@get("/unmet-need", permission=Permission.DEMAND_READ)
async def unmet_need(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
) -> Template:
    """Show it by area, kind and time."""
    page = await UnmetNeedService(db).page(principal, *_asked(request))
    context = {"page": page, "periods": PERIODS, "sources": list(SOURCES.items()), "council": principal.council_name}
    return Template("reporting/unmet_need.html", context=context)


@get("/unmet-need/figures.csv", permission=Permission.DEMAND_READ)
async def unmet_need_csv(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
) -> Response[str]:
    """Give the counts by area and kind as a file."""
    rows = await UnmetNeedService(db).rows(principal, *_asked(request))
    return Response(
        csv_text([("area", "kind", "times"), *rows]),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="unmet-need.csv"'},
    )
