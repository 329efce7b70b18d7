"""Chooses the search engine of the installation."""

from pathlib import Path

from search.backend import SearchBackend
from search.synonyms import Synonyms


def open_backend(
    index_dir: Path, meilisearch_url: str | None, api_key: str | None, synonyms: Synonyms | None = None
) -> SearchBackend:
    """Open Meilisearch when an address is given, else the embedded index.

    Args:
        index_dir: Folder of the embedded index; made by the first `rebuild`.
        meilisearch_url: Address with scheme, like `http://127.0.0.1:7700`.
        api_key: Key that may search, write documents, change settings and swap indexes.
        synonyms: Instead of the usual ones, `Synonyms.default(extra)` for instance.
    """
    # Imported here: the client of the server brings libraries that an installation without one need not load.
    if meilisearch_url:
        from search.meilisearch_backend import MeilisearchSearch

        return MeilisearchSearch(meilisearch_url, api_key, synonyms)
    from search.tantivy_backend import TantivySearch

    return TantivySearch(index_dir, synonyms)
