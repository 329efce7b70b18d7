"""Excerpts of a listing with the matched words marked, for both engines."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from search.documents import Excerpt
from search.words import STOP_WORDS, fold

EXCERPT_CHARACTERS: Final = 160
_LEAD_CHARACTERS: Final = 60
"""So much of a long text is kept before its first matched word."""
_WORD: Final = re.compile(r"[^\W_]+(?:['’‘ʼ`´\u0300-\u036f][^\W_]+)*")
_ELLIPSIS: Final = "…"


def highlights(name: str, summary: str, matched: Sequence[str]) -> list[Excerpt]:
    """Mark matched words in a name and a summary.

    Args:
        matched: Folded words and phrases, as `Hit.matched` has them.
    """
    found_words = frozenset(" ".join(matched).split())
    words = (found_words - STOP_WORDS) or found_words
    if not words:
        return []
    found = [
        Excerpt("name", name, _marks(name, words)),
        _excerpt(summary, _marks(summary, words)),
    ]
    return [excerpt for excerpt in found if excerpt.marks]


def _marks(text: str, words: frozenset[str]) -> list[tuple[int, int]]:
    if text.isascii() and "'" not in text and "`" not in text:
        # Most texts: nothing but the letters' case is folded, and looking for a few words is faster than a pattern.
        lowered = text.lower()
        return sorted(mark for word in words if word in lowered for mark in _found(word, lowered))
    return [match.span() for match in _WORD.finditer(text) if fold(match.group()) in words]


def _found(word: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a word stands by itself."""
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
            yield start, end
        start = text.find(word, end)


def _excerpt(text: str, marks: list[tuple[int, int]]) -> Excerpt:
    """Cut a summary around its first mark, at spaces."""
    if len(text) <= EXCERPT_CHARACTERS or not marks:
        return Excerpt("summary", text, marks)
    start = max(0, min(marks[0][0] - _LEAD_CHARACTERS, len(text) - EXCERPT_CHARACTERS))
    if start:
        space = text.find(" ", start, marks[0][0])
        start = marks[0][0] if space < 0 else space + 1
    stop = start + EXCERPT_CHARACTERS
    if stop < len(text):
        space = text.rfind(" ", max(start, marks[0][1]), stop)
        stop = max(marks[0][1], stop) if space < 0 else space
    before = _ELLIPSIS if start else ""
    after = _ELLIPSIS if stop < len(text) else ""
    shift = len(before) - start
    inside = [(first + shift, last + shift) for first, last in marks if start <= first and last <= stop]
    return Excerpt("summary", f"{before}{text[start:stop]}{after}", inside)
