"""Whether a story tells who it is about: names that must not stand in it, and words that somebody should look at.

Rules cannot prove that a story is anonymous. So what is known of the person is refused outright, what looks like a
name, a place or a day is listed for the writer to look at, and the person reads the story before anybody else does.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

_USUAL_WORDS: Final = """
a about after again all also always an and another any anybody anyone as at back bank be because before being best
better big both but by can christmas council day days each easter english even every everybody everyone everything
family finding for friday friends from getting going good growing have having he help helping her here his home how
i i'd i'll i'm i've if in instead is it it's its just later learning less life little living making many meeting monday
more most moving mum music my new next no nobody not nothing now of old on once one only or other others our out over
people perhaps planning playing saturday saying school seeing sharing she since small so some somebody someone something
sometimes soon starting staying still sunday support than that that's the their them then there there's these they
they're they've this those though three through thursday time to today together tuesday two until walking we wednesday
week weeks well what when where which while who why will with without working yes yet you your mr
mrs miss dr doctor dad nan gran aunt uncle nurse
"""
USUAL: Final = frozenset(_USUAL_WORDS.split())
"""Words that begin sentences, or carry a capital, without telling anything."""
_NAMES_AND_WORDS: Final = """
april art august bill dawn daisy drew faith frank gene grace grant hill holly hope iris ivy jack jasmine joy june mark
may miles nick pat pearl ray rob robin rose ruby sandy smith summer sue violet wade will wood young
baker best bishop black brown carter church cook day dean field fisher fox gardener green grey hall hunt king lamb lane
long love marsh moon page park price short star stone street sweet walker west white winter wise
"""
NAMES_AND_WORDS: Final = frozenset(_NAMES_AND_WORDS.split())
"""Names that are words of every day, too: they count as names only where they carry a capital inside a sentence."""
SHORTEST_NAME: Final = 3

_SENTENCE: Final = re.compile(r"(?<=[.!?:])\s+|\n+")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_MONTH: Final = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
)
_DAYS: Final = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\b(?:\s+\d{{4}})?|\b{_MONTH}\s+\d{{1,4}}(?:st|nd|rd|th)?\b"
    r"|\b\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b|\b\d{4}-\d{2}-\d{2}\b|\b(?:19|20)\d{2}\b",
    re.IGNORECASE,
)
_AGES: Final = re.compile(
    r"\baged?\s+\d{1,3}\b|\b\d{1,3}[ -]years?[ -]old\b|\b\d{1,3}(?:st|nd|rd|th) birthday\b", re.IGNORECASE
)
_CONTACTS: Final = re.compile(
    r"\S+@\S+|https?://\S+|\bwww\.\S+|\b0\d[\d ]{8,}\b|\b[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}\b|\b\d+\s+\w+\s+"
    r"(?:road|street|lane|avenue|close|drive|way|court|place|terrace|crescent|grove|gardens)\b",
    re.IGNORECASE,
)


class Found(msgspec.Struct, frozen=True):
    """Something in a text that may tell who it is about."""

    kind: str
    """Said to the writer: "A name or a place", "A day or a year", "An age", "A way to reach somebody"."""
    text: str


def known_in(text: str, known: Iterable[str]) -> list[str]:
    """Return what is known of a person and stands in a text, as it is known, in order and once each.

    Args:
        text: What was typed.
        known: Names, places, numbers. Each is looked for as a whole and, where it is several words, word by word;
            words shorter than three letters are left out. Case does not matter, except for names that are words of
            every day, such as "Rose" or "Will".
    """
    found: dict[str, None] = {}
    plain = " ".join(text.split())
    tight = plain.replace(" ", "").lower()
    for item in known:
        whole = " ".join(item.split())
        if any(char.isdigit() for char in whole):
            # A postcode, a telephone or house number, a reference: however it is spaced.
            if len(whole.replace(" ", "")) >= SHORTEST_NAME and whole.replace(" ", "").lower() in tight:
                found[whole] = None
            continue
        for word in _WORD.findall(whole):
            if len(word) >= SHORTEST_NAME and _stands(word, plain):
                found[word] = None
    return list(found)


def names_in_entry(words: str) -> list[str]:
    """Return the names in what somebody wrote about a person in their life: "my dog Rex" names Rex.

    Words with a capital are names; where there are none, as in "sue", a single word is.
    """
    found = _WORD.findall(words)
    named = [word for word in found if word[0].isupper()]
    return named or (found if len(found) == 1 else [])


def to_look_at(text: str) -> list[Found]:
    """Return words that look like a name, a place, a day, an age or an address, in order and once each."""
    found: dict[Found, None] = {}
    for kind, pattern in (("A day or a year", _DAYS), ("An age", _AGES), ("A way to reach somebody", _CONTACTS)):
        for match in pattern.finditer(text):
            found[Found(kind, match.group().strip())] = None
    seen = " ".join(one.text for one in found)
    for sentence in _SENTENCE.split(text):
        for word in _WORD.findall(sentence):
            if word[0].isupper() and word.lower().replace("’", "'") not in USUAL and word not in seen:
                found[Found("A name or a place", word)] = None
    return list(found)


def _stands(word: str, text: str) -> bool:
    """Whether a name stands in a text as a word of its own, its possessive included."""
    lower = word.lower()
    if lower in USUAL:
        return False
    if lower not in NAMES_AND_WORDS:
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None
    inside = re.compile(rf"(?<=[\w,;] ){re.escape(lower.capitalize())}(?!\w)")
    return (
        inside.search(text) is not None or re.search(rf"(?<!\w){re.escape(lower.capitalize())}['’]s", text) is not None
    )
