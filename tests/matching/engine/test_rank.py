"""The shortlist: equal to the plain oracle, true to the rules, and the same whoever asks and however the rows lie."""

import random

import msgspec
import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from marketplace.matching.engine import (
    CandidateTable,
    Mark,
    Part,
    Rule,
    Weights,
    left_out_by,
    marks,
    rank,
    why_first,
    why_left_out,
)
from marketplace.matching.engine.model import LATER_PARTS
from tests.matching.engine import makers, oracle
from tests.matching.engine.makers import START, for_all, make_candidate, make_case


@for_all(makers.cases, makers.candidate_lists, makers.weights, makers.salts, runs=500)
def test_the_ranking_equals_a_plain_python_oracle(case, candidates, weights, salt):
    ranking = rank(case, CandidateTable.from_candidates(candidates), weights, salt=salt)

    expected = oracle.shortlist(case, candidates, weights, salt)
    shown = [(entry.id, {part: points.points for part, points in entry.parts.items()}) for entry in ranking.entries]
    assert shown == expected
    broken = {c.id: oracle.broken_rules(case, c) for c in candidates}
    assert {left.id: set(left.rules) for left in ranking.left_out} == {
        id: rules for id, rules in broken.items() if rules
    }


@for_all(makers.cases, makers.candidate_lists, makers.weights)
def test_the_total_is_the_sum_of_the_parts_shown_and_no_part_passes_its_maximum(case, candidates, weights):
    for entry in rank(case, CandidateTable.from_candidates(candidates), weights).entries:
        assert entry.total == sum(points.points for points in entry.parts.values())
        assert entry.maximum == sum(points.maximum for points in entry.parts.values())
        assert all(0 <= points.points <= points.maximum and points.reason for points in entry.parts.values())
        assert list(entry.parts) == [part for part in Part if part not in LATER_PARTS or weights.most(part)]


@for_all(makers.cases, makers.candidate_lists)
def test_nobody_on_the_shortlist_breaks_a_rule(case, candidates):
    by_id = {candidate.id: candidate for candidate in candidates}
    for entry in rank(case, CandidateTable.from_candidates(candidates)).entries:
        candidate = by_id[entry.id]
        assert oracle.broken_rules(case, candidate) == set()
        assert case.start_day <= entry.first_day <= case.last_day
        assert candidate.free_places((entry.first_day - 1) // 7) > 0


@for_all(makers.cases, makers.candidate_lists, makers.weights, makers.salts, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(case, candidates, weights, salt, shuffler: random.Random):
    shuffled = list(candidates)
    shuffler.shuffle(shuffled)

    first = rank(case, CandidateTable.from_candidates(candidates), weights, salt=salt)

    assert rank(case, CandidateTable.from_candidates(shuffled), weights, salt=salt) == first


@for_all(makers.cases, makers.candidate_lists, st.integers(0, 6), st.integers(0, 6))
def test_a_limit_cuts_the_lists_and_changes_nothing_else(case, candidates, limit, left_out_limit):
    table = CandidateTable.from_candidates(candidates)
    whole = rank(case, table)

    cut = rank(case, table, limit=limit, left_out_limit=left_out_limit)

    assert cut.entries == whole.entries[:limit]
    assert cut.left_out == whole.left_out[:left_out_limit]
    assert msgspec.structs.replace(cut, entries=whole.entries, left_out=whole.left_out) == whole


@for_all(makers.cases, makers.candidate_lists)
def test_the_counts_agree_with_the_list_of_those_left_out(case, candidates):
    ranking = rank(case, CandidateTable.from_candidates(candidates))

    assert ranking.considered == len(candidates) == len(ranking.entries) + len(ranking.left_out)
    assert ranking.eligible == len(ranking.entries)
    standing = {candidate.id for candidate in candidates}
    assert set(ranking.failed) == set(ranking.funnel) == set(ranking.failed_only)
    assert {rule for left in ranking.left_out for rule in left.rules} <= set(ranking.failed)
    for rule in ranking.failed:
        breakers = [left for left in ranking.left_out if rule in left.rules]
        alone = [left for left in breakers if len(left.rules) == 1]
        standing -= {left.id for left in breakers}
        assert ranking.failed[rule] == len(breakers)
        assert ranking.failed_only[rule] == len(alone)
        assert ranking.funnel[rule] == len(standing)
        assert (rule in ranking.nearest_miss) == bool(alone)
        if alone:
            assert ranking.nearest_miss[rule] == alone[0]
    keys = [(len(left.rules), left.metres) for left in ranking.left_out]
    assert keys == sorted(keys)


@for_all(makers.cases, makers.candidate_lists, st.data())
def test_an_improvement_of_one_part_never_lowers_the_total(case, candidates, data):
    table = CandidateTable.from_candidates(candidates)
    entries = rank(case, table).entries
    if not entries:
        return
    entry = data.draw(st.sampled_from(entries))
    candidate = table.candidates[table.row_of[entry.id]]
    improvement = data.draw(
        st.sampled_from(
            [
                {"x_metres": (candidate.x_metres + case.x_metres) // 2, "y_metres": case.y_metres},
                {"x_metres": case.x_metres, "y_metres": case.y_metres},
                {"specialisms": candidate.specialisms | {"dementia"}},
                {"interests": candidate.interests | {"choir", "chess"}},
                {"languages": candidate.languages | {"pl"}},
                {"rating": min(100, (candidate.rating or 0) + 7), "rating_count": max(1, candidate.rating_count)}
                if candidate.rating is not None
                else {},
                {"tariff_pence": (candidate.tariff_pence or 0) // 2},
                {"first_free_day": START - 20},
            ]
        )
    )
    better = msgspec.structs.replace(candidate, **improvement)
    if oracle.broken_rules(case, better):  # An earlier place may fall before the accreditation begins.
        return
    table.replace(better)
    after = next(after for after in rank(case, table).entries if after.id == entry.id)
    assert after.total >= entry.total


@for_all(makers.candidate_lists)
def test_the_workers_gender_never_touches_the_score(candidates):
    case = make_case(needs=frozenset({"dementia"}), interests=frozenset({"choir"}))
    flipped = [
        msgspec.structs.replace(candidate, gender={"female": "male", "male": None, None: "female"}[candidate.gender])
        for candidate in candidates
    ]

    before = rank(case, CandidateTable.from_candidates(candidates))

    assert rank(case, CandidateTable.from_candidates(flipped)).entries == before.entries


def test_ties_are_settled_by_the_published_salt_and_not_always_for_the_same_one():
    table = CandidateTable.from_candidates([make_candidate(f"worker-{number}") for number in range(8)])

    winners = {rank(make_case(), table, salt=f"run-{run}").entries[0].id for run in range(40)}
    orders = {tuple(entry.id for entry in rank(make_case(), table, salt="run-1").entries) for _ in range(3)}

    assert len(winners) >= 6
    assert len(orders) == 1


def test_an_empty_table_gives_an_empty_ranking():
    ranking = rank(make_case(), CandidateTable.from_candidates([]))

    assert (ranking.considered, ranking.entries, ranking.left_out) == (0, (), ())
    assert why_first(ranking) == ""


def test_the_example_of_the_formulation_scores_as_published():
    case = make_case(
        needs=frozenset({"dementia", "sight-loss"}),
        interests=frozenset({"football", "gardening", "chess"}),
        wished_languages=frozenset({"pl"}),
        previous_worker_id="ana",
        budget_pence=45_000,
    )
    ana = make_candidate(
        x_metres=makers.EAST + 6_000,
        specialisms=frozenset({"dementia", "sight-loss"}),
        interests=frozenset({"football", "gardening"}),
        languages=frozenset({"pl", "en"}),
        first_free_day=START + 3,
        tariff_pence=9_000,
    )

    entry = rank(case, CandidateTable.from_candidates([ana])).entries[0]

    assert {part: (points.points, points.maximum) for part, points in entry.parts.items()} == {
        Part.DISTANCE: (213, 250),
        Part.SPECIALISM: (200, 200),
        Part.INTERESTS: (80, 120),
        Part.LANGUAGE: (60, 60),
        Part.CONTINUITY: (150, 150),
        Part.QUALITY: (70, 100),
        Part.PRICE: (48, 60),
        Part.WAITING: (54, 60),
        Part.SPARE_CAPACITY: (0, 0),
        Part.FAIR_SPREAD: (0, 0),
    }
    assert (entry.total, entry.maximum) == (875, 1000)
    assert entry.parts[Part.DISTANCE].text == "About 4 miles away (6 km) (213 of 250)"
    assert [points.reason for points in entry.parts.values()] == [
        "About 4 miles away (6 km)",
        "Has worked with people with dementia and sight loss: 2 of 2 needs",
        "Shares 2 interests: football and gardening",
        "Speaks Polish",
        "Has worked with this person before",
        "Not rated: counted as average",
        "£90, £360 below the budget of £450",
        "Can start in 3 days from the day asked for, on 6 March 2027",
        "4 of 5 places free in the week of 6 March 2027",
        "Has 0 open cases",
    ]


def test_the_later_parts_score_as_published():
    weights = Weights(urgency=80, organisation_spread=50, travel_reach_minutes=60)
    crisis = make_case(urgency_tier=0, speed_kmh=40, budget_pence=2_000, legal_cost_pence=1_550)
    ana = make_candidate(
        "ana", x_metres=makers.EAST + 10_000, first_free_day=START + 7, open_cases=1, tariff_pence=1_500
    )
    ben = make_candidate("ben", organisation_id="moor", open_cases=9, tariff_pence=1_600)
    table = CandidateTable.from_candidates([ana, ben])

    by_id = {entry.id: entry.parts for entry in rank(crisis, table, weights).entries}
    urgent = {entry.id: entry.parts for entry in rank(replace(crisis, urgency_tier=1), table, weights).entries}
    standard = {entry.id: entry.parts for entry in rank(replace(crisis, urgency_tier=2), table, weights).entries}

    # 10 km at 40 km/h are 15 of 60 minutes; a week of 28 days; 10 per cent of the open cases, and no points from 40 on.
    assert (by_id["ana"][Part.DISTANCE].points, by_id["ana"][Part.URGENCY].points) == (188, 60)
    assert by_id["ana"][Part.DISTANCE].reason == "About 6 miles away (10 km), 15 minutes on the way"
    assert by_id["ana"][Part.URGENCY].text == "A crisis: can start after 7 days (60 of 80)"
    assert (
        by_id["ana"][Part.ORGANISATION_SPREAD].text == "Its organisation has 10 per cent of the open cases (38 of 50)"
    )
    assert by_id["ben"][Part.ORGANISATION_SPREAD].points == 0
    assert by_id["ana"][Part.PRICE].text == "£15, below the lawful cost of £15.50: no points (0 of 60)"
    assert by_id["ben"][Part.PRICE].points == 12
    assert (urgent["ana"][Part.URGENCY].points, urgent["ana"][Part.URGENCY].maximum) == (30, 40)
    assert urgent["ben"][Part.URGENCY].reason == "An urgent case: can start at once"
    assert standard["ana"][Part.URGENCY].text == "A standard case: not counted"


def test_missing_and_unfair_facts_are_marked():
    case = make_case(budget_pence=2_000, legal_cost_pence=1_550)

    assert marks(case, make_candidate()) == {Part.QUALITY: Mark.NOT_RATED, Part.PRICE: Mark.NO_PRICE}
    assert marks(case, make_candidate(tariff_pence=1_500))[Part.PRICE] is Mark.BELOW_LAWFUL_COST
    assert marks(case, make_candidate(tariff_pence=2_001))[Part.PRICE] is Mark.ABOVE_BUDGET
    assert marks(make_case(), make_candidate(rating=80, rating_count=1)) == {}


@for_all(makers.cases, makers.candidate_lists, st.sampled_from([None, *Rule]), runs=40)
def test_those_left_out_are_listed_on_demand_as_in_the_ranking(case, candidates, rule):
    table = CandidateTable.from_candidates(candidates)
    whole = rank(case, table, salt="run-1").left_out

    listed = left_out_by(case, table, rule, salt="run-1")

    assert listed == tuple(left for left in whole if rule is None or rule in left.rules)
    assert left_out_by(case, table, rule, limit=2, salt="run-1") == listed[:2]


def test_a_ranking_that_is_not_stored_needs_no_fingerprint():
    table = CandidateTable.from_candidates([make_candidate()])

    sealed, unsealed = rank(make_case(), table), rank(make_case(), table, sealed=False)

    assert (len(sealed.fingerprint), unsealed.fingerprint) == (64, "")
    assert replace(unsealed, fingerprint=sealed.fingerprint) == sealed


def test_the_first_is_explained_by_its_largest_leads():
    case = make_case(needs=frozenset({"dementia"}))
    table = CandidateTable.from_candidates(
        [
            make_candidate("near"),
            make_candidate("skilled", x_metres=makers.EAST + 6_000, specialisms=frozenset({"dementia"})),
        ]
    )

    text = why_first(rank(case, table))

    assert text == "First because: Has worked with people with dementia: 1 of 1 need (200 of 200)"


def test_the_question_why_not_this_one_is_answered_for_a_single_candidate():
    table = CandidateTable.from_candidates(
        [make_candidate("near"), make_candidate("far", x_metres=makers.EAST + 31_600)]
    )

    left_out = why_left_out(make_case(), table, "far")

    assert left_out is not None
    assert left_out.rules == (Rule.WITHIN_AREA,)
    assert left_out.reasons == ("About 19.7 miles away (31.6 km), outside the area of 15.5 miles (25 km)",)
    assert why_left_out(make_case(), table, "near") is None
    with pytest.raises(KeyError):
        why_left_out(make_case(), table, "stranger")


def test_a_negative_limit_is_refused():
    with pytest.raises(ValueError, match="limit"):
        rank(make_case(), CandidateTable.from_candidates([]), limit=-1)


def test_weights_out_of_range_are_refused():
    with pytest.raises(ValueError, match="points"):
        Weights(distance=-1)
    with pytest.raises(ValueError, match="reach"):
        Weights(distance_reach_metres=0)
