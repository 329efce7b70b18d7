"""Words that mean the same to somebody who looks for care and support."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from search.synonym_groups import DEFAULT_GROUPS
from search.words import STOP_WORDS, stems_of, typo_distance, words_of

LONGEST_PHRASE_WORDS: Final = 6
"""Longer phrases are found by others, but find nothing themselves."""

Phrase = tuple[str, ...]


class Synonyms:
    """Groups of words and phrases; each member of a group also finds the others."""

    def __init__(self, groups: Iterable[Sequence[str]]) -> None:
        """Read groups of phrases; a phrase may stand in several groups."""
        self._others: dict[Phrase, dict[Phrase, None]] = {}
        self._phrases: dict[Phrase, Phrase] = {}
        for group in groups:
            phrases = [phrase for phrase in (tuple(words_of(text)) for text in group) if phrase]
            for phrase in phrases[:]:
                self._phrases.setdefault(_stems(phrase), phrase)
                if len(phrase) <= LONGEST_PHRASE_WORDS:
                    known = self._others.setdefault(_stems(phrase), {})
                    known.update(dict.fromkeys(other for other in phrases if _stems(other) != _stems(phrase)))
        words = {word for phrase in self._phrases.values() for word in phrase if word not in STOP_WORDS}
        self._word_stems = frozenset(stems_of(sorted(words)))
        self._by_length: dict[int, list[str]] = {}
        # "diaer" is nearer to "diaper" than to the "diapers" of the group.
        for word in sorted(words | {word[:-1] for word in words if word.endswith("s") and len(word) > 4}):
            self._by_length.setdefault(len(word), []).append(word)

    @classmethod
    def default(cls, extra: Iterable[Sequence[str]] = ()) -> "Synonyms":
        """Take the groups of this module and add others, such as a council's own."""
        return cls([*DEFAULT_GROUPS, *extra])

    def longest(self, words: Sequence[str]) -> tuple[int, tuple[Phrase, ...]]:
        """Find the longest known phrase at the start of some words, plural or not.

        Returns:
            The number of words it takes and what else means the same; `(0, ())` when nothing is known.
        """
        stems = _stems(words[:LONGEST_PHRASE_WORDS])
        for length in range(len(stems), 0, -1):
            others = self._others.get(stems[:length])
            if others:
                return length, tuple(others)
        return 0, ()

    def knows(self, word: str) -> bool:
        """Whether a folded word, or a form of it, stands in a phrase."""
        return _stems((word,))[0] in self._word_stems

    def near(self, word: str, typos: int) -> list[str]:
        """Words of the phrases at most so many typos away from a folded word."""
        size = len(word)
        return [
            other
            for length in range(size - typos, size + typos + 1)
            for other in self._by_length.get(length, ())
            if typo_distance(word, other, typos) is not None
        ]

    def phrases(self) -> Iterator[Phrase]:
        """All phrases, once each."""
        return iter(self._phrases.values())

    def terms(self) -> list[str]:
        """Terms of all phrases of two words and more, sorted."""
        return sorted("_".join(stems) for stems in self._phrases if len(stems) > 1)

    def key(self, phrase: Phrase) -> str:
        """Word that stands for a phrase in a search server's own list: of a known phrase one long word, else itself."""
        return phrase[0] if len(phrase) == 1 else "".join(self._phrases.get(_stems(phrase), phrase))

    def as_mapping(self) -> dict[str, list[str]]:
        """Give what each `key` finds, as a search server wants it: plurals are spelt out, since it knows no stems."""
        mapping: dict[str, list[str]] = {}
        for stems, others in self._others.items():
            phrase = self._phrases[stems]
            spelt = [spelling for same in (phrase, *others) for spelling in (" ".join(same), _plural(same))]
            for key in {self.key(phrase), _plural(phrase) if len(phrase) == 1 else self.key(phrase)}:
                mapping[key] = [spelling for spelling in dict.fromkeys(spelt) if spelling != key]
        return mapping


class PhraseFinder:
    """Finds known phrases of two words and more in stemmed text, each as one term such as `care_worker`.

    One term is looked up many times faster than a phrase is put together from the places of its words.
    """

    def __init__(self, terms: Iterable[str]) -> None:
        """Take the terms, as `Synonyms.terms` gives them."""
        self.terms = frozenset(terms)
        self._by_pair: dict[Phrase, list[tuple[str, str]]] = {}
        """By the first two stems of a phrase: its term, and what must stand in the text when it is longer."""
        for term in sorted(self.terms):
            stems = tuple(term.split("_"))
            whole = f" {' '.join(stems)} " if len(stems) > 2 else ""
            self._by_pair.setdefault(stems[:2], []).append((term, whole))
        self._pairs = frozenset(self._by_pair)

    def terms_in(self, stems: Sequence[str]) -> list[str]:
        """Terms of the phrases in a stemmed text, once each, sorted."""
        pairs = self._pairs.intersection(pairwise(stems))
        if not pairs:
            return []
        known = [phrase for pair in pairs for phrase in self._by_pair[pair]]
        text = f" {' '.join(stems)} " if any(whole for _, whole in known) else ""
        return sorted(term for term, whole in known if whole in text)


def _plural(phrase: Phrase) -> str:
    text = " ".join(phrase)
    return text if text.endswith("s") else f"{text}s"


def phrase_term(phrase: Sequence[str]) -> str:
    """Term of a phrase of folded words."""
    return "_".join(_stems(phrase))


def _stems(words: Sequence[str]) -> Phrase:
    return tuple(stems_of(words))
