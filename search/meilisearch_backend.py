"""The search engine on a Meilisearch server, through its official client."""

import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, TypeVar

import meilisearch
import requests
from meilisearch.errors import MeilisearchApiError, MeilisearchError

from search.documents import Answer, ListingDocument, ListingQuery, check_query
from search.errors import IndexBusy, IndexUnavailable
from search.listing_terms import key_of
from search.meilisearch_question import Question
from search.meilisearch_settings import groups_of, one_of, row_of, settings
from search.synonyms import Synonyms
from search.words import words_of

ASK_SECONDS: Final = 2
"""Longest wait for an answer, to connect and to read each."""
WRITE_SECONDS: Final = 30
BATCH_LISTINGS: Final = 2_000
_POLL_MS: Final = 20
SYNONYM_SECONDS: Final = 10
"""Groups that another process has changed are asked with after so long."""

Item = TypeVar("Item")


class MeilisearchSearch:
    """`SearchBackend` on Meilisearch."""

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        synonyms: Synonyms | None = None,
        *,
        index: str = "listings",
        task_seconds: float = 60.0,
    ) -> None:
        """Point at a server; nothing is asked of it yet.

        Args:
            synonyms: Instead of the usual ones and of those kept with the index.
            index: Name of the index; a rebuild also uses the name with `_next` behind it.
            task_seconds: Longest wait for the server to work off one batch; then `IndexBusy`.
        """
        self._asking = meilisearch.Client(url.rstrip("/"), api_key, timeout=ASK_SECONDS)
        self._writing = meilisearch.Client(url.rstrip("/"), api_key, timeout=WRITE_SECONDS)
        self._own_synonyms = synonyms
        self._known: tuple[float, list[list[str]], Synonyms] | None = None
        self._uid = index
        self._next = f"{index}_next"
        self._task_seconds = task_seconds

    def upsert(self, documents: Sequence[ListingDocument]) -> None:
        """See `SearchBackend.upsert`. While a rebuild runs, the index being built gets the listings too."""
        rows = [row_of(document) for document in {document.id: document for document in documents}.values()]
        with answered():
            for uid in self._living():
                for chunk in _chunks(rows):
                    self._wait(self._writing.index(uid).add_documents(chunk, "key"))

    def delete(self, ids: Sequence[str]) -> None:
        """See `SearchBackend.delete`."""
        with answered():
            for uid in self._living():
                for chunk in _chunks(ids):
                    gone = one_of("key", [str(key_of(listing_id)) for listing_id in chunk])
                    self._wait(self._writing.index(uid).delete_documents(filter=gone))

    def rebuild(self, documents: Iterable[ListingDocument], groups: Sequence[Sequence[str]] | None = None) -> int:
        """See `SearchBackend.rebuild`."""
        synonyms = self._own_synonyms or Synonyms.default(groups or ())
        with answered():
            self._asking.health()
            self._drop(self._next)
            self._create(self._next, synonyms, groups or ())
        new = self._writing.index(self._next)
        source = iter(documents)
        # Listings are fetched outside `answered`, so that an error of whoever makes them stays what it is.
        while chunk := [row_of(document) for document in islice(source, BATCH_LISTINGS)]:
            with answered():
                self._wait(new.add_documents(chunk, "key"))
        with answered():
            count = self._stored(self._next)
            if not self._exists(self._uid):
                self._create(self._uid, synonyms, groups or ())
            self._wait(self._writing.swap_indexes([{"indexes": [self._uid, self._next]}]))
            self._drop(self._next)
        self._known = None
        return count

    def count(self) -> int:
        """See `SearchBackend.count`."""
        with answered():
            return self._stored(self._uid)

    def is_healthy(self) -> bool:
        """See `SearchBackend.is_healthy`."""
        try:
            with answered():
                return self._asking.health()["status"] == "available" and self._exists(self._uid)
        except IndexUnavailable:
            return False

    def close(self) -> None:
        """See `SearchBackend.close`. The client keeps no connection open."""

    def drop(self) -> None:
        """Remove the index from the server."""
        with answered():
            self._drop(self._uid)

    def suggest(self, prefix: str, limit: int = 8) -> list[str]:
        """See `SearchBackend.suggest`."""
        folded = " ".join(words_of(prefix))
        if len(folded) < 2 or limit < 1:
            return []
        with answered():
            found = self._asking.index(self._uid).facet_search("phrases", folded)["facetHits"]
        # The server also completes words in the middle of a phrase and forgives typos, which surprises while typing.
        phrases = [(-hit["count"], hit["value"]) for hit in found if hit["value"].startswith(folded)]
        return [phrase for _, phrase in sorted(phrases)[:limit]]

    def search(self, query: ListingQuery) -> Answer:
        """See `SearchBackend.search`."""
        began = time.perf_counter()
        check_query(query)
        with answered():
            answer = Question(self._asking, self._uid, query, self._synonyms()).answer()
        answer.took_ms = (time.perf_counter() - began) * 1000
        return answer

    def _living(self) -> list[str]:
        """Name the indexes to write to. Writing to a missing one would make it, half empty and without our settings."""
        if not self._exists(self._uid):
            raise IndexUnavailable("There is no search index yet; it needs a rebuild.")
        return [self._uid, self._next] if self._exists(self._next) else [self._uid]

    def _exists(self, uid: str) -> bool:
        try:
            self._asking.get_raw_index(uid)
        except MeilisearchApiError as error:
            if error.code == "index_not_found":
                return False
            raise
        return True

    def _create(self, uid: str, synonyms: Synonyms, groups: Sequence[Sequence[str]]) -> None:
        self._wait(self._writing.create_index(uid, {"primaryKey": "key"}))
        self._wait(self._writing.index(uid).update_settings(settings(synonyms, groups)))

    def _synonyms(self) -> Synonyms:
        """Words that mean the same, as the index was built with: read from the server now and then."""
        if self._own_synonyms is not None:
            return self._own_synonyms
        now = time.monotonic()
        known = self._known
        if known is None or now - known[0] > SYNONYM_SECONDS:
            groups = groups_of(self._asking.index(self._uid).get_synonyms())
            is_same = known is not None and known[1] == groups
            known = self._known = (now, groups, known[2] if known and is_same else Synonyms.default(groups))
        return known[2]

    def _drop(self, uid: str) -> None:
        if self._exists(uid):
            self._wait(self._writing.delete_index(uid))

    def _stored(self, uid: str) -> int:
        return int(self._asking.index(uid).get_stats().number_of_documents)

    def _wait(self, task: Any) -> None:
        """Wait until the server has worked off a task.

        Raises:
            IndexBusy: It takes too long.
            IndexUnavailable: The server could not do it.
        """
        try:
            done = self._asking.wait_for_task(task.task_uid, int(self._task_seconds * 1000), _POLL_MS)
        except meilisearch.errors.MeilisearchTimeoutError as error:
            raise IndexBusy("The search server is still working on what it was given.") from error
        if done.status != "succeeded":
            reason = (done.error or {}).get("code", "unknown")
            raise IndexUnavailable(f"The search server did not do the task {done.type}: {reason}.")


def _chunks(items: Sequence[Item]) -> Generator[Sequence[Item], None, None]:
    for start in range(0, len(items), BATCH_LISTINGS):
        yield items[start : start + BATCH_LISTINGS]


@contextmanager
def answered() -> Generator[None, None, None]:
    """Turn a server that is away, refuses us or has no index into `IndexUnavailable`."""
    try:
        yield
    except MeilisearchApiError as error:
        is_ours = 400 <= error.status_code < 500 and error.status_code not in (401, 403, 408, 429)
        if is_ours and error.code != "index_not_found":
            raise
        raise IndexUnavailable(f"The search server refused: {error.code or error.status_code}.") from error
    except (MeilisearchError, requests.RequestException) as error:
        raise IndexUnavailable("The search server does not answer.") from error
