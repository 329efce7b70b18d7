"""The search engine on a Meilisearch server, through its official client."""

import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from itertools import islice
from math import isnan
from typing import Any, Final, TypeVar

import meilisearch
import requests
from meilisearch.errors import MeilisearchApiError, MeilisearchError

from search.areas import distances_metres
from search.documents import FACETS, Answer, Hit, ListingDocument, ListingQuery, check_query
from search.errors import IndexBusy, IndexUnavailable
from search.listing_terms import key_of
from search.meilisearch_settings import PlaceFilters, one_of, row_of, settings
from search.synonyms import Synonyms
from search.units import Explainer, Unit, did_you_mean, units_of
from search.words import stem, words_of

ASK_SECONDS: Final = 2
"""Longest wait for an answer, to connect and to read each."""
WRITE_SECONDS: Final = 30
BATCH_LISTINGS: Final = 2_000
MOST_MEASURED: Final = 10_000
NEAR_HITS: Final = 50
_POLL_MS: Final = 20

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
            index: Name of the index; a rebuild also uses the name with `_next` behind it.
            task_seconds: Longest wait for the server to work off one batch; then `IndexBusy`.
        """
        self._asking = meilisearch.Client(url.rstrip("/"), api_key, timeout=ASK_SECONDS)
        self._writing = meilisearch.Client(url.rstrip("/"), api_key, timeout=WRITE_SECONDS)
        self._synonyms = synonyms or Synonyms.default()
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

    def rebuild(self, documents: Iterable[ListingDocument]) -> int:
        """See `SearchBackend.rebuild`."""
        with answered():
            self._asking.health()
            self._drop(self._next)
            self._create(self._next)
        new = self._writing.index(self._next)
        source = iter(documents)
        # Listings are fetched outside `answered`, so that an error of whoever makes them stays what it is.
        while chunk := [row_of(document) for document in islice(source, BATCH_LISTINGS)]:
            with answered():
                self._wait(new.add_documents(chunk, "key"))
        with answered():
            count = self._stored(self._next)
            if not self._exists(self._uid):
                self._create(self._uid)
            self._wait(self._writing.swap_indexes([{"indexes": [self._uid, self._next]}]))
            self._drop(self._next)
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
            answer = _Question(self._asking, self._uid, query, self._synonyms).answer()
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

    def _create(self, uid: str) -> None:
        self._wait(self._writing.create_index(uid, {"primaryKey": "key"}))
        self._wait(self._writing.index(uid).update_settings(settings(self._synonyms)))

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


class _Question:
    """One question to the server."""

    def __init__(self, client: meilisearch.Client, uid: str, query: ListingQuery, synonyms: Synonyms) -> None:
        self.client = client
        self.uid = uid
        self.query = query
        self.units = units_of(query.text, synonyms)
        self.text = _text(self.units, synonyms)
        self.chosen = {name: one_of(name, values) for name, values in query.chosen().items()}

    def answer(self) -> Answer:
        """Ask for all the words; when no listing has them all, for as many of the first ones as there are."""
        if not self.units and self.query.text.strip():
            return Answer(total=0, hits=[], facets={name: {} for name in FACETS}, suggestion=None, took_ms=0.0)
        for strategy in ("all", "last"):
            place = self.place(strategy)
            found, *own = self.ask([self.main(strategy, place), *self.own_facets(strategy, place)])
            if found["totalHits"] or len(self.units) < 2:
                break
        counts: dict[str, dict[str, int]] = dict(found.get("facetDistribution") or {})
        for result in own:
            counts |= result.get("facetDistribution") or {}
        return Answer(
            total=found["totalHits"],
            hits=self.hits(found["hits"]),
            facets={name: _largest_first(counts.get(name, {})) for name in FACETS},
            suggestion=self.suggestion(found["hits"]),
            took_ms=0.0,
            is_relaxed=strategy == "last",
        )

    def ask(self, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.client.multi_search(questions)["results"]
        return results

    def main(self, strategy: str, place: list[str]) -> dict[str, Any]:
        main: dict[str, Any] = {
            "indexUid": self.uid,
            "q": self.text,
            "matchingStrategy": strategy,
            "filter": [*place, *self.chosen.values()],
            "facets": [name for name in FACETS if name not in self.chosen],
            "page": max(self.query.page, 1),
            "hitsPerPage": self.query.limit,
            "attributesToRetrieve": ["id", "plain", "_geo"],
            "showRankingScore": True,
        }
        sort, point = self.query.sort, self.query.point
        if sort == "relevance" and not self.units and point is not None:
            sort = "distance"
        if sort == "distance" and point is not None:
            main["sort"] = [f"_geoPoint({point[0]!r}, {point[1]!r}):asc"]
        elif sort == "price":
            main["sort"] = ["price_order:asc"]
        return main

    def own_facets(self, strategy: str, place: list[str]) -> list[dict[str, Any]]:
        """Count each chosen facet without its own filter."""
        return [
            {
                "indexUid": self.uid,
                "q": self.text,
                "matchingStrategy": strategy,
                "filter": [*place, *(other for key, other in self.chosen.items() if key != name)],
                "facets": [name],
                "limit": 0,
            }
            for name in self.chosen
            if name in FACETS
        ]

    def place(self, strategy: str) -> list[str]:
        """Make the filters of the place; listings near the edge of their own circle are measured first."""
        point = self.query.point
        if point is None and self.query.district is None:
            return []
        places = PlaceFilters(self.query)
        if places.edge is None or point is None:
            return places.filters([])
        question = {
            "indexUid": self.uid,
            "q": self.text,
            "matchingStrategy": strategy,
            "filter": places.edge,
            "limit": MOST_MEASURED,
            "attributesToRetrieve": ["key", "radius_metres", "_geo"],
        }
        candidates = self.ask([question])[0]["hits"]
        lats = [candidate["_geo"]["lat"] for candidate in candidates]
        lons = [candidate["_geo"]["lng"] for candidate in candidates]
        distances = distances_metres(*point, lats, lons).tolist()
        return places.filters(
            [
                candidate["key"]
                for candidate, distance in zip(candidates, distances, strict=True)
                if distance <= candidate["radius_metres"]
            ]
        )

    def hits(self, found: list[dict[str, Any]]) -> list[Hit]:
        lats = [(hit.get("_geo") or {}).get("lat") for hit in found]
        lons = [(hit.get("_geo") or {}).get("lng") for hit in found]
        explainer = Explainer(self.units)
        point = self.query.point
        distances = [float("nan")] * len(found) if point is None else distances_metres(*point, lats, lons).tolist()
        return [
            Hit(
                id=hit["id"],
                score=float(hit.get("_rankingScore") or 0.0),
                distance_metres=None if isnan(distance) else round(distance),
                matched=explainer.matched(hit["plain"].split()) if self.units else [],
            )
            for hit, distance in zip(found, distances, strict=True)
        ]

    def suggestion(self, hits: list[dict[str, Any]]) -> str | None:
        """Guess what was meant from the words of the listings that the server finds for a misspelt one."""
        if not self.units:
            return None
        known = {stem(word) for hit in hits for word in hit["plain"].split()}
        last = self.units[-1]
        seen: dict[str, list[list[str]]] = {}

        def listings(word: str) -> list[list[str]]:
            if word not in seen:
                question = {"indexUid": self.uid, "q": word, "limit": NEAR_HITS, "attributesToRetrieve": ["plain"]}
                seen[word] = [hit["plain"].split() for hit in self.ask([question])[0]["hits"]]
            return seen[word]

        def is_known(word: str) -> bool:
            if stem(word) in known:
                return True
            is_half_typed = last.is_prefix and word == last.words[-1]
            return any(
                stem(other) == stem(word) or (is_half_typed and other.startswith(word))
                for words in listings(word)
                for other in words
            )

        def near(word: str) -> Iterable[str]:
            return {other for words in listings(word) for other in words}

        def how_common(word: str) -> int:
            return sum(word in words for found in seen.values() for words in found)

        return did_you_mean(self.query.text, self.units, is_known, near, how_common)


def _text(units: Sequence[Unit], synonyms: Synonyms) -> str:
    """Words to ask for. Plain words only: quotes and minus signs would be commands to the server.

    A phrase with synonyms is sent as the one word that the settings know it by.
    """
    words = " ".join(synonyms.key(unit.words) if unit.synonyms else " ".join(unit.words) for unit in units)
    # A word with a space behind it is complete; the server takes any other last word as half typed.
    return words if not units or units[-1].is_prefix else f"{words} "


def _largest_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


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
