"""The pairs of a whole list against the one-case ranking."""

from random import Random

import numpy as np
from hypothesis import strategies as st

from marketplace.matching.engine import CandidateTable, Case, Weights, check, score
from marketplace.matching.engine.waiting.columns import CaseColumns
from marketplace.matching.engine.waiting.pairs import eligible_pairs
from tests.matching.engine.makers import for_all, seeds, weights
from tests.matching.engine.waiting_oracle import town


def _totals(case: Case, table: CandidateTable, told: Weights) -> dict[int, int]:
    checked = check(case, table)
    rows = checked.eligible_rows()
    return dict(zip(rows.tolist(), score(case, table, told, checked, rows).totals.tolist(), strict=True))


@for_all(seeds, weights, st.integers(1, 6), runs=60)
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


def test_an_empty_list_and_an_empty_table_have_no_pairs() -> None:
    cases, candidates = town(3, 4, 4)
    for some_cases, some_candidates in (([], candidates), (cases, []), ([], [])):
        table = CandidateTable.from_candidates(some_candidates)
        assert len(eligible_pairs(CaseColumns(some_cases, table), table, Weights(), k=5)) == 0
