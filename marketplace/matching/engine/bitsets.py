"""Sets of codes as bits, and lists of unequal length, one per row of a table.

Both grow and shrink by a row at a time, so that a changed candidate costs microseconds and not a new table; `changed`
gives a copy with many rows changed at once and leaves the original to those who are reading it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)

_WORD_BITS = 64
_WORD_MASK = (1 << _WORD_BITS) - 1


class BitSets:
    """A set of codes for each row; row r has code c when bit `bit_of[c]` is set in column r of `words`."""

    def __init__(self, sets: Sequence[Collection[str]]) -> None:
        codes = sorted({code for members in {frozenset(members) for members in sets} for code in members})
        self.bit_of: dict[str, int] = {code: bit for bit, code in enumerate(codes)}
        self.words: NDArray[np.uint64] = self._written(sets)

    def replace(self, row: int, members: Collection[str]) -> None:
        """Put another set in a row. New codes join; codes that nobody has any more keep their bit."""
        self._learn([members])
        self.words[:, row] = self._written([members])[:, 0]

    def append(self, members: Collection[str]) -> None:
        """Add a row at the end."""
        self.words = np.hstack([self.words, np.zeros((self.words.shape[0], 1), dtype=np.uint64)])
        self.replace(self.words.shape[1] - 1, members)

    def remove(self, row: int) -> None:
        """Take a row out; those after it move up."""
        self.words = np.delete(self.words, row, axis=1)

    def changed(
        self, kept: NDArray[np.intp] | None, size: int, rows: NDArray[np.intp], sets: Sequence[Collection[str]]
    ) -> "BitSets":
        """Give a copy of `size` rows: those `kept` (None for all) first, then `sets[i]` put in row `rows[i]`."""
        copy = BitSets([])
        copy.bit_of, copy.words = dict(self.bit_of), resized(self.words, kept, size)
        copy._learn(sets)
        copy.words[:, rows] = copy._written(sets)
        return copy

    def count(self, codes: Collection[str], rows: NDArray[np.intp] | None = None) -> NDArray[np.int64]:
        """How many of these codes each row has; of the given rows only, in their order, when there are any given."""
        size = self.words.shape[1] if rows is None else len(rows)
        total = np.zeros(size, dtype=np.int64)
        for word, mask in self._masks(codes).items():
            column = self.words[word] if rows is None else self.words[word][rows]
            total += np.bitwise_count(column & np.uint64(mask))
        return total

    def has_any(self, codes: Collection[str]) -> NDArray[np.bool_]:
        """Which rows have one of these codes or more."""
        found = np.zeros(self.words.shape[1], dtype=np.bool_)
        for word, mask in self._masks(codes).items():
            found |= (self.words[word] & np.uint64(mask)) != 0
        return found

    def has_all(self, codes: Collection[str]) -> NDArray[np.bool_]:
        """Which rows have every one of these codes."""
        if not all(code in self.bit_of for code in codes):
            return np.zeros(self.words.shape[1], dtype=np.bool_)
        found = np.ones(self.words.shape[1], dtype=np.bool_)
        for word, mask in self._masks(codes).items():
            found &= (self.words[word] & np.uint64(mask)) == np.uint64(mask)
        return found

    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self.words.nbytes

    def _masks(self, codes: Collection[str]) -> dict[int, int]:
        masks: dict[int, int] = {}
        for code in set(codes):
            if (bit := self.bit_of.get(code)) is not None:
                word, offset = divmod(bit, _WORD_BITS)
                masks[word] = masks.get(word, 0) | 1 << offset
        return masks

    def _learn(self, sets: Iterable[Collection[str]]) -> None:
        """Give new codes a bit, and the words room for it."""
        for members in sets:
            for code in sorted(members):
                self.bit_of.setdefault(code, len(self.bit_of))
        missing = self._words_needed() - self.words.shape[0]
        if missing:
            self.words = np.vstack([self.words, np.zeros((missing, self.words.shape[1]), dtype=np.uint64)])

    def _words_needed(self) -> int:
        return max(1, -(-len(self.bit_of) // _WORD_BITS))

    def _written(self, sets: Sequence[Collection[str]]) -> NDArray[np.uint64]:
        """The words of some sets, a column each. Many rows share a set, so each distinct one is worked out once."""
        known: dict[frozenset[str], int] = {}
        bits_of_row = []
        for members in sets:
            frozen = frozenset(members)
            bits = known.get(frozen)
            if bits is None:
                bits = sum(1 << self.bit_of[code] for code in frozen)
                known[frozen] = bits
            bits_of_row.append(bits)
        words = [
            np.array([bits >> word * _WORD_BITS & _WORD_MASK for bits in bits_of_row], dtype=np.uint64)
            for word in range(self._words_needed())
        ]
        return np.vstack(words)


class RaggedRows:
    """Any number of equal records for each row: `values[k, i]` is field k of a record of row `rows[i]`.

    Records lie in the order of their first `groups` fields, then of their rows, so that those of one group (a service,
    or a service and a council) are a slice, whatever the number of rows.
    """

    def __init__(self, fields: int, groups: int, records: Sequence[Sequence[tuple[int, ...]]]) -> None:
        self._fields, self._groups = fields, groups
        counts = [len(of_row) for of_row in records]
        rows = np.repeat(np.arange(len(records), dtype=np.int32), counts)
        values = self._columns([record for of_row in records for record in of_row])
        order = np.argsort(self._keys(rows, values, len(records), self._most(values)), kind="stable")
        self.rows: NDArray[np.int32] = rows[order]
        self.values: NDArray[np.int32] = values[:, order]

    def group(self, *codes: int) -> slice:
        """Where the records lie whose first fields are these."""
        start, stop = 0, len(self.rows)
        # As int32: for a Python int, the whole field would be copied to int64 first.
        for field, code in zip(self.values, np.array(codes, dtype=np.int32), strict=False):
            within = field[start:stop]
            start, stop = (
                start + int(np.searchsorted(within, code)),
                start + int(np.searchsorted(within, code, "right")),
            )
        return slice(start, stop)

    def replace(self, row: int, records: Sequence[tuple[int, ...]]) -> None:
        """Put other records in a row, which may be one past the last."""
        after = self.changed(None, {row: records})
        self.rows, self.values = after.rows, after.values

    def changed(
        self, new_row_of: NDArray[np.intp] | None, records_of: Mapping[int, Sequence[tuple[int, ...]]]
    ) -> "RaggedRows":
        """Give a copy with other records for some rows.

        Args:
            new_row_of: Row that each old row becomes, -1 for one that goes; None when none moves. The order stays.
            records_of: New records by new row; what the row had before is dropped.
        """
        rows = self.rows if new_row_of is None else new_row_of[self.rows].astype(np.int32)
        touched = np.zeros(1 + max(int(rows.max(initial=0)), max(records_of, default=0)), dtype=np.bool_)
        touched[list(records_of)] = True
        stay = (rows >= 0) & ~touched[rows]
        rows, values = rows[stay], self.values[:, stay]
        new_rows = np.repeat(
            np.fromiter(records_of, dtype=np.int32, count=len(records_of)),
            [len(records) for records in records_of.values()],
        )
        new_values = self._columns([record for records in records_of.values() for record in records])
        most = max(self._most(values), self._most(new_values))
        new_keys = self._keys(new_rows, new_values, len(touched), most)
        order = np.argsort(new_keys, kind="stable")
        places = np.searchsorted(self._keys(rows, values, len(touched), most), new_keys[order])
        copy = RaggedRows(self._fields, self._groups, [])
        copy.rows = np.insert(rows, places, new_rows[order])
        copy.values = np.insert(values, places, new_values[:, order], axis=1)
        return copy

    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self.rows.nbytes + self.values.nbytes

    def _columns(self, records: Sequence[tuple[int, ...]]) -> NDArray[np.int32]:
        return np.array(records, dtype=np.int32).reshape(len(records), self._fields).T.copy()

    def _most(self, values: NDArray[np.int32]) -> int:
        return int(values[: self._groups].max(initial=0)) + 1

    def _keys(self, rows: NDArray[np.int32], values: NDArray[np.int32], size: int, most: int) -> NDArray[np.int64]:
        """One number to sort by. A million codes and a million rows give numbers below 2**60."""
        keys = np.zeros(len(rows), dtype=np.int64)
        for field in values[: self._groups]:
            keys = keys * most + field
        return keys * max(1, size) + rows


def resized(columns: NDArray[Number], kept: NDArray[np.intp] | None, size: int) -> NDArray[Number]:
    """Copy an array along its last axis: the columns `kept` (None for all) first, then zeros up to `size` columns."""
    held = columns if kept is None else columns[..., kept]
    wider = np.zeros((*held.shape[:-1], size), dtype=columns.dtype)
    wider[..., : held.shape[-1]] = held
    return wider
