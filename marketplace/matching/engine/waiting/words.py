"""How the findings of a run are written for a broker: plain English, names and other people's cases left out."""

from collections.abc import Callable, Iterable
from typing import Final

from marketplace.matching.engine.model import Case, monday_of
from marketplace.matching.engine.rank import Ranking
from marketplace.matching.engine.rules import Rule
from marketplace.matching.engine.words import count_text, day_text, miles_text, tenths_of_miles_text

_NAMED = 5
_METRES_PER_MILE = 1609.344


def list_of_ids(ids: Iterable[str]) -> str:
    """Write some ids, each once: "a, b and 3 more"."""
    ordered = sorted(set(ids))
    shown = ", ".join(ordered[:_NAMED])
    return f"{shown} and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else shown


def no_capacity_text(case: Case, eligible: int, nearest_metres: int | None) -> str:
    """Say that everybody who fits is full.

    `nearest_metres` is the nearest with a place in the window who is kept out by its area alone.
    """
    before = day_text(case.last_day + 1)
    full = f"{count_text(eligible, 'planner')} {'fits' if eligible == 1 else 'fit'}, but with no place left"
    if nearest_metres is None:
        return f"No suitable accredited planner has capacity before {before}. {full}."
    whole = int(nearest_metres / _METRES_PER_MILE)
    within = f" within {count_text(whole, 'mile')}" if whole else " who covers the address"
    return (
        f"No suitable accredited planner{within} has capacity before {before}; the nearest with capacity is "
        f"{miles_text(nearest_metres)} away, outside the area it covers. {full}."
    )


def one_by_one_text() -> str:
    """Say that a case takes more than single places."""
    return "Needs several places or hours of the week, so it is placed from its own shortlist, not from the list."


def later_text(eligible: int) -> str:
    """Say that those who fit have places, but later than the weeks this run planned."""
    fit = f"{count_text(eligible, 'planner')} {'fits' if eligible == 1 else 'fit'}"
    return f"{fit}; the places left are later than this run plans."


def first_free_text(day: int, metres: int) -> str:
    """Say when and how far away the first place is that the run leaves free."""
    return f"The first free place is on {day_text(day)}, {miles_text(metres)} away."


def left_out_text(case: Case, ranking: Ranking, vetoed: int) -> str:
    """Say why nobody may be offered the case: the rule whose lifting would open most, and what it would open."""
    if not ranking.considered:
        return "There is no planner to choose from."
    alone = {rule: count for rule, count in ranking.failed_only.items() if count}
    if not alone:
        if ranking.eligible and vetoed:
            return "Everybody who fits was ruled out by a person."
        worst = max(ranking.failed, key=lambda rule: ranking.failed[rule])
        return f"Nobody meets the rules, and no one rule decides it: {_most(case, worst, ranking)}."
    rule = max(alone, key=lambda rule: alone[rule])
    miss = ranking.nearest_miss[rule]
    return f"{_RULES[rule](case, alone[rule], miss.metres)} ({miss.reasons[0]}.)"


def slack_text(steps: int, points: int, *, more_urgent: bool) -> str:
    """Say what it would cost the list to give a case another place; all who have one there may be more urgent."""
    if more_urgent:
        return "Its places went to people whose need is more urgent"
    if steps > 0:
        return "Kept for somebody with fewer options: without this place somebody else would have none"
    if points > 0:
        cost = count_text(points, "point")
        return f"Kept for somebody with fewer options: the list as a whole would lose at least {cost}"
    # The prices prove nothing here: the list may lose or not. A proposal with this place pinned would tell.
    return "Kept for somebody else, so that the list as a whole is at its best"


def place_text(week: int, steps: int, points: int) -> str:
    """Say what one more place would bring."""
    monday = day_text(monday_of(week))
    if steps > 0:
        change = f", and change the total by {points:+,} points" if points else ""
        return f"One more place in the week of {monday} would place one more person{change}"
    return f"One more place in the week of {monday} would raise the total by {count_text(points, 'point')}"


def _most(case: Case, rule: Rule, ranking: Ranking) -> str:
    return f"{ranking.failed[rule]:,} of {count_text(ranking.considered, 'planner')} {_BREAKS[rule]}"


_BREAKS: Final[dict[Rule, str]] = {
    Rule.ACCREDITED_SERVICE: "are not accredited for the service",
    Rule.ACCREDITED_COUNCIL: "are not accredited for this council",
    Rule.WITHIN_AREA: "do not cover the address",
    Rule.WORKER_GENDER: "are not of the gender asked for",
    Rule.ESSENTIAL_LANGUAGE: "do not speak the essential language",
    Rule.REQUIRED_SKILL: "do not have the skills required",
    Rule.NO_CONFLICT: "have a conflict of interest",
    Rule.NOT_EXCLUDED: "were refused by the person",
    Rule.PERSONS_CHOICE: "are not the one chosen",
    Rule.HAS_CAPACITY: "have no free place in time",
    Rule.WITHIN_TRAVEL_TIME: "are too long on the way",
    Rule.REQUIRED_EQUIPMENT: "do not have the equipment required",
    Rule.HAS_PLACE: "have no place left",
    Rule.HAS_HOURS: "do not have the hours free",
    Rule.COMPLEX_STAYS: "are not of the council's own team",
}


def _area(case: Case, count: int, metres: int) -> str:
    away = tenths_of_miles_text(int(metres * 10 / _METRES_PER_MILE))
    return f"No accredited planner covers the address. The nearest with a place is {away} away."


def _capacity(case: Case, count: int, metres: int) -> str:
    full = f"{count_text(count, 'planner')} would fit"
    return (
        f"{full}; none had a free place before {day_text(case.last_day + 1)}. The nearest is {miles_text(metres)} away."
    )


def _without(what: str) -> Callable[[Case, int, int], str]:
    def said(case: Case, count: int, metres: int) -> str:
        return (
            f"Nobody meets every rule. {count_text(count, 'planner')} would be possible {what}; the nearest is "
            f"{miles_text(metres)} away."
        )

    return said


_RULES: Final[dict[Rule, Callable[[Case, int, int], str]]] = {
    Rule.ACCREDITED_SERVICE: _without("if accredited for the service"),
    Rule.ACCREDITED_COUNCIL: _without("if accredited for this council"),
    Rule.WITHIN_AREA: _area,
    Rule.WORKER_GENDER: _without("without the request for the worker's gender"),
    Rule.ESSENTIAL_LANGUAGE: _without("with an interpreter for the essential language"),
    Rule.REQUIRED_SKILL: _without("with the skill that is required"),
    Rule.NO_CONFLICT: _without("without a conflict of interest"),
    Rule.NOT_EXCLUDED: _without("without the person's refusal"),
    Rule.PERSONS_CHOICE: _without("without the named choice"),
    Rule.HAS_CAPACITY: _capacity,
    Rule.WITHIN_TRAVEL_TIME: _without("with a longer way"),
    Rule.REQUIRED_EQUIPMENT: _without("with the equipment that is required"),
    Rule.HAS_PLACE: _without("with a place left"),
    Rule.HAS_HOURS: _without("with other hours"),
    Rule.COMPLEX_STAYS: _without("outside the council's own team"),
}
