"""Words as both backends see them: folded, cut, stemmed and compared."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import tantivy

MAX_QUERY_CHARACTERS: Final = 500
MAX_WORD_CHARACTERS: Final = 40
MAX_STEMS: Final = 500_000

_STOP_TEXT: Final = """
auntie brother dad daddy father gran grandad grandfather grandma grandmother granny husband mam mother mum mummy nan
sister uncle wife
a an and any are as at be by can could do find for from get gets getting give gives giving has have help helped helping
helps how i in is it looking me my need needs near of on or our please some somebody someone something that the
their them they this to us want wants we what where which who will with would you your
"""
STOP_WORDS: Final = frozenset(_STOP_TEXT.split())
"""Left out of a question unless nothing else is asked; in a known phrase such as "home help" they count. For whom it is
("a carer for dad") says nothing of what it is."""

_WORD: Final = re.compile(rf"[^\W_]{{1,{MAX_WORD_CHARACTERS}}}")
_ASCII_APOSTROPHES: Final = b"'`"
_ASCII_CUTS: Final = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
_APOSTROPHES: Final = dict.fromkeys(map(ord, "'’‘ʼ`´"))
_ANALYSER: Final = (
    tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    .filter(tantivy.Filter.lowercase())
    .filter(tantivy.Filter.stemmer("english"))
    .build()
)


class _Stems(dict[str, str]):
    """Stems by word, emptied when it is full: half the stems of a search are asked for again and again, and a look-up
    here costs a quarter of one in an LRU cache.
    """

    def __missing__(self, word: str) -> str:
        if len(self) >= MAX_STEMS:
            self.clear()
        found: list[str] = _ANALYSER.analyze(word)
        self[word] = stemmed = found[0] if len(found) == 1 else word
        return stemmed


_STEMS: Final = _Stems()


def clean(text: str) -> str:
    """Drop what UTF-8 cannot carry (lone surrogates), which the index and JSON refuse."""
    return text if text.isascii() else text.encode("utf-8", "ignore").decode("utf-8")


def fold(text: str) -> str:
    """Lower case, without accents and apostrophes: `O’Brien’s café` becomes `obriens cafe`."""
    if text.isascii():
        # Most texts: the slow steps below would double the time of an import.
        lowered = text.lower()
        return lowered.translate(_APOSTROPHES) if "'" in lowered or "`" in lowered else lowered
    # Apostrophes go first: compatibility forms of some are a space and a mark.
    spread = unicodedata.normalize("NFKD", clean(text).translate(_APOSTROPHES))
    return "".join(letter for letter in spread if not unicodedata.combining(letter)).casefold()


def words_of(text: str) -> list[str]:
    """Cut a text into folded words of letters and digits; what is longer than 40 characters is cut again."""
    if text.isascii():
        # Most texts: one pass and one split take a quarter of the time of a pattern.
        words = text.encode().translate(_ASCII_CUTS, _ASCII_APOSTROPHES).decode().split()
        if not words or len(max(words, key=len)) <= MAX_WORD_CHARACTERS:
            return words
    return _WORD.findall(fold(text))


def stem(word: str) -> str:
    """English stem of a folded word."""
    return stems_of((word,))[0]


def stems_of(words: Sequence[str]) -> list[str]:
    """English stems of folded words."""
    return list(map(_STEMS.__getitem__, words))


def typos_allowed(word: str) -> int:
    """Changed letters that still count as the same word.

    Returns:
        0 below four letters and for words with digits (postcodes, sizes), 1 up to seven letters, 2 from eight.
    """
    if len(word) < 4 or not word.isalpha():
        return 0
    return 1 if len(word) < 8 else 2


@lru_cache(maxsize=200_000)
def _letters(word: str) -> int:
    """Which letters a word has, as bits."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 63)
    return bits


@lru_cache(maxsize=200_000)
def typo_distance(word: str, other: str, limit: int) -> int | None:
    """Count the letters added, dropped, changed or swapped with a neighbour between two words.

    Returns:
        0 to `limit`, or None when the words are further apart.
    """
    if abs(len(word) - len(other)) > limit or (_letters(word) ^ _letters(other)).bit_count() > 2 * limit:
        return None
    before: list[int] = []
    previous = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        current = [i]
        for j, other_letter in enumerate(other, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (letter != other_letter))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == other_letter:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return None
        before, previous = previous, current
    return previous[-1] if previous[-1] <= limit else None
