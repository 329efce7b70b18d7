"""A plan as Easy Read: a picture and a few words at a time, one thing on a line, hard words explained.

Nobody's words are rewritten: they are only set out line by line. What the platform adds is short and plain.
"""

import re
from collections.abc import Iterable

import msgspec

_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+(?=\S)")
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")

HARD_WORDS: dict[str, str] = {
    "advocate": "An advocate is somebody who speaks up for you.",
    "assessment": "In an assessment we talk with you about what you need help with.",
    "budget": "A budget is the money for your support.",
    "carer": "A carer is a friend or relative who looks after somebody.",
    "direct payment": "A direct payment is money you get to pay for your own support.",
    "eligible": "Eligible means that the council must help with this.",
    "home care": "Home care is when trained people come to your home to help you.",
    "outcome": "An outcome is something you want in your life.",
    "personal assistant": "A personal assistant is somebody you choose to help you.",
    "reablement": "Reablement is help for some weeks to do things yourself again.",
    "respite": "Respite is a break for you or for who cares for you.",
    "review": "In a review we meet to see if your plan works.",
    "social worker": "A social worker is somebody at the council who helps you get support.",
    "support plan": "A support plan says what you want and who helps.",
}
"""Words that often need explaining, each in one short sentence."""


class EasyPart(msgspec.Struct, frozen=True, kw_only=True):
    """One picture with its lines."""

    picture: str
    title: str
    lines: tuple[str, ...]


def lines_of(words: str) -> tuple[str, ...]:
    """Set a text out one thought a line: each sentence and each item of a list for itself.

    Returns:
        Lines without leading marks of lists and without empty ones. Apart from those marks no word is left out.
    """
    found: list[str] = []
    for line in words.splitlines():
        bare = _BULLET.sub("", line)
        found.extend(part.strip() for part in _SENTENCE.split(bare) if part.strip())
    return tuple(found)


def explained(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Return the hard words that stand in some texts, each with what it means, in alphabetical order."""
    whole = " ".join(texts).lower()
    return [(word, words) for word, words in HARD_WORDS.items() if re.search(rf"\b{re.escape(word)}s?\b", whole)]
