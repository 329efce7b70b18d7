"""How hard a page is to read: the Flesch-Kincaid grade of its sentences.

Grade = 0.39 × words per sentence + 11.8 × syllables per word − 15.59. Source: Kincaid, Fishburne, Rogers, Chissom,
"Derivation of new readability formulas for Navy enlisted personnel", 1975. Grade 6 is read at the age of eleven or
twelve.

Only what is said in a phrase of four words or more counts: labels, names and figures would make any page look easy.
Known libraries for this ask for word lists to be downloaded when they run, so syllables are counted here by rules of
English spelling; `tests/web/test_readability.py` compares them with a list counted by hand.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

FEWEST_WORDS = 4
"""Of a phrase that counts."""
BLOCKS = frozenset(
    {
        "p",
        "li",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "label",
        "legend",
        "caption",
        "summary",
        "div",
        "td",
        "th",
        "button",
    }
)
"""Elements that end a sentence even without a full stop."""
SKIPPED = frozenset({"svg", "script", "style", "noscript", "select", "textarea", "nav", "template"})

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d[\d,.:/]*")
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|\b\S+\.(?:uk|org|com|example)\b\S*")
_VOWELS = re.compile(r"[aeiouy]+")
_TWO_SOUNDS = re.compile(
    r"ia(?!l$|n$|ns$|lly$)|io(?!n|us)|iu(?!s)|eo(?!p|us|n$)|[^qg]ua(?!r|l$)|uou|ui(?=ty|sh)|[^aeiou]ying|rying|ee?ing|oing"
    r"|eat(?=e|i[on])|creat|uin|ier$|iet|ience|dea(?=s?$)|rea(?=l)"
)
"""Spellings in which two vowels beside each other are two sounds: "media", "going", "quiet", "actual"."""
_SILENT = re.compile(r"(?:[^aeiouyl]|[aeiou]l)e$|[^aeioudt]ed$|[^aeiouy]es$|ely$|eless$|eful(?:ly)?$|ement")
_SOUNDED_ES = re.compile(r"(?:s|x|z|c|g|ch|sh)es$")
_ODD_BY_NUMBER = {
    1: "heard hour hours our ours the",
    2: (
        "being business create evening every homecare lifetime lion maybe people poem quiet real safely "
        "science social someone something sometimes somewhere special statement therefore wednesday"
    ),
    3: (
        "agreement agreements anyone area areas diary everyone everything family idea safeguarding somebody "
        "theatre video"
    ),
    4: "everybody february january",
    5: "representative",
}
_ODD = {word: number for number, words in _ODD_BY_NUMBER.items() for word in words.split()}
"""Common words that the rules get wrong."""


class Grade(NamedTuple):
    """What was measured of a text."""

    words: int
    sentences: int
    syllables: int

    @property
    def level(self) -> float:
        """The Flesch-Kincaid grade; 0.0 for a text without phrases."""
        if not self.sentences:
            return 0.0
        return 0.39 * self.words / self.sentences + 11.8 * self.syllables / self.words - 15.59

    def __add__(self, other: "Grade") -> "Grade":  # type: ignore[override]
        """Both together."""
        return Grade(self.words + other.words, self.sentences + other.sentences, self.syllables + other.syllables)


def syllables(word: str) -> int:
    """Count the syllables of a word by its spelling; a number is one, as it is read at a glance."""
    plain = re.sub(r"[^a-z]", "", word.lower().replace("é", "e"))
    if not plain:
        return 1
    parts = re.split(r"[-’']", word.lower())
    if len(parts) > 1:
        # "don’t" and "it’s" add no sound of their own; the parts of "well-known" do.
        return sum(syllables(part) for part in parts if len(part) > 2) or 1
    if plain in _ODD:
        return _ODD[plain]
    number = len(_VOWELS.findall(plain)) + len(_TWO_SOUNDS.findall(plain))
    if _SILENT.search(plain) and not _SOUNDED_ES.search(plain):
        number -= 1
    return max(number, 1)


def sentences_of(text: str) -> Iterator[list[str]]:
    """Return the sentences of a block as lists of words, those that are long enough."""
    for sentence in _SENTENCE_END.split(_ADDRESS.sub(" ", text)):
        found = _WORD.findall(sentence)
        if len(found) >= FEWEST_WORDS:
            yield found


def grade_of(blocks: Iterable[str]) -> Grade:
    """Measure blocks of text; the end of a block ends a sentence."""
    total = Grade(0, 0, 0)
    for block in blocks:
        for sentence in sentences_of(block):
            total += Grade(len(sentence), 1, sum(map(syllables, sentence)))
    return total


def blocks_of(main: Element) -> Iterator[str]:
    """Return the visible text of a page's main part, block by block."""
    held: list[str] = []

    def walk(element: Element) -> Iterator[str]:
        if not isinstance(element.tag, str) or element.tag in SKIPPED:
            return
        is_block = element.tag in BLOCKS
        if is_block:
            yield from flush()
        if element.text:
            held.append(element.text)
        for child in element:
            yield from walk(child)
            if child.tail:
                held.append(child.tail)
        if is_block:
            yield from flush()

    def flush() -> Iterator[str]:
        text = " ".join("".join(held).split())
        held.clear()
        if text:
            yield text

    yield from walk(main)
    yield from flush()


def hardest(blocks: Iterable[str], number: int = 5) -> list[tuple[float, str]]:
    """Return the hardest sentences, to say in a failed test what should be mended."""
    found = [
        (round(Grade(len(one), 1, sum(map(syllables, one))).level, 1), " ".join(one))
        for block in blocks
        for one in sentences_of(block)
    ]
    return sorted(found, reverse=True)[:number]


_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_CODE = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NO_PHRASE = re.compile(r"<|\.html")
"""What stands between quotes without being said: the name of another template, markup."""
_BLOCK_TAG = re.compile(rf"</?(?:{'|'.join(sorted(BLOCKS))}|tr|ul|ol|table|form|section|br)\b[^>]*>")
_SKIPPED_TAG = re.compile(r"<(svg|script|style|select)\b.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def blocks_of_template(source: str) -> Iterator[str]:
    """Return what a template can say, every branch of it: its text, and the phrases given to its macros.

    A value that is filled in counts as one short word, as most are names, dates and amounts.
    """
    source = _COMMENT.sub(" ", source)
    phrases: list[str] = []

    def code(match: re.Match[str]) -> str:
        inside = match.group(1) or match.group(2) or ""
        found = [
            text
            for text in _LITERAL.findall(inside)
            if len(_WORD.findall(text)) >= FEWEST_WORDS and not _NO_PHRASE.search(text)
        ]
        phrases.extend(found)
        # Two branches of one sentence follow each other here, so a branch ends a block.
        return ("." if found else "Sam") if match.group(1) is not None else "\n"

    text = _CODE.sub(code, source)
    text = _TAG.sub("", _BLOCK_TAG.sub("\n", _SKIPPED_TAG.sub(" ", text)))
    for part in (*text.split("\n"), *phrases):
        line = " ".join(part.split())
        if line:
            yield line
