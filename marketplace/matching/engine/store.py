"""Tables of candidates held in a process, that follow every change: nobody is ranked on facts that are out of date.

A source knows where candidates are kept. Before each use it says in one question which candidates there are, each with
a stamp of all that the candidate was made from; those whose stamp is another than that of the held table are read
again, and a new table takes the place of the old one. A stamp is compared, never trusted to have been announced: a
change that nobody told of is seen like any other. Whoever is reading an old table keeps it, whole and unchanged.

What a reader gets is what its own stamps say, whatever others put into the store meanwhile. The least recently used
tables are let go, so memory stays bounded. The store knows no database; each process has a store of its own.
"""

import sys
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable, Mapping
from threading import Lock
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import force_setattr

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Candidate

Key = tuple[Hashable, ...]
"""All that a table depends on besides the candidates' own facts: council, day, settings."""

MOST_CANDIDATES: Final = 40_000
"""Held at once in all tables; some 60 megabytes."""


class Stamps(msgspec.Struct, frozen=True, kw_only=True):
    """Who is a candidate, in an order worth keeping, each with a stamp of what the candidate is made from."""

    of: Mapping[str, int]
    may_keep: bool = True
    """False while the reader sees changes that may yet be undone: its own unfinished ones."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What was read about some candidates; one who is in neither is a candidate no more."""

    candidates: Collection[Candidate] = ()
    notes: Mapping[str, Any] = {}
    """Whatever the reader of the table wants beside each id, also of those who cannot be ranked."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A table that nobody changes."""

    stamps: Mapping[str, int]
    table: CandidateTable
    notes: Mapping[str, Any]
    shared: dict[Hashable, Any]
    """Equal values of many candidates, one object each."""

    def candidates(self) -> tuple[Candidate, ...]:
        """Those who can be ranked, in the order of the stamps."""
        row_of, rows = self.table.row_of, self.table.candidates
        return tuple(rows[row_of[id]] for id in self.stamps if id in row_of)


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
    """Reads candidates of one key from wherever they are kept."""

    async def stamps(self) -> Stamps:
        """Everybody with a stamp. Equal stamps must mean equal facts."""

    async def read(self, ids: Collection[str] | None) -> Reading:
        """These as they are now, or everybody."""


class CandidateStore:
    """Snapshots by key. Every method may be called from any thread."""

    def __init__(self, most_candidates: int = MOST_CANDIDATES) -> None:
        self._most = most_candidates
        self._held: OrderedDict[Key, Snapshot] = OrderedDict()
        self._lock = Lock()

    def snapshot(self, key: Key) -> Snapshot | None:
        """The table as it stands, whether or not it is out of date; None when none is held."""
        return self._held.get(key)

    async def fresh(self, key: Key, source: CandidateSource) -> Snapshot:
        """Give the table as it is by the source's stamps of now; only who changed is read again."""
        now = await source.stamps()
        held = self.snapshot(key)
        known = held.stamps if held is not None else {}
        changed = [id for id, stamp in now.of.items() if known.get(id) != stamp]
        if held is None or changed or len(known) != len(now.of):
            reading = Reading()
            if changed:
                reading = await source.read(None if len(changed) == len(now.of) else changed)
            held = renewed(held, now.of, changed, reading)
        if now.may_keep:
            self._keep(key, held)
        return held

    def drop(self, key: Key) -> None:
        """Let a table go."""
        with self._lock:
            self._held.pop(key, None)

    def memory(self) -> Memory:
        """Count the bytes held. It walks over every struct: about a second for 200,000 candidates."""
        tables = [snapshot.table for snapshot in list(self._held.values())]
        seen: set[int] = set()
        return Memory(
            candidates=sum(len(table) for table in tables),
            column_bytes=sum(table.nbytes() for table in tables),
            struct_bytes=sum(_bytes_of(candidate, seen) for table in tables for candidate in table.candidates),
        )

    def _keep(self, key: Key, snapshot: Snapshot) -> None:
        with self._lock:
            self._held[key] = snapshot
            self._held.move_to_end(key)
            total = sum(len(each.stamps) for each in self._held.values())
            while total > self._most:
                _, gone = self._held.popitem(last=False)
                total -= len(gone.stamps)


def renewed(held: Snapshot | None, stamps: Mapping[str, int], changed: Collection[str], reading: Reading) -> Snapshot:
    """Give a snapshot with what was read put in, and whoever is gone left out; the old one stays as it is.

    Args:
        held: What was held; None for nothing.
        stamps: Everybody there is.
        changed: Ids that were read.
        reading: What was read of them; others who came meanwhile are left to the next time, when they have a stamp.

    Raises:
        ValueError: Two candidates share an id.
    """
    shared = held.shared if held is not None else {}
    asked = set(changed)
    read = [candidate for candidate in reading.candidates if candidate.id in asked]
    if held is None:
        table = CandidateTable.from_candidates([_share(candidate, shared) for candidate in read])
    else:
        table = held.table
        ids = {candidate.id for candidate in read}
        newer = [_share(candidate, shared) for candidate in read if not _has(table, candidate)]
        gone = [id for id in table.row_of if id not in stamps or (id in asked and id not in ids)]
        table = table.changed(newer, gone) if newer or gone else table
    notes = held.notes if held is not None else {}
    there = {id: reading.notes.get(id) if id in asked else notes.get(id) for id in stamps}
    lost = {id for id in asked if id not in reading.notes and id not in table.row_of}
    return Snapshot(
        stamps={id: stamp for id, stamp in stamps.items() if id not in lost},
        table=table,
        notes={id: note for id, note in there.items() if id not in lost},
        shared=shared,
    )


def _has(table: CandidateTable, candidate: Candidate) -> bool:
    row = table.row_of.get(candidate.id)
    return row is not None and table.candidates[row] == candidate


def _share(candidate: Candidate, shared: dict[Hashable, Any]) -> Candidate:
    """Make equal sets, diaries and accreditations of many candidates one object each: half of the memory."""
    for name in _SHARED:
        value = getattr(candidate, name)
        # An equal value in place of a value: the struct stays what it was.
        force_setattr(candidate, name, shared.setdefault(value, value))
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
