"""Layout of the embedded index and what a listing leaves in it: a row for the engine and facts for the columns.

The engine (tantivy) keeps the words that rank, and the texts that are shown. Everything that is counted, filtered or
measured is kept in columns beside it (`tantivy_columns`), where a whole set of listings costs no more than one.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import tantivy

from search.areas import cells_of_point
from search.documents import SHOWN_CHARACTERS, ListingDocument, filter_values
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


class Row(NamedTuple):
    """A listing as the index takes it; `fields` lack the number of the row."""

    fields: dict[str, Any]
    facts: Facts

    def json(self, number: int) -> str:
        """Write it for the engine as the row of that number."""
        return msgspec.json.encode(self.fields | {"row": number}).decode()


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
    for text in (*topics, *others):
        if text:
            words += short_text(text)
            words.append(GAP)
    words += words_of(document.summary)
    words.append(GAP)
    words += words_of(document.body)
    stems = stems_of(words)
    found = phrases.terms_in(stems)
    plain = dict.fromkeys(words)
    plain.pop(GAP, None)
    fields: dict[str, Any] = {
        "id": clean(document.id),
        "title": " ".join([*stems_of(title), *phrases.terms_in(stems_of(title))]),
        "topic": " ".join(_topic(topics, phrases)),
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
    terms += [value_term(name, clean(value)) for name, values in filter_values(document).items() for value in values]
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


def _topic(texts: Iterable[str], phrases: PhraseFinder) -> list[str]:
    """Stems of some short texts and the known phrases in each."""
    found: list[str] = []
    for text in texts:
        if text:
            found += _short_stems(text, phrases)
    return found


@lru_cache(maxsize=50_000)
def _short_stems(text: str, phrases: PhraseFinder) -> tuple[str, ...]:
    stems = stems_of(short_text(text))
    return (*stems, *phrases.terms_in(stems))


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
