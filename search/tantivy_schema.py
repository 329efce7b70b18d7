"""Layout of the embedded index and what a listing leaves in it: a row for the engine and facts for the columns.

The engine (tantivy) keeps the words that rank, and the texts that are shown. Everything that is counted, filtered or
measured is kept in columns beside it (`tantivy_columns`), where a whole set of listings costs no more than one.
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import tantivy

from search.areas import cells_of_point
from search.documents import FILTERS, SHOWN_CHARACTERS, ListingDocument, values_listed
from search.listing_terms import NO_BASE, NO_PRICE, district_code, phrases_of, short_text
from search.synonyms import PhraseFinder
from search.words import clean, stems_of, words_of

LAYOUT: Final = 6
"""Raised with each change of the schema or of the terms; an index of another layout is refused until it is rebuilt."""

REACH_ANYWHERE: Final = 1 << 50
REACH_DISTRICTS: Final = -1
REACH_NOWHERE: Final = -2
"""In place of a radius in metres: the listing comes anywhere, to its districts only, or (no base) to no point."""

CELL_LEVELS: Final = (6, 8, 10, 12, 14)
"""Levels of the grid at which the engine knows the bases."""

MAX_VALUE_TERMS: Final = 50_000

GAP: Final = "_"
"""Stands between two texts, so that no phrase is found across them."""


def value_term(name: str, value: str) -> str:
    """Term of a filter's value. No folded word begins with its first character."""
    return f"={name}={value}"


def district_term(code: str) -> str:
    """Term of a district that a listing covers in full."""
    return f"@{district_code(code)}"


def phrase_key(phrase: str) -> str:
    """Term of a phrase that may be offered while somebody types."""
    return f">{phrase}"


class ValueTerms(dict[str, str]):
    """Terms of the values of one filter, kept since most listings have the same ones."""

    def __init__(self, name: str) -> None:
        """Start with no value."""
        super().__init__()
        self._name = name

    def __missing__(self, value: str) -> str:
        """Make a term; emptied when full."""
        if len(self) >= MAX_VALUE_TERMS:
            self.clear()
        self[value] = term = value_term(self._name, clean(value))
        return term


_VALUE_TERMS: Final = [ValueTerms(name).__getitem__ for name in FILTERS]


class Facts(msgspec.Struct, array_like=True, gc=False):
    """What the columns take of a listing."""

    id: str
    lat: float | None
    lon: float | None
    reach_metres: int
    """Its own radius, or one of the `REACH_…` numbers."""
    price_pence: int
    terms: list[str]
    """Known phrases, values of filters, districts and phrases to offer."""
    words: list[str]
    """Folded words, once each; the columns find listings by their stems."""


class Shown(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What the engine stores of a listing: the texts of an excerpt, and its folded words for explanations."""

    name: str
    summary: str
    plain: str


_TEXTS: Final = ("id", "title", "topic", "everything", "cells")


class Row(NamedTuple):
    """A listing as the index takes it; `fields` lack the number of the row."""

    fields: dict[str, Any]
    facts: Facts

    def document(self, number: int) -> tantivy.Document:
        """Write it for the engine as the row of that number."""
        document = tantivy.Document()
        fields = self.fields
        for name in _TEXTS:
            document.add_text(name, fields[name])
        document.add_unsigned("row", number)
        document.add_unsigned("spot", fields["spot"])
        document.add_bytes("shown", fields["shown"])
        return document


def build_schema() -> tantivy.Schema:
    """Make the schema; `raw` fields hold whole values, the others folded words."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("row", indexed=True, fast=True)
    # The listings of a neighbourhood lie side by side, so that a place touches few blocks of the index.
    builder.add_unsigned_field("spot", fast=True)
    # Words come folded and stemmed already, so that the index and the questions cannot disagree about a stem.
    for name in ("title", "topic", "everything"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("cells", tokenizer_name="whitespace", index_option="basic")
    builder.add_bytes_field("shown", stored=True)
    return builder.build()


def row_of(document: ListingDocument, phrases: PhraseFinder) -> Row:
    """Write a listing as a row, with a term for each known phrase in it."""
    topics = (
        document.category, document.kind, *document.keywords, *document.suits, *document.interests, document.town,
    )  # fmt: skip
    others = (document.provider, document.postcode_area, *document.languages, document.gender or "")
    title = words_of(document.name)
    words = [*title, GAP]
    for text in topics:
        words += _gapped(text)
    for text in others:
        words += _gapped(text)
    words += words_of(document.summary)
    words.append(GAP)
    words += words_of(document.body)
    plain = dict.fromkeys(words)
    del plain[GAP]
    stems = stems_of(words)
    found = phrases.terms_in(stems)
    title_stems = stems[: len(title)]
    fields: dict[str, Any] = {
        "id": clean(document.id),
        "title": " ".join([*title_stems, *phrases.terms_in(title_stems)]),
        "topic": " ".join([_short_stems(text, phrases) for text in topics if text]),
        "everything": " ".join([*stems, *found]),
        "shown": msgspec.json.encode(
            Shown(clean(document.name), clean(document.summary[:SHOWN_CHARACTERS]), " ".join(plain))
        ),
    }
    point = document.point
    if point is None:
        fields |= {"cells": NO_BASE, "spot": 0}
    else:
        fields |= {"cells": " ".join(cells_of_point(*point, CELL_LEVELS)), "spot": _spot(*point)}
    terms = found
    for term_of, values in zip(_VALUE_TERMS, values_listed(document), strict=True):
        terms += map(term_of, filter(None, values))
    terms += map(district_term, document.districts)
    terms += map(phrase_key, phrases_of(document, title))
    lat, lon = point or (None, None)
    facts = Facts(
        fields["id"],
        lat,
        lon,
        _reach(document),
        NO_PRICE if document.price_pence is None else document.price_pence,
        terms,
        list(plain),
    )
    return Row(fields, facts)


@lru_cache(maxsize=50_000)
def _gapped(text: str) -> tuple[str, ...]:
    return (*short_text(text), GAP) if text else ()


@lru_cache(maxsize=50_000)
def _short_stems(text: str, phrases: PhraseFinder) -> str:
    """Stems of a short text and the known phrases in it."""
    stems = stems_of(short_text(text))
    return " ".join([*stems, *phrases.terms_in(stems)])


def _reach(document: ListingDocument) -> int:
    if document.is_anywhere:
        return REACH_ANYWHERE
    if document.radius_metres is None:
        return REACH_DISTRICTS
    return REACH_NOWHERE if document.point is None else min(max(document.radius_metres, 0), REACH_ANYWHERE - 1)


def _spot(lat: float, lon: float) -> int:
    """Number of a point on a curve that fills the grid, so that near numbers are near places (Morton order)."""
    column, row = int((lon + 180) / 360 * 65535), int((lat + 90) / 180 * 65535)
    return _spread(column) | (_spread(row) << 1)


def _spread(number: int) -> int:
    """Put a zero before each of 16 bits."""
    number = (number | (number << 8)) & 0x00FF00FF
    number = (number | (number << 4)) & 0x0F0F0F0F
    number = (number | (number << 2)) & 0x33333333
    return (number | (number << 1)) & 0x55555555
