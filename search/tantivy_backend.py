"""The embedded search engine: an index in a folder, no server."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tantivy import Query

from search.documents import Answer, ListingDocument, ListingQuery, check_query, cleaned
from search.errors import IndexUnavailable
from search.spelling import meant_words, respelt
from search.synonyms import PhraseFinder, Synonyms
from search.tantivy_question import Question
from search.tantivy_spelling import TantivyWords
from search.tantivy_store import Batch, IndexStore, Reader, guarded
from search.units import units_of
from search.words import clean, words_of


class TantivySearch:
    """`SearchBackend` on tantivy."""

    def __init__(self, folder: Path, synonyms: Synonyms | None = None, *, lock_seconds: float = 5.0) -> None:
        """Open a folder; without an index in it each question raises `IndexUnavailable` until `rebuild`.

        Args:
            synonyms: Instead of the usual ones and of those kept with the index.
            lock_seconds: Longest wait for another process that is writing; then `IndexBusy`.
        """
        self._store = IndexStore(folder, lock_seconds)
        self._own_synonyms = synonyms
        self._synonyms: tuple[list[list[str]], Synonyms] | None = None

    def upsert(self, documents: Sequence[ListingDocument]) -> None:
        """See `SearchBackend.upsert`."""
        latest = {document.id: document for document in map(cleaned, documents)}
        if latest:
            self._store.write(Batch(list(latest), list(latest.values())))

    def delete(self, ids: Sequence[str]) -> None:
        """See `SearchBackend.delete`."""
        if ids:
            self._store.write(Batch([clean(listing_id) for listing_id in ids], []))

    def rebuild(self, documents: Iterable[ListingDocument], groups: Sequence[Sequence[str]] | None = None) -> int:
        """See `SearchBackend.rebuild`. One at a time: a second one waits a moment, then raises `IndexBusy`."""
        synonyms = self._own_synonyms or Synonyms.default(groups or ())
        return self._store.rebuild(documents, PhraseFinder(synonyms.terms()), groups or ())

    def count(self) -> int:
        """See `SearchBackend.count`."""
        return int(np.count_nonzero(self._store.reader().columns.alive))

    def is_healthy(self) -> bool:
        """See `SearchBackend.is_healthy`."""
        try:
            reader = self._store.reader()
            with guarded():
                reader.searcher.search(Query.all_query(), 1)
        except IndexUnavailable:
            return False
        return True

    def close(self) -> None:
        """See `SearchBackend.close`."""
        self._store.forget()

    def suggest(self, prefix: str, limit: int = 8) -> list[str]:
        """See `SearchBackend.suggest`."""
        folded = " ".join(words_of(prefix))
        if len(folded) < 2 or limit < 1:
            return []
        with guarded():
            return self._store.reader().columns.phrases(folded, limit)

    def search(self, query: ListingQuery) -> Answer:
        """See `SearchBackend.search`."""
        began = time.perf_counter()
        check_query(query)
        reader = self._store.reader()
        synonyms = self._synonyms_of(reader)
        with guarded():
            meant = meant_words(query.text, synonyms, TantivyWords(reader.columns))
            answer = Question(reader, query, units_of(query.text, synonyms, meant)).answer()
        answer.suggestion = respelt(query.text, meant)
        answer.took_ms = (time.perf_counter() - began) * 1000
        return answer

    def _synonyms_of(self, reader: Reader) -> Synonyms:
        """Words that mean the same in this state of the index; made anew when they change."""
        if self._own_synonyms is not None:
            return self._own_synonyms
        known = self._synonyms
        if known is None or known[0] != reader.groups:
            known = self._synonyms = (reader.groups, Synonyms.default(reader.groups))
        return known[1]
