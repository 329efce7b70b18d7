"""Sets of codes as bits, and lists of unequal length, one per row of a table.

Both grow and shrink by a row at a time, so that a changed candidate costs microseconds and not a new table.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

_WORD_BITS = 64
_WORD_MASK = (1 << _WORD_BITS) - 1


class BitSets:
    """A set of codes for each row; row r has code c when bit `bit_of[c]` is set in column r of `words`."""

    def __init__(self, sets: Sequence[Collection[str]]) -> None:
        codes = sorted({code for members in sets for code in members})
        self.bit_of: dict[str, int] = {code: bit for bit, code in enumerate(codes)}
        self.words: NDArray[np.uint64] = np.zeros((self._words_needed(), len(sets)), dtype=np.uint64)
        for row, members in enumerate(sets):
            self._write(row, members)

    def replace(self, row: int, members: Collection[str]) -> None:
        """Put another set in a row. New codes join; codes that nobody has any more keep their bit."""
        for code in sorted(members):
            self.bit_of.setdefault(code, len(self.bit_of))
        missing = self._words_needed() - self.words.shape[0]
        if missing:
            self.words = np.vstack([self.words, np.zeros((missing, self.words.shape[1]), dtype=np.uint64)])
        self._write(row, members)

    def append(self, members: Collection[str]) -> None:
        """Add a row at the end."""
        self.words = np.hstack([self.words, np.zeros((self.words.shape[0], 1), dtype=np.uint64)])
        self.replace(self.words.shape[1] - 1, members)

    def remove(self, row: int) -> None:
        """Take a row out; those after it move up."""
        self.words = np.delete(self.words, row, axis=1)

    def count(self, codes: Collection[str], rows: NDArray[np.intp] | None = None) -> NDArray[np.int64]:
        """How many of these codes each row has; of the given rows only, in their order, when there are any given."""
        size = self.words.shape[1] if rows is None else len(rows)
        total = np.zeros(size, dtype=np.int64)
        for word, mask in self._masks(codes).items():
            column = self.words[word] if rows is None else self.words[word][rows]
            total += np.bitwise_count(column & np.uint64(mask))
        return total

    def _masks(self, codes: Collection[str]) -> dict[int, int]:
        masks: dict[int, int] = {}
        for code in set(codes):
            if (bit := self.bit_of.get(code)) is not None:
                word, offset = divmod(bit, _WORD_BITS)
                masks[word] = masks.get(word, 0) | 1 << offset
        return masks

    def _words_needed(self) -> int:
        return max(1, -(-len(self.bit_of) // _WORD_BITS))

    def _write(self, row: int, members: Collection[str]) -> None:
        bits = 0
        for code in members:
            bits |= 1 << self.bit_of[code]
        for word in range(self.words.shape[0]):
            self.words[word, row] = (bits >> word * _WORD_BITS) & _WORD_MASK


class RaggedRows:
    """Any number of equal records for each row: `values[k, i]` is field k of a record of row `rows[i]`."""

    def __init__(self, fields: int, records: Sequence[Sequence[tuple[int, ...]]]) -> None:
        self._fields = fields
        counts = [len(of_row) for of_row in records]
        self.rows: NDArray[np.intp] = np.repeat(np.arange(len(records), dtype=np.intp), counts)
        self.values: NDArray[np.int64] = self._columns([record for of_row in records for record in of_row])

    def replace(self, row: int, records: Sequence[tuple[int, ...]]) -> None:
        """Put other records in a row, which may be one past the last."""
        start, stop = np.searchsorted(self.rows, [row, row + 1])
        new_rows = np.full(len(records), row, dtype=np.intp)
        self.rows = np.concatenate([self.rows[:start], new_rows, self.rows[stop:]])
        self.values = np.hstack([self.values[:, :start], self._columns(records), self.values[:, stop:]])

    def remove(self, row: int) -> None:
        """Take a row out; those after it move up."""
        self.replace(row, ())
        self.rows[self.rows > row] -= 1

    def _columns(self, records: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
        return np.array(records, dtype=np.int64).reshape(len(records), self._fields).T.copy()
