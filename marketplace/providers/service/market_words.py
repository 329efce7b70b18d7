"""What a sentence says beside the thing that is looked for: where, on which day, by whom, in which language.

"someone to help me get to football, PR1 postcode, Saturday, female, Polish" looks for football near PR1; a day, a
man or a woman and a language are wishes: they come first in the results and rule nothing out. Only what can hardly
mean anything else is taken; the page says what was taken and offers to take the words as words.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from marketplace.accounts.words import GENDER_LABELS, LANGUAGES, Gender
from marketplace.core.places import Postcode, find_town, name_key, parse_outward
from marketplace.providers.service.times import PARTS, WEEKDAYS
from search.words import STOP_WORDS

_TOKEN: Final = re.compile(r"[^\s,;]+")
_EDGES: Final = '.!?:()"“”'
_INWARD: Final = re.compile(r"[0-9oi][a-z]{2}", re.IGNORECASE)

_NEAR: Final = frozenset(("in", "near", "around", "at"))
_POSTCODE_WORDS: Final = frozenset(("postcode", "area", "district"))
_TOWNS_THAT_ARE_WORDS: Final = frozenset(
    [
        "bath",
        "reading",
        "rugby",
        "sale",
        "deal",
        "ware",
        "stone",
        "wells",
        "march",
        "settle",
        "rye",
        "street",
        "barrow",
        "sandwich",
        "battle",
        "eye",
        "wash",
        "weston",
    ]
)
"""Towns that are taken only after "in" or "near": "bath lift" is no place."""

_DAYS: Final[dict[str, tuple[str, ...]]] = {
    **{form: (day,) for day in WEEKDAYS for form in (day.lower(), f"{day.lower()}s")},
    "weekend": WEEKDAYS[5:],
    "weekends": WEEKDAYS[5:],
    "weekday": WEEKDAYS[:5],
    "weekdays": WEEKDAYS[:5],
}
_PARTS: Final = {form: part for part in PARTS for form in (part, f"{part}s")}
_NAMES_AFTER_DAYS: Final = frozenset(
    ["lunch", "club", "group", "school", "service", "dinner", "roast", "prayers", "market", "cafe", "café"]
)
"""After these the day is part of a name: "Sunday lunch"."""

_LANGUAGES: Final = {language.lower(): language for language in LANGUAGES} | {"bsl": "British Sign Language"}
_NOT_AFTER_LANGUAGES: Final = frozenset(
    [
        "food",
        "foods",
        "lesson",
        "lessons",
        "class",
        "classes",
        "club",
        "clubs",
        "church",
        "group",
        "groups",
        "community",
        "dance",
        "dancing",
        "cooking",
        "society",
        "meal",
        "meals",
        "centre",
        "center",
        "restaurant",
        "festival",
        "floor",
        "floors",
        "furniture",
        "shoes",
        "silver",
        "test",
        "literature",
        "course",
    ]
)
"""Before these a language is part of a name: "Polish club", "English lessons"."""
_ASKING: Final = re.compile(r"\bhelp(?:s|ing)?\s+(?=(?:me|us|him|her|them|my|our)\b)", re.IGNORECASE)
"""In "help me get to football" the help is how somebody asks, not what is looked for."""
_SPEAKING: Final = frozenset(("speaking", "speaker", "speakers", "speaks"))

_GENDERS: Final = {"female": Gender.FEMALE, "male": Gender.MALE}
_PEOPLE: Final = {"woman": Gender.FEMALE, "lady": Gender.FEMALE, "man": Gender.MALE}
_WORKERS: Final = frozenset(["carer", "worker", "pa", "assistant", "helper", "supporter"])


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence taken apart."""

    words: str
    """What is left to look for."""
    place: str = ""
    """A postcode, the first half of one or a town, as typed."""
    is_near_me: bool = False
    """It says "near me"."""
    wishes: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Values by facet that come first in the results."""
    taken: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """What was taken, for the page: `days`, `times`, `gender`, `languages`."""

    @property
    def sought(self) -> str:
        """The words without the asking, so that an offer need not say "help" to be found; all where no more is left."""
        rest = _ASKING.sub("", self.words)
        return rest if any(word not in STOP_WORDS for word in rest.casefold().split()) else self.words


class _Reader:
    """Takes tokens out of a sentence."""

    def __init__(self, text: str) -> None:
        self.tokens = [token.strip(_EDGES) or token for token in _TOKEN.findall(text)]
        self.folded = [token.casefold().removesuffix("'s").removesuffix("’s") for token in self.tokens]
        self.gone: set[int] = set()

    def at(self, index: int) -> str:
        """Return a folded token that still stands, "" outside."""
        return self.folded[index] if 0 <= index < len(self.folded) and index not in self.gone else ""

    def take(self, first: int, until: int, *, before: Sequence[str] = ()) -> None:
        """Take out tokens, with those of `before` that lead to them."""
        self.gone.update(range(first, until))
        while self.at(first - 1) in before and self.at(first - 1):
            first -= 1
            self.gone.add(first)

    def left(self) -> str:
        """Return the rest as a text."""
        return " ".join(token for index, token in enumerate(self.tokens) if index not in self.gone)


def read_words(text: str, *, with_place: bool = True) -> Understood:
    """Take a sentence apart.

    Args:
        text: What was typed.
        with_place: Whether a place may be in it; not when one was given apart.
    """
    reader = _Reader(text)
    is_near_me = _take_near_me(reader)
    place = (_take_postcode(reader) or _take_town(reader)) if with_place else ""
    found: dict[str, list[str]] = {}
    _take_days(reader, found)
    _take_gender(reader, found)
    _take_languages(reader, found)
    taken = {name: list(dict.fromkeys(values)) for name, values in found.items()}
    wishes = dict(taken)
    if "days" in wishes and "times" in wishes:
        # Both together: Saturday and a morning is a Saturday morning.
        days, times = wishes.pop("days"), wishes.pop("times")
        wishes["slots"] = [f"{day}-{part}" for day in days for part in times]
    words = reader.left() if reader.gone else text
    return Understood(words=words, place=place, is_near_me=is_near_me, wishes=wishes, taken=taken)


def _take_near_me(reader: _Reader) -> bool:
    for index, word in enumerate(reader.folded):
        if word == "near" and reader.at(index + 1) in ("me", "here"):
            reader.take(index, index + 2)
            return True
    return False


def _take_postcode(reader: _Reader) -> str:
    """Take a whole postcode, or else the first half of one."""
    for index, token in enumerate(reader.tokens):
        if not any(char.isdigit() for char in token):
            continue
        follows = reader.tokens[index + 1] if index + 1 < len(reader.tokens) else ""
        pair = f"{token} {follows}"
        if _INWARD.fullmatch(follows) and parse_outward(token) and (code := Postcode.parse(pair)):
            reader.take(index, index + 2, before=(*_NEAR, "postcode"))
            return code.text
        if 5 <= len(token) <= 8 and (code := Postcode.parse(token)):
            reader.take(index, index + 1, before=(*_NEAR, "postcode"))
            return code.text
    for index, token in enumerate(reader.tokens):
        has_digit = any(char.isdigit() for char in token)
        if has_digit and token.isalnum() and (outward := parse_outward(token)) and reader.at(index - 1) != "vitamin":
            until = index + 2 if reader.at(index + 1) in _POSTCODE_WORDS else index + 1
            reader.take(index, until, before=(*_NEAR, "postcode"))
            return outward
    return ""


def _take_town(reader: _Reader) -> str:
    """Take a town of the gazetteer: after "in" or "near", or at either end of the sentence."""
    count = len(reader.tokens)
    for length in (4, 3, 2, 1):
        for index in range(count - length, -1, -1):
            if any(at in reader.gone for at in range(index, index + length)):
                continue
            is_led = reader.at(index - 1) in _NEAR
            if not (is_led or index == 0 or index + length == count):
                continue
            name = " ".join(reader.tokens[index : index + length])
            if not is_led and name_key(name) in _TOWNS_THAT_ARE_WORDS:
                continue
            town = find_town(name)
            if town is not None:
                until = index + length + (1 if reader.at(index + length) in _POSTCODE_WORDS else 0)
                reader.take(index, until, before=tuple(_NEAR))
                return town.name
    return ""


def _take_days(reader: _Reader, found: dict[str, list[str]]) -> None:
    for index, word in enumerate(reader.folded):
        days = _DAYS.get(word)
        if days is None or index in reader.gone or reader.at(index + 1) in _NAMES_AFTER_DAYS:
            continue
        found.setdefault("days", []).extend(days)
        part = _PARTS.get(reader.at(index + 1))
        if part is not None:
            found.setdefault("times", []).append(part)
        reader.take(index, index + (2 if part else 1), before=("on", "every", "and", "or", "a"))


def _take_gender(reader: _Reader, found: dict[str, list[str]]) -> None:
    said: list[tuple[int, Gender]] = []
    for index, word in enumerate(reader.folded):
        if word in _GENDERS:
            said.append((index, _GENDERS[word]))
        elif word in _PEOPLE and reader.at(index + 1) in _WORKERS:
            said.append((index, _PEOPLE[word]))
    if len({gender for _, gender in said}) != 1:
        return
    for index, _ in said:
        reader.take(index, index + 1)
    found["gender"] = [GENDER_LABELS[said[0][1]]]


def _take_languages(reader: _Reader, found: dict[str, list[str]]) -> None:
    for index in range(len(reader.folded)):
        for length in (3, 1):
            if any(at in reader.gone for at in range(index, index + length)):
                continue
            language = _LANGUAGES.get(" ".join(reader.folded[index : index + length]))
            follows = reader.at(index + length)
            if language is None or follows in _NOT_AFTER_LANGUAGES or reader.at(index - 1) == "to":
                continue
            until = index + length + (1 if follows in _SPEAKING else 0)
            reader.take(index, until, before=("who", "speaks", "speaking", "speak", "and", "that"))
            found.setdefault("languages", []).append(language)
