"""All candidates as arrays, one column per fact, so that one case is checked and scored for everybody at once."""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from enum import IntEnum
from hashlib import sha256
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.bitsets import BitSets, RaggedRows, resized
from marketplace.matching.engine.canonical import encoded, written
from marketplace.matching.engine.model import NO_DAY, WEEK_BANDS, Candidate
from marketplace.matching.engine.ties import stable_hash

ANY_DISTANCE: Final = 1 << 40
"""Metres that stand for "goes any distance", and minutes and places that stand for "no limit"."""

NO_DISTANCE: Final = -1
"""Radius of a candidate who covers named areas alone."""

NOT_KNOWN: Final = -1
"""Stands for None in a column of counts, and for a code that the table has never seen."""

_MOST_WEEKS: Final = 520
_MOST_KEPT: Final = 24  # Answers kept for the next case; each is at most a few bytes a row.

Answer = TypeVar("Answer")


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
    DISTRICT_TYPE = 11
    MOST_MINUTES = 12
    PLACES_LEFT = 13
    IS_COUNCIL_WORKER = 14


_SETS: Final = ("languages", "specialisms", "skills", "interests", "areas", "equipment")


class CandidateTable:
    """Struct-of-arrays over candidates; `row_of[id]` finds a candidate's row.

    Attributes:
        candidates: The structs, by row.
        numbers: `numbers[Column, row]`, int64.
        id_hashes: `stable_hash` of each id, uint64.
        languages, specialisms, skills, interests, areas, equipment: Bit sets.
        accreditations: Ragged fields service code, council code, first day, day after the last; grouped by the codes.
        conflicts: Ragged field party code; grouped by it.
        free_places: `free_places[week - first_week, row]`, int16.
        free_quarters: `free_quarters[band, row]`, int16, -1 where not known; of no bands while nobody's are known.

    `replace` and `remove` change the table in place: one writer at a time, and not while another thread reads.
    `changed` gives a new table and leaves this one to its readers; see `store`.
    """

    languages: BitSets
    specialisms: BitSets
    skills: BitSets
    interests: BitSets
    areas: BitSets
    equipment: BitSets

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates: list[Candidate] = list(candidates)
        self.row_of: dict[str, int] = {candidate.id: row for row, candidate in enumerate(self.candidates)}
        if len(self.row_of) != len(self.candidates):
            raise ValueError("two candidates have the same id")
        self._codes: dict[str, int] = {}
        self.numbers: NDArray[np.int64] = self._numbers(self.candidates)
        self.id_hashes: NDArray[np.uint64] = np.array(
            [stable_hash(candidate.id) for candidate in self.candidates], dtype=np.uint64
        )
        if len(np.unique(self.id_hashes)) != len(self.candidates):
            raise ValueError("two ids have the same 64-bit hash, so ties between them would depend on row order")
        for name in _SETS:
            setattr(self, name, BitSets([getattr(candidate, name) for candidate in self.candidates]))
        self.accreditations = RaggedRows(4, 2, self._accreditations(self.candidates))
        self.conflicts = RaggedRows(1, 1, [self._conflicts(candidate) for candidate in self.candidates])
        self.first_week = 0
        self.free_places: NDArray[np.int16] = np.zeros((0, len(self.candidates)), dtype=np.int16)
        self._widen(self.candidates)
        self.free_quarters: NDArray[np.int16] = np.zeros((0, len(self.candidates)), dtype=np.int16)
        self._write_diaries(np.arange(len(self.candidates)), self.candidates)
        self._digests: list[bytes | None] = [None] * len(self.candidates)
        self._fingerprint: str | None = None
        self._kept: dict[Hashable, object] = {}

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
        row = self.row_of.get(candidate.id)
        if row is None:
            self._become(self.changed([candidate]))
            return
        self._widen([candidate])
        self.candidates[row] = candidate
        self.numbers[:, row] = self._numbers([candidate])[:, 0]
        for name in _SETS:
            getattr(self, name).replace(row, getattr(candidate, name))
        self.accreditations.replace(row, self._accreditations([candidate])[0])
        self.conflicts.replace(row, self._conflicts(candidate))
        self._write_diaries(np.array([row]), [candidate])
        self._digests[row] = None
        self._fingerprint = None
        self._kept = {}

    def remove(self, candidate_id: str) -> None:
        """Take a candidate out.

        Raises:
            KeyError: The table has no such candidate.
        """
        self._become(self.changed((), [candidate_id]))

    def changed(self, candidates: Iterable[Candidate], removed: Collection[str] = ()) -> "CandidateTable":
        """Give a table with some candidates replaced or added, and others taken out; this one stays as it is.

        Raises:
            KeyError: The table has no candidate of a removed id.
            ValueError: A candidate is there twice, or is removed, too.
        """
        listed = list(candidates)
        ids = {candidate.id for candidate in listed}
        if len(ids) != len(listed) or not ids.isdisjoint(removed):
            raise ValueError("a candidate is there twice, or is to be removed, too")
        kept, new_row_of = self._without(removed)
        table = CandidateTable.__new__(CandidateTable)
        table._codes = self._codes  # Codes are only ever added, so that tables made from one another can share them.
        table.candidates = self.candidates.copy() if kept is None else [self.candidates[row] for row in kept.tolist()]
        table._digests = self._digests.copy() if kept is None else [self._digests[row] for row in kept.tolist()]
        table.row_of = (
            self.row_of.copy()
            if kept is None
            else {candidate.id: row for row, candidate in enumerate(table.candidates)}
        )
        for candidate in listed:
            if candidate.id not in table.row_of:
                table.row_of[candidate.id] = len(table.candidates)
                table.candidates.append(candidate)
                table._digests.append(None)
        rows = np.array([table.row_of[candidate.id] for candidate in listed], dtype=np.intp)
        for row, candidate in zip(rows.tolist(), listed, strict=True):
            table.candidates[row], table._digests[row] = candidate, None
        self._copy_columns(table, listed, rows, kept, new_row_of)
        table._fingerprint, table._kept = None, {}
        return table

    def fingerprint(self) -> str:
        """SHA-256 over the candidates, in hex, whatever their order in the table; kept until something changes."""
        if self._fingerprint is None:
            digests = []
            for row, digest in enumerate(self._digests):
                if digest is None:
                    digest = self._digests[row] = _digest(self.candidates[row])
                digests.append(digest)
            digests.sort()
            self._fingerprint = sha256(b"".join(digests)).hexdigest()
        return self._fingerprint

    def kept(self, key: Hashable, work_out: Callable[[], Answer]) -> Answer:
        """Answer a question that many cases share, and keep the answer until something changes.

        Cases of one day ask again and again who has a place from Monday on, and who is accredited for what.
        """
        answers = self._kept  # One reference: another thread may put a new dictionary in its place.
        if key in answers:
            return answers[key]  # type: ignore[return-value]  # A key is only ever used for one kind of answer.
        answer = work_out()
        if len(answers) >= _MOST_KEPT:
            self._kept = answers = dict(list(answers.items())[_MOST_KEPT // 2 :])
        answers[key] = answer
        return answer

    def organisation_percent(self) -> NDArray[np.int64]:
        """Share of all open cases that a candidate's organisation has, by row, in whole per cent, rounded down."""
        return self.kept("organisation-percent", self._organisation_percent)

    def alone(self, candidate: Candidate) -> "CandidateTable":
        """Give a table of this candidate alone, with other facts; what depends on everybody stays as it is here.

        Raises:
            KeyError: The table has no such candidate.
        """
        percent = self.organisation_percent()[[self.row_of[candidate.id]]]
        table = CandidateTable([candidate])
        table.kept("organisation-percent", lambda: percent)
        return table

    def district_types(self) -> tuple[list[str | None], NDArray[np.intp]]:
        """Types of district that candidates set out from, and which of them each row has."""
        return self.kept("district-types", self._district_types)

    def nbytes(self) -> int:
        """Bytes of the arrays, without the structs they were made from."""
        arrays = (self.numbers.nbytes, self.id_hashes.nbytes, self.free_places.nbytes, self.free_quarters.nbytes)
        sets: list[BitSets] = [getattr(self, name) for name in _SETS]
        ragged = self.accreditations.nbytes() + self.conflicts.nbytes()
        return sum(arrays) + ragged + sum(each.nbytes() for each in sets)

    def _organisation_percent(self) -> NDArray[np.int64]:
        organisation, open_cases = self.numbers[Column.ORGANISATION], self.numbers[Column.OPEN_CASES]
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        # Counts stay far below 2**53, so sums in float64 are exact.
        of_each = np.bincount(organisation, weights=open_cases.astype(np.float64)).astype(np.int64)
        percent: NDArray[np.int64] = of_each[organisation] * 100 // max(1, int(open_cases.sum()))
        return percent

    def _district_types(self) -> tuple[list[str | None], NDArray[np.intp]]:
        _, first_rows, which = np.unique(self.numbers[Column.DISTRICT_TYPE], return_index=True, return_inverse=True)
        return [self.candidates[row].district_type for row in first_rows.tolist()], which.reshape(-1)

    def _become(self, table: "CandidateTable") -> None:
        self.__dict__ = table.__dict__

    def _without(self, removed: Collection[str]) -> tuple[NDArray[np.intp] | None, NDArray[np.intp] | None]:
        """Rows that stay, and the new row of each old one; None and None when all stay where they are."""
        if not removed:
            return None, None
        stay = np.ones(len(self), dtype=np.bool_)
        stay[[self.row_of[candidate_id] for candidate_id in removed]] = False
        return np.flatnonzero(stay), np.where(stay, np.cumsum(stay) - 1, -1).astype(np.intp)

    def _copy_columns(
        self,
        table: "CandidateTable",
        listed: list[Candidate],
        rows: NDArray[np.intp],
        kept: NDArray[np.intp] | None,
        new_row_of: NDArray[np.intp] | None,
    ) -> None:
        size = len(table.candidates)
        table.numbers = resized(self.numbers, kept, size)
        table.numbers[:, rows] = table._numbers(listed)
        table.id_hashes = resized(self.id_hashes, kept, size)
        table.id_hashes[rows] = np.array([stable_hash(candidate.id) for candidate in listed], dtype=np.uint64)
        held = len(self) if kept is None else len(kept)
        if size > held and _collide(table.id_hashes[:held], table.id_hashes[held:]):
            raise ValueError("two ids have the same 64-bit hash, so ties between them would depend on row order")
        for name in _SETS:
            sets = [getattr(candidate, name) for candidate in listed]
            setattr(table, name, getattr(self, name).changed(kept, size, rows, sets))
        accredited = dict(zip(rows.tolist(), table._accreditations(listed), strict=True))
        table.accreditations = self.accreditations.changed(new_row_of, accredited)
        conflicting = {row: table._conflicts(item) for row, item in zip(rows.tolist(), listed, strict=True)}
        table.conflicts = self.conflicts.changed(new_row_of, conflicting)
        table.first_week, table.free_places = self.first_week, resized(self.free_places, kept, size)
        table.free_quarters = resized(self.free_quarters, kept, size)
        table._widen(listed)
        table._write_diaries(rows, listed)

    def _intern(self, text: str) -> int:
        return self._codes.setdefault(text, len(self._codes))

    def _numbers(self, candidates: Sequence[Candidate]) -> NDArray[np.int64]:
        """Columns of `numbers`, one for each candidate."""
        intern = self._intern
        listed = [
            (
                item.x_metres,
                item.y_metres,
                _radius(item),
                intern(item.organisation_id),
                NOT_KNOWN if item.gender is None else intern(item.gender),
                NO_DAY if item.first_free_day is None else item.first_free_day,
                item.week_capacity,
                item.open_cases,
                NOT_KNOWN if item.rating is None else item.rating,
                item.rating_count,
                NOT_KNOWN if item.tariff_pence is None else item.tariff_pence,
                NOT_KNOWN if item.district_type is None else intern(item.district_type),
                ANY_DISTANCE if item.most_minutes is None else item.most_minutes,
                ANY_DISTANCE if item.places_left is None else item.places_left,
                int(item.is_council_worker),
            )
            for item in candidates
        ]
        return np.array(listed, dtype=np.int64).reshape(len(listed), len(Column)).T.copy()

    def _accreditations(self, candidates: Sequence[Candidate]) -> list[list[tuple[int, ...]]]:
        """Records by candidate. Those of one organisation mostly share theirs, so each distinct one is read once."""
        known: dict[int, list[tuple[int, ...]]] = {}
        for candidate in candidates:
            if id(candidate.accreditations) not in known:
                known[id(candidate.accreditations)] = [
                    (
                        self._intern(item.service),
                        self._intern(item.council),
                        item.from_day,
                        NO_DAY if item.until_day is None else item.until_day,
                    )
                    for item in candidate.accreditations
                ]
        return [known[id(candidate.accreditations)] for candidate in candidates]

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

    def _write_diaries(self, rows: NDArray[np.intp], candidates: Sequence[Candidate]) -> None:
        """Write free places and free quarter hours; diaries of one shape are written together."""
        self.free_places[:, rows] = 0
        shapes: dict[tuple[int, int], list[int]] = {}
        for place, candidate in enumerate(candidates):
            if candidate.free_places_by_week:
                shape = (candidate.places_from_week - self.first_week, len(candidate.free_places_by_week))
                shapes.setdefault(shape, []).append(place)
        for (start, weeks), places in shapes.items():
            values = np.array([candidates[place].free_places_by_week for place in places], dtype=np.int16)
            self.free_places[start : start + weeks, rows[places]] = values.T
        telling = [place for place, candidate in enumerate(candidates) if candidate.free_quarters]
        if telling and not len(self.free_quarters):
            self.free_quarters = np.full((WEEK_BANDS, len(self.candidates)), NOT_KNOWN, dtype=np.int16)
        if len(self.free_quarters):
            self.free_quarters[:, rows] = NOT_KNOWN
            if telling:
                hours = np.array([candidates[place].free_quarters for place in telling], dtype=np.int16)
                self.free_quarters[:, rows[telling]] = hours.T


def _radius(candidate: Candidate) -> int:
    if candidate.radius_metres is not None:
        return candidate.radius_metres
    return NO_DISTANCE if candidate.areas else ANY_DISTANCE


def _collide(held: NDArray[np.uint64], added: NDArray[np.uint64]) -> bool:
    if len(added) > 8:
        return len(np.unique(np.concatenate([held, added]))) < len(held) + len(added)
    return any(bool(np.any(held == hashed)) for hashed in added) or len(np.unique(added)) < len(added)


def _digest(candidate: Candidate) -> bytes:
    return sha256(encoded(written(candidate))).digest()
