"""Words that mean the same to somebody who looks for care and support."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from search.words import stems_of, words_of

DEFAULT_GROUPS: Final[tuple[tuple[str, ...], ...]] = (
    ("carer", "care worker", "support worker", "care assistant", "home carer", "caregiver"),
    ("pa", "pas", "personal assistant"),
    ("home care", "homecare", "domiciliary care", "dom care", "care at home", "home help"),
    ("live in care", "live in carer", "24 hour care at home"),
    ("hoist", "moving and handling", "manual handling", "patient lift", "transfer aid"),
    ("wheelchair taxi", "wheelchair accessible taxi", "accessible taxi", "accessible transport", "wav"),
    ("transport", "lift", "car scheme", "dial a ride", "minibus", "community transport"),
    ("meals on wheels", "meal delivery", "hot meals", "ready meals", "lunch delivery"),
    ("lunch club", "luncheon club", "dining club"),
    ("cleaner", "cleaning", "housework", "domestic help", "housekeeping"),
    ("gardener", "gardening", "garden maintenance"),
    ("handyman", "handyperson", "odd jobs", "small repairs", "home repairs"),
    ("shopping", "groceries", "food shopping", "errands"),
    ("respite", "short break", "carer break", "replacement care", "sitting service"),
    ("day centre", "day service", "day opportunities", "day care"),
    ("care home", "residential care", "residential home"),
    ("nursing home", "nursing care", "care home with nursing"),
    ("supported living", "supported housing", "supported accommodation"),
    ("extra care", "retirement village", "sheltered housing", "assisted living"),
    ("shared lives", "adult placement", "family placement"),
    ("dementia", "alzheimers", "memory loss", "memory cafe"),
    ("learning disability", "learning difficulties", "learning disabilities", "ld"),
    ("autism", "autistic", "asd", "aspergers", "neurodivergent"),
    ("mental health", "wellbeing", "emotional support", "anxiety", "depression"),
    ("counselling", "talking therapy", "therapy", "psychotherapy"),
    ("physical disability", "physically disabled", "mobility impairment"),
    ("sight loss", "blind", "visually impaired", "visual impairment", "partially sighted"),
    ("hearing loss", "deaf", "hard of hearing", "hearing impairment"),
    ("bsl", "british sign language", "sign language"),
    ("stroke", "brain injury", "abi", "neuro rehabilitation"),
    ("palliative", "end of life", "hospice", "terminal illness"),
    ("reablement", "rehabilitation", "rehab", "enablement"),
    ("occupational therapist", "occupational therapy", "ot"),
    ("physiotherapist", "physiotherapy", "physio"),
    ("chiropodist", "chiropody", "podiatrist", "podiatry", "foot care", "toenail cutting"),
    ("hairdresser", "mobile hairdresser", "hairdressing", "barber"),
    ("befriending", "befriender", "companionship", "companion", "loneliness", "visiting service"),
    ("personal care", "washing and dressing", "bathing", "help with washing"),
    ("medication", "medicines", "tablets", "medication prompts"),
    ("incontinence", "continence", "pads"),
    ("night care", "waking night", "sleep in", "night sitter", "overnight care"),
    (
        "telecare",
        "pendant alarm",
        "careline",
        "lifeline",
        "personal alarm",
        "assistive technology",
        "technology enabled care",
    ),
    ("grab rail", "handrail", "grab bar"),
    ("stairlift", "stair lift"),
    ("walk in shower", "wet room", "level access shower"),
    ("mobility scooter", "scooter", "powered wheelchair", "electric wheelchair", "powerchair"),
    ("walking frame", "zimmer", "zimmer frame", "rollator", "walker"),
    ("commode", "raised toilet seat", "toilet frame", "toilet aid"),
    ("profiling bed", "hospital bed", "adjustable bed"),
    ("riser recliner", "rise and recline chair", "recliner chair"),
    ("home adaptations", "adaptations", "disabled facilities grant", "dfg"),
    ("direct payment", "direct payments", "personal budget", "self directed support"),
    ("payroll", "managed account", "money management", "payroll service"),
    ("advocacy", "advocate", "self advocacy"),
    ("support planning", "support planner", "support plan", "brokerage", "broker"),
    ("advice", "information and advice", "welfare rights", "benefits advice"),
    ("job", "employment", "supported employment", "work experience", "job coach", "volunteering"),
    ("swimming", "swim", "hydrotherapy"),
    ("football", "walking football", "soccer"),
    ("exercise", "fitness", "chair based exercise", "falls prevention", "strength and balance"),
    ("arts", "crafts", "art class", "art group", "painting"),
    ("singing", "choir", "music group"),
    ("peer support", "support group", "self help group"),
    ("carers support", "support for carers", "carers centre", "unpaid carers", "family carers", "young carers"),
    ("lgbt", "lgbtq", "lgbtqia", "gay", "lesbian", "trans"),
    ("older people", "elderly", "pensioners", "over 65s", "seniors"),
    ("young adults", "transition", "preparing for adulthood"),
    ("woman", "women", "female", "lady"),
    ("man", "men", "male", "gentleman"),
)

_LONGEST_KEY_WORDS: Final = 6

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
                if len(phrase) <= _LONGEST_KEY_WORDS:
                    known = self._others.setdefault(_stems(phrase), {})
                    known.update(dict.fromkeys(other for other in phrases if _stems(other) != _stems(phrase)))

    @classmethod
    def default(cls, extra: Iterable[Sequence[str]] = ()) -> "Synonyms":
        """Take the groups of this module and add others, such as a council's own."""
        return cls([*DEFAULT_GROUPS, *extra])

    def longest(self, words: Sequence[str]) -> tuple[int, tuple[Phrase, ...]]:
        """Find the longest known phrase at the start of some words, plural or not.

        Returns:
            The number of words it takes and what else means the same; `(0, ())` when nothing is known.
        """
        stems = _stems(words[:_LONGEST_KEY_WORDS])
        for length in range(len(stems), 0, -1):
            others = self._others.get(stems[:length])
            if others:
                return length, tuple(others)
        return 0, ()

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
        self._by_pair: dict[Phrase, list[Phrase]] = {}
        for term in sorted(self.terms):
            stems = tuple(term.split("_"))
            self._by_pair.setdefault(stems[:2], []).append(stems)
        self._pairs = frozenset(self._by_pair)

    def terms_in(self, stems: Sequence[str]) -> list[str]:
        """Terms of the phrases in a stemmed text, once each, sorted."""
        found: set[str] = set()
        for pair in self._pairs.intersection(pairwise(stems)):
            for phrase in self._by_pair[pair]:
                if len(phrase) == 2 or _holds(stems, phrase):
                    found.add("_".join(phrase))
        return sorted(found)


def _holds(stems: Sequence[str], phrase: Phrase) -> bool:
    return any(
        first == phrase[0] and tuple(stems[start : start + len(phrase)]) == phrase for start, first in enumerate(stems)
    )


def _plural(phrase: Phrase) -> str:
    text = " ".join(phrase)
    return text if text.endswith("s") else f"{text}s"


def phrase_term(phrase: Sequence[str]) -> str:
    """Term of a phrase of folded words."""
    return "_".join(_stems(phrase))


def _stems(words: Sequence[str]) -> Phrase:
    return tuple(stems_of(words))
