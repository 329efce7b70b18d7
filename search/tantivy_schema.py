"""Layout of the embedded index and the row of a listing in it."""

from typing import Any, Final, NamedTuple

import msgspec
import tantivy

from search.documents import FACETS, FILTERS, ListingDocument, filter_values
from search.listing_terms import NO_PRICE, area_terms, key_of, phrases_of, short_text
from search.synonyms import PhraseFinder
from search.words import clean, stems_of, words_of

LAYOUT: Final = 3
"""Raised with each change of the schema or of the terms; an index of another layout is refused until it is rebuilt."""

REACH_ANYWHERE: Final = 1 << 50
REACH_DISTRICTS: Final = 1 << 49
"""In place of a radius: the listing comes anywhere, or to its districts only."""

GAP: Final = "_"
"""Stands between two texts, so that no phrase is found across them."""


def build_schema() -> tantivy.Schema:
    """Make the schema; `raw` fields hold whole values, the others folded words."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("key", indexed=True, fast=True)
    # Words come folded and stemmed already, so that the index and the questions cannot disagree about a stem.
    for name in ("title", "topic"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("everything", tokenizer_name="whitespace")
    # Unstemmed words: half-typed and misspelt ones are looked up here, and results are explained from the stored copy.
    builder.add_text_field("plain", stored=True, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field("phrases", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("area", tokenizer_name="whitespace", index_option="basic")
    for name in FILTERS:
        builder.add_text_field(name, fast=name in FACETS, tokenizer_name="raw", index_option="basic")
    for name in ("lat", "lon"):
        builder.add_float_field(name, fast=True)
    builder.add_unsigned_field("reach_metres", fast=True)
    builder.add_integer_field("price_order", fast=True)
    return builder.build()


class Row(NamedTuple):
    """A listing as the index takes it."""

    id: str
    json: str


def row_of(document: ListingDocument, phrases: PhraseFinder) -> Row:
    """Write a listing as a row, with a term for each known phrase in it."""
    topics = (
        document.category, document.kind, *document.keywords, *document.suits, *document.interests, document.town,
    )  # fmt: skip
    others = (document.provider, document.postcode_area, *document.languages, document.gender or "")
    title = words_of(document.name)
    parts = [
        title,
        *map(short_text, topics),
        *map(short_text, others),
        words_of(document.summary),
        words_of(document.body),
    ]
    words: list[str] = []
    for part in parts:
        words += part
        words.append(GAP)
    stems = stems_of(words)
    plain = dict.fromkeys(words)
    del plain[GAP]
    topic = [one for text in topics for one in (*stems_of(short_text(text)), GAP)]
    title = stems_of(title)
    row: dict[str, Any] = {
        "id": document.id,
        "key": key_of(document.id),
        "title": " ".join([*title, *phrases.terms_in(title)]),
        "topic": " ".join([*(one for one in topic if one != GAP), *phrases.terms_in(topic)]),
        "everything": " ".join([*stems, *phrases.terms_in(stems)]),
        "plain": " ".join(plain),
        "phrases": phrases_of(document),
        "area": " ".join(area_terms(document)),
        "price_order": NO_PRICE if document.price_pence is None else document.price_pence,
    }
    row |= filter_values(document)
    if document.point is not None:
        row["lat"], row["lon"] = document.point
    if document.is_anywhere:
        row["reach_metres"] = REACH_ANYWHERE
    elif document.radius_metres is None:
        row["reach_metres"] = REACH_DISTRICTS
    else:
        row["reach_metres"] = max(document.radius_metres, 0)
    try:
        return Row(document.id, msgspec.json.encode(row).decode())
    except UnicodeEncodeError:
        row |= {name: [clean(value) for value in values] for name, values in filter_values(document).items()}
        return Row(document.id, msgspec.json.encode(row).decode())
