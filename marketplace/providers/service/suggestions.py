"""What a half-typed word may become: kinds of support, what offers say of themselves, towns."""

from contextlib import suppress
from typing import Final

from marketplace.core.places import TOWNS, name_key
from marketplace.providers.models import CATEGORY_LABELS
from marketplace.providers.service.kind_words import KIND_NAMES
from search import AsyncSearch, IndexUnavailable

LEAST_LETTERS: Final = 2
LONGEST: Final = 60
SHOWN: Final = 8
TOWNS_SHOWN: Final = 2
_KINDS: Final = tuple(dict.fromkeys([*CATEGORY_LABELS.values(), *(words.capitalize() for words in KIND_NAMES)]))
_TOWN_KEYS: Final = tuple((name_key(town.name), town.name) for town in TOWNS)


async def suggestions(engine: AsyncSearch | None, typed: str) -> list[str]:
    """Complete what is typed so far: at most eight texts; nothing below two letters or beyond sixty.

    Kinds of support come first, then what offers are about, then towns ("football pre" may become "football Preston").
    Without an index the kinds and the towns are still there.
    """
    text = " ".join(typed.split())
    if not LEAST_LETTERS <= len(text) <= LONGEST or not text.isprintable():
        return []
    folded = text.casefold()
    found = [kind for kind in _KINDS if kind.casefold().startswith(folded)]
    towns = _towns(text)
    if engine is not None:
        with suppress(IndexUnavailable):
            found += await engine.suggest(text, SHOWN)
    unique = list({one.casefold(): one for one in reversed(found)}.values())[::-1]
    return [*unique[: SHOWN - len(towns)], *towns]


def _towns(text: str) -> list[str]:
    *before, last = text.split(" ")
    key = name_key(last)
    if len(key) < LEAST_LETTERS:
        return []
    names = [name for town, name in _TOWN_KEYS if town.startswith(key)]
    return [" ".join([*before, name]) for name in names[:TOWNS_SHOWN]]


def place_names() -> list[str]:
    """Return the names of the towns that a search knows without any directory."""
    return [town.name for town in TOWNS]
