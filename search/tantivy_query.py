"""Questions as sets of listings and as engine queries, made from terms only: no text of a user reaches a query parser.

The set says who matches; the query says in what order. A query matches at least the set, or says that it does not.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import tantivy
from tantivy import Occur, Query

from search.areas import cells_around
from search.documents import Point
from search.listing_terms import NO_BASE
from search.synonyms import Phrase, phrase_term
from search.tantivy_columns import Marks
from search.tantivy_schema import CELL_LEVELS
from search.tantivy_sets import Columns
from search.units import Unit
from search.words import stem, stems_of, typos_allowed

TITLE_BOOST: Final = 3.0
TOPIC_BOOST: Final = 2.0
SYNONYM_BOOST: Final = 0.6
APART_BOOST: Final = 0.3
"""A known phrase whose words stand anywhere in a listing: "plan of care … home and garden" is no care home."""
PREFIX_BOOST: Final = 0.1
NEAR_BOOST: Final = 0.3
ONE_TYPO_BONUS: Final = 200.0
TELLING_LETTERS: Final = 4
BEGUN_BONUS: Final = 400.0
"""From so many letters on, a word that begins as typed ("footb") comes before one that is merely near ("foot")."""
EXACT_BONUS: Final = 2_000.0
"""More than all other scores of a question together, so that a misspelt match never passes an exact one."""

TAKEN_AS_SPELT: Final = 50
"""A word found in this many listings is what was meant, whole; longer and near words would only add noise."""
MOST_NEAR: Final = 40
"""So many near words, or words that begin alike, take part in the order of the listings."""


class Matching(NamedTuple):
    """Who answers a unit, and how well."""

    marks: Marks
    query: Query
    is_whole: bool
    """Whether the query matches all the marked ones."""


class TextQueries:
    """Makes the text part of a question against one state of the index."""

    def __init__(self, schema: tantivy.Schema, columns: Columns, phrases: frozenset[str]) -> None:
        """Bind to a state of the index, whose word counts decide where misspellings are looked for.

        Args:
            phrases: Terms of the phrases that the rows were marked with.
        """
        self._schema = schema
        self._columns = columns
        self._phrases = phrases

    def matching(self, unit: Unit) -> Matching:
        """Match the listings that answer a unit."""
        others = [Query.boost_query(self._synonym(phrase), SYNONYM_BOOST) for phrase in unit.synonyms]
        if others and len(unit.words) > 1:
            # A phrase that is known as a whole is neither half typed nor misspelt.
            marks = self._all_held(unit.stems)
            apart = Query.boolean_query([(Occur.Must, self._everything(stemmed)) for stemmed in unit.stems])
            together = [self._whole_phrase(unit.words), Query.boost_query(apart, APART_BOOST)]
            whole = Matching(marks, Query.disjunction_max_query(together), True)
        elif unit.meant:
            whole = self._misspelt(unit)
        else:
            last = len(unit.words)
            has_meaning = bool(others)
            words = [
                self._word(word, is_prefix=unit.is_prefix and i == last, has_meaning=has_meaning)
                for i, word in enumerate(unit.words, 1)
            ]
            whole = words[0]
            for word in words[1:]:
                query = Query.boolean_query([(Occur.Must, whole.query), (Occur.Must, word.query)])
                whole = Matching(whole.marks & word.marks, query, whole.is_whole and word.is_whole)
        if not others:
            return whole
        single = {phrase_term(phrase) for phrase in unit.synonyms if self._is_term(phrase)}
        marks = whole.marks | self._columns.marks(*single)
        for phrase in unit.synonyms:
            if not self._is_term(phrase):
                marks |= self._all_held(stems_of(phrase))
        return Matching(marks, Query.disjunction_max_query([whole.query, *others]), whole.is_whole)

    def all_of(self, matched: Sequence[Matching]) -> Query:
        """Order listings that answer every unit."""
        parts = [(Occur.Must if one.is_whole else Occur.Should, one.query) for one in matched]
        return matched[0].query if len(matched) == 1 else Query.boolean_query(parts)

    def some_of(self, matched: Sequence[Matching], least: int) -> Query:
        """Order listings that answer at least so many units."""
        parts = [(Occur.Should, one.query) for one in matched]
        least = min(least, sum(one.is_whole for one in matched))
        return Query.boolean_query(parts, minimum_number_should_match=least)

    def how_often(self, word: str) -> int:
        """Number of listings with a word in any of its forms, removed ones among them."""
        return len(self._columns.holders(stem(word)))

    def _misspelt(self, unit: Unit) -> Matching:
        """Match the word that was meant as if it had been typed, and the typed one, which may be a name."""
        typed = self._word(unit.words[0], is_prefix=unit.is_prefix, has_meaning=True)
        meant = stem(unit.meant[0])
        query = Query.disjunction_max_query([typed.query, self._exact(meant)])
        return Matching(typed.marks | self._columns.marks(meant), query, typed.is_whole)

    def _word(self, word: str, *, is_prefix: bool, has_meaning: bool = False) -> Matching:
        """Match a word, what begins with it, and what is near it.

        Args:
            has_meaning: Synonyms, or the word that was meant, stand beside it; they come before near words.
        """
        stemmed = stem(word)
        holders = self._columns.holders(stemmed)
        marks = self._columns.marks(stemmed)
        exact = self._exact(stemmed)
        if len(holders) >= TAKEN_AS_SPELT:
            return Matching(marks, exact, True)
        parts: list[Query] = []
        is_whole = True
        if is_prefix and len(word) > 1:
            longer = dict.fromkeys(stems_of(list(self._columns.vocabulary.beginning_with(word))))
            longer.pop(stemmed, None)
            marks |= self._columns.marks(*longer)
            is_whole = len(longer) <= MOST_NEAR
            begun = self._commonest(longer)
            parts += [Query.boost_query(self._exact(one), PREFIX_BOOST) for one in begun]
            if begun and len(word) >= TELLING_LETTERS:
                parts.append(Query.const_score_query(either(*map(self._everything, begun)), BEGUN_BONUS))
        typos = typos_allowed(word)
        if typos:
            near: dict[str, int] = {}
            for distance, other in self._columns.vocabulary.near(word, typos):
                near.setdefault(stem(other), distance)
            near.pop(stemmed, None)
            marks |= self._columns.marks(*near)
            is_whole = is_whole and len(near) <= MOST_NEAR
            nearest = sorted(self._commonest(near), key=near.__getitem__)
            for one in nearest:
                parts.append(Query.boost_query(self._exact(one), NEAR_BOOST))
            once = [self._everything(one) for one in nearest if near[one] == 1]
            if once and not has_meaning:
                parts.append(Query.const_score_query(either(*once), ONE_TYPO_BONUS))
            parts.append(Query.const_score_query(self._everything(stemmed), EXACT_BONUS))
        return Matching(marks, either(exact, *parts), is_whole)

    def _commonest(self, stems: Iterable[str]) -> list[str]:
        counted = [(-len(self._columns.holders(one)), one) for one in stems]
        return [one for count, one in sorted(counted)[:MOST_NEAR] if count]

    def _exact(self, stemmed: str) -> Query:
        return Query.disjunction_max_query(
            [
                self._everything(stemmed),
                Query.boost_query(Query.term_query(self._schema, "topic", stemmed, index_option="freq"), TOPIC_BOOST),
                Query.boost_query(Query.term_query(self._schema, "title", stemmed, index_option="freq"), TITLE_BOOST),
            ],
            tie_breaker=0.1,
        )

    def _is_term(self, phrase: Phrase) -> bool:
        return len(phrase) == 1 or phrase_term(phrase) in self._phrases

    def _whole_phrase(self, phrase: Phrase) -> Query:
        """Match a phrase as it was asked for, which counts for more in the title than in the text."""
        return self._exact(phrase_term(phrase)) if self._is_term(phrase) else self._phrase(phrase)

    def _synonym(self, phrase: Phrase) -> Query:
        if not self._is_term(phrase):
            return self._phrase(phrase)
        named = Query.term_query(self._schema, "title", phrase_term(phrase), index_option="freq")
        text = self._everything(phrase_term(phrase))
        return Query.disjunction_max_query([text, Query.boost_query(named, TITLE_BOOST)])

    def _phrase(self, phrase: Phrase) -> Query:
        if self._is_term(phrase):
            return self._everything(phrase_term(phrase))
        # A synonym that is newer than the index: its words, wherever they stand.
        return Query.boolean_query([(Occur.Must, self._everything(stemmed)) for stemmed in stems_of(phrase)])

    def _all_held(self, stems: Sequence[str]) -> Marks:
        marks = self._columns.marks(stems[0])
        for stemmed in stems[1:]:
            marks &= self._columns.marks(stemmed)
        return marks

    def _everything(self, term: str) -> Query:
        return Query.term_query(self._schema, "everything", term, index_option="freq")


def near_query(schema: tantivy.Schema, point: Point, radius_metres: float) -> Query:
    """Listings with a base around a circle, or without one: what keeps the engine from ordering the whole country."""
    cells = [NO_BASE, *cells_around(*point, radius_metres, CELL_LEVELS)]
    return either(*(Query.term_query(schema, "cells", cell, index_option="basic") for cell in cells))


def rows_query(schema: tantivy.Schema, rows: Iterable[int]) -> Query:
    """Listings by row."""
    return either(*(Query.term_query(schema, "row", row, index_option="basic") for row in rows))


def narrowed(scored: Query, silent: Query) -> Query:
    """Match both parts; only the first one scores."""
    return Query.boolean_query([(Occur.Must, scored), (Occur.Must, Query.const_score_query(silent, 0.0))])


def either(*parts: Query) -> Query:
    """Match any part, nothing without parts."""
    if not parts:
        return Query.empty_query()
    return parts[0] if len(parts) == 1 else Query.boolean_query([(Occur.Should, part) for part in parts])


def enough(matched: Sequence[Matching], least: int) -> Marks:
    """Mark the listings that answer at least so many units."""
    if least == len(matched):
        marks = matched[0].marks
        for one in matched[1:]:
            marks = marks & one.marks
        return marks
    counts = np.zeros(len(matched[0].marks), dtype=np.uint8)
    for one in matched:
        counts += one.marks
    found: Marks = counts >= least
    return found
