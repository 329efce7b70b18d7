"""Help with writing: what makes a listing hard to read, said kindly, by the rules of plain English for the web."""

import re
from typing import Final

MOST_WORDS: Final = 25
"""Words in a sentence; longer ones lose readers (GOV.UK content guidance)."""

PLAINER: Final[dict[str, str]] = {
    "holistic": "whole-life",
    "bespoke": "made for you",
    "person-centred": "built around you",
    "person centred": "built around you",
    "service user": "person",
    "service users": "people",
    "client": "person",
    "clients": "people",
    "domiciliary": "at home",
    "facilitate": "help",
    "utilise": "use",
    "commence": "start",
    "empower": "help",
    "empowers": "helps",
    "reablement": "help to do things yourself again",
    "enablement": "help to do things yourself",
    "co-produce": "plan together",
    "co-production": "planning together",
    "outcomes": "what changes for you",
    "activities of daily living": "daily tasks",
    "adl": "daily tasks",
    "multidisciplinary": "different professions together",
    "mdt": "team of different professions",
    "signposting": "telling you where to go",
    "signpost": "tell you where to go",
    "challenging behaviour": "behaviour that others find hard",
    "elderly": "older people",
    "the disabled": "disabled people",
    "sufferers": "people with",
    "suffering from": "living with",
    "wheelchair bound": "wheelchair user",
    "wheelchair-bound": "wheelchair user",
    "non-compliant": "does not want this help",
    "intervention": "help",
    "interventions": "help",
    "stakeholders": "people involved",
    "proactive": "quick to act",
    "passionate": "(leave it out and say what you do)",
    "leverage": "use",
    "going forward": "from now on",
    "in order to": "to",
    "prior to": "before",
    "regarding": "about",
    "approximately": "about",
    "assist": "help",
    "assistance": "help",
    "require": "need",
    "requires": "needs",
    "purchase": "buy",
    "individuals": "people",
}
"""Words of the trade and what a neighbour would say."""

PERSONAL_CARE_WORDS: Final = re.compile(
    r"\b(wash(?:ing|ed)?|dress(?:ing|ed)|bath(?:ing|ed|s)?|shower(?:ing|s)?|toilet(?:ing)?|continence|catheter|"
    r"medication|medicines?|personal care|intimate care|peg feed(?:ing)?|feeding)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\n]+")
_WORD = re.compile(r"[\w'’-]+")
_PHONE = re.compile(r"(?:\+44|\b0)(?:[\s-]?\d){9,10}\b")
_EMAIL = re.compile(r"\b[^\s@]+@[^\s@]+\.[a-z]{2,}\b", re.IGNORECASE)
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_YOU = re.compile(r"\byou(?:r|rs|'|’)?\b", re.IGNORECASE)


def hints(title: str, summary: str, body: str) -> list[str]:
    """Say what would make a text easier to read and more likely to be found; [] when there is nothing to say."""
    whole = f"{summary}\n{body}"
    found = [*_title_hints(title), *_summary_hints(summary)]
    long = [sentence.strip() for sentence in _SENTENCE.findall(whole) if len(_WORD.findall(sentence)) > MOST_WORDS]
    for sentence in long[:2]:
        number = len(_WORD.findall(sentence))
        start = " ".join(sentence.split()[:5])
        found.append(f"The sentence that starts “{start}” has {number} words. Try two sentences of 15 to 20 words.")
    if len(long) > 2:
        found.append(f"{len(long) - 2} more sentences are longer than {MOST_WORDS} words.")
    found += [
        f"“{word}” is hard to understand for many people. Try “{PLAINER[word]}”."
        for word in jargon(f"{title}\n{whole}")[:5]
    ]
    if body and len(_WORD.findall(body)) >= 30 and not _YOU.search(whole):
        found.append("Speak to the reader: write “you” and say what they get.")
    if contacts(f"{title}\n{whole}"):
        found.append("Leave out telephone numbers, e-mail and web addresses: the page has those of your organisation.")
    if body.count("!") + summary.count("!") > 1:
        found.append("One exclamation mark is enough.")
    if summary and not body:
        found.append("Say more under Details: what happens on a usual visit, what it includes and what it does not.")
    return found


def jargon(text: str) -> list[str]:
    """Return the hard words of a text that have plainer ones, in the order of the list."""
    low = " ".join(text.casefold().split())
    return [word for word in PLAINER if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", low)]


def contacts(text: str) -> bool:
    """Whether a text holds a telephone number, an e-mail or a web address."""
    return any(pattern.search(text) for pattern in (_PHONE, _EMAIL, _LINK))


def care_words(text: str) -> list[str]:
    """Return the words of a text that sound like personal care, each once."""
    return sorted({match.group(0).casefold() for match in PERSONAL_CARE_WORDS.finditer(text)})


def _title_hints(title: str) -> list[str]:
    found = []
    if title and len(title) < 10:
        found.append("The title is short. Say what it is and for whom, like “Gardening for older people in Leyland”.")
    if len(title) > 65:
        found.append(f"The title has {len(title)} characters. Search results show the first 65 or so.")
    if len(title) > 8 and title.isupper():
        found.append("Write the title in small letters: capitals are hard to read.")
    return found


def _summary_hints(summary: str) -> list[str]:
    if summary and len(_WORD.findall(summary)) < 6:
        return ["Say a little more in the short text: who comes, what they do, where."]
    return []
