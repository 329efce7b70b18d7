"""The columns of an index on disk: which listings hold a term, and where, how far and for how much each is offered.

They are written once with a generation. `terms.json` and `words.json` are sorted, so that whatever begins with some
letters lies side by side; `holders.npy` has the rows of each term one after the other, `starts.npy` where each begins.
Rows are numbered by place: listings of one neighbourhood lie side by side, those without a base come last. The engine
numbers them as they came; `engine_rows.npy` has its number of each row.
"""

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from search.tantivy_schema import Facts
from search.words import stems_of

Rows = NDArray[np.uint32]
Marks = NDArray[np.bool_]
Numbers = NDArray[np.float64]

STRIPS_PER_DEGREE: Final = 20
"""Rows lie in strips of this share of a degree of latitude (5.6 km) from the south, and within one from the west."""

_SHIFT: Final = np.uint64(32)
_LOW: Final = np.uint64((1 << 32) - 1)


class Codes(dict[str, int]):
    """Numbers texts as they come."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number


class ColumnsBuilder:
    """Collects the facts of a new generation and writes the columns."""

    def __init__(self) -> None:
        """Start with no row."""
        self.ids: list[str] = []
        self._terms, self._words = Held(), Held()
        self._lats, self._lons = array("d"), array("d")
        self._reaches, self._prices = array("q"), array("q")

    def add(self, facts: Facts) -> int:
        """Take the next row.

        Returns:
            Its number.
        """
        self.ids.append(facts.id)
        self._terms.add(facts.terms)
        self._words.add(facts.words)
        self._lats.append(np.nan if facts.lat is None else facts.lat)
        self._lons.append(np.nan if facts.lon is None else facts.lon)
        self._reaches.append(facts.reach_metres)
        self._prices.append(facts.price_pence)
        return len(self.ids) - 1

    def save(self, folder: Path, removed: Iterable[int]) -> None:
        """Write the files; `removed` rows were replaced by later ones with the same id."""
        words = sorted(self._words.codes)
        stems = stems_of(words)
        terms = sorted({*self._terms.codes, *stems})
        places = {term: place for place, term in enumerate(terms)}
        word_terms = np.array([places[one] for one in stems], dtype=np.int32)
        terms_by_word = np.array([places[one] for one in stems_of(list(self._words.codes))], dtype=np.uint64)
        terms_by_code = np.array([places[term] for term in self._terms.codes], dtype=np.uint64)
        # Term and row in one number: one sort of plain numbers orders both.
        lats, lons = np.array(self._lats), np.array(self._lons)
        engine_rows = np.lexsort((lons, strips_of(lats)))
        rows = np.empty(len(engine_rows), dtype=np.uint64)
        rows[engine_rows] = np.arange(len(rows), dtype=np.uint64)
        pairs = np.concatenate((self._words.pairs(terms_by_word, rows), self._terms.pairs(terms_by_code, rows)))
        pairs.sort()
        # Two words of a listing may have one stem.
        pairs = pairs[np.concatenate((np.ones(min(len(pairs), 1), dtype=np.bool_), pairs[1:] != pairs[:-1]))]
        starts = np.searchsorted(pairs, np.arange(len(terms) + 1, dtype=np.uint64) << _SHIFT)
        alive = np.ones(len(self.ids), dtype=np.bool_)
        alive[rows[np.array(list(removed), dtype=np.intp)].astype(np.intp)] = False
        by_id = np.array(sorted(range(len(self.ids)), key=self.ids.__getitem__), dtype=np.intp)
        columns: dict[str, NDArray[Any]] = {
            # An empty file cannot be mapped into memory, so there is always one number.
            "holders": (pairs & _LOW).astype(np.uint32) if len(pairs) else np.zeros(1, dtype=np.uint32),
            "starts": starts.astype(np.int64),
            "alive": alive,
            "order": rows[by_id].astype(np.int64),
            "engine_rows": engine_rows.astype(np.uint32),
            "lats": lats[engine_rows],
            "lons": lons[engine_rows],
            "reaches": np.array(self._reaches)[engine_rows],
            "prices": np.array(self._prices)[engine_rows],
            "lengths": np.array([len(word) for word in words], dtype=np.uint8),
            "letters": letters_of(words),
            "word_terms": word_terms,
        }
        for name, column in columns.items():
            np.save(folder / f"{name}.npy", column, allow_pickle=False)
        texts = {"terms": terms, "words": words, "ids": [self.ids[number] for number in by_id.tolist()]}
        for name, values in texts.items():
            (folder / f"{name}.json").write_bytes(msgspec.json.encode(values))


class Held:
    """Texts that rows hold, as numbers, row after row."""

    def __init__(self) -> None:
        """Start with no row."""
        self.codes = Codes()
        self._code_of = self.codes.__getitem__
        self._held = array("I")
        self._numbers = array("I")

    def add(self, texts: list[str]) -> None:
        """Take what the next row holds."""
        self._held.extend(map(self._code_of, texts))
        self._numbers.append(len(texts))

    def pairs(self, places: NDArray[np.uint64], rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Give a number for each text of each row: the place of the text, given by code, and then the row."""
        held_by = np.repeat(rows, np.array(self._numbers, dtype=np.uint32))
        held = np.array(self._held, dtype=np.uint32)
        return (places[held] << _SHIFT) | held_by if len(held) else held_by


class ColumnFiles(msgspec.Struct, frozen=True):
    """The columns as they were written."""

    holders: Rows
    starts: NDArray[np.int64]
    alive: Marks
    order: NDArray[np.int64]
    engine_rows: Rows
    lats: Numbers
    lons: Numbers
    reaches: NDArray[np.int64]
    prices: NDArray[np.int64]
    lengths: NDArray[np.uint8]
    letters: NDArray[np.uint64]
    word_terms: NDArray[np.int32]
    """Place of the stem of each word in `terms`."""
    terms: list[str]
    words: list[str]
    ids: list[str]
    """Sorted; `order` has the row of each."""


def load_columns(folder: Path) -> ColumnFiles:
    """Open the files; the large one stays on disk and is shared by all processes.

    Raises:
        OSError, ValueError: Something is missing or damaged.
    """
    arrays: dict[str, Any] = {
        # As plain arrays: each slice of a memory map is one again, which costs more than reading it.
        name: np.asarray(
            np.load(folder / f"{name}.npy", mmap_mode="r" if name == "holders" else None, allow_pickle=False)
        )
        for name in ColumnFiles.__struct_fields__
        if name not in ("terms", "words", "ids")
    }
    texts: dict[str, Any] = {
        name: msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=list[str])
        for name in ("terms", "words", "ids")
    }
    files = ColumnFiles(**arrays, **texts)
    rows = {len(files.alive), len(files.order), len(files.ids), len(files.lats), len(files.lons)}
    rows |= {len(files.reaches), len(files.prices), len(files.engine_rows)}
    words = {len(files.words), len(files.lengths), len(files.letters), len(files.word_terms)}
    is_whole = len(rows) == len(words) == 1 and len(files.starts) == len(files.terms) + 1
    if not is_whole or files.starts[-1] > len(files.holders):
        raise ValueError("The columns of the search index do not belong together.")
    return files


def strips_of(lats: Numbers) -> Numbers:
    """Number the strips of some latitudes in degrees; NaN stays."""
    strips: Numbers = np.floor((lats + 90.0) * STRIPS_PER_DEGREE)
    return strips


def letters_of(words: list[str]) -> NDArray[np.uint64]:
    """Which letters each word has, as bits (two letters may share one)."""
    if not words:
        return np.zeros(0, dtype=np.uint64)
    spelt = spelling(words)
    bits = np.uint64(1) << (spelt & np.uint32(63)).astype(np.uint64)
    bits[spelt == 0] = 0
    found: NDArray[np.uint64] = np.bitwise_or.reduce(bits, axis=1)
    return found


def spelling(words: list[str]) -> NDArray[np.uint32]:
    """Letters of each word as numbers, a row each, filled up with 0."""
    texts = np.array(words, dtype=np.str_)
    return texts.view(np.uint32).reshape(len(words), -1)
