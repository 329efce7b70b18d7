"""All candidates as arrays, one column per fact, so that one case is checked and scored for everybody at once."""

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from hashlib import sha256
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.bitsets import BitSets, RaggedRows
from marketplace.matching.engine.model import NO_DAY, Candidate
from marketplace.matching.engine.ties import stable_hash

ANY_DISTANCE: Final = 1 << 40
"""Metres that stand for "goes any distance"."""

NOT_KNOWN: Final = -1
"""Stands for None in a column of counts, and for a code that the table has never seen."""

_MOST_WEEKS: Final = 520


class Column(IntEnum):
    """Rows of `CandidateTable.numbers`."""

    X_METRES = 0
    Y_METRES = 1
    RADIUS_METRES = 2
    ORGANISATION = 3
    GENDER = 4
    FIRST_FREE_DAY = 5
    WEEK_CAPACITY = 6
    OPEN_CASES = 7
    RATING = 8
    RATING_COUNT = 9
    TARIFF_PENCE = 10


class CandidateTable:
    """Struct-of-arrays over candidates; `row_of[id]` finds a candidate's row.

    Attributes:
        candidates: The structs, by row.
        numbers: `numbers[Column, row]`, int64.
        id_hashes: `stable_hash` of each id, uint64.
        languages, specialisms, skills, interests: Bit sets.
        accreditations: Ragged fields service code, council code, first day, day after the last.
        conflicts: Ragged field party code.
        free_places: `free_places[week - first_week, row]`, int16.

    One writer at a time: a change is not atomic for a reader in another thread.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates: list[Candidate] = list(candidates)
        self.row_of: dict[str, int] = {candidate.id: row for row, candidate in enumerate(self.candidates)}
        if len(self.row_of) != len(self.candidates):
            raise ValueError("two candidates have the same id")
        self._codes: dict[str, int] = {}
        self.numbers: NDArray[np.int64] = (
            np.array([self._numbers(candidate) for candidate in self.candidates], dtype=np.int64)
            .reshape(len(self.candidates), len(Column))
            .T.copy()
        )
        self.id_hashes: NDArray[np.uint64] = np.array(
            [stable_hash(candidate.id) for candidate in self.candidates], dtype=np.uint64
        )
        if len(np.unique(self.id_hashes)) != len(self.candidates):
            raise ValueError("two ids have the same 64-bit hash, so ties between them would depend on row order")
        self.languages = BitSets([candidate.languages for candidate in self.candidates])
        self.specialisms = BitSets([candidate.specialisms for candidate in self.candidates])
        self.skills = BitSets([candidate.skills for candidate in self.candidates])
        self.interests = BitSets([candidate.interests for candidate in self.candidates])
        self.accreditations = RaggedRows(4, [self._accreditations(candidate) for candidate in self.candidates])
        self.conflicts = RaggedRows(1, [self._conflicts(candidate) for candidate in self.candidates])
        self.first_week = 0
        self.free_places: NDArray[np.int16] = np.zeros((0, len(self.candidates)), dtype=np.int16)
        self._widen(self.candidates)
        for row, candidate in enumerate(self.candidates):
            self._write_places(row, candidate)
        self._digests: list[bytes] = [_digest(candidate) for candidate in self.candidates]
        self._fingerprint: str | None = None

    @classmethod
    def from_candidates(cls, candidates: Iterable[Candidate]) -> "CandidateTable":
        """Build the table.

        Raises:
            ValueError: Two candidates share an id, or diaries lie more than ten years apart.
        """
        return cls(list(candidates))

    def __len__(self) -> int:
        return len(self.candidates)

    def code(self, text: str | None) -> int:
        """Number of an organisation, gender, service, council or party; `NOT_KNOWN` when no candidate has it."""
        return NOT_KNOWN if text is None else self._codes.get(text, NOT_KNOWN)

    def replace(self, candidate: Candidate) -> None:
        """Put in the newer facts about a candidate, or add one the table does not have."""
        self._widen([candidate])
        row = self.row_of.get(candidate.id)
        if row is None:
            row = self._append(candidate)
        self.candidates[row] = candidate
        self.numbers[:, row] = self._numbers(candidate)
        for sets, members in self._sets(candidate):
            sets.replace(row, members)
        self.accreditations.replace(row, self._accreditations(candidate))
        self.conflicts.replace(row, self._conflicts(candidate))
        self._write_places(row, candidate)
        self._digests[row] = _digest(candidate)
        self._fingerprint = None

    def remove(self, candidate_id: str) -> None:
        """Take a candidate out.

        Raises:
            KeyError: The table has no such candidate.
        """
        row = self.row_of.pop(candidate_id)
        del self.candidates[row], self._digests[row]
        for later in range(row, len(self.candidates)):
            self.row_of[self.candidates[later].id] = later
        self.numbers = np.delete(self.numbers, row, axis=1)
        self.id_hashes = np.delete(self.id_hashes, row)
        self.free_places = np.delete(self.free_places, row, axis=1)
        for sets in (self.languages, self.specialisms, self.skills, self.interests):
            sets.remove(row)
        self.accreditations.remove(row)
        self.conflicts.remove(row)
        self._fingerprint = None

    def fingerprint(self) -> str:
        """SHA-256 over the candidates, in hex, whatever their order in the table; kept until something changes."""
        if self._fingerprint is None:
            self._fingerprint = sha256(b"".join(sorted(self._digests))).hexdigest()
        return self._fingerprint

    def _append(self, candidate: Candidate) -> int:
        row = len(self.candidates)
        hashed = np.uint64(stable_hash(candidate.id))
        if np.any(self.id_hashes == hashed):
            raise ValueError("two ids have the same 64-bit hash, so ties between them would depend on row order")
        self.row_of[candidate.id] = row
        self.candidates.append(candidate)
        self._digests.append(b"")
        self.id_hashes = np.append(self.id_hashes, hashed)
        self.numbers = np.hstack([self.numbers, np.zeros((len(Column), 1), dtype=np.int64)])
        self.free_places = np.hstack([self.free_places, np.zeros((len(self.free_places), 1), dtype=np.int16)])
        for sets, members in self._sets(candidate):
            sets.append(members)
        return row

    def _sets(self, candidate: Candidate) -> tuple[tuple[BitSets, frozenset[str]], ...]:
        return (
            (self.languages, candidate.languages),
            (self.specialisms, candidate.specialisms),
            (self.skills, candidate.skills),
            (self.interests, candidate.interests),
        )

    def _intern(self, text: str) -> int:
        return self._codes.setdefault(text, len(self._codes))

    def _numbers(self, candidate: Candidate) -> tuple[int, ...]:
        """The candidate's column of `numbers`, in the order of `Column`."""
        return (
            candidate.x_metres,
            candidate.y_metres,
            ANY_DISTANCE if candidate.radius_metres is None else candidate.radius_metres,
            self._intern(candidate.organisation_id),
            NOT_KNOWN if candidate.gender is None else self._intern(candidate.gender),
            NO_DAY if candidate.first_free_day is None else candidate.first_free_day,
            candidate.week_capacity,
            candidate.open_cases,
            NOT_KNOWN if candidate.rating is None else candidate.rating,
            candidate.rating_count,
            NOT_KNOWN if candidate.tariff_pence is None else candidate.tariff_pence,
        )

    def _accreditations(self, candidate: Candidate) -> list[tuple[int, ...]]:
        return [
            (
                self._intern(item.service),
                self._intern(item.council),
                item.from_day,
                NO_DAY if item.until_day is None else item.until_day,
            )
            for item in candidate.accreditations
        ]

    def _conflicts(self, candidate: Candidate) -> list[tuple[int, ...]]:
        return [(self._intern(party),) for party in sorted(candidate.conflicts)]

    def _widen(self, candidates: Sequence[Candidate]) -> None:
        """Make `free_places` reach over the diaries of these candidates."""
        diaries = [candidate for candidate in candidates if candidate.free_places_by_week]
        if not diaries:
            return
        first = min(candidate.places_from_week for candidate in diaries)
        last = max(candidate.places_from_week + len(candidate.free_places_by_week) for candidate in diaries)
        if len(self.free_places):
            first, last = min(first, self.first_week), max(last, self.first_week + len(self.free_places))
            if (first, last) == (self.first_week, self.first_week + len(self.free_places)):
                return
        if last - first > _MOST_WEEKS:
            raise ValueError("the candidates' diaries lie more than ten years apart")
        wider = np.zeros((last - first, self.free_places.shape[1]), dtype=np.int16)
        offset = self.first_week - first if len(self.free_places) else 0
        wider[offset : offset + len(self.free_places)] = self.free_places
        self.first_week, self.free_places = first, wider

    def _write_places(self, row: int, candidate: Candidate) -> None:
        self.free_places[:, row] = 0
        start = candidate.places_from_week - self.first_week
        if candidate.free_places_by_week:
            self.free_places[start : start + len(candidate.free_places_by_week), row] = candidate.free_places_by_week


_encode: Callable[[Candidate], bytes] = msgspec.json.Encoder(order="sorted").encode


def _digest(candidate: Candidate) -> bytes:
    return sha256(_encode(candidate)).digest()
