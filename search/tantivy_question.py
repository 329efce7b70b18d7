"""One question against one state of the embedded index."""

from math import ceil, inf, isnan
from typing import Any, Final, NamedTuple

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Order, Query

from search.areas import Distances, distances_metres
from search.documents import FACETS, Answer, Hit, ListingQuery, Point
from search.tantivy_query import (
    TAKEN_AS_SPELT,
    PlaceQueries,
    TextQueries,
    around,
    both,
    either,
    keys_query,
    values_query,
    without,
)
from search.tantivy_schema import REACH_ANYWHERE, REACH_DISTRICTS
from search.tantivy_store import Reader
from search.units import Explainer, Unit
from search.words import stem

Address = tantivy.DocAddress
Marks = NDArray[np.bool_]

FEW: Final = 2_000
"""Up to so many candidates are fetched and measured one by one; more are left to the index."""
MANY_KEYS: Final = 800
"""Naming more listings one by one costs more than asking again for the words."""
MAX_FACET_VALUES: Final = 200
MAX_TIES: Final = 2_000
"""Equally placed hits beyond these keep the order of the index, which is the same for each page of one state."""
FIRST_RING_METRES: Final = 2_000.0
LAST_RING_METRES: Final = 600_000.0


class Placed(NamedTuple):
    """A listing and what it is ordered by: lower numbers come first."""

    value: float
    address: Address


class Found(NamedTuple):
    """What matches before the filters."""

    query: Query
    """Exactly that, without a score."""
    total: int | None
    """Their number when it is known already."""
    listings: list[Placed] | None
    """The same by score, when they are few."""


class Question:
    """One question against one state of the index."""

    def __init__(self, reader: Reader, query: ListingQuery, units: list[Unit]) -> None:
        """Prepare; nothing is asked of the index yet but how common the words are."""
        self.schema = reader.schema
        self.searcher = reader.searcher
        self.query = query
        self.units = units
        self.texts = TextQueries(self.schema, self.searcher, reader.phrases)
        self.place = PlaceQueries(self.schema, query) if query.point or query.district is not None else None
        self.chosen = {name: values_query(self.schema, name, values) for name, values in query.chosen().items()}
        words = {word for unit in units for word in unit.words}
        certain = {word for word in words if self.searcher.doc_freq("everything", stem(word)) >= TAKEN_AS_SPELT}
        self.explainer = Explainer(units, certain)

    def answer(self) -> Answer:
        """Ask for all the words; when no listing there has them all, for half of them, then for any."""
        whole = len(self.units)
        for least in dict.fromkeys((whole, ceil(whole / 2), min(whole, 1))):
            text = self.text(least)
            found = self.found(text)
            total, hits = self.many(text, found) if found.listings is None else self.few(found.query, found.listings)
            if total:
                break
        return Answer(
            total=total,
            hits=hits,
            facets=self.facets(found.query),
            suggestion=None,
            took_ms=0.0,
            is_relaxed=0 < least < whole,
        )

    # What matches

    def text(self, least: int) -> Query | None:
        if not self.units:
            # A text without any word or number ("???") asks for nothing that could be found.
            return Query.empty_query() if self.query.text.strip() else None
        return self.texts.all_of(self.units) if least == len(self.units) else self.texts.some_of(self.units, least)

    def found(self, text: Query | None) -> Found:
        """Match words and place. The place is exact to the metre either way; fetching few listings is the fast way."""
        if self.place is None:
            return Found(both(None, text), None, None)
        candidates = self.searcher.search(both(text, self.place.possible()), FEW)
        if number_of(candidates) <= FEW:
            placed = self.kept(text, [Placed(-score, address) for score, address in candidates.hits])
            keys = self.keys([place.address for place in placed])
            if len(keys) <= MANY_KEYS:
                return Found(keys_query(self.schema, keys), len(keys), placed)
            coming = {(place.address.segment_ord, place.address.doc) for place in placed}
            others = [address for _, address in candidates.hits if (address.segment_ord, address.doc) not in coming]
            query = without(both(None, text, self.place.possible()), keys_query(self.schema, self.keys(others)))
            return Found(query, len(keys), placed)
        comes: list[int] = []
        stays: list[int] = []
        for edge in (self.place.own_edge(), self.place.radius_edge()):
            if edge is not None:
                addresses = self.addresses(both(None, text, edge))
                for key, is_coming in zip(self.keys(addresses), self.coming(text, addresses), strict=True):
                    (comes if is_coming else stays).append(key)
        # The shorter list is the faster one.
        if len(comes) <= len(stays):
            query = both(None, text, either(self.place.certain(), keys_query(self.schema, comes)))
        else:
            query = without(both(None, text, self.place.possible()), keys_query(self.schema, stays))
        return Found(query, number_of(candidates) - len(stays), None)

    def kept(self, text: Query | None, placed: list[Placed]) -> list[Placed]:
        """Keep those that come to the place."""
        coming = self.coming(text, [place.address for place in placed])
        return [placed[i] for i in np.flatnonzero(coming)]

    def coming(self, text: Query | None, addresses: list[Address]) -> Marks:
        """Decide for each possible listing whether it comes to the place."""
        if self.query.point is None or not addresses:
            return np.ones(len(addresses), dtype=np.bool_)
        distances = self.distances(addresses)
        reach = np.array(self.searcher.fast_field_values("reach_metres", addresses), dtype=np.float64)
        # Comparisons with NaN (no base) are false, which is what is wanted here.
        is_in_area: Marks = (distances <= reach) | (reach == REACH_ANYWHERE)
        if self.query.district is None:
            is_in_area |= reach == REACH_DISTRICTS
        elif self.place is not None and (district := self.place.in_district()) is not None:
            covering = {(a.segment_ord, a.doc) for a in self.addresses(both(None, text, district))}
            is_in_area |= np.array([(a.segment_ord, a.doc) in covering for a in addresses], dtype=np.bool_)
        if self.query.radius_metres is not None:
            is_in_area &= (distances <= self.query.radius_metres) | np.isnan(distances)
        return is_in_area

    # Hits

    @property
    def order(self) -> str:
        """How to order: `score`, `distance`, `price` or `id`."""
        if self.query.sort == "price":
            return "price"
        if self.query.point is not None and (self.query.sort == "distance" or not self.units):
            return "distance"
        return "score" if self.units else "id"

    def few(self, query: Query, listings: list[Placed]) -> tuple[int, list[Hit]]:
        """Filter and order listings that are already fetched."""
        if self.chosen and listings:
            passed = self.searcher.search(both(None, query, *self.chosen.values()), len(listings), count=False)
            allowed = {(address.segment_ord, address.doc) for _, address in passed.hits}
            listings = [one for one in listings if (one.address.segment_ord, one.address.doc) in allowed]
        addresses = [place.address for place in listings]
        order = self.order
        if order == "distance":
            listings = self.by_distance(addresses)
        elif order == "price" and addresses:
            prices = self.searcher.fast_field_values("price_order", addresses)
            listings = [Placed(float(price or 0), address) for price, address in zip(prices, addresses, strict=True)]
        elif order == "id":
            listings = [Placed(0.0, address) for address in addresses]
        return len(listings), self.page(listings)

    def many(self, text: Query | None, found: Found) -> tuple[int, list[Hit]]:
        """Let the index filter and order; of what it brings for a place, drop what does not come there."""
        total = found.total
        if total is None or self.chosen:
            total = self.total(both(None, found.query, *self.chosen.values()))
        stop = self.query.offset + self.query.limit
        if not self.query.limit or self.query.offset >= total:
            return total, []
        place = None if self.place is None else self.place.possible()
        order = self.order
        if order == "distance" and self.query.point is not None:
            placed = self.nearest(self.query.point, text, both(None, text, place, *self.chosen.values()), stop)
        elif order == "score":
            placed = self.best(text, both(text, place, *self.chosen.values()), stop)
        else:
            field = "price_order" if order == "price" else "id"
            placed = self.best(text, both(None, text, place, *self.chosen.values()), stop, field)
        return total, self.page(placed)

    def best(self, text: Query | None, wanted: Query, stop: int, field: str | None = None) -> list[Placed]:
        """Find the first hits by score or by a field, with all that tie with the last one."""
        limit = stop + 1 if self.place is None else 2 * stop + 20
        while True:
            if field is None:
                found = self.searcher.search(wanted, limit)
                placed = [Placed(-score, address) for score, address in found.hits]
            else:
                found = self.searcher.search(wanted, limit, order_by_field=field, order=Order.Asc)
                values = range(len(found.hits)) if field == "id" else [value for value, _ in found.hits]
                placed = [Placed(float(value), address) for value, (_, address) in zip(values, found.hits, strict=True)]
            last = placed[-1].value if placed else 0.0
            kept = placed if self.place is None else self.kept(text, placed)
            is_whole = len(placed) == number_of(found) or (len(kept) >= stop and kept[stop - 1].value != last)
            # Within one segment equal hits already come by id.
            is_settled = len(kept) >= stop and (self.searcher.num_segments == 1 or limit > stop + MAX_TIES)
            if is_whole or is_settled:
                return kept
            limit *= 4

    def nearest(self, point: Point, text: Query | None, wanted: Query, stop: int) -> list[Placed]:
        """Find the nearest hits: in growing rings, so that few are measured; those without a base come last."""
        ring = FIRST_RING_METRES
        while ring < LAST_RING_METRES:
            addresses = self.addresses(both(None, wanted, around(self.schema, *point, ring)))
            inside = self.kept(text, [place for place in self.by_distance(addresses) if place.value <= ring])
            if len(inside) >= stop:
                return inside
            ring *= 3
        return self.kept(text, self.by_distance(self.addresses(wanted)))

    def by_distance(self, addresses: list[Address]) -> list[Placed]:
        distances = np.nan_to_num(self.distances(addresses), nan=inf)
        return [Placed(distance, address) for distance, address in zip(distances.tolist(), addresses, strict=True)]

    def page(self, placed: list[Placed]) -> list[Hit]:
        """Cut the page out, equal places by id."""
        placed = sorted(placed, key=lambda place: (place.value, place.address.segment_ord, place.address.doc))
        start = self.query.offset
        page = placed[start : start + self.query.limit]
        if not page:
            return []
        values = {place.value for place in page}
        ties = [place for place in placed if place.value in values]
        # Within one segment the order of the index is by id.
        is_mixed = len(ties) > len(values) and len({place.address.segment_ord for place in ties}) > 1
        if is_mixed and len(ties) <= MAX_TIES:
            ranks = self.id_ranks([place.address for place in ties])
            ties.sort(key=lambda place: (place.value, ranks[place.address.segment_ord, place.address.doc]))
            before = start - sum(place.value < page[0].value for place in placed)
            page = ties[before : before + self.query.limit]
        distances = self.distances([place.address for place in page]).tolist()
        return [self.hit(place, distance) for place, distance in zip(page, distances, strict=True)]

    def id_ranks(self, addresses: list[Address]) -> dict[tuple[int, int], int]:
        wanted = keys_query(self.schema, self.keys(addresses))
        found = self.searcher.search(wanted, len(addresses), count=False, order_by_field="id", order=Order.Asc)
        return {(address.segment_ord, address.doc): rank for rank, (_, address) in enumerate(found.hits)}

    def hit(self, place: Placed, distance: float) -> Hit:
        stored = self.searcher.doc(place.address)
        plain: str = stored.get_first("plain") or ""
        return Hit(
            id=str(stored.get_first("id")),
            score=round(-place.value, 6) if self.order == "score" else 0.0,
            distance_metres=None if isnan(distance) else round(distance),
            matched=self.explainer.matched(plain.split()) if self.units else [],
        )

    # Facets

    def facets(self, found: Query) -> dict[str, dict[str, int]]:
        """Count the values of each facet, its own filter left out."""
        free = [name for name in FACETS if name not in self.chosen]
        counts = self.counted(both(None, found, *self.chosen.values()), free)
        for name in FACETS:
            if name in self.chosen:
                others = [other for key, other in self.chosen.items() if key != name]
                counts |= self.counted(both(None, found, *others), [name])
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

    # Plumbing

    def total(self, wanted: Query) -> int:
        return number_of(self.searcher.search(wanted, 1))

    def addresses(self, wanted: Query) -> list[Address]:
        found = self.searcher.search(wanted, FEW)
        if number_of(found) > FEW:
            found = self.searcher.search(wanted, number_of(found), count=False)
        return [address for _, address in found.hits]

    def keys(self, addresses: list[Address]) -> list[int]:
        if not addresses:
            return []
        return [int(key or 0) for key in self.searcher.fast_field_values("key", addresses)]

    def distances(self, addresses: list[Address]) -> Distances:
        """Metres to each, NaN without a base or without a point of the searcher."""
        if self.query.point is None or not addresses:
            return np.full(len(addresses), np.nan)
        lats = self.searcher.fast_field_values("lat", addresses)
        lons = self.searcher.fast_field_values("lon", addresses)
        return distances_metres(*self.query.point, lats, lons)


def number_of(found: tantivy.SearchResult) -> int:
    """Number of listings that matched, beyond those fetched; the type stub of the engine leaves it out."""
    return int(found.count)  # type: ignore[attr-defined]
