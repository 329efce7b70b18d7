"""The hard rules: who may be offered a case at all, and the words for why not.

Every rule is a bit of its own. A candidate is eligible when no bit is set; the bits that are set are the explanation.

Source: matching.md 3.1. Accreditation on the day is invariant 6 of design.md section 4; the person's choice and refusal
are never overridden; a worker's gender counts only when the person asked for it.
"""

from collections.abc import Callable
from enum import StrEnum
from math import sqrt
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.model import NO_DAY, Candidate, Case, monday_of, week_of
from marketplace.matching.engine.words import day_text, list_text, outside_text


class Rule(StrEnum):
    """Codes of the rules, in the order of the funnel. Stored with results: add, never rename."""

    ACCREDITED_SERVICE = "accredited-service"
    ACCREDITED_COUNCIL = "accredited-council"
    WITHIN_AREA = "within-area"
    WORKER_GENDER = "worker-gender"
    ESSENTIAL_LANGUAGE = "essential-language"
    REQUIRED_SKILL = "required-skill"
    NO_CONFLICT = "no-conflict"
    NOT_EXCLUDED = "not-excluded"
    PERSONS_CHOICE = "persons-choice"
    HAS_CAPACITY = "has-capacity"


BIT: Final[dict[Rule, int]] = {rule: 1 << index for index, rule in enumerate(Rule)}


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the words about one case and one candidate are made from.

    `first_day` is the first day with a free place from the case's start on, in the window or after it; None if the
    diary shows none.
    """

    case: Case
    candidate: Candidate
    metres: int
    first_day: int | None

    @classmethod
    def of(cls, case: Case, candidate: Candidate) -> "Facts":
        """Work the facts out for one pair, exactly as `check` does for all."""
        dx, dy = candidate.x_metres - case.x_metres, candidate.y_metres - case.y_metres
        metres = int(sqrt(float(dx * dx + dy * dy)) * case.road_factor + 0.5)
        return cls(case=case, candidate=candidate, metres=metres, first_day=candidate.first_day(case.start_day))


class Checked(msgspec.Struct, frozen=True):
    """The rules applied to a whole table; every array has one value per row.

    `failed[row]` holds a `BIT` per broken rule, `metres` the distance, `first_day` the first day on which the candidate
    can start, `NO_DAY` where that is not within the window.
    """

    failed: NDArray[np.uint16]
    metres: NDArray[np.int64]
    first_day: NDArray[np.int64]

    def eligible_rows(self) -> NDArray[np.intp]:
        """Rows that break no rule."""
        return np.flatnonzero(self.failed == 0)


def check(case: Case, table: CandidateTable) -> Checked:
    """Apply every rule to every candidate."""
    numbers = table.numbers
    metres = road_metres(case, numbers[Column.X_METRES], numbers[Column.Y_METRES])
    first_day = _first_days(case, table)
    service, council = _accredited(case, table, first_day)
    passed = {
        Rule.ACCREDITED_SERVICE: service,
        Rule.ACCREDITED_COUNCIL: council | ~service,
        Rule.WITHIN_AREA: metres <= numbers[Column.RADIUS_METRES],
        Rule.HAS_CAPACITY: first_day != NO_DAY,
    }
    # A rule that the case does not call for is not computed: most cases name no language, no choice and no refusal.
    if case.required_gender is not None:
        gender = table.code(case.required_gender)
        passed[Rule.WORKER_GENDER] = (numbers[Column.GENDER] == gender) & (gender >= 0)
    if case.essential_languages:
        passed[Rule.ESSENTIAL_LANGUAGE] = table.languages.count(case.essential_languages) == len(
            case.essential_languages
        )
    if case.required_skills:
        passed[Rule.REQUIRED_SKILL] = table.skills.count(case.required_skills) == len(case.required_skills)
    if case.party_ids:
        passed[Rule.NO_CONFLICT] = ~_in_conflict(case, table)
    if case.excluded_worker_ids or case.excluded_organisation_ids:
        passed[Rule.NOT_EXCLUDED] = ~_excluded(case, table)
    if case.chosen_worker_id is not None or case.chosen_organisation_id is not None:
        passed[Rule.PERSONS_CHOICE] = _chosen(case, table)
    failed = np.zeros(len(table), dtype=np.uint16)
    for rule, passes in passed.items():
        failed |= (~passes).astype(np.uint16) * np.uint16(BIT[rule])
    return Checked(failed, metres, first_day)


def road_metres(case: Case, x_metres: NDArray[np.int64], y_metres: NDArray[np.int64]) -> NDArray[np.int64]:
    """Distances from the case: straight lines times its road factor, to the nearest metre, halves up.

    The squares are whole numbers below 2**53 and a square root is exact to the last bit, so every machine agrees.
    """
    dx, dy = x_metres - case.x_metres, y_metres - case.y_metres
    straight = np.sqrt((dx * dx + dy * dy).astype(np.float64))
    return np.floor(straight * case.road_factor + 0.5).astype(np.int64)


def rules_of(bits: int) -> tuple[Rule, ...]:
    """The rules whose bits are set, in the order of the funnel."""
    return tuple(rule for rule, bit in BIT.items() if bits & bit)


def is_accredited(case: Case, candidate: Candidate, day: int) -> bool:
    """Whether the candidate is accredited for the case's service and council on a day."""
    return any(
        item.service == case.service and item.council == case.council and item.covers(day)
        for item in candidate.accreditations
    )


def explain(code: Rule, facts: Facts) -> str:
    """Say in plain English why a candidate breaks a rule. Only sensible for a rule that is broken.

    Names nobody, and says nothing about other people's cases.
    """
    return _WORDS[code](facts)


def _first_days(case: Case, table: CandidateTable) -> NDArray[np.int64]:
    """First day in the window with a free place, by row; `NO_DAY` where there is none."""
    earliest = np.maximum(table.numbers[Column.FIRST_FREE_DAY], case.start_day)
    first = np.full(len(table), NO_DAY, dtype=np.int64)
    weeks = range(week_of(case.start_day), week_of(case.last_day) + 1)
    for week in reversed(weeks):  # Backwards, so that the earliest week has the last word.
        index = week - table.first_week
        if 0 <= index < len(table.free_places):
            possible = (table.free_places[index] > 0) & (earliest < monday_of(week + 1))
            first = np.where(possible, np.maximum(earliest, monday_of(week)), first)
    first[first > case.last_day] = NO_DAY
    return first


def _accredited(
    case: Case, table: CandidateTable, first_day: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who is accredited for the service on the day asked for, and who also for this council.

    For this council the accreditation must be live on the candidate's first possible day, too: one that has ended by
    then would make the offer void.
    """
    service, council, from_day, until_day = table.accreditations.values
    for_service = np.flatnonzero(service == table.code(case.service))
    rows, from_day, until_day = table.accreditations.rows[for_service], from_day[for_service], until_day[for_service]
    on_start = (from_day <= case.start_day) & (case.start_day < until_day)
    here = council[for_service] == table.code(case.council)
    first = np.where(first_day[rows] == NO_DAY, case.start_day, first_day[rows])
    on_first = (from_day <= first) & (first < until_day)

    def anyone(which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = np.zeros(len(table), dtype=np.bool_)
        found[rows[which]] = True
        return found

    return anyone(on_start), anyone(on_start & here) & anyone(on_first & here)


def _in_conflict(case: Case, table: CandidateTable) -> NDArray[np.bool_]:
    found = np.zeros(len(table), dtype=np.bool_)
    for party in case.party_ids:
        if (code := table.code(party)) >= 0:
            found[table.conflicts.rows[table.conflicts.values[0] == code]] = True
    return found


def _excluded(case: Case, table: CandidateTable) -> NDArray[np.bool_]:
    found = np.zeros(len(table), dtype=np.bool_)
    for worker in case.excluded_worker_ids:
        if (row := table.row_of.get(worker)) is not None:
            found[row] = True
    for organisation in case.excluded_organisation_ids:
        if (code := table.code(organisation)) >= 0:
            found |= table.numbers[Column.ORGANISATION] == code
    return found


def _chosen(case: Case, table: CandidateTable) -> NDArray[np.bool_]:
    found = np.ones(len(table), dtype=np.bool_)
    if case.chosen_worker_id is not None:
        found[:] = False
        if (row := table.row_of.get(case.chosen_worker_id)) is not None:
            found[row] = True
    if case.chosen_organisation_id is not None:
        code = table.code(case.chosen_organisation_id)
        found &= (table.numbers[Column.ORGANISATION] == code) & (code >= 0)
    return found


def _service_words(facts: Facts) -> str:
    case = facts.case
    return f"Not accredited for {case.label(case.service)} on {day_text(case.start_day)}"


def _council_words(facts: Facts) -> str:
    case, what = facts.case, f"for {facts.case.label(facts.case.service)} in {facts.case.label(facts.case.council)}"
    if facts.first_day is not None and is_accredited(case, facts.candidate, case.start_day):
        return f"Not accredited {what} on {day_text(facts.first_day)}, the first day with a free place"
    return f"Not accredited {what} on {day_text(case.start_day)}"


def _area_words(facts: Facts) -> str:
    return outside_text(facts.metres, facts.candidate.radius_metres or 0)


def _gender_words(facts: Facts) -> str:
    return f"Not a {facts.case.label(facts.case.required_gender or '')} worker, which the person asked for"


def _language_words(facts: Facts) -> str:
    missing = facts.case.essential_languages - facts.candidate.languages
    return f"Does not speak {_labels(facts.case, missing, 'or')}, which is essential"


def _skill_words(facts: Facts) -> str:
    missing = facts.case.required_skills - facts.candidate.skills
    return f"Does not have a skill that is required: {_labels(facts.case, missing, 'and')}"


def _conflict_words(facts: Facts) -> str:
    return "Has a conflict of interest in this case"


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


def _labels(case: Case, codes: frozenset[str], last: str) -> str:
    return list_text((case.label(code) for code in codes), last)


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
}
