"""A question as units: a word, or a phrase that has synonyms. Also why a listing answered it, and what was meant."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from search.synonyms import Phrase, Synonyms
from search.words import MAX_QUERY_CHARACTERS, STOP_WORDS, clean, stems_of, typo_distance, typos_allowed, words_of

MAX_UNITS: Final = 10
_NOTHING_MEANT: Final[Mapping[str, str]] = MappingProxyType({})


class Unit(msgspec.Struct, frozen=True):
    """One thing asked for."""

    words: Phrase
    synonyms: tuple[Phrase, ...] = ()
    is_prefix: bool = False
    """The last word of a text that may be half typed."""
    meant: Phrase = ()
    """What a misspelt word was meant to be, as one word; empty for all others."""

    @property
    def stems(self) -> Phrase:
        """Stems of the words."""
        return tuple(stems_of(self.words))


def units_of(text: str, synonyms: Synonyms, meant: Mapping[str, str] = _NOTHING_MEANT) -> list[Unit]:
    """Cut a text into at most ten units, stop words left out unless there is nothing else.

    Args:
        meant: What misspelt words were meant to be. A word by itself also stays as typed, since it may be a name; in a
            known phrase it is replaced.
    """
    text = clean(text[:MAX_QUERY_CHARACTERS])
    words = words_of(text)
    right = [meant.get(word, word) for word in words]
    is_open = bool(text) and text[-1].isalnum()
    units: list[Unit] = []
    start = 0
    while start < len(words):
        length, others = synonyms.longest(right[start:])
        length = length or 1
        phrase = tuple(right[start : start + length])
        intended: Phrase = ()
        if length == 1 and phrase[0] != words[start]:
            phrase, intended = (words[start],), phrase
        start += length
        units.append(Unit(phrase, others, is_prefix=is_open and start == len(words), meant=intended))
    telling = [unit for unit in units if len(unit.words) > 1 or unit.words[0] not in STOP_WORDS]
    unique = {unit.words: unit for unit in telling or units}
    return list(unique.values())[:MAX_UNITS]


class Explainer:
    """Says which words of a listing answered the units of a question."""

    def __init__(
        self,
        units: Sequence[Unit],
        certain: Collection[str] = (),
        forms: Callable[[str], Collection[str]] | None = None,
        near: Callable[[str, int], Sequence[tuple[int, str]]] | None = None,
    ) -> None:
        """Prepare for many listings.

        Args:
            certain: Words that are taken as spelt, for which no near words are looked for.
            forms: All words of the index with a stem, where that is known: it saves stemming each listing's words.
            near: Other words of the index at most so many typos away, the nearest first, each with its distance, where
                that is known: it saves measuring each listing's words.
        """
        self._certain = certain
        self._near = near
        self._units = [
            (
                unit,
                unit.stems,
                [dict.fromkeys(stems_of(other)) for other in ([unit.meant] if unit.meant else []) + [*unit.synonyms]],
            )
            for unit in units
        ]
        self._asked = {one for _, stems, synonyms in self._units for part in (stems, *synonyms) for one in part}
        self._words = {word for unit in units for word in unit.words}
        self._forms = None if forms is None else [(one, frozenset(forms(one))) for one in sorted(self._asked)]

    def matched(self, words: list[str]) -> list[str]:
        """Name the words that answer each unit: as asked, else a synonym, else half typed, else misspelt.

        Args:
            words: The folded words of the listing, once each.
        """
        present = set(words)
        by_stem = self._by_stem(words, present)
        have = by_stem.keys()
        matched: list[str] = []
        for unit, stems, synonyms in self._units:
            exact = [by_stem[one] for one in stems if one in have]
            if len(exact) == len(stems):
                matched += exact
                continue
            other = next((synonym for synonym in synonyms if have >= synonym.keys()), None)
            if other is not None:
                matched.append(" ".join(by_stem[one] for one in other))
                continue
            for word, stemmed in zip(unit.words, stems, strict=True):
                if stemmed in have:
                    matched.append(by_stem[stemmed])
                else:
                    matched += _half_typed(unit, word, words) or self._misspelt(word, words, present)
        return list(dict.fromkeys(matched))

    def _by_stem(self, words: list[str], present: set[str]) -> dict[str, str]:
        """Word of the listing for each stem asked for: the very word asked, else the first of the alphabet."""
        found: dict[str, list[str]] = {}
        if self._forms is None:
            for one, word in zip(stems_of(words), words, strict=True):
                if one in self._asked:
                    found.setdefault(one, []).append(word)
        else:
            for one, forms in self._forms:
                if not forms.isdisjoint(present):
                    found[one] = list(forms & present)
        return {
            one: several[0] if len(several) == 1 else min(several, key=lambda word: (word not in self._words, word))
            for one, several in found.items()
        }

    def _misspelt(self, word: str, words: list[str], present: set[str]) -> list[str]:
        limit = typos_allowed(word)
        if not limit or word in self._certain:
            return []
        if self._near is not None:
            return next(([one] for _, one in self._near(word, limit) if one in present), [])
        near = [(distance, one) for one in words if (distance := typo_distance(word, one, limit)) is not None]
        return [min(near)[1]] if near else []


def _half_typed(unit: Unit, word: str, words: list[str]) -> list[str]:
    if not unit.is_prefix or word != unit.words[-1]:
        return []
    return next(([other] for other in words if other.startswith(word)), [])


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
