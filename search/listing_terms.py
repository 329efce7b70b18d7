"""Terms of a listing that both engines hold: its number, where it is found, and the phrases it may complete."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from search.areas import BASE_LEVELS, cells_of_point, cover
from search.documents import ListingDocument
from search.words import stems_of, words_of

NO_PRICE: Final = 1 << 52
"""Sorts listings without a price last."""

ANYWHERE: Final = "any"
DISTRICTS_ONLY: Final = "bounded"
NO_BASE: Final = "nobase"


def key_of(listing_id: str) -> int:
    """64-bit number of a listing. The index can pick listings by number, but cannot read many ids quickly."""
    return int.from_bytes(blake2b(listing_id.encode(), digest_size=8).digest())


@lru_cache(maxsize=50_000)
def short_text(text: str) -> tuple[str, ...]:
    """Words of a text that many listings share."""
    return tuple(words_of(text))


@lru_cache(maxsize=50_000)
def short_stems(text: str) -> str:
    """Stems of the words of a text that many listings share, with spaces between."""
    return " ".join(stems_of(short_text(text)))


@lru_cache(maxsize=50_000)
def _phrase(text: str) -> str:
    return " ".join(short_text(text))


def phrases_of(document: ListingDocument, title: Sequence[str]) -> list[str]:
    """Phrases that complete a half-typed one. Names of single people (PAs) are not among them.

    Args:
        title: Folded words of the name.
    """
    texts = [document.category, document.town, *document.keywords, *document.suits, *document.interests]
    if document.kind != "pa":
        texts.append(document.provider)
    phrases = dict.fromkeys(map(_phrase, texts))
    if document.kind != "pa":
        phrases[" ".join(title)] = None
    phrases.pop("", None)
    return list(phrases)


def area_terms(document: ListingDocument) -> list[str]:
    """Name where a listing is found.

    Returns:
        `any`, or the covered districts (`d…`) and cells (`i…` inside, `e…` crossed by the edge); and the cells of the
        base (`b…`) for searches within a distance.
    """
    terms = [ANYWHERE] if document.is_anywhere else [f"d{district_code(code)}" for code in document.districts]
    if document.radius_metres is None and document.districts:
        terms.append(DISTRICTS_ONLY)
    if document.point is None:
        return [*terms, NO_BASE]
    lat, lon = document.point
    if not document.is_anywhere and document.radius_metres is not None:
        covered = cover(lat, lon, float(max(document.radius_metres, 0)))
        terms += [f"i{name}" for name in covered.inside]
        terms += [f"e{name}" for name in covered.crossed]
    return terms + [f"b{name}" for name in cells_of_point(lat, lon, BASE_LEVELS)]


def district_code(code: str) -> str:
    """Bring a district code into one form; it becomes one term whatever it holds."""
    return "".join(words_of(code))
