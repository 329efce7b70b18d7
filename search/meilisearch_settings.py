"""Settings of the Meilisearch index, the document it holds, and filters in its language."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from search.areas import cells_of_point
from search.documents import FILTERS, SHOWN_CHARACTERS, ListingDocument, ListingQuery, Point, filter_values
from search.listing_terms import (
    ANYWHERE,
    DISTRICTS_ONLY,
    NO_BASE,
    NO_PRICE,
    area_terms,
    district_code,
    key_of,
    phrases_of,
    short_text,
)
from search.synonyms import Synonyms
from search.words import STOP_WORDS, clean, words_of

SEARCHED: Final = ("title", "topics", "others", "summary_words", "body_words")
"""Attributes that hold folded words, in order of weight."""

MAX_FACET_VALUES: Final = 200


GROUPS_KEY: Final = "listingsowngroups"
"""Entry of the synonyms that holds an installation's own groups for every process to read. Nobody asks for the word."""

_BETWEEN: Final = " | "


def settings(synonyms: Synonyms, groups: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """All settings of an index.

    Args:
        groups: The groups that `synonyms` has beside the usual ones.
    """
    own = [_BETWEEN.join(clean(phrase).replace("|", " ") for phrase in group) for group in groups]
    return {
        "searchableAttributes": list(SEARCHED),
        "filterableAttributes": [*FILTERS, "area", "key", "phrases", "_geo"],
        "sortableAttributes": ["id", "price_order", "_geo"],
        # A chosen order comes first, then the number of words, then fewer typos; the id decides last.
        "rankingRules": ["sort", "words", "typo", "exactness", "attributeRank", "proximity", "wordPosition", "id:asc"],
        "stopWords": sorted(STOP_WORDS),
        "synonyms": synonyms.as_mapping() | ({GROUPS_KEY: own} if own else {}),
        "typoTolerance": {
            "enabled": True,
            "minWordSizeForTypos": {"oneTypo": 4, "twoTypos": 8},
            "disableOnNumbers": True,
        },
        "faceting": {"maxValuesPerFacet": MAX_FACET_VALUES, "sortFacetValuesBy": {"*": "count"}},
        # Totals are exact only up to this number, which is above any number of listings.
        "pagination": {"maxTotalHits": 10_000_000},
    }


def groups_of(mapping: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Read an installation's own groups back from the synonyms of an index."""
    return [group.split(_BETWEEN) for group in mapping.get(GROUPS_KEY, ())]


def row_of(document: ListingDocument) -> dict[str, Any]:
    """Write a listing as Meilisearch takes it. Its own key may hold digits only, so the id is a field of its own."""
    topics = [document.category, document.kind, *document.keywords, *document.suits, *document.interests]
    others = [document.provider, document.town, document.postcode_area, *document.languages, document.gender or ""]
    row: dict[str, Any] = {
        **{name: [clean(value) for value in values] for name, values in filter_values(document).items()},
        "key": str(key_of(document.id)),
        "id": document.id,
        "title": " ".join(words_of(document.name)),
        "topics": [" ".join(short_text(text)) for text in topics if text],
        "others": [" ".join(short_text(text)) for text in others if text],
        "name": clean(document.name),
        "summary": clean(document.summary[:SHOWN_CHARACTERS]),
        "summary_words": " ".join(words_of(document.summary)),
        "body_words": " ".join(words_of(document.body)),
        "phrases": phrases_of(document, words_of(document.name)),
        "area": area_terms(document),
        "radius_metres": document.radius_metres,
        "price_order": NO_PRICE if document.price_pence is None else document.price_pence,
    }
    texts = [row["title"], *row["topics"], *row["others"], row["summary_words"], row["body_words"]]
    row["plain"] = " ".join(dict.fromkeys(" ".join(texts).split()))
    if document.point is not None:
        row["_geo"] = dict(zip(("lat", "lng"), document.point, strict=True))
    return row


def one_of(name: str, values: Iterable[str]) -> str:
    """Write a filter: the attribute has one of the values. Quoting keeps any text a value."""
    return f"{name} IN [{', '.join(json.dumps(clean(value), ensure_ascii=False) for value in values)}]"


def within(point: Point, metres: float) -> str:
    """Write a filter: the base lies within so many metres of a point."""
    lat, lon = point
    return f"_geoRadius({lat!r}, {lon!r}, {metres!r})"


class PlaceFilters:
    """The place of a question as filters."""

    def __init__(self, query: ListingQuery) -> None:
        """Draw the place of a question that has one."""
        known = f"d{district_code(query.district)}" if query.district is not None else DISTRICTS_ONLY
        certain = [ANYWHERE, known]
        self.near: list[str] = []
        """The question's own radius."""
        self.edge: list[str] | None = None
        """Who must be measured against their own radius; None when nobody."""
        if query.point is not None:
            cells = cells_of_point(*query.point)
            certain += [f"i{cell}" for cell in cells]
            if query.radius_metres is not None:
                radius = max(query.radius_metres, 0)
                self.near = [f"({within(query.point, radius)} OR {one_of('area', [NO_BASE])})"]
            edge = one_of("area", [f"e{cell}" for cell in cells])
            self.edge = [edge, f"NOT {one_of('area', certain)}"]
        self._certain = one_of("area", certain)

    def area(self, measured: Sequence[str]) -> str:
        """Who comes to the place by their own area, given the keys of those measured and found near enough."""
        return f"({self._certain} OR {one_of('key', measured)})" if measured else self._certain
