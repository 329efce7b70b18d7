"""The pairs of a whole list against the one-case ranking."""

from random import Random
from typing import Any

import msgspec
import numpy as np
from hypothesis import strategies as st

from marketplace.matching.engine import Candidate, CandidateTable, Case, Weights, check, score
from marketplace.matching.engine.waiting.columns import CaseColumns
from marketplace.matching.engine.waiting.pairs import best_of_each, eligible_pairs
from tests.matching.engine.makers import for_all, seeds, weights
from tests.matching.engine.waiting_oracle import town


def _totals(case: Case, table: CandidateTable, told: Weights) -> dict[int, int]:
    checked = check(case, table)
    rows = checked.eligible_rows()
    return dict(zip(rows.tolist(), score(case, table, told, checked, rows).totals.tolist(), strict=True))


@for_all(seeds, weights, st.integers(1, 6), runs=30)
def test_eligibility_and_totals_are_those_of_the_one_case_ranking(seed: int, told: Weights, k: int) -> None:
    cases, candidates = town(seed, 12, 14, places=5)
    table = CandidateTable.from_candidates(candidates)
    columns = CaseColumns(cases, table)
    pairs = eligible_pairs(columns, table, told, k=k)
    for index, case in enumerate(columns.cases):
        lies = pairs.of_case(index)
        found = dict(zip(pairs.row[lies].tolist(), pairs.totals(lies).tolist(), strict=True))
        wanted = _totals(case, table, told)
        assert found == wanted
        assert pairs.count[index] == len(wanted)
        top = pairs.top[(pairs.top >= lies.start) & (pairs.top < lies.stop)]
        assert sorted(pairs.totals(top).tolist(), reverse=True) == sorted(wanted.values(), reverse=True)[:k]


def _with_later_facts(seed: int) -> tuple[list[Case], list[Candidate]]:
    """A list that brings up every rule and part now and then."""
    rng = Random(seed)
    cases, candidates = town(seed, 10, 12, places=4)

    def rarely(**facts: Any) -> dict[str, Any]:
        return facts if rng.random() < 0.25 else {}

    limited = rng.random() < 0.3
    told = [
        msgspec.structs.replace(
            candidate,
            **rarely(areas=frozenset({rng.choice(("pr1", "pr2"))}), radius_metres=rng.choice((None, 2_000))),
            **rarely(district_type=rng.choice(("rural", "urban"))),
            **rarely(equipment=frozenset({"hoist"})),
            **rarely(is_council_worker=True),
            **(rarely(most_minutes=rng.randrange(40)) if limited else {}),
            **(rarely(places_left=rng.randrange(3)) if limited else {}),
        )
        for candidate in candidates
    ]
    asked = [
        msgspec.structs.replace(
            case,
            **rarely(area_codes=frozenset({"pr1"})),
            **rarely(road_factors={"rural": 1.6, "urban": 1.2}, district_type="urban", speeds_kmh={"rural": 60}),
            **rarely(required_equipment=frozenset({"hoist"})),
            **rarely(care_organisation_ids=frozenset({"org-a"}), family_ids=frozenset({"worker-1"})),
            **rarely(evaluator_ids=frozenset({"worker-2", "org-b"})),
            **rarely(complex_stays=True),
            **rarely(most_minutes=rng.randrange(60)),
            **rarely(legal_cost_pence=rng.randrange(30_000)),
        )
        for case in cases
    ]
    return asked, told


LATER = (
    Weights(urgency=70, organisation_spread=45),
    Weights(urgency=33, spare_capacity=21, travel_reach_minutes=50, distance=170),
)


@for_all(seeds, st.sampled_from(LATER), runs=30)
def test_rules_and_parts_that_came_later_are_those_of_the_one_case_ranking(seed: int, told: Weights) -> None:
    cases, candidates = _with_later_facts(seed)
    table = CandidateTable.from_candidates(candidates)
    columns = CaseColumns(cases, table)
    pairs = eligible_pairs(columns, table, told, k=3)
    for index, case in enumerate(columns.cases):
        lies = pairs.of_case(index)
        found = dict(zip(pairs.row[lies].tolist(), pairs.totals(lies).tolist(), strict=True))
        assert found == _totals(case, table, told)


@for_all(seeds, runs=20)
def test_changed_candidates_are_seen(seed: int) -> None:
    cases, candidates = town(seed, 5, 10, places=4)
    table = CandidateTable.from_candidates(candidates[:7])
    for candidate in candidates[7:]:
        table.replace(candidate)
    table.remove(candidates[Random(seed).randrange(7)].id)
    columns = CaseColumns(cases, table)
    pairs = eligible_pairs(columns, table, Weights(), k=3)
    for index, case in enumerate(columns.cases):
        lies = pairs.of_case(index)
        found = dict(zip(pairs.row[lies].tolist(), pairs.totals(lies).tolist(), strict=True))
        assert found == _totals(case, table, Weights())


def test_a_pair_ruled_out_by_a_person_is_not_there_and_the_others_are() -> None:
    cases, candidates = town(7, 12, 14, places=5)
    table = CandidateTable.from_candidates(candidates)
    columns = CaseColumns(cases, table)
    pairs = eligible_pairs(columns, table, Weights(), k=30)
    index = int(np.argmax(pairs.count))
    refused = pairs.row[pairs.of_case(index)][:1].astype(np.intp)
    fewer = eligible_pairs(columns, table, Weights(), k=30, refused={index: refused})
    assert pairs.count[index] - fewer.count[index] == 1
    assert refused[0] not in fewer.row[fewer.of_case(index)]
    assert len(pairs) - len(fewer) == 1


def test_the_best_of_a_case_are_found_however_far_apart_the_cases_of_a_block_are() -> None:
    case = np.repeat(np.array([3, 40_000, 99_999], dtype=np.intp), 4)
    totals = np.array([5, 9, 7, 9, 1, 2, 3, 4, 8, 6, 8, 7], dtype=np.int64)
    assert best_of_each(case, totals, 2).tolist() == [1, 3, 6, 7, 8, 10]


def test_an_empty_list_and_an_empty_table_have_no_pairs() -> None:
    cases, candidates = town(3, 4, 4)
    for some_cases, some_candidates in (([], candidates), (cases, []), ([], [])):
        table = CandidateTable.from_candidates(some_candidates)
        assert len(eligible_pairs(CaseColumns(some_cases, table), table, Weights(), k=5)) == 0
