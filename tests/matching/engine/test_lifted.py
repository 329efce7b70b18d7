"""What would let somebody in: the change is made and everybody ranked again, and the answer must be true."""

from typing import Any

import pytest
from hypothesis import strategies as st

from marketplace.matching.engine import (
    WEEK_BANDS,
    WEEKDAYS,
    CandidateTable,
    Rule,
    band_of,
    possible_with_one_change,
    rank,
    what_if_lifted,
)
from tests.matching.engine import makers, oracle
from tests.matching.engine.makers import EAST, START, accreditation, for_all, make_candidate, make_case


def hours(**quarters: int) -> tuple[int, ...]:
    """A week with quarter hours at `Tuesday_0`: the weekday and the number of the band."""
    week = [0] * WEEK_BANDS
    for name, number in quarters.items():
        day, band = name.split("_")
        week[band_of(WEEKDAYS.index(day), int(band))] = number
    return tuple(week)


@for_all(makers.cases, makers.candidate_lists, makers.weights, makers.salts, runs=150)
def test_every_answer_is_true_when_the_change_is_made(case, candidates, weights, salt):
    table = CandidateTable.from_candidates(candidates)
    before = rank(case, table, weights, salt=salt)

    for left in before.left_out:
        lifted = what_if_lifted(case, table, left.id, weights, salt=salt)
        if len(left.rules) > 1:
            assert lifted is None
            continue
        if lifted is None:
            # Only a place on a day without accreditation, or conflicts that the change does not reach, stop it still.
            assert left.rules[0] in (Rule.HAS_CAPACITY, Rule.ACCREDITED_COUNCIL, Rule.ACCREDITED_SERVICE)
            continue
        assert lifted.rule == left.rules[0]
        assert oracle.broken_rules(lifted.case, lifted.candidate) == set()
        if lifted.case == case:
            after = rank(case, table.changed([lifted.candidate]), weights, salt=salt)
            entry = next(entry for entry in after.entries if entry.id == left.id)
            assert (entry.rank, entry.total) == (lifted.rank, lifted.total)
            assert lifted.gap == after.entries[0].total - entry.total
        else:
            points = oracle.points(lifted.case, lifted.candidate, weights, candidates)
            key = (-sum(points.values()), oracle.tie_key(salt, case.id, left.id))
            better = [
                entry for entry in before.entries if (-entry.total, oracle.tie_key(salt, case.id, entry.id)) < key
            ]
            assert (lifted.total, lifted.rank) == (-key[0], 1 + len(better))


@for_all(makers.cases, makers.candidate_lists, st.randoms(use_true_random=False), runs=40)
def test_the_nearest_with_one_broken_rule_are_found_whatever_the_order_of_rows(case, candidates, shuffler):
    shuffled = list(candidates)
    shuffler.shuffle(shuffled)

    answers = possible_with_one_change(case, CandidateTable.from_candidates(candidates), most=2)

    assert possible_with_one_change(case, CandidateTable.from_candidates(shuffled), most=2) == answers
    ranking = rank(case, CandidateTable.from_candidates(candidates))
    for rule, lifted in answers.items():
        assert 1 <= len(lifted) <= min(2, ranking.failed_only[rule])
        assert all(answer.rule == rule for answer in lifted)


@pytest.mark.parametrize(
    ("case", "candidate", "text"),
    [
        ({}, {"x_metres": EAST + 29_800}, "Would be second if it went 3 miles further"),
        ({}, {"accreditations": ()}, "Would be first if accredited for support planning in Lancashire"),
        (
            {},
            {"accreditations": (accreditation(until_day=START + 5),), "first_free_day": START + 5},
            "Would be second if accredited for support planning in Lancashire on 8 March 2027 still",
        ),
        ({"essential_languages": frozenset({"ur"})}, {}, "Would be first if it spoke Urdu"),
        ({"required_skills": frozenset({"makaton"})}, {}, "Would be first with this skill: makaton"),
        ({"required_equipment": frozenset({"hoist"})}, {}, "Would be first with this equipment: hoist"),
        ({}, {"places_left": 0}, "Would be first with a free place"),
        (
            {"most_minutes": 20},
            {"x_metres": EAST + 20_000},
            "Would be second if the council accepted 30 minutes on the way",
        ),
        ({}, {"most_minutes": 20, "x_metres": EAST + 20_000}, "Would be second if it accepted 30 minutes on the way"),
        (
            {"area_codes": frozenset({"PR1"}), "labels": {"PR1": "Preston"}},
            {"radius_metres": None, "areas": frozenset({"LA1"})},
            "Would be first if it covered Preston",
        ),
        (
            {"needed_quarters": hours(Tuesday_0=6)},
            {"free_quarters": hours(Monday_0=8)},
            "Would be first with a free Tuesday morning (1 hour 30 minutes)",
        ),
        (
            {"needed_quarters": hours(Tuesday_0=6, Tuesday_3=2)},
            {"free_quarters": hours(Monday_0=8)},
            "Would be first with a free Tuesday (2 hours)",
        ),
        (
            {"needed_quarters": hours(Tuesday_0=6)},
            {"free_quarters": hours(Tuesday_0=2)},
            "Would be first with 1 hour more on Tuesday morning",
        ),
        (
            {"needed_quarters": hours(Tuesday_0=6, Friday_1=1)},
            {"free_quarters": hours(Tuesday_0=2)},
            "Would be first with 1 hour 15 minutes more a week at 2 times",
        ),
        ({"window_days": 7}, {"first_free_day": START + 9}, "Would be first with a free place on 5 March 2027"),
        (
            {"required_gender": "female"},
            {},
            "Would be first, but: Not a female worker, which the person asked for",
        ),
        (
            {"family_ids": frozenset({"ben"})},
            {},
            "Would be first, but: Has a conflict of interest: family of the person, or close to them",
        ),
        (
            {"excluded_worker_ids": frozenset({"ben"})},
            {},
            "Would be first, but: The person asked not to have this worker",
        ),
        ({"chosen_worker_id": "ana"}, {}, "Would be first, but: The person has chosen somebody else"),
        (
            {"complex_stays": True},
            {},
            "Would be first, but: This case is one of the most complex and stays with the council's own team",
        ),
    ],
)
def test_each_rule_has_its_words(case: dict[str, Any], candidate: dict[str, Any], text: str):
    ana = make_candidate(
        "ana",
        x_metres=EAST + 1_000,
        gender="female",
        languages=frozenset({"ur"}),
        skills=frozenset({"makaton"}),
        equipment=frozenset({"hoist"}),
        free_quarters=(9,) * WEEK_BANDS,
        is_council_worker=True,
    )
    table = CandidateTable.from_candidates([ana, make_candidate("ben", **candidate)])

    lifted = what_if_lifted(make_case(**case), table, "ben")

    assert lifted is not None
    assert lifted.text == text
    assert lifted.is_change == (", but: " not in text)


def test_nobody_who_breaks_no_rule_or_two_is_let_in_by_one_change():
    table = CandidateTable.from_candidates(
        [make_candidate("ana"), make_candidate("ben", accreditations=(), x_metres=EAST + 30_000)]
    )

    assert what_if_lifted(make_case(), table, "ana") is None
    assert what_if_lifted(make_case(), table, "ben") is None
    with pytest.raises(KeyError):
        what_if_lifted(make_case(), table, "stranger")


def test_when_nobody_can_take_a_case_the_nearest_with_one_broken_rule_are_named_for_each():
    table = CandidateTable.from_candidates(
        [
            make_candidate("far", x_metres=EAST + 30_000),
            make_candidate("farther", x_metres=EAST + 32_000),
            make_candidate("full", free_places_by_week=(0, 0)),
            make_candidate("both", x_metres=EAST + 30_000, free_places_by_week=(0, 0)),
        ]
    )

    answers = possible_with_one_change(make_case(), table)

    assert {rule: [answer.candidate_id for answer in found] for rule, found in answers.items()} == {
        Rule.WITHIN_AREA: ["far", "farther"],
        Rule.HAS_CAPACITY: ["full"],
    }
    assert answers[Rule.WITHIN_AREA][0].text == "Would be first if it went 3.2 miles further"
