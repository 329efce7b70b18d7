"""The words of the listings: which begin with some letters, and which are few typos away from a word."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from search.tantivy_columns import ColumnFiles, letters_of, spelling
from search.words import stem, typo_distance

Bytes = NDArray[np.uint8]

_AFTER: Final = "\U0010ffff"
"""Sorts behind any letter of a word."""
_FAR: Final = 100
_MOST_REMEMBERED: Final = 5_000


class Vocabulary:
    """Folded words of one generation and of what was written since. Words of removed listings stay in it."""

    def __init__(self, files: ColumnFiles) -> None:
        """Take the words of a generation."""
        self._terms, self._word_terms = files.terms, files.word_terms
        self._words = files.words
        self._lengths = files.lengths
        self._letters = files.letters
        self._added: list[str] = []
        self._near: dict[tuple[str, int], list[tuple[int, str]]] = {}
        self._forms: dict[str, frozenset[str]] = {}

    def with_words(self, words: Iterable[str]) -> "Vocabulary":
        """Give a vocabulary that has some more words; this one stays as it is when none is new."""
        added = set(self._added)
        new = sorted({word for word in words if word not in added and not self._has(word)})
        if not new:
            return self
        larger = Vocabulary.__new__(Vocabulary)
        larger.__dict__ |= self.__dict__
        larger._added = sorted([*self._added, *new])
        larger._near, larger._forms = {}, {}
        return larger

    def beginning_with(self, start: str) -> Iterator[str]:
        """Words that begin so."""
        yield from between(self._words, start)
        yield from between(self._added, start)

    def forms(self, stemmed: str) -> frozenset[str]:
        """Words with a stem."""
        known = self._forms.get(stemmed)
        if known is None:
            at = bisect_left(self._terms, stemmed)
            found = {self._words[i] for i in np.flatnonzero(self._word_terms == at)}
            if at == len(self._terms) or self._terms[at] != stemmed:
                found = set()
            found.update(word for word in self._added if stem(word) == stemmed)
            if len(self._forms) >= _MOST_REMEMBERED:
                self._forms.clear()
            known = self._forms[stemmed] = frozenset(found)
        return known

    def near(self, word: str, limit: int) -> list[tuple[int, str]]:
        """Other words at most so many typos away, the nearest first, each with its distance."""
        known = self._near.get((word, limit))
        if known is None:
            known = sorted(self._measured(word, limit))
            if len(self._near) >= _MOST_REMEMBERED:
                self._near.clear()
            self._near[word, limit] = known
        return known

    def _has(self, word: str) -> bool:
        at = bisect_left(self._words, word)
        return at < len(self._words) and self._words[at] == word

    def _measured(self, word: str, limit: int) -> Iterator[tuple[int, str]]:
        # An edit changes two letters at most, so most words are out by their letters alone.
        is_possible = np.bitwise_count(self._letters ^ letters_of([word])[0]) <= 2 * limit
        is_possible &= (self._lengths >= len(word) - limit) & (self._lengths <= len(word) + limit)
        words = [self._words[i] for i in np.flatnonzero(is_possible)]
        for other, distance in zip(words, typo_distances(word, words, limit).tolist(), strict=True):
            if 0 < distance <= limit:
                yield distance, other
        for other in self._added:
            near = typo_distance(word, other, limit)
            if near:
                yield near, other


def between(texts: list[str], start: str) -> list[str]:
    """Those of some sorted texts that begin so."""
    return texts[bisect_left(texts, start) : bisect_left(texts, start + _AFTER)]


def typo_distances(word: str, others: list[str], limit: int) -> Bytes:
    """Count the typos between a word and many others at once; see `search.words.typo_distance`.

    Returns:
        0 to `limit`, or something above it for words that are further apart.
    """
    if not others:
        return np.zeros(0, dtype=np.uint8)
    letters = np.ascontiguousarray(spelling(others).T)
    lengths = np.array([len(other) for other in others])
    longest = letters.shape[0]
    rows = [np.full((longest + 1, len(others)), _FAR, dtype=np.uint8) for _ in range(3)]
    before, previous, current = rows
    for j in range(min(limit, longest) + 1):
        previous[j] = j
    for i, letter in enumerate(map(ord, word), 1):
        current.fill(_FAR)
        # Further from the diagonal the distance is above the limit anyway.
        for j in range(max(0, i - limit), min(longest, i + limit) + 1):
            if j == 0:
                current[0] = i
                continue
            best = np.minimum(previous[j] + 1, current[j - 1] + 1)
            np.minimum(best, previous[j - 1] + (letters[j - 1] != letter), out=best)
            if i > 1 and j > 1:
                is_swapped = (letters[j - 2] == letter) & (letters[j - 1] == ord(word[i - 2]))
                np.minimum(best, np.where(is_swapped, before[j - 2] + 1, _FAR), out=best, casting="unsafe")
            current[j] = best
        before, previous, current = previous, current, before
    found: Bytes = previous[lengths, np.arange(len(others))]
    return found
