"""Each rule alone: whom it leaves out, and the words for it."""

from typing import Any

import pytest

from marketplace.matching.engine import (
    WEEK_BANDS,
    CandidateTable,
    Facts,
    Rule,
    band_of,
    check,
    explain,
    later_rules,
    rank,
)
from tests.matching.engine import makers, oracle
from tests.matching.engine.makers import EAST, START, accreditation, for_all, make_candidate, make_case


def hours(quarters: dict[tuple[int, int], int]) -> tuple[int, ...]:
    """Quarter hours of a week from those of some bands, by weekday and band."""
    week = [0] * WEEK_BANDS
    for (weekday, band), number in quarters.items():
        week[band_of(weekday, band)] = number
    return tuple(week)


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
        (
            Rule.NO_CONFLICT,
            {"party_ids": frozenset({"person-1"})},
            {"conflicts": frozenset({"person-1"}), "conflict_kinds": {"person-1": "family"}},
            "Has a conflict of interest: family of the person, or close to them",
        ),
        (
            Rule.NO_CONFLICT,
            {"care_organisation_ids": frozenset({"salt-marsh"})},
            {},
            "Has a conflict of interest: its organisation also sells care to this person",
        ),
        (
            Rule.NO_CONFLICT,
            {"evaluator_ids": frozenset({"ana"}), "family_ids": frozenset({"ana"})},
            {},
            "Has a conflict of interest: it judges this case or the offers for it; "
            "family of the person, or close to them",
        ),
        (
            Rule.WITHIN_AREA,
            {"area_codes": frozenset({"PR1"})},
            {"radius_metres": None, "areas": frozenset({"LA1"})},
            "Covers named areas only, and this home is in none of them",
        ),
        (
            Rule.WITHIN_AREA,
            {},
            {"x_metres": EAST + 25_001, "areas": frozenset({"LA1"})},
            "About 15.6 miles away (25.1 km), outside the area of 15.5 miles (25 km), "
            "and in none of the areas it names",
        ),
        (
            Rule.WITHIN_TRAVEL_TIME,
            {"speeds_kmh": {"urban": 20, "rural": 40}, "district_type": "rural", "most_minutes": 26},
            # 6 km at 40 and 6 km at 20 km/h: 9 and 18 minutes.
            {"x_metres": EAST + 12_000, "district_type": "urban"},
            "About 27 minutes on the way, longer than 26 minutes",
        ),
        (
            Rule.WITHIN_TRAVEL_TIME,
            {},
            {"x_metres": EAST + 20_000, "most_minutes": 25},
            "About 30 minutes on the way, longer than 25 minutes",
        ),
        (
            Rule.REQUIRED_EQUIPMENT,
            {"required_equipment": frozenset({"hoist", "van"})},
            {"equipment": frozenset({"van"})},
            "Does not have equipment that is needed: hoist",
        ),
        (Rule.HAS_PLACE, {}, {"places_left": 0}, "Every place is taken"),
        (Rule.HAS_PLACE, {"places_needed": 2}, {"places_left": 1}, "1 place left, and 2 are needed"),
        (
            Rule.HAS_HOURS,
            {"needed_quarters": hours({(1, 0): 6, (4, 3): 3, (6, 4): 1})},
            {"free_quarters": hours({(1, 0): 2, (6, 4): 9})},
            "Short of 1 hour 45 minutes a week: Tuesday morning (1 hour), Friday evening (45 minutes)",
        ),
        (
            Rule.HAS_HOURS,
            {"needed_quarters": (4,) * 35},
            {"free_quarters": (0,) * 35},
            "Short of 35 hours a week: Monday morning (1 hour), Monday midday (1 hour), Monday afternoon (1 hour), "
            "and at 32 more times",
        ),
        (Rule.HAS_HOURS, {"needed_quarters": hours({(0, 0): 1})}, {}, "No free hours known"),
        (
            Rule.COMPLEX_STAYS,
            {"complex_stays": True},
            {},
            "This case is one of the most complex and stays with the council's own team",
        ),
        (Rule.HAS_CAPACITY, {"places_needed": 6}, {}, "No free place known on or before 30 March 2027"),
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


@pytest.mark.parametrize(
    ("case", "candidate"),
    [
        (
            {"area_codes": frozenset({"PR1", "PR"})},
            {"radius_metres": 0, "areas": frozenset({"PR"}), "x_metres": EAST + 9},
        ),
        ({}, {"radius_metres": None, "x_metres": EAST + 400_000}),
        ({"complex_stays": True}, {"is_council_worker": True}),
        ({"needed_quarters": hours({(2, 1): 4})}, {"free_quarters": hours({(2, 1): 4})}),
        ({"places_needed": 2}, {"places_left": 2}),
        ({"care_organisation_ids": frozenset({"other"}), "family_ids": frozenset({"salt-marsh"})}, {}),
    ],
)
def test_what_a_later_rule_allows_is_listed(case: dict[str, Any], candidate: dict[str, Any]):
    table = CandidateTable.from_candidates([make_candidate(**candidate)])

    assert [entry.id for entry in rank(make_case(**case), table).entries] == ["ana"]


def test_the_larger_road_factor_of_the_two_ends_counts():
    factors = {"road_factors": {"urban": 1.2, "rural": 1.5}, "road_factor": 1.3}
    table = CandidateTable.from_candidates(
        [
            make_candidate("urban", x_metres=EAST + 10_000, district_type="urban"),
            make_candidate("rural", x_metres=EAST + 10_000, district_type="rural"),
            make_candidate("unknown", x_metres=EAST + 10_000),
        ]
    )

    from_town = {entry.id: entry.metres for entry in rank(make_case(district_type="urban", **factors), table).entries}
    from_moor = {entry.id: entry.metres for entry in rank(make_case(district_type="rural", **factors), table).entries}

    assert from_town == {"urban": 12_000, "rural": 15_000, "unknown": 13_000}
    assert from_moor == {"urban": 15_000, "rural": 15_000, "unknown": 15_000}


def test_a_later_rule_is_counted_only_where_a_case_or_a_candidate_brings_it_up():
    plain, limited = make_candidate("ana"), make_candidate("ben", places_left=3)
    table, with_limit = CandidateTable.from_candidates([plain]), CandidateTable.from_candidates([plain, limited])

    assert list(rank(make_case(), table).funnel) == list(Rule)[:10]
    assert list(rank(make_case(), with_limit).funnel) == [*list(Rule)[:10], Rule.HAS_PLACE]
    assert list(rank(make_case(complex_stays=True), table).failed) == [*list(Rule)[:10], Rule.COMPLEX_STAYS]
    assert not later_rules(make_case(), table)
    assert later_rules(make_case(), with_limit)
    assert later_rules(make_case(area_codes=frozenset({"PR1"})), table)


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
