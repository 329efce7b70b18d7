"""The public register of personal assistants."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest
from marketplace.core.web import typed
from marketplace.providers.repository.pa_register import PAGE, PaRegisterRepository
from marketplace.providers.routes.workforce.common import page_start

HEADERS: Final = {"x-robots-tag": "noindex"}
"""People who work alone stand here by name: to be looked up, not to be found by their name elsewhere."""
LONGEST: Final = 80


@get("/pa-register", permission=None)
async def pa_register_page(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    council: FromQuery[str | None] = None,
    words: FromQuery[str | None] = None,
    name: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
) -> Template:
    """Show who is approved and counts today; by council, and by name or town."""
    start = page_start(after)
    if start is not None and (not name or "\x00" in name or len(name) > 500):
        raise BadRequest
    councils = await AccountRepository(db).councils()
    chosen = next((one for one in councils if one.slug == council), None)
    if council and chosen is None:
        raise BadRequest
    wanted = str(typed({"words": words or ""})["words"]).strip()[:LONGEST]
    repository = PaRegisterRepository(db)
    found = await repository.public_page(
        today(clock_of(db)),
        council_id=chosen.id if chosen else None,
        words=wanted,
        after=(name, start) if start is not None and name else None,
    )
    shown = found[:PAGE]
    listings = await repository.listings([row.organisation_id for row in shown])
    following = ""
    if len(found) > PAGE:
        last = shown[-1]
        key = {"council": council or "", "words": wanted, "name": last.name, "after": str(last.approval_id)}
        following = f"/pa-register?{urlencode(key)}"
    context = {
        "rows": [
            {
                "row": row,
                "last_day": row.approved_until - timedelta(days=1),
                "listing": listings.get(row.organisation_id),
            }
            for row in shown
        ],
        "councils": [(one.slug, one.name) for one in councils],
        "council": council or "",
        "words": wanted,
        "next_href": following,
    }
    return Template("providers/workforce/pa_register.html", context=context, headers=HEADERS)
