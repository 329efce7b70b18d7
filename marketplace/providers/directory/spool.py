"""Sorts more rows than memory should hold: sorted runs in temporary files, merged while they are read."""

import heapq
import tempfile
from collections.abc import Iterator
from typing import IO, Self

import msgspec

RUN_ROWS = 50_000
"""Rows held in memory before they go to disk: some 20 MB."""

MAX_RUNS = 64
"""Open files at most; then the runs become one."""

SpooledRow = tuple[str, int, list[str]]
"""Key, number of the row in its file, cells."""

_decoder = msgspec.json.Decoder(SpooledRow)
_encoder = msgspec.json.Encoder()


class RowSpool:
    """Takes rows in any order and gives them back by key, rows of one key in the order of the file."""

    def __init__(self, run_rows: int | None = None) -> None:
        """Hold at most `run_rows` rows in memory, `RUN_ROWS` when left out."""
        self._run_rows = run_rows or RUN_ROWS
        self._held: list[SpooledRow] = []
        self._runs: list[IO[bytes]] = []

    def add(self, key: str, number: int, cells: list[str]) -> None:
        """Take a row; `number` is unlike that of every other row."""
        self._held.append((key, number, cells))
        if len(self._held) >= self._run_rows:
            self._held.sort()
            self._write(iter(self._held))
            self._held.clear()
            if len(self._runs) >= MAX_RUNS:
                full = self._runs
                self._runs = []
                self._write(heapq.merge(*map(_read, full)))
                for run in full:
                    run.close()

    def __iter__(self) -> Iterator[SpooledRow]:
        """Give all rows, sorted; can be repeated until the spool is closed."""
        self._held.sort()
        return heapq.merge(*map(_read, self._runs), self._held)

    def __enter__(self) -> Self:
        """Use it in a `with` block, which removes its files."""
        return self

    def __exit__(self, *_: object) -> None:
        for run in self._runs:
            run.close()
        self._runs.clear()
        self._held.clear()

    def _write(self, rows: Iterator[SpooledRow]) -> None:
        # Without a name in the file system: gone with the process, whatever becomes of it.
        run = tempfile.TemporaryFile(prefix="directory-")  # noqa: SIM115 - closed by __exit__
        self._runs.append(run)
        for row in rows:
            run.write(_encoder.encode(row) + b"\n")


def _read(run: IO[bytes]) -> Iterator[SpooledRow]:
    run.seek(0)
    for line in run:
        yield _decoder.decode(line)
