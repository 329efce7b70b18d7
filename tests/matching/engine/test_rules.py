"""Each rule alone: whom it leaves out, and the words for it."""

from typing import Any

import pytest

from marketplace.matching.engine import CandidateTable, Facts, Rule, check, explain, rank
from tests.matching.engine import makers, oracle
from tests.matching.engine.makers import EAST, START, accreditation, for_all, make_candidate, make_case

ELSEWHERE = (accreditation(council="derby"),)
ENDS_SOON = (accreditation(until_day=START + 5),)


@pytest.mark.parametrize(
    ("rule", "case", "candidate", "reason"),
    [
        (
            Rule.ACCREDITED_SERVICE,
            {},
            {"accreditations": (accreditation(until_day=START),)},
            "Not accredited for support planning on 3 March 2027",
        ),
        (
            Rule.ACCREDITED_COUNCIL,
            {},
            {"accreditations": ELSEWHERE},
            "Not accredited for support planning in Lancashire on 3 March 2027",
        ),
        (
            Rule.ACCREDITED_COUNCIL,
            {},
            {"accreditations": ENDS_SOON, "first_free_day": START + 5},
            "Not accredited for support planning in Lancashire on 8 March 2027, the first day with a free place",
        ),
        (
            Rule.WITHIN_AREA,
            {},
            {"x_metres": EAST + 25_001},
            "About 15.6 miles away (25.1 km), outside the area of 15.5 miles (25 km)",
        ),
        (
            Rule.WORKER_GENDER,
            {"required_gender": "female"},
            {},
            "Not a female worker, which the person asked for",
        ),
        (
            Rule.ESSENTIAL_LANGUAGE,
            {"essential_languages": frozenset({"ur", "pl"})},
            {"languages": frozenset({"pl"})},
            "Does not speak Urdu, which is essential",
        ),
        (
            Rule.REQUIRED_SKILL,
            {"required_skills": frozenset({"makaton"})},
            {},
            "Does not have a skill that is required: makaton",
        ),
        (
            Rule.NO_CONFLICT,
            {"party_ids": frozenset({"person-1"})},
            {"conflicts": frozenset({"person-1"})},
            "Has a conflict of interest in this case",
        ),
        (
            Rule.NOT_EXCLUDED,
            {"excluded_worker_ids": frozenset({"ana"})},
            {},
            "The person asked not to have this worker",
        ),
        (
            Rule.NOT_EXCLUDED,
            {"excluded_organisation_ids": frozenset({"salt-marsh"})},
            {},
            "The person asked not to have this organisation",
        ),
        (Rule.PERSONS_CHOICE, {"chosen_worker_id": "ben"}, {}, "The person has chosen somebody else"),
        (Rule.PERSONS_CHOICE, {"chosen_organisation_id": "moor"}, {}, "The person has chosen somebody else"),
        (
            Rule.HAS_CAPACITY,
            {"window_days": 7},
            {"first_free_day": START + 9},
            "No free place before 12 March 2027; the latest start is 9 March 2027",
        ),
        (
            Rule.HAS_CAPACITY,
            {},
            {"free_places_by_week": (0, 0)},
            "No free place known on or before 30 March 2027",
        ),
    ],
)
def test_a_rule_leaves_out_who_breaks_it_and_says_so(
    rule: Rule, case: dict[str, Any], candidate: dict[str, Any], reason: str
):
    ranking = rank(make_case(**case), CandidateTable.from_candidates([make_candidate(**candidate)]))

    assert ranking.entries == ()
    assert [(left.rules, left.reasons) for left in ranking.left_out] == [((rule,), (reason,))]


def test_somebody_who_breaks_no_rule_is_listed():
    assert [entry.id for entry in rank(make_case(), CandidateTable.from_candidates([make_candidate()])).entries] == [
        "ana"
    ]


def test_the_last_metre_and_the_last_day_are_still_inside():
    candidate = make_candidate(
        x_metres=EAST + 25_000,
        first_free_day=START + 27,
        accreditations=(accreditation(from_day=START, until_day=START + 28),),
    )

    entry = rank(make_case(window_days=28), CandidateTable.from_candidates([candidate])).entries[0]

    assert (entry.metres, entry.first_day) == (25_000, START + 27)


def test_a_full_week_moves_the_start_to_the_next_monday_with_a_place():
    candidate = make_candidate(free_places_by_week=(0, 0, 1))

    entry = rank(make_case(), CandidateTable.from_candidates([candidate])).entries[0]

    assert entry.first_day == START + 12  # Monday 15 March 2027.


@for_all(makers.cases, makers.candidate_lists)
def test_facts_of_one_pair_agree_with_the_arrays_and_every_broken_rule_has_words(case, candidates):
    checked = check(case, CandidateTable.from_candidates(candidates))

    for row, candidate in enumerate(candidates):
        facts = Facts.of(case, candidate)
        assert facts.metres == checked.metres[row] == oracle.road_metres(case, candidate)
        if (day := oracle.start_day(case, candidate)) is not None:
            assert facts.first_day == checked.first_day[row] == day
        assert all(explain(rule, facts) for rule in oracle.broken_rules(case, candidate))
