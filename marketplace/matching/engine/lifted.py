"""What would let somebody in who is left out by one rule alone, and where they would stand then.

"Would be first if it went 3 miles further", "would be second if accredited for support planning in Doncaster". Every
answer is worked out by making the change and ranking again. A rule that is the person's own wish, or a conflict of
interest, has no change to suggest: the answer says where it would stand, and that the rule stays.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import replace

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.field import Field
from marketplace.matching.engine.model import (
    BANDS,
    WEEK_BANDS,
    WEEKDAYS,
    Accreditation,
    Candidate,
    Case,
    Weights,
    week_of,
)
from marketplace.matching.engine.rank import DEFAULT_WEIGHTS
from marketplace.matching.engine.refusals import explain
from marketplace.matching.engine.rules import BIT, Facts, Rule, check, is_accredited, rules_of, short_bands
from marketplace.matching.engine.score import score
from marketplace.matching.engine.whatif import METRES_PER_TENTH_MILE
from marketplace.matching.engine.words import (
    band_text,
    count_text,
    day_text,
    list_text,
    place_text,
    quarters_text,
    tenths_of_miles_text,
)

_EVERY_DAY: Final = 31


class Lifted(msgspec.Struct, frozen=True, kw_only=True):
    """Where a candidate would stand without the one rule that stops it.

    `case` and `candidate` are the facts after the change: ranked with them instead of its own, the candidate has this
    `rank` among the others and this `total`. `is_change` is false where nothing can be changed and the rule was only
    looked past.
    """

    candidate_id: str
    organisation_id: str
    rule: Rule
    rank: int
    gap: int  # Points behind the first; 0 if it would be first.
    total: int
    is_change: bool
    text: str
    case: Case
    candidate: Candidate


class _Mended(msgspec.Struct, frozen=True):
    """A case and a candidate with one change, and the words for it after "Would be first"."""

    case: Case
    candidate: Candidate
    words: str
    is_change: bool = True


def what_if_lifted(
    case: Case, table: CandidateTable, candidate_id: str, weights: Weights = DEFAULT_WEIGHTS, *, salt: str = ""
) -> Lifted | None:
    """Say what would let a candidate in who is left out by one rule, and where it would stand.

    Returns:
        None for a candidate who breaks no rule or several, and for one whom no change would bring in.

    Raises:
        KeyError: The table has no such candidate.
    """
    field = Field(case, table, weights, salt)
    return _lifted(field, case, table, table.row_of[candidate_id], weights)


def possible_with_one_change(
    case: Case, table: CandidateTable, weights: Weights = DEFAULT_WEIGHTS, *, salt: str = "", most: int = 3
) -> dict[Rule, tuple[Lifted, ...]]:
    """For each rule, the nearest of those whom it alone leaves out: the answer when nobody can take a case.

    Args:
        most: Candidates looked at for each rule; the rest are counted in `Ranking.failed_only`.

    Returns:
        By rule in the order of the funnel, nearest first; rules that leave nobody out alone are not there.
    """
    field = Field(case, table, weights, salt)
    answers = {}
    for rule in field.checked.called:
        rows = np.flatnonzero(field.checked.failed == BIT[rule])
        # Hashes of ids settle equal distances, so that the order of rows plays no part.
        nearest = rows[np.lexsort((table.id_hashes[rows], field.checked.metres[rows]))[:most]].tolist()
        found = tuple(lifted for row in nearest if (lifted := _lifted(field, case, table, row, weights)) is not None)
        if found:
            answers[rule] = found
    return answers


def _lifted(field: Field, case: Case, table: CandidateTable, row: int, weights: Weights) -> Lifted | None:
    broken = rules_of(int(field.checked.failed[row]))
    if len(broken) != 1:
        return None
    candidate, (rule,) = table.candidates[row], broken
    facts = Facts(
        case=case,
        candidate=candidate,
        metres=int(field.checked.metres[row]),
        first_day=candidate.first_day(case.start_day, case.places_needed),
    )
    best: Lifted | None = None
    for mended in _MENDS[rule](facts):
        alone = table.alone(mended.candidate)
        checked = check(mended.case, alone)
        if checked.failed[0]:
            continue
        total = int(score(mended.case, alone, weights, checked, np.array([0])).totals[0])
        rank, gap = field.place_of(row, total)
        if best is not None and rank >= best.rank:
            continue
        place = f"Would be {place_text(rank)}"
        best = Lifted(
            candidate_id=candidate.id,
            organisation_id=candidate.organisation_id,
            rule=rule,
            rank=rank,
            gap=gap,
            total=total,
            is_change=mended.is_change,
            text=f"{place} {mended.words}" if mended.is_change else f"{place}, but: {explain(rule, facts)}",
            case=mended.case,
            candidate=mended.candidate,
        )
        if rank == 1:
            break
    return best


def _looked_past(case: Case, candidate: Candidate) -> list[_Mended]:
    """Nothing can be changed about the candidate: look past the rule, and say so."""
    return [_Mended(case, candidate, "", is_change=False)]


def _accredited(facts: Facts) -> list[_Mended]:
    case, candidate = facts.case, facts.candidate
    words = f"if accredited for {case.label(case.service)} in {case.label(case.council)}"
    if is_accredited(case, candidate, case.start_day) and facts.first_day is not None:
        words = f"{words} on {day_text(facts.first_day)} still"
    item = Accreditation(service=case.service, council=case.council, from_day=case.start_day)
    return [_Mended(case, replace(candidate, accreditations=(*candidate.accreditations, item)), words)]


def _within_area(facts: Facts) -> list[_Mended]:
    case, candidate = facts.case, facts.candidate
    if candidate.radius_metres is None:
        covered = min(case.area_codes, default=None)
        if covered is None:
            return [_Mended(case, replace(candidate, radius_metres=facts.metres), "if it covered this home")]
        words = f"if it covered {case.label(covered)}"
        return [_Mended(case, replace(candidate, areas=candidate.areas | {covered}), words)]
    short = facts.metres - candidate.radius_metres
    tenths = int(-(-short // METRES_PER_TENTH_MILE))
    words = f"if it went {tenths_of_miles_text(tenths)} further"
    # Rounded up, so that the miles said are never a metre short.
    farther = candidate.radius_metres + int(-(-tenths * METRES_PER_TENTH_MILE // 1))
    return [_Mended(case, replace(candidate, radius_metres=farther), words)]


def _travel_time(facts: Facts) -> list[_Mended]:
    case, candidate, minutes = facts.case, facts.candidate, facts.minutes
    if case.most_minutes is not None and case.most_minutes < minutes:
        words = f"if the council accepted {count_text(minutes, 'minute')} on the way"
        case = replace(case, most_minutes=minutes)
    else:
        words = f"if it accepted {count_text(minutes, 'minute')} on the way"
    most = None if candidate.most_minutes is None else max(minutes, candidate.most_minutes)
    return [_Mended(case, replace(candidate, most_minutes=most), words)]


def _language(facts: Facts) -> list[_Mended]:
    case, candidate = facts.case, facts.candidate
    words = f"if it spoke {_labels(case, case.essential_languages - candidate.languages)}"
    return [_Mended(case, replace(candidate, languages=candidate.languages | case.essential_languages), words)]


def _skill(facts: Facts) -> list[_Mended]:
    case, candidate = facts.case, facts.candidate
    words = f"with this skill: {_labels(case, case.required_skills - candidate.skills)}"
    return [_Mended(case, replace(candidate, skills=candidate.skills | case.required_skills), words)]


def _equipment(facts: Facts) -> list[_Mended]:
    case, candidate = facts.case, facts.candidate
    words = f"with this equipment: {_labels(case, case.required_equipment - candidate.equipment)}"
    return [_Mended(case, replace(candidate, equipment=candidate.equipment | case.required_equipment), words)]


def _capacity(facts: Facts) -> list[_Mended]:
    """A place on each day of the window, the latest first; in a window longer than a month, on one day a week."""
    case, candidate = facts.case, facts.candidate
    step = 1 if case.window_days <= _EVERY_DAY else 7
    return [
        _Mended(case, _with_place(case, candidate, day), f"with a free place on {day_text(day)}")
        for day in range(case.last_day, case.start_day - 1, -step)
    ]


def _with_place(case: Case, candidate: Candidate, day: int) -> Candidate:
    week = week_of(day)
    places = max(case.places_needed, candidate.free_places(week))
    return replace(candidate, first_free_day=day, places_from_week=week, free_places_by_week=(places,))


def _place(facts: Facts) -> list[_Mended]:
    needed = facts.case.places_needed
    words = "with a free place" if needed == 1 else f"with {count_text(needed, 'free place')}"
    return [_Mended(facts.case, replace(facts.candidate, places_left=needed), words)]


def _hours(facts: Facts) -> list[_Mended]:
    case, candidate = facts.case, facts.candidate
    short = short_bands(case, candidate)
    free = list(candidate.free_quarters or (0,) * WEEK_BANDS)
    for band, quarters in short.items():
        free[band] += quarters
    return [_Mended(case, replace(candidate, free_quarters=tuple(free)), _hours_words(candidate, short))]


def _hours_words(candidate: Candidate, short: dict[int, int]) -> str:
    """Name one band, one day, or how many bands: "with a free Tuesday", "with 1 hour more on Tuesday morning"."""
    total = quarters_text(sum(short.values()))
    days = {band // len(BANDS) for band in short}
    has_some = any(candidate.free_quarters[band] for band in short) if candidate.free_quarters else False
    if len(days) > 1:
        return f"with {total} more a week at {len(short)} times"
    (weekday,) = days
    when = band_text(next(iter(short))) if len(short) == 1 else WEEKDAYS[weekday]
    return f"with {total} more on {when}" if has_some else f"with a free {when} ({total})"


def _labels(case: Case, codes: frozenset[str]) -> str:
    return list_text(case.label(code) for code in codes)


def _without_gender(facts: Facts) -> list[_Mended]:
    return _looked_past(replace(facts.case, required_gender=None), facts.candidate)


def _without_conflict(facts: Facts) -> list[_Mended]:
    nobody: frozenset[str] = frozenset()
    case = replace(facts.case, party_ids=nobody, care_organisation_ids=nobody, evaluator_ids=nobody, family_ids=nobody)
    return _looked_past(case, facts.candidate)


def _without_exclusion(facts: Facts) -> list[_Mended]:
    nobody: frozenset[str] = frozenset()
    return _looked_past(
        replace(facts.case, excluded_worker_ids=nobody, excluded_organisation_ids=nobody), facts.candidate
    )


def _without_choice(facts: Facts) -> list[_Mended]:
    return _looked_past(replace(facts.case, chosen_worker_id=None, chosen_organisation_id=None), facts.candidate)


def _without_complexity(facts: Facts) -> list[_Mended]:
    return _looked_past(replace(facts.case, complex_stays=False), facts.candidate)


_MENDS: Final[dict[Rule, Callable[[Facts], list[_Mended]]]] = {
    Rule.ACCREDITED_SERVICE: _accredited,
    Rule.ACCREDITED_COUNCIL: _accredited,
    Rule.WITHIN_AREA: _within_area,
    Rule.WORKER_GENDER: _without_gender,
    Rule.ESSENTIAL_LANGUAGE: _language,
    Rule.REQUIRED_SKILL: _skill,
    Rule.NO_CONFLICT: _without_conflict,
    Rule.NOT_EXCLUDED: _without_exclusion,
    Rule.PERSONS_CHOICE: _without_choice,
    Rule.HAS_CAPACITY: _capacity,
    Rule.WITHIN_TRAVEL_TIME: _travel_time,
    Rule.REQUIRED_EQUIPMENT: _equipment,
    Rule.HAS_PLACE: _place,
    Rule.HAS_HOURS: _hours,
    Rule.COMPLEX_STAYS: _without_complexity,
}
"""What would mend a broken rule: the smallest change first; several where a larger one may bring a better place."""
