"""Words that name kinds of support: "home care" is no care home, though it has the same words."""

from functools import lru_cache
from typing import Final

from marketplace.providers.models import CATEGORY_LABELS, ListingCategory
from search import Synonyms
from search.words import STOP_WORDS, stems_of, typo_distance, words_of

_LONGEST_NAME: Final = 60
_PAID_CARE: Final = (ListingCategory.HOME_CARE, ListingCategory.PERSONAL_ASSISTANT)
"""A "carer" to most people is whoever comes to help, from an agency or not. Those who care for their family unpaid are
found by "unpaid carers", "carers centre" or "carers group", which are words like any others."""

_NAMES: Final[dict[tuple[ListingCategory, ...], tuple[str, ...]]] = {
    (ListingCategory.HOME_CARE,): (
        "homecare", "domiciliary care", "domiciliary", "dom care", "care at home", "home carer", "home care agency",
        "care agency", "domiciliary care agency",
    ),
    (ListingCategory.CARE_HOME,): (
        "nursing home", "residential care", "residential home", "residential care home", "old peoples home",
        "old folks home", "care home with nursing",
    ),
    (ListingCategory.PERSONAL_ASSISTANT,): ("pa", "pas", "personal assistance"),
    (ListingCategory.SUPPORT_PLANNING,): ("support planner", "support plan", "planner"),
    (ListingCategory.SUPPORTED_LIVING,): ("supported housing", "supported accommodation"),
    (ListingCategory.TELECARE,): ("technology enabled care", "assistive technology"),
    (ListingCategory.EQUIPMENT,): ("equipment", "aids", "daily living aids", "disability equipment", "mobility aids"),
    (ListingCategory.COMMUNITY,): ("community group", "activities", "things to do", "clubs", "groups"),
    (ListingCategory.DAY_OPPORTUNITY,): ("day service", "day opportunity"),
    (ListingCategory.GARDENING,): ("home help and gardening",),
    _PAID_CARE: (
        "carer", "care worker", "support worker", "care assistant", "caregiver", "paid carer", "personal carer",
        "care staff", "healthcare assistant",
    ),
}  # fmt: skip


def _key(text: str) -> tuple[str, ...]:
    return tuple(stems_of(words_of(text)))


_KINDS: Final[dict[tuple[str, ...], tuple[ListingCategory, ...]]] = {
    **{_key(label): (category,) for category, label in CATEGORY_LABELS.items()},
    **{_key(name): kinds for kinds, names in _NAMES.items() for name in names},
}
_SPELT: Final[dict[str, tuple[ListingCategory, ...]]] = {
    **{" ".join(words_of(label)): (category,) for category, label in CATEGORY_LABELS.items()},
    **{name: kinds for kinds, names in _NAMES.items() for name in names},
}


KIND_NAMES: Final = tuple(name for names in _NAMES.values() for name in names if len(name) > 3)
"""What people call kinds of support, besides our own labels."""


@lru_cache(maxsize=4_096)
def kinds_named(text: str) -> tuple[ListingCategory, ...]:
    """Find the kinds of support that a whole text names, singular or plural, with a letter or two wrong.

    Words that ask, or say for whom it is, may stand around the name: "I need a carer for my dad".

    Returns:
        Empty when the text says anything else or more.
    """
    if len(text) > _LONGEST_NAME:
        return ()
    words = words_of(text)
    named = _KINDS.get(tuple(stems_of(words)))
    if named is None:
        words = _without_asking(words)
        named = _KINDS.get(tuple(stems_of(words)))
    return named or _misspelt(words)


def _without_asking(words: list[str]) -> list[str]:
    """Return words without those at both ends that say nothing of what is looked for; all where there are no others."""
    telling = [place for place, word in enumerate(words) if word not in STOP_WORDS]
    return words[telling[0] : telling[-1] + 1] if telling else words


def _misspelt(words: list[str]) -> tuple[ListingCategory, ...]:
    # Words that mean something by themselves are not misspelt: a "home cafe" is no home care.
    if not any(len(word) >= 3 and not _synonyms().knows(word) for word in words):
        return ()
    folded = " ".join(words)
    best: tuple[int, tuple[ListingCategory, ...]] | None = None
    for name, kinds in _SPELT.items():
        limit = 0 if len(name) < 5 else 1 if len(name) < 12 else 2
        for spelling in (name, f"{name}s"):
            distance = typo_distance(folded, spelling, limit) if limit else None
            if distance is not None and (best is None or distance < best[0]):
                best = distance, kinds
    return best[1] if best else ()


@lru_cache(maxsize=1)
def _synonyms() -> Synonyms:
    return Synonyms.default()
