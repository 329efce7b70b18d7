"""Rows of a rebuild, made on two processors: cutting listings into words is most of its work, and Python's alone.

A process of our own reads listings from its input and writes rows to its output: lists, packed, each behind its length.
Where there is one processor only, or that process cannot be had, all rows are made here; the rows are the same.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, Final

import msgspec

from search.documents import ListingDocument
from search.synonyms import PhraseFinder
from search.tantivy_schema import Row, row_of

FEW_LISTINGS: Final = 5_000
"""So many are made before another process is worth its start."""
ROWS_HERE: Final = 50
"""Rows at once: few enough to stay in the memory close to the processor until the engine has them."""
ROWS_BESIDE: Final = 350
"""The other process does nothing else, so it takes nearly all: this one hands every row to the engine."""
_SERVE: Final = "from search.tantivy_rows import serve; serve()"
_LENGTH_BYTES: Final = 8


def rows_of(documents: Iterable[ListingDocument], phrases: PhraseFinder) -> Iterator[list[Row]]:
    """Write listings as rows, in their order, some at a time."""
    source = iter(documents)
    made = 0
    while made < FEW_LISTINGS:
        chunk = list(islice(source, ROWS_HERE))
        if not chunk:
            return
        made += len(chunk)
        yield _made(chunk, phrases)
    theirs = list(islice(source, ROWS_BESIDE))
    if not theirs:
        return
    beside = RowsBeside(phrases)
    try:
        beside.send(theirs)
        while theirs:
            ours = _made(list(islice(source, ROWS_HERE)), phrases)
            received = beside.receive() or _made(theirs, phrases)
            theirs = list(islice(source, ROWS_BESIDE))
            if theirs:
                # Before the engine gets these, so that the other process never waits.
                beside.send(theirs)
            yield received
            if ours:
                yield ours
    finally:
        beside.close()


class RowsBeside:
    """The other process."""

    def __init__(self, phrases: PhraseFinder) -> None:
        """Start it, if there is a processor for it."""
        self._process: Popen[bytes] | None = None
        self._is_asked = False
        if len(os.sched_getaffinity(0)) < 2:
            return
        path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), *filter(None, [os.getenv("PYTHONPATH")])])
        try:
            self._process = Popen(  # noqa: S603
                [sys.executable, "-P", "-c", _SERVE],
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )
            _write(self._pipe("stdin"), msgspec.msgpack.encode(sorted(phrases.terms)))
        except OSError:
            self.close()

    def send(self, documents: Sequence[ListingDocument]) -> None:
        """Ask for the rows of some listings; without the process, or with text that is no UTF-8, for none."""
        self._is_asked = False
        if self._process is None:
            return
        try:
            content = msgspec.msgpack.encode(documents)
        except UnicodeEncodeError:
            return
        try:
            _write(self._pipe("stdin"), content)
            self._is_asked = True
        except OSError:
            self.close()

    def receive(self) -> list[Row]:
        """Rows of the listings sent last, none when they must be made here."""
        if self._process is None or not self._is_asked:
            return []
        content = _read(self._pipe("stdout"))
        if content is None:
            self.close()
            return []
        return msgspec.msgpack.decode(content, type=list[Row])

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        # What was not written goes with the process.
                        continue
            process.wait()

    def _pipe(self, name: str) -> IO[bytes]:
        pipe: IO[bytes] = getattr(self._process, name)
        return pipe


def serve() -> None:
    """Be the other process: read the terms of the phrases, then listings until there are no more."""
    terms = _read(sys.stdin.buffer)
    if terms is None:
        return
    phrases = PhraseFinder(msgspec.msgpack.decode(terms, type=list[str]))
    while (content := _read(sys.stdin.buffer)) is not None:
        documents = msgspec.msgpack.decode(content, type=list[ListingDocument])
        _write(sys.stdout.buffer, msgspec.msgpack.encode(_made(documents, phrases)))


def _made(documents: Sequence[ListingDocument], phrases: PhraseFinder) -> list[Row]:
    return [row_of(document, phrases) for document in documents]


def _write(pipe: IO[bytes], content: bytes) -> None:
    pipe.write(len(content).to_bytes(_LENGTH_BYTES))
    pipe.write(content)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes | None:
    """One list; None at the end."""
    length = pipe.read(_LENGTH_BYTES)
    if len(length) < _LENGTH_BYTES:
        return None
    content = pipe.read(int.from_bytes(length))
    return content if len(content) == int.from_bytes(length) else None
