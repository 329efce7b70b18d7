"""The embedded search engine: an index in a folder, no server."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tantivy import Query

from search.documents import Answer, ListingDocument, ListingQuery, check_query
from search.errors import IndexUnavailable
from search.spelling import meant_words, respelt
from search.synonyms import PhraseFinder, Synonyms
from search.tantivy_question import Question
from search.tantivy_spelling import TantivyWords
from search.tantivy_store import Batch, IndexStore, guarded
from search.units import units_of
from search.words import words_of


class TantivySearch:
    """`SearchBackend` on tantivy."""

    def __init__(self, folder: Path, synonyms: Synonyms | None = None, *, lock_seconds: float = 5.0) -> None:
        """Open a folder; without an index in it each question raises `IndexUnavailable` until `rebuild`.

        Args:
            lock_seconds: Longest wait for another process that is writing; then `IndexBusy`.
        """
        self._store = IndexStore(folder, lock_seconds)
        self._synonyms = synonyms or Synonyms.default()

    def upsert(self, documents: Sequence[ListingDocument]) -> None:
        """See `SearchBackend.upsert`."""
        latest = {document.id: document for document in documents}
        if latest:
            self._store.write(Batch(list(latest), list(latest.values())))

    def delete(self, ids: Sequence[str]) -> None:
        """See `SearchBackend.delete`."""
        if ids:
            self._store.write(Batch(list(ids), []))

    def rebuild(self, documents: Iterable[ListingDocument]) -> int:
        """See `SearchBackend.rebuild`. One at a time: a second one waits a moment, then raises `IndexBusy`."""
        return self._store.rebuild(documents, PhraseFinder(self._synonyms.terms()))

    def count(self) -> int:
        """See `SearchBackend.count`."""
        return int(self._store.reader().searcher.num_docs)

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
            # The filter counts living listings only, else a phrase of a removed one would be offered until a merge.
            found = self._store.reader().searcher.terms_with_prefix("phrases", folded, Query.all_query(), limit)
        return [phrase for phrase, count in found if count]

    def search(self, query: ListingQuery) -> Answer:
        """See `SearchBackend.search`."""
        began = time.perf_counter()
        check_query(query)
        reader = self._store.reader()
        with guarded():
            meant = meant_words(query.text, self._synonyms, TantivyWords(reader))
            units = units_of(query.text, self._synonyms, meant)
            answer = Question(reader, query, units).answer()
        answer.suggestion = respelt(query.text, meant)
        answer.took_ms = (time.perf_counter() - began) * 1000
        return answer
