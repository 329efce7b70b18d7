"""What a misspelt word was meant to be: a word of the listings, or one of the phrases that have synonyms."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from search.synonyms import Synonyms
from search.words import MAX_QUERY_CHARACTERS, STOP_WORDS, clean, typo_distance, words_of

SHORTEST: Final = 3
"""Letters of the shortest word that is respelt. Only a word that no listing has is, so three letters do no harm."""
LONG: Final = 6
"""Letters from which two typos are forgiven, where nothing is nearer."""
MAX_RESPELT: Final = 6
"""Words of one question that near words are looked for; each costs a look into the index."""
_KNOWN_BONUS: Final = 3
"""A word with synonyms counts as found in so many more listings."""


class WordCounts(Protocol):
    """What an index knows about words."""

    def is_known(self, word: str, *, is_open: bool) -> bool:
        """Whether a folded word, or a form of it, is in a listing; of an open one, whether a word begins with it."""

    def near(self, word: str, typos: int) -> Iterable[str]:
        """Words of listings at most so many typos away, and maybe others."""

    def how_common(self, word: str) -> int:
        """Number of listings with a word."""


def meant_words(text: str, synonyms: Synonyms, counts: WordCounts) -> dict[str, str]:
    """Find what the misspelt words of a text were meant to be.

    The nearest word wins; of equally near ones, the one that makes a known phrase with its neighbours ("home helbp"),
    then the commonest.

    Returns:
        `meant[typed]`, folded, without the words that are right or that nothing is near to.
    """
    text = clean(text[:MAX_QUERY_CHARACTERS])
    words = words_of(text)
    is_open = bool(text) and text[-1].isalnum()
    meant: dict[str, str] = {}
    for at, word in enumerate(words):
        if len(meant) == MAX_RESPELT:
            break
        if word in meant or word in STOP_WORDS or not (limit := respelling_limit(word)) or synonyms.knows(word):
            continue
        if not counts.is_known(word, is_open=is_open and at == len(words) - 1):
            near = _nearest(word, limit, synonyms, counts)
            near.pop(word, None)
            if near:
                meant[word] = _best(near, words, at, synonyms, counts)
    return meant


def respelling_limit(word: str) -> int:
    """Typos that a word may have: more than `typos_allowed`, since only words that no listing has are respelt."""
    if len(word) < SHORTEST or not word.isalpha():
        return 0
    return 1 if len(word) < LONG else 2


def respelt(text: str, meant: Mapping[str, str]) -> str | None:
    """Write a text with its words put right, folded; None when there are none to put right."""
    if not meant:
        return None
    return " ".join(meant.get(word, word) for word in words_of(text[:MAX_QUERY_CHARACTERS]))


def _nearest(word: str, limit: int, synonyms: Synonyms, counts: WordCounts) -> dict[str, int]:
    """Words as near as any is, to the word or to its singular: listings say "choir" where people type "chiors"."""
    forms = [word, word[:-1]] if word.endswith("s") and len(word) > SHORTEST + 1 else [word]
    near: dict[str, int] = {}
    for typos in range(1, limit + 1):
        for form in forms:
            for other in {*synonyms.near(form, typos), *counts.near(form, typos)}:
                distance = typo_distance(form, other, typos)
                if distance is not None:
                    near[other] = distance
        if near:
            least = min(near.values())
            return {other: distance for other, distance in near.items() if distance == least}
    return near


def _best(near: Mapping[str, int], words: Sequence[str], at: int, synonyms: Synonyms, counts: WordCounts) -> str:
    typed = words[at]

    def weight(other: str) -> tuple[bool, int, int, str]:
        # People rarely mistake the first letter, and they miss letters more often than they type others.
        likely = 2 * (other[0] == typed[0]) + (set(typed) <= set(other))
        common = counts.how_common(other) + (_KNOWN_BONUS if synonyms.knows(other) else 0)
        return _makes_phrase(other, words, at, synonyms), likely, common, other

    return max(near, key=weight)


def _makes_phrase(other: str, words: Sequence[str], at: int, synonyms: Synonyms) -> bool:
    """Whether a word makes a known phrase with its neighbours."""
    before = words[max(0, at - 2) : at]
    line = [*before, other, *words[at + 1 : at + 3]]
    lengths = [synonyms.longest(line[start:])[0] for start in range(len(before) + 1)]
    return any(length > 1 and start + length > len(before) for start, length in enumerate(lengths))
