"""Imports a directory file: streamed into staging tables, merged and written in one transaction.

Nothing is half-loaded: the caller's transaction holds the whole import, and a file that turns out to be damaged
in its last line raises before anything was written. Memory stays at one batch of rows.
"""

import asyncio
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, BinaryIO, Self
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.core.spreadsheets import safe_cell
from marketplace.core.textfiles import UnreadableFile
from marketplace.providers.directory import sql
from marketplace.providers.directory.files import fingerprint
from marketplace.providers.directory.reader import DirectoryReading, read_directory
from marketplace.providers.directory.records import (
    Item,
    Layout,
    NoteKind,
    Ratings,
    RegisterLocation,
    RegisterProvider,
    RegisterStatus,
    RowNote,
)

BATCH_ITEMS = 2_000
MAX_STORED_NOTES = 150_000
"""Lines of the report kept in the database for one import; a report file holds all of them. A whole directory skips
some 60,000 surgeries and hospitals: kept, because a number of one of them can then be told from an unknown one."""

NOTES_OF_IMPORTS = 3
"""Reports kept for each layout."""

MAX_ABSENT_SHARE = 0.3
MANY_ABSENT = 100
"""A complete file that would close more than these is taken for an incomplete one."""

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")

Progress = Callable[[float, int], None]
"""Called with the share of the file read (0 to 1) and the rows read so far."""


class DirectoryCounts(msgspec.Struct, kw_only=True):
    """What an import did. `created`, `updated`, `unchanged` and `closed` count locations, `rows` rows of the file.

    A file of provider records alone has no locations: there the first three count providers.
    """

    layout: str
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    closed: int = 0
    """Locations that were registered before and are closed now."""
    refused: int = 0
    """Rows that were not taken because something is wrong with them."""
    refused_fields: int = 0
    corrected: int = 0
    """Fields taken after a correction."""
    skipped: int = 0
    """Rows left out although nothing is wrong with them: other kinds of service, repetitions, unknown locations."""
    skipped_why: dict[str, int] = msgspec.field(default_factory=dict)
    older: int = 0
    """Of the unchanged: the file's facts are older than those held."""
    providers_created: int = 0
    providers_updated: int = 0
    providers_unchanged: int = 0
    superseded: int = 0
    """Locations, in all, that a newer registration of the same place has replaced."""
    kept: int = 0
    """Words taken as they are although we do not know them."""
    file_sha256: str = ""
    """The file's content, in hexadecimal: one that was read is known again."""
    import_id: UUID
    seconds: float = 0.0


async def import_directory(
    db: AsyncSession,
    source: Path | str | BinaryIO,
    *,
    format: str = "auto",
    file_name: str | None = None,
    as_of: str | None = None,
    is_complete: bool = False,
    report: Path | None = None,
    progress: Progress | None = None,
) -> DirectoryCounts:
    """Import a file of the regulator's directory within the caller's transaction.

    Args:
        db: A session inside a transaction; the caller commits.
        source: Path or binary file; the layout and the packing are told by content.
        format: "auto" or the value of a `Layout`.
        file_name: How to name the file in the log of imports; the path's own name when left out.
        as_of: ISO day or month when the facts were true, for layouts that do not say. Without it, today.
        is_complete: The file lists every registered location, so what it lacks is closed. Without it, a location
            that the file lacks stays as it is.
        report: Where to write the row-level report (CSV).
        progress: Called after each batch.

    Raises:
        UnreadableFile: Damaged, not text, of another layout (`WrongLayout`), or declared complete and plainly not.
    """
    if as_of is not None and not _MOMENT.fullmatch(as_of):
        raise UnreadableFile("The day of the file has to look like 2026-02-15 or 2026-02.")
    started = perf_counter()
    reading = await asyncio.to_thread(read_directory, source, format)
    try:
        if is_complete and reading.layout is Layout.RATINGS:
            raise UnreadableFile("A directory with ratings lists rated locations only, so it cannot be complete.")
        name = file_name or (Path(source).name if isinstance(source, (str, Path)) else "")
        run = _Run(db, reading, as_of)
        run.counts.file_sha256 = await asyncio.to_thread(_fingerprint, source)
        counts = await run.start(name)
        with _Report(report) as written:
            await run.stage(written, progress)
            await run.write(is_complete, written)
        counts.seconds = round(perf_counter() - started, 2)
        await run.finish()
        return counts
    finally:
        reading.close()


class _Run:
    """One import on its way."""

    def __init__(self, db: AsyncSession, reading: DirectoryReading, as_of: str | None) -> None:
        self.db = db
        self.reading = reading
        self.clock = clock_of(db)
        self.as_of = as_of
        self.today = today(self.clock).isoformat()
        self.counts = DirectoryCounts(layout=reading.layout.value, import_id=new_id())
        self.stored_notes = 0
        self.unidentified = 0
        self.has_locations = False
        self.skipped_why: Counter[str] = Counter()

    async def start(self, file_name: str) -> DirectoryCounts:
        """Prepare the staging tables and log the import."""
        for statement in sql.PREPARE:
            await self.db.execute(text(statement))
        await self.db.execute(
            text(
                "INSERT INTO directory_imports (id, file_name, layout, started_at, finished_at, counts)"
                " VALUES (:id, :file_name, :layout, :now, :now, '{}')"
            ),
            {
                "id": self.counts.import_id,
                "file_name": file_name[:200],
                "layout": self.counts.layout,
                "now": self.clock.now(),
            },
        )
        return self.counts

    async def stage(self, report: "_Report", progress: Progress | None) -> None:
        """Read the file to its end; parsing runs beside the event loop."""
        while batch := await asyncio.to_thread(lambda: list(islice(self.reading, BATCH_ITEMS))):
            await self._stage_batch(batch, report)
            self.counts.rows = self.reading.rows_read
            if progress:
                progress(self.reading.fraction, self.reading.rows_read)
        self.counts.rows = self.reading.rows_read
        if not self.counts.rows:
            raise UnreadableFile("The file has a heading and no rows.")

    async def _stage_batch(self, batch: list[Item], report: "_Report") -> None:
        notes = [item for item in batch if isinstance(item, RowNote)]
        locations = [self._staged(item) for item in batch if isinstance(item, RegisterLocation)]
        providers = [
            (item.provider_id, item.name, item.brand_name, item.company_number)
            for item in batch
            if isinstance(item, RegisterProvider)
        ]
        if locations:
            self.has_locations = True
            await self._copy("staged_locations", locations, tuple(sql.STAGED_COLUMNS))
        if providers:
            await self._copy("staged_providers", providers, tuple(sql.STAGED_PROVIDER_COLUMNS))
        await self._keep_notes(notes, report)

    def _staged(self, location: RegisterLocation) -> tuple[Any, ...]:
        ratings = location.ratings or Ratings()
        facts = {
            **{field: getattr(location, field) for field in _SAME_NAME},
            "as_of": location.as_of or self.as_of or self.today,
            "name_key": place_key(location.name),
            "service_types": list(location.service_types) or None,
            "specialisms": list(location.specialisms) or None,
            "address_line": _address_line(location),
            "says_overall": location.ratings is not None
            and (ratings.spoken_of is None or "overall" in ratings.spoken_of),
            "rating_overall": ratings.overall,
            "ratings": None if location.ratings is None else _ratings_json(ratings),
            "is_partial": ratings.spoken_of is not None,
            "rated_on": ratings.published_on,
            "inspected_on": location.last_inspection_on,
            "is_registered": None if location.status is None else location.status is RegisterStatus.REGISTERED,
            "successor_id": location.succeeded_by,
        }
        return tuple(facts[column] for column in sql.STAGED_COLUMNS)

    async def _keep_notes(self, notes: Iterable[RowNote], report: "_Report") -> None:
        stored: list[tuple[Any, ...]] = []
        refused_ids: list[tuple[str]] = []
        for note in notes:
            report.add(note)
            self._count(note)
            if note.location_id and note.field is None:
                refused_ids.append((note.location_id,))
            if self.stored_notes < MAX_STORED_NOTES:
                self.stored_notes += 1
                stored.append(
                    (
                        new_id(), self.counts.import_id, note.row_number, note.location_id or "", note.kind.value,
                        note.field or "", note.message, note.value,
                    )
                )  # fmt: skip
        if refused_ids:
            await self._copy("staged_mentions", refused_ids, ("location_id",))
        if stored:
            await self._copy("directory_import_notes", stored, sql.NOTE_COLUMNS)

    def _count(self, note: RowNote) -> None:
        counts = self.counts
        if note.kind is NoteKind.CORRECTED:
            counts.corrected += 1
        elif note.kind is NoteKind.KEPT:
            counts.kept += 1
        elif note.kind is NoteKind.SKIPPED:
            counts.skipped += 1
            self.skipped_why[note.message] += 1
        elif note.field is not None:
            counts.refused_fields += 1
        else:
            counts.refused += 1
            self.unidentified += note.location_id is None

    async def write(self, is_complete: bool, report: "_Report") -> None:
        """Merge what was staged with what is held, and write the difference."""
        db, counts = self.db, self.counts
        for statement in sql.MERGE:
            await db.execute(text(statement))
        unknown = [
            RowNote(
                row.row_number, row.location_id, None, NoteKind.SKIPPED,
                "Not known here, and this layout does not say whether it is adult social care.", row.name,
            )
            for row in await db.execute(text(sql.UNKNOWN_LOCATIONS))
        ]  # fmt: skip
        await self._keep_notes(unknown, report)
        found = (await db.execute(text(sql.COUNT))).one()
        counts.created, counts.updated, counts.unchanged = found.created, found.updated, found.unchanged
        counts.closed, counts.older = found.closed, found.older
        moment = {"now": self.clock.now()}
        run = {**moment, "import_id": counts.import_id}
        providers = (await db.execute(text(sql.WRITE_PROVIDERS), moment)).one()
        counts.providers_created, counts.providers_updated = providers.created, providers.updated
        counts.providers_unchanged = providers.unchanged
        if not self.has_locations:
            counts.created, counts.updated, counts.unchanged = providers.created, providers.updated, providers.unchanged
        await db.execute(text(sql.WRITE_LOCATIONS), run)
        await db.execute(text(sql.CONFIRM))
        if is_complete:
            await self._close_absent(report)
        await db.execute(text(sql.LINK))
        counts.superseded = (await db.execute(text(sql.COUNT_LINKED))).scalar_one()
        counts.skipped_why = dict(self.skipped_why)

    async def _close_absent(self, report: "_Report") -> None:
        absent, registered = (await self.db.execute(text(sql.COUNT_ABSENT))).one()
        if absent > MANY_ABSENT and absent > registered * MAX_ABSENT_SHARE:
            raise UnreadableFile(
                f"The file is declared complete but lacks {absent:,} of {registered:,} registered locations. "
                "Nothing was changed."
            )
        if absent and self.unidentified:
            message = f"Nothing was closed for being absent, because {self.unidentified} rows could not be read."
            await self._keep_notes([RowNote(0, None, None, NoteKind.SKIPPED, message, "")], report)
            return
        run = {
            "now": self.clock.now(),
            "import_id": self.counts.import_id,
            "as_of": self.as_of or self.today,
        }
        closed: Any = await self.db.execute(text(sql.CLOSE_ABSENT), run)
        await self.db.execute(text(sql.REHASH_CLOSED), {"import_id": self.counts.import_id})
        self.counts.closed += closed.rowcount

    async def finish(self) -> None:
        """Complete the log of the import."""
        body = msgspec.to_builtins(self.counts)
        await self.db.execute(
            text("UPDATE directory_imports SET finished_at = :now, counts = CAST(:counts AS jsonb) WHERE id = :id"),
            {"now": self.clock.now(), "counts": msgspec.json.encode(body).decode(), "id": self.counts.import_id},
        )
        kept = {"layout": self.counts.layout, "imports": NOTES_OF_IMPORTS}
        await self.db.execute(text(sql.FORGET_NOTES), kept)

    async def _copy(self, table: str, records: list[tuple[Any, ...]], columns: tuple[str, ...]) -> None:
        """COPY through the driver, on the connection (and so in the transaction) of the session."""
        connection = await (await self.db.connection()).get_raw_connection()
        driver: Any = connection.driver_connection
        await driver.copy_records_to_table(table, records=records, columns=columns)


_SAME_NAME = tuple(column for column in sql.STAGED_COLUMNS if column in RegisterLocation.__struct_fields__)


def _fingerprint(source: Path | str | BinaryIO) -> str:
    if isinstance(source, (str, Path)):
        with open(source, "rb") as file:
            return fingerprint(file)
    return fingerprint(source)


def _ratings_json(ratings: Ratings) -> str:
    body = {**ratings.words(), "dates": ratings.dates, "groups": ratings.groups}
    return msgspec.json.encode(body, order="deterministic").decode()


def place_key(name: str) -> str:
    """Name without case, marks and spaces, by which registrations of one place find each other."""
    return _NOT_ALPHANUMERIC.sub("", name.casefold().replace("&", "and"))


def _address_line(location: RegisterLocation) -> str | None:
    first, second = location.address1, location.address2
    if first and second and first.casefold().endswith(f", {second.casefold()}"):
        # Some snapshots put the whole address into the first line and repeat the second.
        return first
    return ", ".join(filter(None, (first, second))) or None


class _Report:
    """The row-level report as a CSV file, or nothing when no path was given."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8", newline="") if self._path else None
        self._writer = csv.writer(self._file) if self._file else None
        if self._writer:
            self._writer.writerow(("row", "location_id", "field", "kind", "message", "value"))
        return self

    def add(self, note: RowNote) -> None:
        """Write one line."""
        if self._writer:
            cells = (note.location_id or "", note.field or "", note.kind.value, note.message, note.value)
            self._writer.writerow((note.row_number, *map(safe_cell, cells)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
