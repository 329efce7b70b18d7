"""One question to a Meilisearch server, as several searches in one request, and its answer."""

from collections.abc import Iterable, Sequence
from math import isnan
from typing import Any, Final

import meilisearch

from search.areas import distances_metres
from search.documents import COUNTED, DISTANCE_MILES, FACETS, METRES_PER_MILE, Answer, Hit, ListingQuery
from search.highlights import highlights
from search.meilisearch_settings import PlaceFilters, one_of, within
from search.synonyms import Synonyms
from search.units import Explainer, Unit, did_you_mean, units_of
from search.words import stem

MOST_MEASURED: Final = 10_000
NEAR_HITS: Final = 50


class Question:
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
            return Answer(total=0, hits=[], facets={name: {} for name in COUNTED}, suggestion=None, took_ms=0.0)
        for strategy in ("all", "last"):
            area, near = self.place(strategy)
            place = [*area, *near]
            questions = [self.main(strategy, place), *self.own_facets(strategy, place), *self.rings(strategy, area)]
            found, *others = self.ask(questions)
            if found["totalHits"] or len(self.units) < 2:
                break
        counts: dict[str, dict[str, int]] = dict(found.get("facetDistribution") or {})
        for result in others:
            counts |= result.get("facetDistribution") or {}
        if self.query.point is not None:
            rings = others[-len(DISTANCE_MILES) :]
            counts["distance"] = {
                str(miles): ring["totalHits"] for miles, ring in zip(DISTANCE_MILES, rings, strict=True)
            }
        return Answer(
            total=found["totalHits"],
            hits=self.hits(found["hits"]),
            facets={name: _largest_first(counts.get(name, {})) for name in FACETS}
            | {"distance": counts.get("distance", {})},
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
            "attributesToRetrieve": ["id", "plain", "name", "summary", "_geo"],
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

    def rings(self, strategy: str, area: list[str]) -> list[dict[str, Any]]:
        """Count the listings within each of some distances of the point."""
        point = self.query.point
        if point is None:
            return []
        return [
            {
                "indexUid": self.uid,
                "q": self.text,
                "matchingStrategy": strategy,
                "filter": [*area, *self.chosen.values(), within(point, miles * METRES_PER_MILE)],
                "page": 1,
                "hitsPerPage": 0,
            }
            for miles in DISTANCE_MILES
        ]

    def place(self, strategy: str) -> tuple[list[str], list[str]]:
        """Make the filters of the place; listings near the edge of their own circle are measured first.

        Returns:
            Who comes by their own area, and who is within the question's radius.
        """
        point = self.query.point
        if point is None and self.query.district is None:
            return [], []
        places = PlaceFilters(self.query)
        if places.edge is None or point is None:
            return [places.area([])], places.near
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
        coming = [
            candidate["key"]
            for candidate, distance in zip(candidates, distances, strict=True)
            if distance <= candidate["radius_metres"]
        ]
        return [places.area(coming)], places.near

    def hits(self, found: list[dict[str, Any]]) -> list[Hit]:
        lats = [(hit.get("_geo") or {}).get("lat") for hit in found]
        lons = [(hit.get("_geo") or {}).get("lng") for hit in found]
        explainer = Explainer(self.units)
        point = self.query.point
        distances = [float("nan")] * len(found) if point is None else distances_metres(*point, lats, lons).tolist()
        described = []
        for hit, distance in zip(found, distances, strict=True):
            matched = explainer.matched(hit["plain"].split()) if self.units else []
            described.append(
                Hit(
                    id=hit["id"],
                    score=float(hit.get("_rankingScore") or 0.0),
                    distance_metres=None if isnan(distance) else round(distance),
                    matched=matched,
                    highlights=highlights(hit["name"], hit["summary"], matched),
                )
            )
        return described

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
