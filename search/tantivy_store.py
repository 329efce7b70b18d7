"""The embedded index on disk: generations, the pointer to the current one, locks and readers.

index/
    current             {"layout": 1, "generation": "000007", …}, replaced in one step
    write.lock          held while a batch is written, and for the moment of a swap
    rebuild.lock        held while a new generation is built
    pending             batches written during a rebuild, replayed into the new generation before the swap
    generations/000007/ the engine's files, and beside them
        columns/        what is counted, filtered and measured (`tantivy_columns`)
        changes         what was written since: the facts of each batch, a line each
        unfinished      the batch being written; left behind by a process that died, it is written again
"""

import fcntl
import os
import shutil
import time
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import msgspec
import tantivy

from search.documents import ListingDocument
from search.errors import IndexBusy, IndexUnavailable
from search.synonyms import PhraseFinder
from search.tantivy_changes import append_changes, changes_after, lines_of, next_row, replace_file
from search.tantivy_columns import ColumnsBuilder, load_columns
from search.tantivy_rows import rows_of
from search.tantivy_schema import LAYOUT, Row, build_schema, row_of
from search.tantivy_sets import Change, Columns

WRITER_THREADS: Final = 1
"""One thread makes one segment of a rebuild, which answers faster than several."""
BATCH_HEAP_BYTES: Final = 32_000_000
REBUILD_HEAP_BYTES: Final = 400_000_000
_RETRY_SECONDS: Final = 0.02
_OPEN_TRIES: Final = 5


class Pointer(msgspec.Struct, frozen=True):
    """Content of the file `current`."""

    layout: int
    generation: str
    phrases: list[str]
    """Terms of the phrases that its rows were marked with."""
    groups: list[list[str]]
    """Words that mean the same, beside the usual ones."""
    rows: int
    """Rows that were built; those written since come after them."""


class Batch(msgspec.Struct):
    """What to write: ids to remove, then listings to add. All text can be written as UTF-8."""

    removed: list[str]
    documents: list[ListingDocument]


class Reader(msgspec.Struct, frozen=True):
    """One state of the index to search in."""

    schema: tantivy.Schema
    searcher: tantivy.Searcher
    index: tantivy.Index
    columns: Columns
    phrases: frozenset[str]
    groups: list[list[str]]
    read_bytes: int
    """So much of the changes is in the columns."""
    seen: tuple[Any, ...]
    """State of the files when it was opened."""


class IndexStore:
    """Opens, writes and swaps the index. Safe across threads and processes."""

    def __init__(self, folder: Path, lock_seconds: float = 5.0) -> None:
        """Take a folder, which need not exist yet. `lock_seconds`: longest wait for another writer."""
        self.folder = folder
        self.lock_seconds = lock_seconds
        self._reader: Reader | None = None
        self._opening = Lock()
        self._schema = build_schema()

    # Reading

    def reader(self) -> Reader:
        """Give the newest state, whoever wrote it. Costs two file look-ups when nothing has changed."""
        reader = self._reader
        if reader is not None and reader.seen == self._state(reader.seen[0]):
            return reader
        with self._opening:
            for _ in range(_OPEN_TRIES):
                pointer = self._pointer()
                try:
                    self._reader = self._open(pointer, self._reader)
                except IndexUnavailable:
                    # A rebuild may have swapped and removed the generation between the two steps.
                    if self._pointer() == pointer:
                        raise
                else:
                    return self._reader
            raise IndexBusy("The search index is being replaced again and again.")

    def forget(self) -> None:
        """Close the reader."""
        self._reader = None

    def _open(self, pointer: Pointer, old: Reader | None) -> Reader:
        seen = self._state(pointer.generation)
        path = self._path(pointer.generation)
        with guarded():
            if old is not None and old.seen[0] == pointer.generation:
                index, columns, read_bytes = old.index, old.columns, old.read_bytes
            else:
                index = tantivy.Index.open(str(path))
                index.config_reader("manual")
                columns, read_bytes = Columns(load_columns(path / "columns")), 0
            # The engine first: a row that it knows before the columns do is merely found a moment later.
            index.reload()
            searcher = index.searcher()
            changes, read_bytes = changes_after(path, read_bytes)
            if changes:
                columns = columns.with_changes(changes)
            phrases = frozenset(pointer.phrases)
            return Reader(self._schema, searcher, index, columns, phrases, pointer.groups, read_bytes, seen)

    def _state(self, generation: str) -> tuple[Any, ...]:
        try:
            pointer = os.stat(self.folder / "current")
            changes = os.stat(self._path(generation) / "changes")
        except OSError:
            return (generation, None)
        return generation, pointer.st_ino, pointer.st_mtime_ns, changes.st_ino, changes.st_size

    def _pointer(self) -> Pointer:
        try:
            pointer = msgspec.json.decode((self.folder / "current").read_bytes(), type=Pointer)
        except (OSError, msgspec.DecodeError) as error:
            raise IndexUnavailable("There is no search index yet; it needs a rebuild.") from error
        if pointer.layout != LAYOUT:
            raise IndexUnavailable("The search index has the layout of another release; it needs a rebuild.")
        return pointer

    def _path(self, generation: str) -> Path:
        return self.folder / "generations" / generation

    # Writing

    def write(self, batch: Batch) -> None:
        """Apply a batch to the current generation, and to the one being built."""
        with self._locked("write.lock"):
            pointer = self._pointer()
            path = self._path(pointer.generation)
            with guarded():
                index = tantivy.Index.open(str(path))
                unfinished = [msgspec.json.decode(line, type=Batch) for line in lines_of(path / "unfinished")]
            self._apply(index, path, [*unfinished, batch], pointer)
            if self._is_rebuilding():
                with (self.folder / "pending").open("ab") as pending:
                    pending.write(msgspec.json.encode(batch) + b"\n")
            else:
                (self.folder / "pending").unlink(missing_ok=True)

    def rebuild(
        self, documents: Iterable[ListingDocument], phrases: PhraseFinder, groups: Sequence[Sequence[str]] = ()
    ) -> int:
        """Build a new generation and swap it in.

        Returns:
            Number of listings in it; of several with one id the last stays.

        Raises:
            IndexBusy: Another rebuild is running.
        """
        (self.folder / "generations").mkdir(parents=True, exist_ok=True)
        with self._locked("rebuild.lock"):
            with self._locked("write.lock"):
                (self.folder / "pending").unlink(missing_ok=True)
            generation = self._next_generation()
            path = self._path(generation)
            (path / "columns").mkdir(parents=True)
            try:
                with guarded():
                    index = tantivy.Index(self._schema, str(path), reuse=False, sort_by_field="spot")
                builder = ColumnsBuilder()
                count = self._fill(index, documents, phrases, builder, path)
                terms = sorted(phrases.terms)
                pointer = Pointer(LAYOUT, generation, terms, [list(group) for group in groups], len(builder.ids))
                with self._locked("write.lock"):
                    self._apply(index, path, self._pending(), pointer)
                    self._swap(pointer)
            except BaseException:
                shutil.rmtree(path, ignore_errors=True)
                raise
        return count

    def _fill(
        self,
        index: tantivy.Index,
        documents: Iterable[ListingDocument],
        phrases: PhraseFinder,
        builder: ColumnsBuilder,
        path: Path,
    ) -> int:
        with guarded():
            writer = index.writer(REBUILD_HEAP_BYTES, WRITER_THREADS)
        seen: dict[str, int] = {}
        replaced: list[int] = []
        # Listings are fetched outside the guard, so that an error of whoever makes them stays what it is.
        for chunk in rows_of(documents, phrases):
            with guarded():
                for row in chunk:
                    number = builder.add(row.facts)
                    if row.facts.id in seen:
                        writer.delete_documents_by_term("id", row.facts.id)
                        replaced.append(seen[row.facts.id])
                    seen[row.facts.id] = number
                    writer.add_document(row.document(number))
        with guarded(), ThreadPoolExecutor(1) as beside:
            # The engine needs no Python to write what it has, so that both write at once.
            saved = beside.submit(builder.save, path / "columns", replaced)
            writer.commit()
            writer.wait_merging_threads()
            saved.result()
            (path / "changes").touch()
        return len(seen)

    def _apply(self, index: tantivy.Index, path: Path, batches: Sequence[Batch], pointer: Pointer) -> None:
        """Write batches to a generation: to the engine and to the changes, both or (after a crash) again.

        The engine replaces by id and the rows get the numbers that they had before, so that again is the same as once.
        """
        if not batches:
            return
        finder = PhraseFinder(pointer.phrases)
        rows = [[row_of(document, finder) for document in batch.documents] for batch in batches]
        with guarded():
            number = next_row(path, pointer.rows)
            replace_file(path / "unfinished", b"".join(msgspec.json.encode(batch) + b"\n" for batch in batches))
            writer = self._writer(index)
            try:
                for batch, batch_rows in zip(batches, rows, strict=True):
                    number = _put(writer, batch, batch_rows, number)
                writer.commit()
            finally:
                writer.wait_merging_threads()
            append_changes(
                path,
                [
                    Change(batch.removed, [row.facts for row in batch_rows])
                    for batch, batch_rows in zip(batches, rows, strict=True)
                ],
                number,
            )
            (path / "unfinished").unlink()

    def _writer(self, index: tantivy.Index) -> tantivy.IndexWriter:
        """Open a writer; whoever does not know our lock file may hold the index's own one for a moment."""
        until = time.monotonic() + self.lock_seconds
        while True:
            try:
                return index.writer(BATCH_HEAP_BYTES, WRITER_THREADS)
            except ValueError as error:
                if "LockBusy" not in str(error):
                    raise
                if time.monotonic() > until:
                    raise IndexBusy("The search index is being written by another process.") from error
            time.sleep(_RETRY_SECONDS)

    def _swap(self, pointer: Pointer) -> None:
        folder = self.folder
        replace_file(folder / "current", msgspec.json.encode(pointer))
        (folder / "pending").unlink(missing_ok=True)
        for old in (folder / "generations").iterdir():
            if old.name != pointer.generation:
                # Readers that still have it open keep its files until they let go.
                shutil.rmtree(old, ignore_errors=True)

    def _next_generation(self) -> str:
        known = [int(path.name) for path in (self.folder / "generations").iterdir() if path.name.isdecimal()]
        return f"{max(known, default=0) + 1:06}"

    def _pending(self) -> list[Batch]:
        return [msgspec.json.decode(line, type=Batch) for line in lines_of(self.folder / "pending")]

    # Locks

    def _is_rebuilding(self) -> bool:
        with (self.folder / "rebuild.lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def _locked(self, name: str) -> Generator[None, None, None]:
        """Hold one of the lock files; the system lets go of it when a process dies."""
        try:
            file = (self.folder / name).open("ab")
        except FileNotFoundError as error:
            raise IndexUnavailable("There is no search index yet; it needs a rebuild.") from error
        with file:
            until = time.monotonic() + self.lock_seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > until:
                        raise IndexBusy("The search index is being written by another process.") from error
                time.sleep(_RETRY_SECONDS)
            yield


def _put(writer: tantivy.IndexWriter, batch: Batch, rows: Sequence[Row], number: int) -> int:
    """Hand a batch to the engine, its rows numbered from a number on; returns the next number."""
    for listing_id in batch.removed:
        writer.delete_documents_by_term("id", listing_id)
    for row in rows:
        writer.add_document(row.document(number))
        number += 1
    return number


@contextmanager
def guarded() -> Generator[None, None, None]:
    """Turn what the engine says about missing or damaged files into `IndexUnavailable`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise IndexUnavailable("The search index cannot be read or written; it may need a rebuild.") from error
    except BaseException as error:
        # The engine's panics arrive as a class that cannot be imported and is not an Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise IndexUnavailable("The search index is damaged; it needs a rebuild.") from error
