"""A question as units: a word, or a phrase that has synonyms. Also why a listing answered it, and what was meant."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import msgspec

from search.synonyms import Phrase, Synonyms
from search.words import MAX_QUERY_CHARACTERS, STOP_WORDS, clean, stem, typo_distance, typos_allowed, words_of

MAX_UNITS: Final = 10


class Unit(msgspec.Struct, frozen=True):
    """One thing asked for."""

    words: Phrase
    synonyms: tuple[Phrase, ...] = ()
    is_prefix: bool = False
    """The last word of a text that may be half typed."""


def units_of(text: str, synonyms: Synonyms) -> list[Unit]:
    """Cut a text into at most ten units, stop words left out unless there is nothing else."""
    text = clean(text[:MAX_QUERY_CHARACTERS])
    words = words_of(text)
    is_open = bool(text) and text[-1].isalnum()
    units: list[Unit] = []
    start = 0
    while start < len(words):
        length, others = synonyms.longest(words[start:])
        length = length or 1
        phrase = tuple(words[start : start + length])
        start += length
        units.append(Unit(phrase, others, is_prefix=is_open and start == len(words)))
    telling = [unit for unit in units if len(unit.words) > 1 or unit.words[0] not in STOP_WORDS]
    unique = {unit.words: unit for unit in telling or units}
    return list(unique.values())[:MAX_UNITS]


def matched_words(units: Sequence[Unit], found: Iterable[str], certain: Collection[str] = ()) -> list[str]:
    """Name the words of a listing that answer each unit: as asked, else a synonym, else half typed, else misspelt.

    Args:
        found: The folded words of the listing.
        certain: Words that are taken as spelt, for which no near words are looked for.
    """
    words = list(found)
    have = set(words)
    # Of words with one stem the first stays.
    by_stem = dict(zip(map(stem, reversed(words)), reversed(words), strict=True))
    matched: dict[str, None] = {}
    for unit in units:
        exact = _phrase(unit.words, have, by_stem)
        others = (_phrase(synonym, have, by_stem) for synonym in unit.synonyms)
        if exact is not None:
            matched.update(dict.fromkeys(exact))
        elif (other := next(filter(None, others), None)) is not None:
            matched[" ".join(other)] = None
        else:
            for word in unit.words:
                one = _phrase((word,), have, by_stem) or _half_typed(unit, word, words)
                matched.update(dict.fromkeys(one or ([] if word in certain else _misspelt(word, words))))
    return list(matched)


def _phrase(phrase: Phrase, have: set[str], by_stem: dict[str, str]) -> list[str] | None:
    found = [word if word in have else by_stem.get(stem(word)) for word in phrase]
    return [word for word in found if word] if all(found) else None


def _half_typed(unit: Unit, word: str, words: list[str]) -> list[str]:
    if not unit.is_prefix or word != unit.words[-1]:
        return []
    return [other for other in words if other.startswith(word)][:1]


def _misspelt(word: str, words: list[str]) -> list[str]:
    limit = typos_allowed(word)
    near = [
        (distance, other) for other in words if limit and (distance := typo_distance(word, other, limit)) is not None
    ]
    return [min(near)[1]] if near else []


def did_you_mean(
    text: str,
    units: Sequence[Unit],
    is_known: Callable[[str], bool],
    near: Callable[[str], Iterable[str]],
    how_common: Callable[[str], int],
) -> str | None:
    """Replace words that no listing has by the nearest that listings have.

    Args:
        is_known: Whether a folded word (or a longer one beginning with it, for a half-typed one) is in the index.
        near: Folded words of listings that may be what was meant.
        how_common: Number of listings with a word; the commoner of two equally near words wins.

    Returns:
        The folded text with the replacements, None when there is nothing to replace or nothing to replace it with.
    """
    meant: dict[str, str] = {}
    for unit in units:
        if unit.synonyms:
            continue
        for word in unit.words:
            limit = typos_allowed(word)
            if not limit or is_known(word):
                continue
            near_words = {
                other: distance
                for other in set(near(word))
                if (distance := typo_distance(word, other, limit)) is not None
            }
            near_words.pop(word, None)
            if near_words:
                meant[word] = min(near_words, key=lambda other: (near_words[other], -how_common(other), other))
    if not meant:
        return None
    return " ".join(meant.get(word, word) for word in words_of(text[:MAX_QUERY_CHARACTERS]))
