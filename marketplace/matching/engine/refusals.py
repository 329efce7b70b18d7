"""The words for each broken rule: why somebody may not be offered a case, in plain English."""

from collections.abc import Callable
from typing import Final

from marketplace.matching.engine.model import Case, ConflictKind
from marketplace.matching.engine.rules import Facts, Rule, conflict_kinds, is_accredited, short_bands
from marketplace.matching.engine.words import band_text, count_text, day_text, list_text, outside_text, quarters_text


def explain(code: Rule, facts: Facts) -> str:
    """Say in plain English why a candidate breaks a rule. Only sensible for a rule that is broken.

    Names nobody, and says nothing about other people's cases.
    """
    return _WORDS[code](facts)


def _service_words(facts: Facts) -> str:
    case = facts.case
    return f"Not accredited for {case.label(case.service)} on {day_text(case.start_day)}"


def _council_words(facts: Facts) -> str:
    case, what = facts.case, f"for {facts.case.label(facts.case.service)} in {facts.case.label(facts.case.council)}"
    if facts.first_day is not None and is_accredited(case, facts.candidate, case.start_day):
        return f"Not accredited {what} on {day_text(facts.first_day)}, the first day with a free place"
    return f"Not accredited {what} on {day_text(case.start_day)}"


def _area_words(facts: Facts) -> str:
    candidate = facts.candidate
    if candidate.radius_metres is None:
        return "Covers named areas only, and this home is in none of them"
    outside = outside_text(facts.metres, candidate.radius_metres)
    return f"{outside}, and in none of the areas it names" if candidate.areas else outside


def _gender_words(facts: Facts) -> str:
    return f"Not a {facts.case.label(facts.case.required_gender or '')} worker, which the person asked for"


def _language_words(facts: Facts) -> str:
    missing = facts.case.essential_languages - facts.candidate.languages
    return f"Does not speak {_labels(facts.case, missing, 'or')}, which is essential"


def _skill_words(facts: Facts) -> str:
    missing = facts.case.required_skills - facts.candidate.skills
    return f"Does not have a skill that is required: {_labels(facts.case, missing, 'and')}"


def _conflict_words(facts: Facts) -> str:
    kinds = [kind for kind in conflict_kinds(facts.case, facts.candidate) if kind is not ConflictKind.OTHER]
    if not kinds:
        return "Has a conflict of interest in this case"
    return f"Has a conflict of interest: {'; '.join(_CONFLICTS[kind] for kind in kinds)}"


def _excluded_words(facts: Facts) -> str:
    if facts.candidate.id in facts.case.excluded_worker_ids:
        return "The person asked not to have this worker"
    return "The person asked not to have this organisation"


def _choice_words(facts: Facts) -> str:
    return "The person has chosen somebody else"


def _capacity_words(facts: Facts) -> str:
    last = facts.case.last_day
    if facts.first_day is None:
        return f"No free place known on or before {day_text(last)}"
    return f"No free place before {day_text(facts.first_day)}; the latest start is {day_text(last)}"


def _travel_words(facts: Facts) -> str:
    limits = [most for most in (facts.case.most_minutes, facts.candidate.most_minutes) if most is not None]
    most = min(limits, default=0)
    return f"About {count_text(facts.minutes, 'minute')} on the way, longer than {count_text(most, 'minute')}"


def _equipment_words(facts: Facts) -> str:
    missing = facts.case.required_equipment - facts.candidate.equipment
    return f"Does not have equipment that is needed: {_labels(facts.case, missing, 'and')}"


def _place_words(facts: Facts) -> str:
    left, needed = facts.candidate.places_left or 0, facts.case.places_needed
    if not left:
        return "Every place is taken"
    return f"{count_text(left, 'place')} left, and {needed} are needed"


def _hours_words(facts: Facts) -> str:
    if not facts.candidate.free_quarters:
        return "No free hours known"
    short = short_bands(facts.case, facts.candidate)
    shown = [f"{band_text(band)} ({quarters_text(quarters)})" for band, quarters in short.items()]
    if len(shown) > _BANDS_SHOWN:
        shown = [*shown[: _BANDS_SHOWN - 1], f"and at {len(shown) - _BANDS_SHOWN + 1} more times"]
    return f"Short of {quarters_text(sum(short.values()))} a week: {', '.join(shown)}"


def _complex_words(facts: Facts) -> str:
    return "This case is one of the most complex and stays with the council's own team"


def _labels(case: Case, codes: frozenset[str], last: str) -> str:
    return list_text((case.label(code) for code in codes), last)


_BANDS_SHOWN: Final = 4

_CONFLICTS: Final = {
    ConflictKind.SELLS_CARE: "its organisation also sells care to this person",
    ConflictKind.EVALUATOR: "it judges this case or the offers for it",
    ConflictKind.FAMILY: "family of the person, or close to them",
}

_WORDS: Final[dict[Rule, Callable[[Facts], str]]] = {
    Rule.ACCREDITED_SERVICE: _service_words,
    Rule.ACCREDITED_COUNCIL: _council_words,
    Rule.WITHIN_AREA: _area_words,
    Rule.WORKER_GENDER: _gender_words,
    Rule.ESSENTIAL_LANGUAGE: _language_words,
    Rule.REQUIRED_SKILL: _skill_words,
    Rule.NO_CONFLICT: _conflict_words,
    Rule.NOT_EXCLUDED: _excluded_words,
    Rule.PERSONS_CHOICE: _choice_words,
    Rule.HAS_CAPACITY: _capacity_words,
    Rule.WITHIN_TRAVEL_TIME: _travel_words,
    Rule.REQUIRED_EQUIPMENT: _equipment_words,
    Rule.HAS_PLACE: _place_words,
    Rule.HAS_HOURS: _hours_words,
    Rule.COMPLEX_STAYS: _complex_words,
}
