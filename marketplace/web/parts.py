"""Parts of a web or worker process that live as long as it does: the search index, the card gateway."""

from pathlib import Path
from typing import Any

from marketplace.core.settings import Settings
from marketplace.payments.service.cards import open_cards
from marketplace.providers.service.market_index import use_search
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


def open_parts(settings: Settings) -> dict[str, Any]:
    """Open the parts named in `app.state`."""
    cards = open_cards(settings)
    return {"search": open_search(settings), "cards": cards}
