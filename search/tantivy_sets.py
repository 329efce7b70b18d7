"""Sets of listings as marks over the rows of an index: who holds a term, who comes to a place, how many have a value.

One state of the columns is a `Columns`: the files of the generation, and in memory what was written since. A state
never changes for whoever holds it: a change only adds rows that older states take for absent.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import cos, degrees, pi, radians, sin
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from search.areas import EARTH_RADIUS_METRES
from search.documents import FACETS, Point
from search.tantivy_columns import STRIPS_PER_DEGREE, ColumnFiles, Marks, Numbers, Rows, strips_of
from search.tantivy_schema import REACH_ANYWHERE, REACH_DISTRICTS, Facts, phrase_key, value_term
from search.tantivy_vocabulary import Vocabulary, between
from search.words import stems_of

SPARE_ROWS: Final = 1_024
"""Room for rows to come, before everything is copied once."""
MANY_ROWS: Final = 2_000
"""The rows of a term that so many listings hold are kept as bits once they were asked for: a sixteenth of a list."""
MOST_STRIPS: Final = 40
"""A place that takes in more strips is measured against all listings."""

_STRIP: Final = 512.0
"""Between the numbers of two strips, more than the degrees around the earth."""
_EDGE_DEGREES: Final = 1e-6
"""Added to each side of a place, more than the rounding of floats: a tenth of a metre."""

Around = NDArray[np.int64] | slice
"""Rows near a place, in order."""
EVERYWHERE: Final = slice(None)


class Change(msgspec.Struct, array_like=True):
    """One write after the build: ids removed, then rows added."""

    removed: list[str]
    added: list[Facts]


class Table(msgspec.Struct):
    """The columns in memory, with room for more rows; states share it until the room is used up."""

    x: Numbers
    y: Numbers
    z: Numbers
    """Place on a sphere of radius 1, NaN without a base."""
    lats: Numbers
    lons: Numbers
    reach: Numbers
    """Square of the straight line through the sphere to the edge of the own area; -1 when that decides nothing."""
    is_anywhere: Marks
    is_bounded: Marks
    """Comes to its districts only."""
    prices: Numbers
    facet_bits: NDArray[np.uint64]
    """For each 64 rows a word of bits for each value of each facet, the first row in the highest bit of its byte."""

    def with_room(self, rows: int) -> "Table":
        """Copy with room for so many rows."""
        copy: dict[str, Any] = {}
        for name in self.__struct_fields__:
            old = getattr(self, name)
            shape = (rows // 64, old.shape[1]) if old.ndim == 2 else (rows,)
            new = np.zeros(shape, dtype=old.dtype)
            new[: len(old)] = old
            copy[name] = new
        return Table(**copy)

    def put(self, row: int, facts: Facts) -> None:
        """Fill a row, all but the facets."""
        lat, lon = (np.nan if facts.lat is None else facts.lat), (np.nan if facts.lon is None else facts.lon)
        self.lats[row], self.lons[row] = lat, lon
        self.x[row], self.y[row], self.z[row] = on_sphere(lat, lon)
        self.reach[row] = chord(facts.reach_metres) if 0 <= facts.reach_metres < REACH_ANYWHERE else -1.0
        self.is_anywhere[row] = facts.reach_metres == REACH_ANYWHERE
        self.is_bounded[row] = facts.reach_metres == REACH_DISTRICTS
        self.prices[row] = facts.price_pence


class Columns:
    """One state of the columns."""

    def __init__(self, files: ColumnFiles) -> None:
        """Take a generation as it was built."""
        self.files = files
        self.count = len(files.alive)
        self.vocabulary = Vocabulary(files)
        self._added: dict[str, list[int]] = {}
        self._rows_by_id: dict[str, int] = {}
        self._added_ids: list[str] = []
        self.facets: list[tuple[str, str]] = [
            (name, term[len(name) + 2 :]) for name in FACETS for term in between(files.terms, value_term(name, ""))
        ]
        self._facet_places = {facet: number for number, facet in enumerate(self.facets)}
        self._bits: dict[str, NDArray[np.uint8]] = {}
        self._strips = strips_of(files.lats) * _STRIP + files.lons + 180.0
        self._based = self.count - int(np.count_nonzero(np.isnan(self._strips)))
        self._rows_of_engine = np.empty(self.count, dtype=np.int64)
        self._rows_of_engine[files.engine_rows] = np.arange(self.count)
        size = _round_up(self.count + SPARE_ROWS)
        self.alive = np.zeros(size, dtype=np.bool_)
        self.alive[: self.count] = files.alive
        self.ranks = np.zeros(size)
        """Order of the ids."""
        self.ranks[files.order] = np.arange(self.count)
        self.table = self._built(size)

    def _built(self, size: int) -> Table:
        files, count = self.files, self.count
        numbers = [np.full(size, np.nan) for _ in range(5)]
        lats, lons = files.lats, files.lons
        for column, values in zip(numbers, (*on_sphere(lats, lons), lats, lons), strict=True):
            column[:count] = values
        x, y, z, lats, lons = numbers
        reach, prices = np.full(size, -1.0), np.zeros(size)
        has_radius = (files.reaches >= 0) & (files.reaches < REACH_ANYWHERE)
        reach[:count] = np.where(has_radius, chords(files.reaches.astype(np.float64)), -1.0)
        prices[:count] = files.prices
        is_anywhere, is_bounded = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
        is_anywhere[:count] = files.reaches == REACH_ANYWHERE
        is_bounded[:count] = files.reaches == REACH_DISTRICTS
        bits = np.zeros((size // 64, len(self.facets)), dtype=np.uint64)
        for number, facet in enumerate(self.facets):
            bits[:, number] = np.packbits(self._marked(self.holders(value_term(*facet)), size)).view(np.uint64)
        return Table(x, y, z, lats, lons, reach, is_anywhere, is_bounded, prices, bits)

    # Changes

    def with_changes(self, changes: Sequence[Change]) -> "Columns":
        """Give the state after some more writes."""
        new = Columns.__new__(Columns)
        new.__dict__ |= self.__dict__
        new._rows_by_id = dict(self._rows_by_id)
        new._added_ids = list(self._added_ids)
        new._bits = {}
        need = self.count + sum(len(change.added) for change in changes)
        size = len(self.alive)
        if need > size:
            size = _round_up(need + max(SPARE_ROWS, need // 16))
            new.table = self.table.with_room(size)
        new.alive = np.zeros(size, dtype=np.bool_)
        new.alive[: len(self.alive)] = self.alive
        facts = [one for change in changes for one in change.added]
        new._learn_facets({term for one in facts for term in one.terms if term[0] == "="})
        for change in changes:
            for listing_id in change.removed:
                new._remove(listing_id)
            for one in change.added:
                new._add(one)
        new.vocabulary = self.vocabulary.with_words(word for one in facts for word in one.words)
        new._rank()
        return new

    def _remove(self, listing_id: str) -> None:
        row = self._rows_by_id.pop(listing_id, None)
        if row is not None:
            self.alive[row] = False
        files = self.files
        at = bisect_left(files.ids, listing_id)
        while at < len(files.ids) and files.ids[at] == listing_id:
            self.alive[files.order[at]] = False
            at += 1

    def _add(self, facts: Facts) -> None:
        row = self.count
        self.table.put(row, facts)
        for term in dict.fromkeys((*stems_of(facts.words), *facts.terms)):
            self._added.setdefault(term, []).append(row)
            number = self._facet_places.get(_facet(term)) if term[0] == "=" else None
            if number is not None:
                self.table.facet_bits[row >> 6 : (row >> 6) + 1, number].view(np.uint8)[row >> 3 & 7] |= 0x80 >> (
                    row & 7
                )
        self._rows_by_id[facts.id] = row
        self._added_ids.append(facts.id)
        self.alive[row] = True
        self.count += 1

    def _learn_facets(self, terms: Iterable[str]) -> None:
        new = sorted({facet for facet in map(_facet, terms) if facet[0] in FACETS and facet not in self._facet_places})
        if not new:
            return
        self.facets = [*self.facets, *new]
        self._facet_places = {facet: number for number, facet in enumerate(self.facets)}
        room = np.zeros((len(self.alive) // 64, len(new)), dtype=np.uint64)
        bits = np.concatenate((self.table.facet_bits, room), axis=1)
        self.table = msgspec.structs.replace(self.table, facet_bits=bits)

    def _rank(self) -> None:
        """Place the ids that were added between those of the files."""
        self.ranks = np.zeros(len(self.alive))
        self.ranks[self.files.order] = np.arange(len(self.files.order))
        added = sorted(self._rows_by_id.items())
        for number, (listing_id, row) in enumerate(added, 1):
            self.ranks[row] = bisect_left(self.files.ids, listing_id) - 1 + number / (len(added) + 1)

    # Sets

    def holders(self, term: str) -> Rows:
        """Rows that hold a term, removed ones among them."""
        files = self.files
        at = bisect_left(files.terms, term)
        if at < len(files.terms) and files.terms[at] == term:
            found = files.holders[files.starts[at] : files.starts[at + 1]]
        else:
            found = np.zeros(0, dtype=np.uint32)
        added = self._added.get(term)
        if added:
            found = np.concatenate((found, np.array([row for row in added if row < self.count], dtype=np.uint32)))
        return found

    def marks(self, *terms: str) -> Marks:
        """Mark the rows that hold any of some terms."""
        few = []
        marks: Marks | None = None
        for term in terms:
            rows, bits = self._held(term)
            if bits is None:
                few.append(rows)
            elif marks is None:
                marks = _unpacked(bits)
            else:
                marks |= _unpacked(bits)
        if marks is None:
            marks = np.zeros(len(self.alive), dtype=np.bool_)
        for rows in few:
            marks[rows] = True
        return marks

    def value_marks(self, name: str, values: Iterable[str]) -> Marks:
        """Mark the rows with any of some values of a filter."""
        known = self._facet_places
        if name not in FACETS:
            return self.marks(*(value_term(name, value) for value in values))
        places = [known[name, value] for value in values if (name, value) in known]
        return _unpacked(np.bitwise_or.reduce(self.table.facet_bits[:, places], axis=1).view(np.uint8))

    def number_of(self, term: str) -> int:
        """Number of listings that hold a term now."""
        rows, bits = self._held(term)
        if bits is None:
            return int(np.count_nonzero(self.alive[rows]))
        return int(np.count_nonzero(self.alive & _unpacked(bits)))

    def _held(self, term: str) -> tuple[Rows, NDArray[np.uint8] | None]:
        """Rows that hold a term, and as bits when there are many."""
        rows = self.holders(term)
        if len(rows) < MANY_ROWS:
            return rows, None
        bits = self._bits.get(term)
        if bits is None:
            bits = self._bits[term] = np.packbits(self._marked(rows, len(self.alive)))
        return rows, bits

    def id_of(self, row: int) -> str:
        """Id of the listing in a row."""
        built = len(self.files.ids)
        return self.files.ids[int(self.ranks[row])] if row < built else self._added_ids[row - built]

    def rows_of_engine(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows that the engine knows by some numbers; rows that were added have the same number in both."""
        built = len(self._rows_of_engine)
        if not built:
            return numbers
        return np.where(numbers < built, self._rows_of_engine[np.minimum(numbers, built - 1)], numbers)

    def engine_numbers(self, rows: Sequence[int]) -> list[int]:
        """Numbers by which the engine knows some rows."""
        built = len(self.files.engine_rows)
        return [int(self.files.engine_rows[row]) if row < built else row for row in rows]

    def values_counted(self, marks: Marks, name: str | None = None) -> dict[str, dict[str, int]]:
        """Count the values of each facet, or of one, among the marked; the most frequent value first."""
        numbers = [i for i, (facet, _) in enumerate(self.facets) if name is None or facet == name]
        if not numbers:
            return {}
        bits = self.table.facet_bits
        words = np.packbits(marks).view(np.uint64)
        used = np.flatnonzero(words)
        # The listings of one neighbourhood stand in few words.
        shared = bits[used] if 2 * len(used) < len(words) else bits
        if name is not None:
            is_run = numbers[-1] - numbers[0] < len(numbers)
            shared = shared[:, numbers[0] : numbers[-1] + 1] if is_run else shared[:, numbers]
        shared = shared & (words[used] if 2 * len(used) < len(words) else words)[:, np.newaxis]
        counts = np.bitwise_count(shared).sum(axis=0, dtype=np.int64).tolist()
        found: dict[str, list[tuple[int, str]]] = {}
        for i, count in zip(numbers, counts, strict=True):
            if count:
                facet, value = self.facets[i]
                found.setdefault(facet, []).append((-count, value))
        return {facet: {value: -count for count, value in sorted(values)} for facet, values in found.items()}

    def phrases(self, start: str, limit: int) -> list[str]:
        """Phrases to offer that begin so, the commonest first."""
        files, key = self.files, phrase_key(start)
        first = bisect_left(files.terms, key)
        terms = between(files.terms, key)
        counts = np.diff(files.starts[first : first + len(terms) + 1])
        # Removed listings are still in these counts, so more are taken than asked for and counted again.
        most = 4 * limit + 16
        if len(terms) > most:
            least = np.partition(counts, -most)[-most]
            sure = np.flatnonzero(counts > least)
            ties = np.flatnonzero(counts == least)[: most - len(sure)]
            terms = [terms[i] for i in np.concatenate((sure, ties))]
        offered = {*terms, *(term for term in list(self._added) if term.startswith(key))}
        counted = sorted((-self.number_of(term), term) for term in offered)
        return [term[1:] for count, term in counted if count][:limit]

    # Place

    def around(self, point: Point, metres: float) -> Around:
        """Rows that may have their base within a distance of a point, or that have none, in order."""
        lat, lon = point
        high = degrees(metres / EARTH_RADIUS_METRES)
        widest = abs(lat) + high
        if high * STRIPS_PER_DEGREE * 2 > MOST_STRIPS or widest > 85.0:
            return EVERYWHERE
        wide = high / cos(radians(widest)) + _EDGE_DEGREES
        if abs(lon) + wide > 180.0:
            return EVERYWHERE
        low, top = strips_of(np.array([lat - high - _EDGE_DEGREES, lat + high + _EDGE_DEGREES]))
        strips = np.arange(low, top + 1) * _STRIP + (lon + 180.0)
        starts = np.searchsorted(self._strips[: self._based], strips - wide).tolist()
        stops = np.searchsorted(self._strips[: self._based], strips + wide).tolist()
        spans = [(start, stop) for start, stop in zip(starts, stops, strict=True) if start < stop]
        spans.append((self._based, self.count))
        if 2 * sum(stop - start for start, stop in spans) > self.count:
            return EVERYWHERE
        return np.concatenate([np.arange(start, stop) for start, stop in spans])

    def chords(self, point: Point, around: Around) -> Numbers:
        """Square of the straight line from a point to the base of some rows, on a sphere of radius 1; NaN without."""
        x, y, z = on_sphere(*point)
        table = self.table
        # In place: new arrays of this size would cost more than the arithmetic.
        squares: Numbers = table.x[around] - x
        squares *= squares
        other: Numbers = np.empty_like(squares)
        for column, place in ((table.y, y), (table.z, z)):
            np.subtract(column[around], place, out=other)
            other *= other
            squares += other
        return squares

    def _marked(self, rows: Rows, size: int) -> Marks:
        marks = np.zeros(size, dtype=np.bool_)
        marks[rows] = True
        return marks


def _unpacked(bits: NDArray[np.uint8]) -> Marks:
    return np.unpackbits(bits).view(np.bool_)


def on_sphere(lat: Any, lon: Any) -> tuple[Any, Any, Any]:
    """Place on a sphere of radius 1 of a point in degrees, or of many."""
    up, across = np.radians(lat), np.radians(lon)
    return np.cos(up) * np.cos(across), np.cos(up) * np.sin(across), np.sin(up)


def chord(metres: float) -> float:
    """Square of the straight line between two points so far apart, on a sphere of radius 1."""
    return 4 * sin(min(max(metres, 0.0) / (2 * EARTH_RADIUS_METRES), pi / 2)) ** 2


def chords(metres: Numbers) -> Numbers:
    """See `chord`, for many."""
    half: Numbers = np.minimum(np.maximum(metres, 0.0) / (2 * EARTH_RADIUS_METRES), pi / 2)
    return 4 * np.sin(half) ** 2


def metres_of(squares: Numbers) -> Numbers:
    """The other way round: metres on the earth from the squares of straight lines."""
    metres: Numbers = 2 * EARTH_RADIUS_METRES * np.arcsin(np.minimum(1.0, np.sqrt(squares) / 2))
    return metres


def _facet(term: str) -> tuple[str, str]:
    name, _, value = term[1:].partition("=")
    return name, value


def _round_up(rows: int) -> int:
    """Whole words of 64 rows."""
    return -(-rows // 64) * 64
