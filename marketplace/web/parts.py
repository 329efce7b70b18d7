"""Parts of a web or worker process that live as long as it does: the search index, the card gateway."""

from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.files.scanner import scanner_of, use_scanner
from marketplace.core.settings import Settings
from marketplace.payments.service.cards import open_cards
from marketplace.people import BudgetRepository
from marketplace.people.income import direct_own_weekly, direct_weekly
from marketplace.people.models import BudgetStatus, FundingRoute
from marketplace.providers.service.market_index import use_search
from marketplace.providers.service.weekly import Purse
from search import AsyncSearch, open_backend

SEARCH_FOLDER = "search"
"""Folder of the embedded index, inside the data directory."""


def search_folder(settings: Settings) -> Path:
    """Where the embedded index stands."""
    return settings.data_dir / SEARCH_FOLDER


def open_search(settings: Settings) -> AsyncSearch:
    """Open the search engine of the installation for this process: pages and tasks use the same one.

    An index that is not there yet is no error here: the first search that misses it has it built.
    """
    search = AsyncSearch(open_backend(search_folder(settings), settings.meilisearch_url, settings.meilisearch_api_key))
    use_search(search)
    return search


async def weekly_budget(db: AsyncSession, principal: Principal) -> Purse | None:
    """Return the agreed direct payment of the person who asks, or whom they act for; None without one.

    Given to the market's pages as `app.state.weekly_budget`, since `providers` does not know budgets.
    """
    if principal.person_id is None:
        return None
    budget = await BudgetRepository(db).current(principal.council_id, principal.person_id, today(clock_of(db)))
    if budget is None or budget.status is not BudgetStatus.FINAL or budget.route is not FundingRoute.DIRECT_PAYMENT:
        return None
    return Purse(weekly_pence=direct_weekly(budget), own_weekly_pence=direct_own_weekly(budget))


def open_parts(settings: Settings) -> dict[str, Any]:
    """Open the parts named in `app.state`, and set what the whole process uses."""
    use_scanner(scanner_of(settings))
    cards = open_cards(settings)
    return {"search": open_search(settings), "cards": cards}
