"""Tables of candidates held in a process, one for each council and purpose, that follow changes by their ids.

An event says whose facts changed, not what they are: `touch` notes the ids, and the next `fresh` reads those candidates
again, all at once, and puts a new table in the place of the old one. Whoever is reading the old one keeps it, whole
and unchanged, for as long as they hold it; nobody waits for a writer.

Facts carry the version of what was read (any number that grows with every commit). An older reading that comes late
never overwrites a newer one, so messages may arrive twice, late and in any order, and two threads may refresh at once.

The store knows no database: a `CandidateSource` reads. Each process has a store of its own.
"""

import sys
from collections.abc import Collection, Hashable, Iterable, Sequence
from threading import Lock
from typing import Any, Protocol

import msgspec
from msgspec.structs import force_setattr

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Candidate

Key = tuple[str, str]
"""Council and purpose."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a source read: candidates as they were at a version, and ids that were no candidates any more."""

    version: int
    candidates: Sequence[Candidate] = ()
    removed: Collection[str] = ()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A table that nobody changes. `number` grows with every table that a store makes; `version` is the source's."""

    number: int
    version: int
    table: CandidateTable


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that a store holds: the columns, and the structs with what they share counted once."""

    candidates: int
    column_bytes: int
    struct_bytes: int

    @property
    def bytes_per_candidate(self) -> float:
        """Bytes for each candidate; 0 for none."""
        return (self.column_bytes + self.struct_bytes) / self.candidates if self.candidates else 0.0


class CandidateSource(Protocol):
    """Reads candidates from wherever they are kept."""

    async def all_candidates(self, key: Key) -> Changes:
        """Everybody for a council and purpose, and the version of the reading. Nobody is `removed`."""

    async def candidates_of(self, key: Key, ids: Collection[str]) -> Changes:
        """These candidates as they are now; those who are none any more are `removed`."""


class _Held:
    """One table and what is known about it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.base = snapshot.version
        self.versions: dict[str, int] = {}  # By id, for those read since the table was loaded; of removed ones, too.

    def is_news(self, candidate_id: str, version: int) -> bool:
        return version >= self.versions.get(candidate_id, self.base)


class CandidateStore:
    """Snapshots by council and purpose. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._held: dict[Key, _Held] = {}
        self._touched: dict[Key, set[str]] = {}
        self._number = 0
        self._lock = Lock()
        self._shared: dict[Hashable, Any] = {}

    def snapshot(self, key: Key) -> Snapshot | None:
        """The table as it stands; None when none is loaded."""
        held = self._held.get(key)
        return None if held is None else held.snapshot

    def load(self, key: Key, candidates: Iterable[Candidate], version: int) -> Snapshot:
        """Put a whole table in place, unless a newer one is there already.

        Raises:
            ValueError: Two candidates share an id.
        """
        listed = list(candidates)
        with self._lock:
            for candidate in listed:
                self._share(candidate)
        table = CandidateTable.from_candidates(listed)
        with self._lock:
            held = self._held.get(key)
            if held is not None and held.snapshot.version > version:
                return held.snapshot
            held = self._held[key] = _Held(self._next(table, version))
            return held.snapshot

    def apply(self, key: Key, changes: Changes) -> Snapshot:
        """Put in what was read about some candidates. What is older than what is there, or equal to it, is left out.

        Costs a copy of the columns (see `benchmarks/rank_bench.py`), so changes are better applied together.

        Raises:
            KeyError: No table is loaded for the key.
        """
        with self._lock:
            held = self._held[key]
            table = held.snapshot.table
            newer, gone = [], []
            for candidate in changes.candidates:
                if held.is_news(candidate.id, changes.version):
                    held.versions[candidate.id] = changes.version
                    row = table.row_of.get(candidate.id)
                    if row is None or table.candidates[row] != candidate:
                        newer.append(self._share(candidate))
            for candidate_id in changes.removed:
                if held.is_news(candidate_id, changes.version):
                    held.versions[candidate_id] = changes.version
                    if candidate_id in table.row_of:
                        gone.append(candidate_id)
            if newer or gone:
                version = max(held.snapshot.version, changes.version)
                held.snapshot = self._next(table.changed(newer, gone), version)
            return held.snapshot

    def touch(self, key: Key, ids: Iterable[str]) -> None:
        """Note that these candidates changed; the next `fresh` reads them again. Cheap: for the handler of an event."""
        with self._lock:
            self._touched.setdefault(key, set()).update(ids)

    async def fresh(self, key: Key, source: CandidateSource) -> Snapshot:
        """Give the table with every touched candidate read again; the whole is read when none is loaded."""
        touched = self._take(key)
        try:
            if self.snapshot(key) is None:
                # What is touched from here on is read again after the load.
                everybody = await source.all_candidates(key)
                return self.load(key, everybody.candidates, everybody.version)
            if touched:
                self.apply(key, await source.candidates_of(key, touched))
        except BaseException:
            self.touch(key, touched)  # Not read, so still to be read.
            raise
        held = self._held.get(key)
        # Dropped meanwhile by another thread: begin again.
        return held.snapshot if held is not None else await self.fresh(key, source)

    def drop(self, key: Key) -> None:
        """Let a table go, for instance of a council that has not been asked for today."""
        with self._lock:
            self._held.pop(key, None)
            self._touched.pop(key, None)
            if not self._held:
                self._shared.clear()

    def memory(self) -> Memory:
        """Count the bytes held. It walks over every struct: about a second for 200,000 candidates."""
        tables = [held.snapshot.table for held in list(self._held.values())]
        seen: set[int] = set()
        return Memory(
            candidates=sum(len(table) for table in tables),
            column_bytes=sum(table.nbytes() for table in tables),
            struct_bytes=sum(_bytes_of(candidate, seen) for table in tables for candidate in table.candidates),
        )

    def _take(self, key: Key) -> set[str]:
        with self._lock:
            return self._touched.pop(key, set())

    def _next(self, table: CandidateTable, version: int) -> Snapshot:
        self._number += 1
        return Snapshot(number=self._number, version=version, table=table)

    def _share(self, candidate: Candidate) -> Candidate:
        """Make equal sets, diaries and accreditations of many candidates one object each: half of the memory."""
        for name in _SHARED:
            value = getattr(candidate, name)
            # An equal value in place of a value: the struct stays what it was.
            force_setattr(candidate, name, self._shared.setdefault(value, value))
        return candidate


_SHARED = (
    *("organisation_id", "accreditations", "gender", "languages", "specialisms", "skills", "interests", "conflicts"),
    *("free_places_by_week", "areas", "district_type", "equipment", "free_quarters"),
)


def _bytes_of(value: Any, seen: set[int]) -> int:
    """Bytes of a struct and of all it holds; what was seen before counts nothing."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    held: Iterable[Any] = ()
    match value:
        case msgspec.Struct():
            held = msgspec.structs.astuple(value)
        case tuple() | frozenset():
            held = value
        case dict():
            held = (*value.keys(), *value.values())
    return sys.getsizeof(value) + sum(_bytes_of(item, seen) for item in held)
