"""The table of candidates: changed a row at a time, it is the table built anew."""

import pytest
from hypothesis import strategies as st

from marketplace.matching.engine import CandidateTable, rank
from marketplace.matching.engine.bitsets import BitSets
from tests.matching.engine import makers
from tests.matching.engine.makers import for_all, make_candidate, make_case


@for_all(makers.cases, makers.candidate_lists, makers.candidate_lists, st.lists(st.integers(0, 20), max_size=4))
def test_a_table_changed_row_by_row_ranks_as_one_built_anew(case, before, newer, removals):
    table = CandidateTable.from_candidates(before)
    table.fingerprint()  # A kept fingerprint must not outlive a change.
    wanted = {candidate.id: candidate for candidate in before}
    for candidate in newer:
        table.replace(candidate)
        wanted[candidate.id] = candidate
    for index in removals:
        if index < len(wanted):
            gone = sorted(wanted)[index]
            table.remove(gone)
            del wanted[gone]

    built = CandidateTable.from_candidates(wanted.values())

    assert len(table) == len(built)
    assert table.fingerprint() == built.fingerprint()
    assert rank(case, table) == rank(case, built)


@for_all(makers.cases, makers.candidate_lists, makers.candidate_lists, st.sets(st.integers(0, 20), max_size=4))
def test_a_table_with_many_changes_at_once_ranks_as_one_built_anew_and_the_old_one_stays(case, before, newer, removals):
    table = CandidateTable.from_candidates(before)
    as_it_was, fingerprint = rank(case, table, weights=makers.LATER_PARTS_TOO), table.fingerprint()
    ids = {candidate.id for candidate in newer}
    gone = [candidate.id for index, candidate in enumerate(before) if index in removals and candidate.id not in ids]
    wanted = {candidate.id: candidate for candidate in (*before, *newer) if candidate.id not in gone}

    changed = table.changed(newer, gone)

    built = CandidateTable.from_candidates(wanted.values())
    assert rank(case, changed, makers.LATER_PARTS_TOO) == rank(case, built, makers.LATER_PARTS_TOO)
    assert rank(case, table, makers.LATER_PARTS_TOO) == as_it_was
    assert table.fingerprint() == fingerprint


def test_a_change_that_names_somebody_twice_or_nobody_is_refused():
    table = CandidateTable.from_candidates([make_candidate("ana")])

    with pytest.raises(ValueError, match="twice"):
        table.changed([make_candidate("ben"), make_candidate("ben")])
    with pytest.raises(ValueError, match="twice"):
        table.changed([make_candidate("ana")], ["ana"])
    with pytest.raises(KeyError):
        table.changed((), ["stranger"])


@for_all(st.lists(st.frozensets(st.integers(0, 200).map(str), max_size=9), min_size=1, max_size=6), st.data())
def test_bit_sets_count_like_sets_past_one_word(sets, data):
    bits = BitSets([frozenset[str]()] * len(sets))
    for row, members in enumerate(sets):
        bits.replace(row, members)
    asked = data.draw(st.frozensets(st.integers(0, 220).map(str), max_size=12))

    assert bits.count(asked).tolist() == [len(asked & members) for members in sets]
    assert BitSets(sets).count(asked).tolist() == bits.count(asked).tolist()


def test_two_candidates_with_one_id_are_refused():
    with pytest.raises(ValueError, match="same id"):
        CandidateTable.from_candidates([make_candidate("ana"), make_candidate("ana", open_cases=3)])


def test_diaries_that_lie_ages_apart_are_refused_and_the_table_stays_as_it_was():
    table = CandidateTable.from_candidates([make_candidate("ana")])
    kept = rank(make_case(), table)

    with pytest.raises(ValueError, match="ten years"):
        table.replace(make_candidate("ben", places_from_week=1))

    assert rank(make_case(), table) == kept


def test_a_candidate_of_impossible_numbers_is_refused():
    with pytest.raises(ValueError, match="rating"):
        make_candidate(rating=101, rating_count=1)
    with pytest.raises(ValueError, match="rating"):
        make_candidate(rating=50)
    with pytest.raises(ValueError, match="below 0"):
        make_candidate(free_places_by_week=(1, -1))
    with pytest.raises(ValueError, match="position"):
        make_candidate(x_metres=53_760_000)
    with pytest.raises(ValueError, match="104 weeks"):
        make_candidate(free_places_by_week=(1,) * 105)
    with pytest.raises(ValueError, match="road_factor"):
        make_case(road_factor=float("nan"))
    with pytest.raises(ValueError, match="window_days"):
        make_case(window_days=0)
    with pytest.raises(ValueError, match="free_quarters"):
        make_candidate(free_quarters=(1,) * 34)
    with pytest.raises(ValueError, match="below 0"):
        make_candidate(places_left=-1)
    with pytest.raises(ValueError, match="speed"):
        make_case(speeds_kmh={"rural": 0})
    with pytest.raises(ValueError, match="places_needed"):
        make_case(places_needed=0)
    with pytest.raises(ValueError, match="road_factor"):
        make_case(road_factors={"rural": 0.5})
