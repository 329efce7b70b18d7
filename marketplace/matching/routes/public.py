"""Pages for anybody: how a council weighs, and a shortlist behind a link."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository
from marketplace.accounts.models import Council
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import NotFound
from marketplace.core.formats import uk_date
from marketplace.matching.engine import load_inputs
from marketplace.matching.models import WeightPurpose
from marketplace.matching.pages import LONG_LIST, shortlist_view
from marketplace.matching.repository import ReferralRepository, ShortlistRepository, WeightRepository
from marketplace.matching.service import WeightService
from marketplace.matching.service.sharing import read_token
from marketplace.matching.service.shortlists import Choice, stored_ranking
from marketplace.matching.service.weights import version_of, weights_in
from marketplace.matching.weight_pages import reach_rows, table_rows
from marketplace.matching.words import PURPOSE_LABELS, RULE_LABELS
from marketplace.providers.repository.planners import PlannerRepository


@get("/how-we-match/{slug:str}", permission=None)
async def how_we_match(db: NamedDependency[AsyncSession], slug: FromPath[str]) -> Template:
    """Show how a council finds who is best placed: rules, points, who decides, and every published version."""
    council = await _council(db, slug)
    on = today(clock_of(db))
    service = WeightService(db)
    tables = []
    for purpose in WeightPurpose:
        weights, row = await service.in_force(council.id, purpose, on)
        if row is None and purpose is not WeightPurpose.PLANNING:
            continue
        tables.append(
            {
                "purpose": purpose,
                "label": PURPOSE_LABELS[purpose],
                "version": weights.version,
                "since": uk_date(row.starts_on) if row is not None and row.starts_on else "",
                "reason": row.reason if row is not None else "",
                "rows": table_rows(weights),
                "reaches": reach_rows(weights),
            }
        )
    history = [
        {
            "label": PURPOSE_LABELS[row.purpose],
            "version": version_of(row),
            "since": uk_date(row.starts_on) if row.starts_on else "",
            "is_future": row.starts_on is not None and row.starts_on > on,
            "reason": row.reason,
            "rows": table_rows(weights_in(row)),
        }
        for row in await WeightRepository(db).published(council.id)
    ]
    context = {
        "council": council,
        "tables": tables,
        "history": history,
        "rules": list(RULE_LABELS.values()),
    }
    return Template("matching/how_we_match.html", context=context)


@get("/shared-shortlist/{token:str}", permission=None)
async def shared_shortlist(
    request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], token: FromPath[str]
) -> Template:
    """Show the shortlist behind a link, to read. A link that is out of date or not ours looks like none."""
    shared = read_token(request.app.state.settings.secret_key, token[:100], today(clock_of(db)))
    if shared is None:
        raise NotFound
    # The link is the proof: it reaches the rows of its own council alone.
    await scope_to(db, [shared.council_id])
    stored = await ShortlistRepository(db).find(shared.council_id, shared.shortlist_id)
    referral = await ReferralRepository(db).find(shared.council_id, stored.referral_id)
    council = await AccountRepository(db).council(shared.council_id)
    if council is None:
        raise NotFound
    ranking, inputs = stored_ranking(stored), load_inputs(stored.inputs)
    rows = await PlannerRepository(db).with_organisation([UUID(item.id) for item in ranking.entries])
    names = {str(worker_id): (row[0].name, row[1].name) for worker_id, row in rows.items()}
    context = {
        "reference": referral.reference,
        "council": council.name,
        "slug": council.slug,
        "made_at": stored.made_at,
        "last_day": shared.last_day,
        "shortlist": shortlist_view(
            ranking,
            inputs.candidates,
            names,
            declined={key: date.fromisoformat(day) for key, day in stored.ranking["declined"].items()},
            most=LONG_LIST,
            choice=msgspec.convert(stored.ranking.get("choice"), Choice | None),
        ),
    }
    headers = {"cache-control": "private, no-store", "referrer-policy": "no-referrer"}
    return Template("matching/shared_shortlist.html", context=context, headers=headers)


async def _council(db: AsyncSession, slug: str) -> Council:
    for council in await AccountRepository(db).councils():
        if council.slug == slug:
            return council
    raise NotFound
