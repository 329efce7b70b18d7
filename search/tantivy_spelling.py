"""What the embedded index knows about words, for putting misspelt ones right."""

from collections.abc import Iterable
from typing import Final

import tantivy

from search.tantivy_store import Reader
from search.words import stem

NEAR_HITS: Final = 50
"""Listings with near words that are read for the words themselves: the engine does not tell which word it matched."""


class TantivyWords:
    """`WordCounts` of one state of the index."""

    def __init__(self, reader: Reader) -> None:
        """Bind to a state."""
        self._reader = reader
        self._searcher = reader.searcher

    def is_known(self, word: str, *, is_open: bool) -> bool:
        """See `WordCounts.is_known`."""
        if self._searcher.doc_freq("everything", stem(word)):
            return True
        return is_open and bool(self._searcher.terms_with_prefix("plain", word, None, 1))

    def near(self, word: str, typos: int) -> Iterable[str]:
        """See `WordCounts.near`."""
        query = tantivy.Query.fuzzy_term_query(self._reader.schema, "plain", word, typos, True, False)
        found = self._searcher.search(query, NEAR_HITS, count=False).hits
        return {other for _, at in found for other in (self._searcher.doc(at).get_first("plain") or "").split()}

    def how_common(self, word: str) -> int:
        """See `WordCounts.how_common`."""
        return int(self._searcher.doc_freq("everything", stem(word)))
