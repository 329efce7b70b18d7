"""The store compares stamps, reads again whom they say, and keeps readers' tables whole."""

import asyncio
from collections.abc import Collection
from threading import Thread
from typing import Any

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from marketplace.matching.engine import Candidate, CandidateStore, CandidateTable, Reading, Snapshot, Stamps, rank
from tests.matching.engine import makers
from tests.matching.engine.makers import for_all, make_candidate, make_case

KEY = ("lancashire", "support-planning")


class FakeSource:
    """Candidates as a council keeps them; counts what is read."""

    def __init__(self, candidates: Collection[Candidate]) -> None:
        self.candidates: dict[str, Candidate] = {}
        self.stamp_of: dict[str, int] = {}
        self.clock = 0
        self.read_ids: list[set[str] | None] = []
        self.fails = False
        self.may_keep = True
        self.change(*candidates)

    def change(self, *candidates: Candidate, removed: str | None = None) -> None:
        for candidate in candidates:
            self.clock += 1
            self.candidates[candidate.id], self.stamp_of[candidate.id] = candidate, self.clock
        self.candidates.pop(removed or "", None)
        self.stamp_of.pop(removed or "", None)

    async def stamps(self) -> Stamps:
        return Stamps(of=dict(self.stamp_of), may_keep=self.may_keep)

    async def read(self, ids: Collection[str] | None) -> Reading:
        self.read_ids.append(None if ids is None else set(ids))
        if self.fails:
            raise ConnectionError("the database is away")
        found = [one for one in self.candidates.values() if ids is None or one.id in ids]
        return Reading(candidates=found, notes={one.id: f"note on {one.open_cases}" for one in found})


def fresh(store: CandidateStore, source: FakeSource, key: tuple[Any, ...] = KEY) -> Snapshot:
    return asyncio.run(store.fresh(key, source))


def ids(table: CandidateTable) -> set[str]:
    return set(table.row_of)


def test_only_those_with_another_stamp_are_read_again():
    source = FakeSource([make_candidate("ana"), make_candidate("ben"), make_candidate("cai")])
    store = CandidateStore()

    first = fresh(store, source)
    source.change(make_candidate("ana", open_cases=4), make_candidate("dee"), removed="ben")
    second, third = fresh(store, source), fresh(store, source)

    assert source.read_ids == [None, {"ana", "dee"}]
    assert ids(second.table) == set(second.notes) == {"ana", "cai", "dee"}
    assert second.table.candidates[second.table.row_of["ana"]].open_cases == 4
    assert second.notes["ana"] == "note on 4"
    assert third is not first
    assert third.table is second.table
    assert ids(first.table) == {"ana", "ben", "cai"}  # Whoever holds the old one still has it, whole.
    assert [one.id for one in second.candidates()] == ["ana", "cai", "dee"]


@for_all(makers.candidate_lists, makers.candidate_lists, st.sets(st.integers(0, 20), max_size=4), makers.cases, runs=60)
def test_a_table_that_followed_changes_is_the_table_loaded_anew(before, newer, removals, case):
    source = FakeSource(before)
    store = CandidateStore()
    fresh(store, source)
    gone = [candidate.id for index, candidate in enumerate(before) if index in removals]
    source.change(*newer)
    for candidate_id in gone:
        source.change(removed=candidate_id)

    followed = fresh(store, source).table

    assert rank(case, followed) == rank(case, CandidateTable.from_candidates(source.candidates.values()))


def test_who_is_gone_between_the_stamps_and_the_reading_is_left_out_and_looked_for_again():
    source = FakeSource([make_candidate("ana"), make_candidate("ben")])
    store = CandidateStore()
    fresh(store, source)
    source.change(make_candidate("ben", open_cases=1))
    there = source.candidates.pop("ben")

    without = fresh(store, source)
    source.candidates["ben"] = there
    again = fresh(store, source)

    assert ids(without.table) == set(without.notes) == {"ana"}
    assert ids(again.table) == {"ana", "ben"}
    assert source.read_ids[-2:] == [{"ben"}, {"ben"}]


def test_who_comes_between_the_stamps_and_the_reading_waits_for_the_next_time():
    source = FakeSource([make_candidate("ana")])
    source.candidates["ben"] = make_candidate("ben")
    store = CandidateStore()

    assert ids(fresh(store, source).table) == {"ana"}
    source.stamp_of["ben"] = 99
    assert ids(fresh(store, source).table) == {"ana", "ben"}


def test_a_stamp_that_changed_without_the_facts_makes_no_new_table():
    source = FakeSource([make_candidate("ana")])
    store = CandidateStore()
    before = fresh(store, source)
    source.change(make_candidate("ana"))

    assert fresh(store, source).table is before.table


def test_what_may_be_undone_is_not_kept():
    source = FakeSource([make_candidate("ana")])
    store = CandidateStore()
    before = fresh(store, source)
    source.change(make_candidate("ana", open_cases=7))
    source.may_keep = False

    own = fresh(store, source)

    assert own.table.candidates[0].open_cases == 7
    assert store.snapshot(KEY) is before


def test_what_could_not_be_read_is_read_the_next_time():
    source = FakeSource([make_candidate("ana")])
    store = CandidateStore()
    fresh(store, source)
    source.change(make_candidate("ana", open_cases=2))
    source.fails = True
    with pytest.raises(ConnectionError):
        fresh(store, source)
    source.fails = False

    assert fresh(store, source).table.candidates[0].open_cases == 2


def test_councils_are_kept_apart_and_the_least_recently_used_are_let_go():
    store = CandidateStore(most_candidates=2)
    sources = {key: FakeSource([make_candidate(key)]) for key in ("derby", "kent", "leeds")}
    for key in ("derby", "kent", "derby", "leeds"):
        assert ids(fresh(store, sources[key], (key,)).table) == {key}

    assert [store.snapshot((key,)) is not None for key in ("derby", "kent", "leeds")] == [True, False, True]
    store.drop(("derby",))
    assert store.snapshot(("derby",)) is None
    crowd = FakeSource([make_candidate(f"w{number}") for number in range(3)])
    assert len(fresh(store, crowd, ("york",)).table) == 3  # Too many to keep are ranked all the same.
    assert store.memory().candidates == 0


def test_two_who_refresh_at_once_each_get_what_their_own_stamps_say():
    early, late = FakeSource([make_candidate("ana")]), FakeSource([make_candidate("ana")])
    late.change(make_candidate("ana", open_cases=5))
    store = CandidateStore()

    assert fresh(store, late).table.candidates[0].open_cases == 5
    assert fresh(store, early).table.candidates[0].open_cases == make_candidate("ana").open_cases
    assert fresh(store, late).table.candidates[0].open_cases == 5


def test_readers_in_other_threads_see_whole_tables_only():
    team = [make_candidate(f"worker-{number}") for number in range(12)]
    source = FakeSource(team)
    store = CandidateStore()
    fresh(store, source)
    seen: list[bool] = []

    def read() -> None:
        for _ in range(40):
            snapshot = store.snapshot(KEY)
            assert snapshot is not None
            loads = {candidate.open_cases for candidate in snapshot.table.candidates}
            ranking = rank(make_case(), snapshot.table)
            seen.append(len(loads) == 1 and ranking.eligible == len(team))

    readers = [Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(2, 30):
        source.change(*[replace(candidate, open_cases=turn) for candidate in team])
        fresh(store, source)
    for reader in readers:
        reader.join()

    assert len(seen) == 80
    assert all(seen)


def test_equal_facts_are_held_once_and_the_bytes_are_counted():
    apart = [
        make_candidate(
            f"worker-{number}", languages=frozenset(["pl", "ur"]), free_places_by_week=(number // 50 + 1, 2, 3)
        )
        for number in range(50)
    ]
    store = CandidateStore()
    snapshot = fresh(store, FakeSource(apart))

    assert len({id(candidate.languages) for candidate in snapshot.table.candidates}) == 1
    memory = store.memory()
    assert memory.candidates == 50
    assert memory.column_bytes == snapshot.table.nbytes()
    assert 400 < memory.bytes_per_candidate < 2_000
    assert CandidateStore().memory().bytes_per_candidate == 0
