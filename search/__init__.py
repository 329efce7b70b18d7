"""Search over listings: documents in, ids out. Knows no table and nothing of the marketplace.

`open_backend` gives the engine of the installation: the embedded one (tantivy, an index in a folder) or a Meilisearch
server. Both answer the same questions, held to by one set of tests. The index is a copy: PostgreSQL stays the source,
`rebuild` makes the index anew, and a missing or damaged one is an `IndexUnavailable`, never a wrong answer.

Nothing that a provider pays takes part in the order of the hits.
"""

from search.backend import AsyncSearch, SearchBackend
from search.documents import (
    COUNTED,
    FACETS,
    FILTERS,
    SORTS,
    Answer,
    Excerpt,
    Hit,
    ListingDocument,
    ListingQuery,
)
from search.errors import IndexBusy, IndexUnavailable, SearchError, UnknownFilter
from search.factory import open_backend
from search.synonyms import Synonyms

__all__ = [
    "COUNTED",
    "FACETS",
    "FILTERS",
    "SORTS",
    "Answer",
    "AsyncSearch",
    "Excerpt",
    "Hit",
    "IndexBusy",
    "IndexUnavailable",
    "ListingDocument",
    "ListingQuery",
    "SearchBackend",
    "SearchError",
    "Synonyms",
    "UnknownFilter",
    "open_backend",
]
