"""The plain reason behind each part of a score, for a broker and for the person."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from marketplace.matching.engine.model import Candidate, Case, Part, Weights, week_of
from marketplace.matching.engine.rules import Facts
from marketplace.matching.engine.score import counted_as
from marketplace.matching.engine.words import count_text, day_text, kilometres_text, list_text, miles_text, pounds_text


class Mark(StrEnum):
    """What a page shows beside a part that was counted as neutral, or not at all, for want of a fact or a fair one."""

    NOT_RATED = "not-rated"  # Quality counts as the published mean.
    NO_PRICE = "no-price"
    BELOW_LAWFUL_COST = "below-lawful-cost"
    ABOVE_BUDGET = "above-budget"


def marks(case: Case, candidate: Candidate) -> dict[Part, Mark]:
    """Parts of a candidate's score that need a mark. Derived, not stored: a stored ranking's inputs give it again."""
    found = {}
    if candidate.rating is None:
        found[Part.QUALITY] = Mark.NOT_RATED
    if case.budget_pence:
        if candidate.tariff_pence is None:
            found[Part.PRICE] = Mark.NO_PRICE
        elif candidate.tariff_pence < (case.legal_cost_pence or 0):
            found[Part.PRICE] = Mark.BELOW_LAWFUL_COST
        elif candidate.tariff_pence > case.budget_pence:
            found[Part.PRICE] = Mark.ABOVE_BUDGET
    return found


def reason(part: Part, facts: Facts, weights: Weights) -> str:
    """Say why an eligible candidate has the points it has for one part; no full stop, no figures of the score."""
    return _WORDS[part](facts, weights)


def _distance(facts: Facts, weights: Weights) -> str:
    miles = miles_text(facts.metres)
    about = "Less than a mile" if miles.startswith("less") else f"About {miles}"
    away = f"{about} away ({kilometres_text(facts.metres)})"
    return f"{away}, {count_text(facts.minutes, 'minute')} on the way" if weights.travel_reach_minutes else away


def _specialism(facts: Facts, weights: Weights) -> str:
    case = facts.case
    if not case.needs:
        return "No special needs named: not counted"
    met, unmet = case.needs & facts.candidate.specialisms, case.needs - facts.candidate.specialisms
    of = f"{len(met)} of {count_text(len(case.needs), 'need')}"
    if not met:
        return f"No record of work with {_labels(facts, unmet, 'or')}: {of}"
    without = f", not with {_labels(facts, unmet, 'or')}" if unmet else ""
    return f"Has worked with people with {_labels(facts, met, 'and')}{without}: {of}"


def _interests(facts: Facts, weights: Weights) -> str:
    if not facts.case.interests:
        return "No interests named: not counted"
    shared = facts.case.interests & facts.candidate.interests
    if not shared:
        return "No shared interests"
    return f"Shares {count_text(len(shared), 'interest')}: {_labels(facts, shared, 'and')}"


def _language(facts: Facts, weights: Weights) -> str:
    case = facts.case
    if not case.wished_languages:
        return "No language wished for: not counted"
    shared = case.wished_languages & facts.candidate.languages
    if shared:
        return f"Speaks {_labels(facts, shared, 'and')}"
    return f"Does not speak {_labels(facts, case.wished_languages, 'or')}"


def _continuity(facts: Facts, weights: Weights) -> str:
    if facts.case.previous_worker_id is None:
        return "Nobody has worked with this person before: not counted"
    if facts.case.previous_worker_id == facts.candidate.id:
        return "Has worked with this person before"
    return "Has not worked with this person before"


def _quality(facts: Facts, weights: Weights) -> str:
    candidate = facts.candidate
    if candidate.rating is None:
        return "Not rated: counted as average"
    of = f"Rated {candidate.rating} of 100 ({count_text(candidate.rating_count, 'rating')})"
    counted = int(counted_as(candidate.rating, candidate.rating_count, weights) + 0.5)
    return of if counted == candidate.rating else f"{of}, counted as {counted}"


def _price(facts: Facts, weights: Weights) -> str:
    budget, tariff = facts.case.budget_pence, facts.candidate.tariff_pence
    if not budget:
        return "No budget named: not counted"
    if tariff is None:
        return "No price published: no points"
    legal = facts.case.legal_cost_pence
    if legal is not None and tariff < legal:
        return f"{pounds_text(tariff)}, below the lawful cost of {pounds_text(legal)}: no points"
    if tariff == budget:
        return f"{pounds_text(tariff)}, the whole of the budget"
    side = "below" if tariff < budget else "above"
    return f"{pounds_text(tariff)}, {pounds_text(abs(budget - tariff))} {side} the budget of {pounds_text(budget)}"


def _waiting(facts: Facts, weights: Weights) -> str:
    if facts.first_day is None:
        return "No free place known"
    days = facts.first_day - facts.case.start_day
    if not days:
        return f"Can start on the day asked for, {day_text(facts.first_day)}"
    return f"Can start in {count_text(days, 'day')} from the day asked for, on {day_text(facts.first_day)}"


def _spare_capacity(facts: Facts, weights: Weights) -> str:
    if facts.first_day is None:
        return "No free place known"
    places, capacity = facts.candidate.free_places(week_of(facts.first_day)), facts.candidate.week_capacity
    return f"{places} of {count_text(capacity, 'place')} free in the week of {day_text(facts.first_day)}"


def _fair_spread(facts: Facts, weights: Weights) -> str:
    return f"Has {count_text(facts.candidate.open_cases, 'open case')}"


def _labels(facts: Facts, codes: frozenset[str], last: str) -> str:
    return list_text((facts.case.label(code) for code in codes), last)


def _urgency(facts: Facts, weights: Weights) -> str:
    tier = facts.case.urgency_tier
    if tier > 1:
        return "A standard case: not counted"
    which = "An urgent case" if tier else "A crisis"
    if facts.first_day is None:
        return f"{which}: no free place known"
    days = facts.first_day - facts.case.start_day
    return f"{which}: can start after {count_text(days, 'day')}" if days else f"{which}: can start at once"


def _organisation_spread(facts: Facts, weights: Weights) -> str:
    return f"Its organisation has {facts.organisation_percent} per cent of the open cases"


_WORDS: Final[dict[Part, Callable[[Facts, Weights], str]]] = {
    Part.DISTANCE: _distance,
    Part.SPECIALISM: _specialism,
    Part.INTERESTS: _interests,
    Part.LANGUAGE: _language,
    Part.CONTINUITY: _continuity,
    Part.QUALITY: _quality,
    Part.PRICE: _price,
    Part.WAITING: _waiting,
    Part.SPARE_CAPACITY: _spare_capacity,
    Part.FAIR_SPREAD: _fair_spread,
    Part.URGENCY: _urgency,
    Part.ORGANISATION_SPREAD: _organisation_spread,
}
