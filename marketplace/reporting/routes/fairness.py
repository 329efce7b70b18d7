"""Whether everybody is served alike, and the first page of matching."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import BadRequest
from marketplace.core.spreadsheets import csv_text
from marketplace.reporting.service.fairness import HEADINGS, PERIODS, FairnessService
from marketplace.reporting.service.matching import MatchingDeskService


def _months(request: Request[Any, Any, Any]) -> int:
    months = request.query_params.get("months") or "12"
    if months not in {str(number) for number, _ in PERIODS}:
        raise BadRequest
    return int(months)


@get("/matching", permission=Permission.MATCH_READ)
async def matching(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show what waits, what was proposed last, and the way to the rest."""
    context = {
        "page": await MatchingDeskService(db).page(principal),
        "council_slug": principal.council_slug,
        "may_run": principal.may(Permission.MATCH_RUNS),
        "may_publish": principal.may(Permission.WEIGHTS_PUBLISH),
    }
    return Template("reporting/matching.html", context=context)


@get("/matching/fairness", permission=Permission.MATCH_READ)
async def fairness(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
) -> Template:
    """Show waiting, distance and fit by group, and work by organisation."""
    page = await FairnessService(db).page(principal, _months(request))
    return Template("reporting/fairness.html", context={"page": page, "periods": PERIODS})


@get("/matching/fairness/figures.csv", permission=Permission.MATCH_READ)
async def fairness_csv(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
) -> Response[str]:
    """Give the same figures as a file."""
    rows = await FairnessService(db).file(principal, _months(request))
    return Response(
        csv_text([tuple(HEADINGS.values()), *rows]),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="fairness.csv"'},
    )
