"""The store follows changes by their ids, keeps readers' tables whole, and never goes back to an older reading."""

import asyncio
from collections.abc import Collection
from threading import Thread

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from marketplace.matching.engine import Candidate, CandidateStore, CandidateTable, Changes, rank
from marketplace.matching.engine.store import Key
from tests.matching.engine import makers
from tests.matching.engine.makers import for_all, make_candidate, make_case

KEY = ("lancashire", "support-planning")


class FakeSource:
    """Candidates as a council keeps them; counts what is read."""

    def __init__(self, candidates: Collection[Candidate]) -> None:
        self.candidates = {candidate.id: candidate for candidate in candidates}
        self.version = 1
        self.read: list[set[str] | None] = []
        self.fails = False

    def change(self, *candidates: Candidate, removed: str | None = None) -> None:
        self.version += 1
        self.candidates.update({candidate.id: candidate for candidate in candidates})
        self.candidates.pop(removed or "", None)

    async def all_candidates(self, key: Key) -> Changes:
        self.read.append(None)
        return Changes(version=self.version, candidates=list(self.candidates.values()))

    async def candidates_of(self, key: Key, ids: Collection[str]) -> Changes:
        self.read.append(set(ids))
        if self.fails:
            raise ConnectionError("the database is away")
        return Changes(
            version=self.version,
            candidates=[self.candidates[id] for id in sorted(ids) if id in self.candidates],
            removed=[id for id in sorted(ids) if id not in self.candidates],
        )


def loaded(*candidates: Candidate) -> CandidateStore:
    store = CandidateStore()
    store.load(KEY, candidates, version=1)
    return store


def ids(table: CandidateTable) -> set[str]:
    return set(table.row_of)


def test_touched_candidates_are_read_again_all_at_once_and_only_when_asked_for():
    source = FakeSource([make_candidate("ana"), make_candidate("ben"), make_candidate("cai")])
    store = CandidateStore()

    first = asyncio.run(store.fresh(KEY, source))
    source.change(make_candidate("ana", open_cases=4), make_candidate("dee"), removed="ben")
    store.touch(KEY, ["ana", "ben"])
    store.touch(KEY, ["dee", "ana"])
    second = asyncio.run(store.fresh(KEY, source))
    third = asyncio.run(store.fresh(KEY, source))

    assert source.read == [None, {"ana", "ben", "dee"}]
    assert ids(second.table) == {"ana", "cai", "dee"}
    assert second.table.candidates[second.table.row_of["ana"]].open_cases == 4
    assert (second.version, third) == (2, second)
    assert second.number > first.number
    assert ids(first.table) == {"ana", "ben", "cai"}  # Whoever holds the old one still has it, whole.


@for_all(makers.candidate_lists, makers.candidate_lists, st.sets(st.integers(0, 20), max_size=4), makers.cases, runs=60)
def test_a_table_that_followed_changes_is_the_table_loaded_anew(before, newer, removals, case):
    source = FakeSource(before)
    store = CandidateStore()
    asyncio.run(store.fresh(KEY, source))
    gone = [candidate.id for index, candidate in enumerate(before) if index in removals]
    source.change(*newer)
    for candidate_id in gone:
        source.change(removed=candidate_id)
    store.touch(KEY, [candidate.id for candidate in newer] + gone)

    followed = asyncio.run(store.fresh(KEY, source)).table

    assert rank(case, followed) == rank(case, CandidateTable.from_candidates(source.candidates.values()))


def test_an_older_reading_that_comes_late_changes_nothing():
    store = loaded(make_candidate("ana"))
    newest = store.apply(KEY, Changes(version=9, candidates=[make_candidate("ana", open_cases=9)]))

    assert store.apply(KEY, Changes(version=5, candidates=[make_candidate("ana", open_cases=5)])) == newest
    assert store.apply(KEY, Changes(version=5, removed=["ana"])) == newest
    assert store.load(KEY, [make_candidate("ana", open_cases=3)], version=3) == newest
    gone = store.apply(KEY, Changes(version=11, removed=["ana"]))
    assert len(gone.table) == 0
    assert store.apply(KEY, Changes(version=10, candidates=[make_candidate("ana")])) == gone


def test_a_reading_that_brings_nothing_new_makes_no_new_table():
    store = loaded(make_candidate("ana"))
    before = store.snapshot(KEY)

    assert store.apply(KEY, Changes(version=7, candidates=[make_candidate("ana")], removed=["stranger"])) is before


def test_what_could_not_be_read_is_read_the_next_time():
    source = FakeSource([make_candidate("ana")])
    store = CandidateStore()
    asyncio.run(store.fresh(KEY, source))
    source.change(make_candidate("ana", open_cases=2))
    store.touch(KEY, ["ana"])
    source.fails = True
    with pytest.raises(ConnectionError):
        asyncio.run(store.fresh(KEY, source))
    source.fails = False

    table = asyncio.run(store.fresh(KEY, source)).table

    assert table.candidates[0].open_cases == 2


def test_councils_are_kept_apart_and_one_that_is_dropped_is_loaded_again():
    source = FakeSource([make_candidate("ana")])
    store = loaded(make_candidate("ben"))
    other = ("derby", "support-planning")

    assert store.snapshot(other) is None
    with pytest.raises(KeyError):
        store.apply(other, Changes(version=2, candidates=[make_candidate("ana")]))
    store.drop(KEY)
    assert store.snapshot(KEY) is None
    assert ids(asyncio.run(store.fresh(KEY, source)).table) == {"ana"}


def test_readers_in_other_threads_see_whole_tables_only():
    team = [make_candidate(f"worker-{number}") for number in range(12)]
    store = loaded(*team)
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
    for version in range(2, 30):
        store.apply(
            KEY, Changes(version=version, candidates=[replace(candidate, open_cases=version) for candidate in team])
        )
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
    store = loaded(*apart)
    snapshot = store.snapshot(KEY)
    assert snapshot is not None

    assert len({id(candidate.languages) for candidate in snapshot.table.candidates}) == 1
    memory = store.memory()
    assert memory.candidates == 50
    assert memory.column_bytes == snapshot.table.nbytes()
    assert 400 < memory.bytes_per_candidate < 2_000
    assert CandidateStore().memory().bytes_per_candidate == 0
