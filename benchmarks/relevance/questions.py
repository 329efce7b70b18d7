"""What people type, with what they should find; and the same misspelt."""

import csv
import gzip
import os
import random
import string
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.relevance.catalogue import FOLDER, Offer
from search.words import STOP_WORDS, words_of

HALF_TYPED: Final = "half typed"
SHORTEST: Final = 4
"""Letters of the words that are misspelt: shorter ones are taken as spelt, else every "pa" would find a "pat"."""
LISTED: Final = "reference/misspellings_wikipedia.csv.gz"
"""In the folder of real public data beside the project, or in the one that MARKETPLACE_SHARED_DATA names."""
LONG: Final = 8
"""Letters of the words that are misspelt twice."""


class Question(msgspec.Struct, frozen=True):
    """One thing typed."""

    kind: str
    text: str
    wanted: tuple[frozenset[str], ...]
    """Alternatives; an offer answers one of them when it has all of its facts."""
    right: str = ""
    """The text without the misspelling."""

    def is_answered_by(self, offer: Offer) -> bool:
        """Whether an offer is what was meant."""
        return any(facts <= offer.facts for facts in self.wanted)


def written_questions() -> list[Question]:
    """Read `queries.txt`."""
    kind = ""
    questions: list[Question] = []
    for line in (FOLDER / "queries.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and not line.startswith("#"):
            text, _, wanted = line.partition(" = ")
            parts = tuple(frozenset(part.strip().split("+")) for part in wanted.split("|"))
            questions.append(Question(kind, text, parts))
    return questions


def misspelt(questions: Iterable[Question], known: frozenset[str], seed: int = 5) -> Iterator[Question]:
    """Misspell one service or place word of each question: one edit of each sort, and two edits in long words.

    Args:
        known: Words that must not come out: another real word is no misspelling.
    """
    chance = random.Random(seed)  # noqa: S311
    for question in questions:
        words = [word for word in words_of(question.text) if _is_telling(word, known)]
        if question.kind == HALF_TYPED or not words:
            continue
        for sort in ("insert", "delete", "change", "swap"):
            yield _with(question, f"one edit: {sort}", chance.choice(words), (sort,), chance, known)
        long = [word for word in words if len(word) >= LONG]
        if long:
            for _ in range(2):
                sorts = tuple(chance.choices(("insert", "delete", "change", "swap"), k=2))
                yield _with(question, "two edits", chance.choice(long), sorts, chance, known)


def listed_misspellings(questions: Iterable[Question], known: frozenset[str]) -> Iterator[Question]:
    """Misspell questions as the list of common misspellings in the shared data does; nothing without that list."""
    folders = [Path(os.environ["MARKETPLACE_SHARED_DATA"])] if "MARKETPLACE_SHARED_DATA" in os.environ else []
    folders += [FOLDER.parents[2] / "shared" / "data", FOLDER.parents[3] / "shared" / "data"]
    path = next((path for folder in folders if (path := folder / LISTED).is_file()), None)
    if path is None:
        return
    wrong: dict[str, list[str]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["misspelling"].isalpha() and row["misspelling"].lower() not in known:
                wrong.setdefault(row["correct"].lower(), []).append(row["misspelling"].lower())
    for question in questions:
        if question.kind != HALF_TYPED:
            for word in words_of(question.text):
                for other in wrong.get(word, []) if _is_telling(word, known) else []:
                    yield _replaced(question, "listed misspelling", word, other)


def _is_telling(word: str, known: frozenset[str]) -> bool:
    return len(word) >= SHORTEST and word.isalpha() and word not in STOP_WORDS and word in known


def _with(
    question: Question, kind: str, word: str, sorts: tuple[str, ...], chance: random.Random, known: frozenset[str]
) -> Question:
    while True:
        other = word
        for sort in sorts:
            other = _edited(other, sort, chance)
        # The second edit may undo the first, and an edit may make another word.
        if other != word and other not in known and other not in STOP_WORDS:
            return _replaced(question, kind, word, other)


def _replaced(question: Question, kind: str, word: str, other: str) -> Question:
    text = " ".join(other if one == word else one for one in words_of(question.text))
    return Question(kind, text, question.wanted, question.text)


def _edited(word: str, sort: str, chance: random.Random) -> str:
    letter = chance.choice(string.ascii_lowercase)
    at = chance.randrange(len(word))
    if sort == "insert":
        return word[:at] + letter + word[at:]
    if sort == "delete":
        return word[:at] + word[at + 1 :]
    if sort == "change":
        return word[:at] + letter + word[at + 1 :]
    at = min(at, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
