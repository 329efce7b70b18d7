"""The hard rules: who may be offered a case at all. `refusals` has the words for why not.

Every rule is a bit of its own. A candidate is eligible when no bit is set; the bits that are set are the explanation.

Source: matching.md 3.1. Accreditation on the day is invariant 6 of design.md section 4; the person's choice and refusal
are never overridden; a worker's gender counts only when the person asked for it.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import ANY_DISTANCE, CandidateTable, Column
from marketplace.matching.engine.model import NO_DAY, WEEK_BANDS, Candidate, Case, ConflictKind
from marketplace.matching.engine.standing import (
    accredited,
    first_days,
    pair_metres,
    pair_minutes,
    road_minutes,
    table_metres,
)
from marketplace.matching.engine.standing import (
    road_metres as road_metres,
)


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
    WITHIN_TRAVEL_TIME = "within-travel-time"
    REQUIRED_EQUIPMENT = "required-equipment"
    HAS_PLACE = "has-place"
    HAS_HOURS = "has-hours"
    COMPLEX_STAYS = "complex-stays"


FORMER_RULES: Final = tuple(Rule)[:10]
"""The rules of the first stored rankings, which every ranking counts. A later one is counted where it is called for."""

BIT: Final[dict[Rule, int]] = {rule: 1 << index for index, rule in enumerate(Rule)}


class Facts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the words about one case and one candidate are made from.

    `first_day` is the first day with the places needed from the case's start on, in the window or after it; None if the
    diary shows none. `organisation_percent` is the share of all open cases that the organisation has.
    """

    case: Case
    candidate: Candidate
    metres: int
    first_day: int | None
    organisation_percent: int = 0

    @classmethod
    def of(cls, case: Case, candidate: Candidate) -> "Facts":
        """Work the facts out for one pair, exactly as `check` does for all."""
        return cls(
            case=case,
            candidate=candidate,
            metres=pair_metres(case, candidate),
            first_day=candidate.first_day(case.start_day, case.places_needed),
        )

    @property
    def minutes(self) -> int:
        """Minutes on the way, one way."""
        return pair_minutes(self.case, self.candidate, self.metres)


class Checked(msgspec.Struct, frozen=True):
    """The rules applied to a whole table; every array has one value per row.

    `failed[row]` holds a `BIT` per broken rule, `metres` the distance, `first_day` the first day on which the candidate
    can start, `NO_DAY` where that is not within the window. `called` are the rules that counts are given for.
    """

    failed: NDArray[np.uint16]
    metres: NDArray[np.int64]
    first_day: NDArray[np.int64]
    called: tuple[Rule, ...] = FORMER_RULES

    def eligible_rows(self) -> NDArray[np.intp]:
        """Rows that break no rule."""
        return np.flatnonzero(self.failed == 0)


def check(case: Case, table: CandidateTable) -> Checked:
    """Apply every rule to every candidate."""
    numbers = table.numbers
    metres = table_metres(case, table)
    first_day = first_days(case, table)
    service, council = accredited(case, table, first_day)
    passed = {
        Rule.ACCREDITED_SERVICE: service,
        Rule.ACCREDITED_COUNCIL: council | ~service,
        Rule.WITHIN_AREA: metres <= numbers[Column.RADIUS_METRES],
        Rule.HAS_CAPACITY: first_day != NO_DAY,
    }
    # A rule that the case does not call for is not computed: most cases name no language, no choice and no refusal.
    if case.area_codes:
        passed[Rule.WITHIN_AREA] |= table.areas.has_any(case.area_codes)
    if case.required_gender is not None:
        gender = table.code(case.required_gender)
        passed[Rule.WORKER_GENDER] = (numbers[Column.GENDER] == gender) & (gender >= 0)
    if case.essential_languages:
        passed[Rule.ESSENTIAL_LANGUAGE] = table.languages.has_all(case.essential_languages)
    if case.required_skills:
        passed[Rule.REQUIRED_SKILL] = table.skills.has_all(case.required_skills)
    if case.party_ids or case.care_organisation_ids or case.evaluator_ids or case.family_ids:
        passed[Rule.NO_CONFLICT] = ~_in_conflict(case, table)
    if case.excluded_worker_ids or case.excluded_organisation_ids:
        passed[Rule.NOT_EXCLUDED] = ~_named(table, case.excluded_worker_ids, case.excluded_organisation_ids)
    if case.chosen_worker_id is not None or case.chosen_organisation_id is not None:
        passed[Rule.PERSONS_CHOICE] = _chosen(case, table)
    called = called_rules(case, table)
    for rule in called[len(FORMER_RULES) :]:
        passed[rule] = _LATER_RULES[rule](case, table, metres)
    failed = np.zeros(len(table), dtype=np.uint16)
    for rule, passes in passed.items():
        failed |= (~passes).astype(np.uint16) * np.uint16(BIT[rule])
    return Checked(failed, metres, first_day, called)


def called_rules(case: Case, table: CandidateTable) -> tuple[Rule, ...]:
    """Rules that a ranking counts: the first ten always, a later one where the case or a candidate brings it up."""
    calls = {
        Rule.WITHIN_TRAVEL_TIME: case.most_minutes is not None or _anybody_limits(table, Column.MOST_MINUTES),
        Rule.REQUIRED_EQUIPMENT: bool(case.required_equipment),
        Rule.HAS_PLACE: _anybody_limits(table, Column.PLACES_LEFT),
        Rule.HAS_HOURS: any(case.needed_quarters),
        Rule.COMPLEX_STAYS: case.complex_stays,
    }
    return (*FORMER_RULES, *(rule for rule, is_called in calls.items() if is_called))


def later_rules(case: Case, table: CandidateTable) -> bool:
    """Whether the case must go through `check`: it, or a candidate, brings up what came after the first engine.

    For a batch with a quicker way of its own for the first ten rules, which is right where this says no.
    """
    more = case.area_codes or case.care_organisation_ids or case.evaluator_ids or case.family_ids or case.road_factors
    return bool(more) or case.places_needed != 1 or len(called_rules(case, table)) > len(FORMER_RULES)


def rules_of(bits: int) -> tuple[Rule, ...]:
    """The rules whose bits are set, in the order of the funnel."""
    return tuple(rule for rule, bit in BIT.items() if bits & bit)


def is_accredited(case: Case, candidate: Candidate, day: int) -> bool:
    """Whether the candidate is accredited for the case's service and council on a day."""
    return any(
        item.service == case.service and item.council == case.council and item.covers(day)
        for item in candidate.accreditations
    )


def conflict_kinds(case: Case, candidate: Candidate) -> tuple[ConflictKind, ...]:
    """What kinds of conflict of interest stand between a candidate and a case, in the order of `ConflictKind`."""
    kinds = {
        _kind(candidate.conflict_kinds.get(party))
        for party in candidate.conflicts & (case.party_ids | case.care_organisation_ids)
    }
    if candidate.organisation_id in case.care_organisation_ids:
        kinds.add(ConflictKind.SELLS_CARE)
    if not case.evaluator_ids.isdisjoint((candidate.id, candidate.organisation_id)):
        kinds.add(ConflictKind.EVALUATOR)
    if candidate.id in case.family_ids:
        kinds.add(ConflictKind.FAMILY)
    return tuple(kind for kind in ConflictKind if kind in kinds)


def short_bands(case: Case, candidate: Candidate) -> dict[int, int]:
    """Quarter hours that the candidate is short of, by band of the week; all that is needed where its are not known."""
    free = candidate.free_quarters or (0,) * WEEK_BANDS
    return {
        band: needed - free[band] for band, needed in enumerate(case.needed_quarters) if needed and needed > free[band]
    }


def _kind(name: str | None) -> ConflictKind:
    return next((kind for kind in ConflictKind if kind.value == name), ConflictKind.OTHER)


def _anybody_limits(table: CandidateTable, column: Column) -> bool:
    return table.kept(f"anybody-limits-{column.name}", lambda: bool(np.any(table.numbers[column] != ANY_DISTANCE)))


def _in_conflict(case: Case, table: CandidateTable) -> NDArray[np.bool_]:
    found = _named(table, case.evaluator_ids | case.family_ids, case.care_organisation_ids | case.evaluator_ids)
    for party in case.party_ids | case.care_organisation_ids:
        if (code := table.code(party)) >= 0:
            found[table.conflicts.rows[table.conflicts.group(code)]] = True
    return found


def _named(table: CandidateTable, worker_ids: frozenset[str], organisation_ids: frozenset[str]) -> NDArray[np.bool_]:
    found = np.zeros(len(table), dtype=np.bool_)
    for worker in worker_ids:
        if (row := table.row_of.get(worker)) is not None:
            found[row] = True
    for organisation in organisation_ids:
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


def _in_travel_time(case: Case, table: CandidateTable, metres: NDArray[np.int64]) -> NDArray[np.bool_]:
    most = table.numbers[Column.MOST_MINUTES]
    if case.most_minutes is not None:
        most = np.minimum(most, case.most_minutes)
    passes: NDArray[np.bool_] = road_minutes(case, table, metres) <= most
    return passes


def _has_equipment(case: Case, table: CandidateTable, metres: NDArray[np.int64]) -> NDArray[np.bool_]:
    return table.equipment.has_all(case.required_equipment)


def _has_place(case: Case, table: CandidateTable, metres: NDArray[np.int64]) -> NDArray[np.bool_]:
    passes: NDArray[np.bool_] = table.numbers[Column.PLACES_LEFT] >= case.places_needed
    return passes


def _has_hours(case: Case, table: CandidateTable, metres: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not len(table.free_quarters):
        return np.zeros(len(table), dtype=np.bool_)
    enough = np.ones(len(table), dtype=np.bool_)
    for band, needed in enumerate(case.needed_quarters):
        if needed:
            enough &= table.free_quarters[band] >= needed
    return enough


def _is_of_the_council(case: Case, table: CandidateTable, metres: NDArray[np.int64]) -> NDArray[np.bool_]:
    passes: NDArray[np.bool_] = table.numbers[Column.IS_COUNCIL_WORKER] == 1
    return passes


_LATER_RULES: Final[dict[Rule, Callable[[Case, CandidateTable, NDArray[np.int64]], NDArray[np.bool_]]]] = {
    Rule.WITHIN_TRAVEL_TIME: _in_travel_time,
    Rule.REQUIRED_EQUIPMENT: _has_equipment,
    Rule.HAS_PLACE: _has_place,
    Rule.HAS_HOURS: _has_hours,
    Rule.COMPLEX_STAYS: _is_of_the_council,
}
