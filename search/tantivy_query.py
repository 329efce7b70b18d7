"""Questions as engine queries, made from terms only: no text of a user ever reaches a query parser."""

from collections.abc import Sequence
from typing import Final

import tantivy
from tantivy import Occur, Query

from search.areas import BASE_LEVELS, cells_of_point, cover
from search.documents import ListingQuery
from search.listing_terms import ANYWHERE, DISTRICTS_ONLY, NO_BASE, district_code
from search.synonyms import Phrase, phrase_term
from search.units import Unit
from search.words import stem, typos_allowed

TITLE_BOOST: Final = 3.0
TOPIC_BOOST: Final = 2.0
SYNONYM_BOOST: Final = 0.6
APART_BOOST: Final = 0.3
"""A known phrase whose words stand anywhere in a listing: "plan of care … home and garden" is no care home."""
PREFIX_SCORE: Final = 0.1
FUZZY_SCORE: Final = 0.02
"""Earned once for each allowed distance that holds, so that one typo ranks above two."""
EXACT_BONUS: Final = 2_000.0
"""More than all other scores of a question together, so that a misspelt match never passes an exact one."""

TAKEN_AS_SPELT: Final = 50
"""A word found in this many listings is what was meant, whole; longer and near words would only add noise."""


class TextQueries:
    """Makes the text part of a query against one state of the index."""

    def __init__(self, schema: tantivy.Schema, searcher: tantivy.Searcher, phrases: frozenset[str]) -> None:
        """Bind to a state of the index, whose word counts decide where misspellings are looked for.

        Args:
            phrases: Terms of the phrases that the rows were marked with.
        """
        self._schema = schema
        self._searcher = searcher
        self._phrases = phrases

    def all_of(self, units: Sequence[Unit]) -> Query:
        """Match listings that answer every unit."""
        parts = [self._unit(unit) for unit in units]
        return parts[0] if len(parts) == 1 else Query.boolean_query([(Occur.Must, part) for part in parts])

    def some_of(self, units: Sequence[Unit], least: int) -> Query:
        """Match listings that answer at least so many units."""
        parts = [(Occur.Should, self._unit(unit)) for unit in units]
        return Query.boolean_query(parts, minimum_number_should_match=least)

    def _unit(self, unit: Unit) -> Query:
        others = [Query.boost_query(self._synonym(phrase), SYNONYM_BOOST) for phrase in unit.synonyms]
        if unit.meant:
            others.insert(0, self._exact(stem(unit.meant[0])))
        if others and len(unit.words) > 1:
            # A phrase that is known as a whole is neither half typed nor misspelt.
            apart = Query.boolean_query([(Occur.Must, self._everything(stemmed)) for stemmed in unit.stems])
            return Query.disjunction_max_query(
                [self._whole_phrase(unit.words), Query.boost_query(apart, APART_BOOST), *others]
            )
        last = len(unit.words)
        words = [self._word(word, is_prefix=unit.is_prefix and i == last) for i, word in enumerate(unit.words, 1)]
        asked = words[0] if last == 1 else Query.boolean_query([(Occur.Must, word) for word in words])
        return Query.disjunction_max_query([asked, *others]) if others else asked

    def _word(self, word: str, *, is_prefix: bool) -> Query:
        exact = self._exact(stem(word))
        found = self._searcher.doc_freq("everything", stem(word))
        parts: list[tuple[Occur, Query]] = []
        if is_prefix and len(word) > 1 and found < TAKEN_AS_SPELT:
            # Distance 0 with a prefix: everything that begins with the word.
            starts = Query.fuzzy_term_query(self._schema, "plain", word, 0, True, True)
            parts.append((Occur.Should, Query.const_score_query(starts, PREFIX_SCORE)))
            # Stems begin as their words do, so that what the listing is called counts for half-typed words too.
            named = Query.fuzzy_term_query(self._schema, "title", word, 0, True, True)
            parts.append((Occur.Should, Query.const_score_query(named, PREFIX_SCORE * TITLE_BOOST)))
        typos = typos_allowed(word) if found < TAKEN_AS_SPELT else 0
        if typos:
            parts += [
                (Occur.Should, Query.const_score_query(self._fuzzy(word, distance), FUZZY_SCORE))
                for distance in range(1, typos + 1)
            ]
            bonus = Query.term_query(self._schema, "everything", stem(word), index_option="basic")
            parts.append((Occur.Should, Query.const_score_query(bonus, EXACT_BONUS)))
        return Query.boolean_query([(Occur.Should, exact), *parts]) if parts else exact

    def _exact(self, stemmed: str) -> Query:
        return Query.disjunction_max_query(
            [
                self._everything(stemmed),
                Query.boost_query(Query.term_query(self._schema, "topic", stemmed, index_option="freq"), TOPIC_BOOST),
                Query.boost_query(Query.term_query(self._schema, "title", stemmed, index_option="freq"), TITLE_BOOST),
            ],
            tie_breaker=0.1,
        )

    def _whole_phrase(self, phrase: Phrase) -> Query:
        """Match a phrase as it was asked for, which counts for more in the title than in the text."""
        term = phrase_term(phrase)
        return self._exact(term) if term in self._phrases else self._phrase(phrase)

    def _synonym(self, phrase: Phrase) -> Query:
        term = phrase_term(phrase)
        if len(phrase) > 1 and term not in self._phrases:
            return self._phrase(phrase)
        named = Query.term_query(self._schema, "title", term, index_option="freq")
        return Query.disjunction_max_query([self._everything(term), Query.boost_query(named, TITLE_BOOST)])

    def _phrase(self, phrase: Phrase) -> Query:
        if len(phrase) == 1:
            return self._everything(stem(phrase[0]))
        term = phrase_term(phrase)
        if term in self._phrases:
            return self._everything(term)
        # A synonym that is newer than the index: put together from the places of its words.
        return Query.phrase_query(self._schema, "everything", [stem(word) for word in phrase])

    def _everything(self, term: str) -> Query:
        return Query.term_query(self._schema, "everything", term, index_option="freq")

    def _fuzzy(self, word: str, distance: int) -> Query:
        return Query.fuzzy_term_query(self._schema, "plain", word, distance, True, False)


class PlaceQueries:
    """Makes the place part: who is certain to come to the searcher, and who must be measured."""

    def __init__(self, schema: tantivy.Schema, query: ListingQuery) -> None:
        """Draw the question's place; it must have one."""
        self._schema = schema
        self._district = None if query.district is None else f"d{district_code(query.district)}"
        sure_area = [ANYWHERE, self._district or DISTRICTS_ONLY]
        self._sure: list[Query] = []
        self._maybe_area: Query | None = None
        self._sure_near: Query | None = None
        self._maybe_near: Query | None = None
        if query.point is not None:
            cells = cells_of_point(*query.point)
            sure_area += [f"i{name}" for name in cells]
            self._maybe_area = self._terms([f"e{name}" for name in cells])
            if query.radius_metres is not None:
                near = cover(*query.point, float(max(query.radius_metres, 0)), BASE_LEVELS)
                self._sure_near = self._terms([NO_BASE, *(f"b{name}" for name in near.inside)])
                self._maybe_near = self._terms([f"b{name}" for name in near.crossed])
        self._sure_area = self._terms(sure_area)

    def possible(self) -> Query:
        """Listings that may come, with all that are certain among them: measure each."""
        area = self._sure_area if self._maybe_area is None else either(self._sure_area, self._maybe_area)
        return _both(area, self._near())

    def in_district(self) -> Query | None:
        """Those of the possible ones that cover the searcher's district."""
        return None if self._district is None else _both(self._terms([self._district]), self._near())

    def certain(self) -> Query:
        """Listings that need no measuring."""
        return _both(self._sure_area, self._sure_near)

    def own_edge(self) -> Query | None:
        """Listings whose own circle has its edge near the point: measure against both radii."""
        if self._maybe_area is None:
            return None
        near = self._near()
        parts = [(Occur.Must, self._maybe_area), (Occur.MustNot, self._sure_area)]
        return Query.boolean_query(parts if near is None else [*parts, (Occur.Must, near)])

    def radius_edge(self) -> Query | None:
        """Listings that come to the point, with a base near the edge of the searcher's circle: measure against that."""
        return None if self._maybe_near is None else _both(self._sure_area, self._maybe_near)

    def _near(self) -> Query | None:
        if self._sure_near is None or self._maybe_near is None:
            return None
        return either(self._sure_near, self._maybe_near)

    def _terms(self, terms: list[str]) -> Query:
        return any_term(self._schema, "area", terms)


def around(schema: tantivy.Schema, lat: float, lon: float, radius_metres: float) -> Query:
    """Listings whose base lies within the cells that a circle touches."""
    near = cover(lat, lon, radius_metres, BASE_LEVELS)
    return any_term(schema, "area", [f"b{name}" for name in (*near.inside, *near.crossed)])


def keys_query(schema: tantivy.Schema, keys: Sequence[int]) -> Query:
    """Listings by number."""
    return either(*(Query.term_query(schema, "key", key, index_option="basic") for key in keys))


def values_query(schema: tantivy.Schema, name: str, values: Sequence[str]) -> Query:
    """Listings with one of the values of a filter."""
    return any_term(schema, name, values)


def any_term(schema: tantivy.Schema, name: str, terms: Sequence[str]) -> Query:
    """Match any of some terms. A union of single terms; the engine's own query for sets walks the whole dictionary."""
    return either(*(Query.term_query(schema, name, term, index_option="basic") for term in terms))


def both(scored: Query | None, *silent: Query | None) -> Query:
    """Match all parts; only the first one scores."""
    parts = [(Occur.Must, Query.const_score_query(part, 0.0)) for part in silent if part is not None]
    if scored is not None:
        parts.insert(0, (Occur.Must, scored))
    if not parts:
        return Query.all_query()
    return parts[0][1] if len(parts) == 1 else Query.boolean_query(parts)


def without(wanted: Query, unwanted: Query) -> Query:
    """Match the first part less the second."""
    return Query.boolean_query([(Occur.Must, wanted), (Occur.MustNot, unwanted)])


def either(*parts: Query) -> Query:
    """Match any part, nothing without parts."""
    if not parts:
        return Query.empty_query()
    return parts[0] if len(parts) == 1 else Query.boolean_query([(Occur.Should, part) for part in parts])


def _both(first: Query, second: Query | None) -> Query:
    return first if second is None else Query.boolean_query([(Occur.Must, first), (Occur.Must, second)])
