"""The embedded search engine: an index in a folder, no server."""

import time
from collections.abc import Iterable, Sequence
from math import ceil, isnan
from pathlib import Path
from typing import Any, Final

import numpy as np
import tantivy
from tantivy import Order, Query

from search.areas import Distances, distances_metres
from search.documents import FACETS, Answer, Hit, ListingDocument, ListingQuery, Point, check_query
from search.errors import IndexUnavailable
from search.synonyms import PhraseFinder, Synonyms
from search.tantivy_query import (
    TAKEN_AS_SPELT,
    PlaceQueries,
    TextQueries,
    around,
    both,
    either,
    keys_query,
    values_query,
)
from search.tantivy_store import Batch, IndexStore, Reader, guarded
from search.units import Unit, did_you_mean, matched_words, units_of
from search.words import stem, typos_allowed, words_of

Address = tantivy.DocAddress

MAX_FACET_VALUES: Final = 200
MAX_TIES: Final = 2_000
"""Equally placed hits beyond these keep the order of the index, which is the same for each page of one state."""
NEAR_HITS: Final = 50
FIRST_RING_METRES: Final = 2_000.0
LAST_RING_METRES: Final = 600_000.0
FEW_HITS: Final = 400
"""Up to these all hits are measured at once; above, ring by ring around the searcher."""


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
        units = units_of(query.text, self._synonyms)
        reader = self._store.reader()
        with guarded():
            answer = _Search(reader, query, units).answer()
        answer.took_ms = (time.perf_counter() - began) * 1000
        return answer


class _Search:
    """One question against one state of the index."""

    def __init__(self, reader: Reader, query: ListingQuery, units: list[Unit]) -> None:
        self.schema = reader.schema
        self.searcher = reader.searcher
        self.phrases = reader.phrases
        self.query = query
        self.units = units
        self.certain = {
            word
            for unit in units
            for word in unit.words
            if self.searcher.doc_freq("everything", stem(word)) >= TAKEN_AS_SPELT
        }
        self.point = query.point
        self.chosen = {name: values_query(self.schema, name, values) for name, values in query.chosen().items()}

    def answer(self) -> Answer:
        """Ask for all the words; when no listing there has them all, for half of them, then for any."""
        texts = TextQueries(self.schema, self.searcher, self.phrases)
        whole = len(self.units)
        for least in dict.fromkeys((whole, ceil(whole / 2), min(whole, 1))):
            text = self.text(texts, least)
            place = self.place(text)
            total, hits = self.hits(both(text, place, *self.chosen.values()))
            if total:
                break
        return Answer(
            total=total,
            hits=hits,
            facets=self.facets(text, place),
            suggestion=self.suggestion(texts),
            took_ms=0.0,
            is_relaxed=0 < least < whole,
        )

    # What matches

    def text(self, texts: TextQueries, least: int) -> Query | None:
        if not self.units:
            # A text without any word or number ("???") asks for nothing that could be found.
            return Query.empty_query() if self.query.text.strip() else None
        return texts.all_of(self.units) if least == len(self.units) else texts.some_of(self.units, least)

    def place(self, text: Query | None) -> Query | None:
        """Listings that come to the place, exact to the metre, among those that match a text."""
        if self.point is None and self.query.district is None:
            return None
        places = PlaceQueries(self.schema, self.query)
        keys: list[int] = []
        own_edge, radius_edge = places.own_edge(), places.radius_edge()
        if own_edge is not None:
            keys += self.within(both(text, own_edge), is_own_radius=True)
        if radius_edge is not None:
            keys += self.within(both(text, radius_edge), is_own_radius=False)
        certain = places.certain()
        return either(certain, keys_query(self.schema, keys)) if keys else certain

    def within(self, candidates: Query, *, is_own_radius: bool) -> list[int]:
        """Measure candidates against the searcher's radius and, where asked, against their own."""
        addresses = self.addresses(candidates)
        if not addresses:
            return []
        distances = self.distances(addresses)
        limit = np.inf if self.query.radius_metres is None else float(self.query.radius_metres)
        reach: Distances = np.full(len(addresses), limit)
        if is_own_radius:
            own = self.searcher.fast_field_values("radius_metres", addresses)
            reach = np.minimum(reach, np.array(own, dtype=np.float64))
        # A comparison with NaN (no base, no radius) is false, which is what is wanted.
        inside = [addresses[i] for i in np.flatnonzero(distances <= reach)]
        return self.keys(inside)

    # Hits

    def hits(self, wanted: Query) -> tuple[int, list[Hit]]:
        start, stop = self.query.offset, self.query.offset + self.query.limit
        if stop == start:
            return self.total(wanted), []
        sort = self.query.sort
        if sort == "relevance" and not self.units and self.point is not None:
            sort = "distance"
        if sort == "distance" and self.point is not None:
            total = self.total(wanted)
            placed = self.nearest(self.point, wanted, total, stop)
        else:
            total, placed = self.best(wanted, stop, by_price=sort == "price")
        page = self.in_order(placed, start, stop)
        distances = self.distances([address for _, address in page])
        return total, [
            self.hit(score, address, distance)
            for (score, address), distance in zip(page, distances.tolist(), strict=True)
        ]

    def best(self, wanted: Query, stop: int, *, by_price: bool) -> tuple[int, list[tuple[float, Address]]]:
        """Find the best hits by score or price, with all that tie with the last one; lower numbers come first."""
        limit = stop + 1
        while True:
            if by_price:
                found = self.searcher.search(wanted, limit, order_by_field="price_order", order=Order.Asc)
            elif self.units:
                found = self.searcher.search(wanted, limit)
            else:
                found = self.searcher.search(wanted, limit, order_by_field="id", order=Order.Asc)
                return number_of(found), [(float(i), address) for i, (_, address) in enumerate(found.hits)]
            placed = [(float(value if by_price else -value), address) for value, address in found.hits]
            is_whole = len(placed) < limit or placed[stop - 1][0] != placed[-1][0]
            # Within one segment equal hits already come by id.
            if is_whole or limit > stop + MAX_TIES or self.searcher.num_segments == 1:
                return number_of(found), placed
            limit = min(limit * 4, stop + MAX_TIES + 1)

    def nearest(self, point: Point, wanted: Query, total: int, stop: int) -> list[tuple[float, Address]]:
        """Find the nearest hits: in growing rings, so that few are measured; those without a base come last."""
        ring = FIRST_RING_METRES
        while total > FEW_HITS and ring < LAST_RING_METRES:
            inside = self.measured(self.addresses(both(None, wanted, around(self.schema, *point, ring))))
            inside = [place for place in inside if place[0] <= ring]
            if len(inside) >= stop:
                return inside
            ring *= 3
        return self.measured(self.addresses(wanted))

    def measured(self, addresses: list[Address]) -> list[tuple[float, Address]]:
        distances = np.nan_to_num(self.distances(addresses), nan=np.inf)
        return list(zip(distances.tolist(), addresses, strict=True))

    def in_order(self, placed: list[tuple[float, Address]], start: int, stop: int) -> list[tuple[float, Address]]:
        """Cut the page out, equal places by id."""
        placed = sorted(placed, key=lambda place: place[0])
        page = placed[start:stop]
        if not page:
            return []
        tied = {value for value, _ in page}
        ties = [place for place in placed if place[0] in tied]
        if len(ties) == len(tied) or len(ties) > MAX_TIES:
            return page
        ranks = self.id_ranks([address for _, address in ties])
        before = sum(place[0] < page[0][0] for place in placed)
        ties.sort(key=lambda place: (place[0], ranks[place[1].segment_ord, place[1].doc]))
        return ties[start - before : stop - before]

    def id_ranks(self, addresses: list[Address]) -> dict[tuple[int, int], int]:
        keys = self.keys(addresses)
        found = self.searcher.search(
            keys_query(self.schema, keys), len(keys), count=False, order_by_field="id", order=Order.Asc
        )
        return {(address.segment_ord, address.doc): rank for rank, (_, address) in enumerate(found.hits)}

    def hit(self, value: float, address: Address, distance: float) -> Hit:
        stored = self.searcher.doc(address)
        plain = stored.get_first("plain") or ""
        is_scored = bool(self.units) and self.query.sort == "relevance"
        return Hit(
            id=str(stored.get_first("id")),
            score=round(-value, 6) if is_scored else 0.0,
            distance_metres=None if isnan(distance) else round(distance),
            matched=matched_words(self.units, plain.split(), self.certain) if self.units else [],
        )

    # Facets and suggestion

    def facets(self, text: Query | None, place: Query | None) -> dict[str, dict[str, int]]:
        """Count the values of each facet, its own filter left out."""
        free = [name for name in FACETS if name not in self.chosen]
        counts = self.counted(both(None, text, place, *self.chosen.values()), free)
        for name in FACETS:
            if name in self.chosen:
                others = [other for key, other in self.chosen.items() if key != name]
                counts |= self.counted(both(None, text, place, *others), [name])
        return {name: counts[name] for name in FACETS}

    def counted(self, wanted: Query, names: list[str]) -> dict[str, dict[str, int]]:
        if not names:
            return {}
        asked: dict[str, Any] = {name: {"terms": {"field": name, "size": MAX_FACET_VALUES}} for name in names}
        result = self.searcher.aggregate(wanted, asked)
        return {
            name: {
                bucket["key"]: bucket["doc_count"]
                for bucket in sorted(result[name]["buckets"], key=lambda b: (-b["doc_count"], b["key"]))
            }
            for name in names
        }

    def suggestion(self, texts: TextQueries) -> str | None:
        if not self.units:
            return None
        last = self.units[-1]

        def is_known(word: str) -> bool:
            if self.searcher.doc_freq("everything", stem(word)):
                return True
            is_half_typed = last.is_prefix and word == last.words[-1]
            return is_half_typed and bool(self.searcher.terms_with_prefix("plain", word, None, 1))

        def near(word: str) -> Iterable[str]:
            for distance in range(1, typos_allowed(word) + 1):
                found = self.searcher.search(texts.near(word, distance), NEAR_HITS, count=False).hits
                words = {w for _, a in found for w in (self.searcher.doc(a).get_first("plain") or "").split()}
                if words:
                    return words
            return ()

        return did_you_mean(
            self.query.text, self.units, is_known, near, lambda word: self.searcher.doc_freq("plain", word)
        )

    # Plumbing

    def total(self, wanted: Query) -> int:
        return number_of(self.searcher.search(wanted, 1))

    def addresses(self, wanted: Query) -> list[Address]:
        found = self.searcher.search(wanted, FEW_HITS)
        if number_of(found) > FEW_HITS:
            found = self.searcher.search(wanted, number_of(found), count=False)
        return [address for _, address in found.hits]

    def keys(self, addresses: list[Address]) -> list[int]:
        if not addresses:
            return []
        return [int(key or 0) for key in self.searcher.fast_field_values("key", addresses)]

    def distances(self, addresses: list[Address]) -> Distances:
        """Metres to each, NaN without a base or without a point of the searcher."""
        if self.point is None or not addresses:
            return np.full(len(addresses), np.nan)
        lats = self.searcher.fast_field_values("lat", addresses)
        lons = self.searcher.fast_field_values("lon", addresses)
        return distances_metres(*self.point, lats, lons)


def number_of(found: tantivy.SearchResult) -> int:
    """Number of listings that matched, beyond those fetched; the type stub of the engine leaves it out."""
    return int(found.count)  # type: ignore[attr-defined]
