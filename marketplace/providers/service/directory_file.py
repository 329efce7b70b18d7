"""Reads the register's newest file by night, whole or not at all, and says so when it cannot.

A file is read once: the next night it is known by its content. A failure is written into the log of imports, which
administrators see among the operations, into each council's audit log, and is sent to the administrators.
"""

import asyncio
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, audit
from marketplace.core.clock import local
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.core.textfiles import UnreadableFile
from marketplace.providers.directory import DirectoryCounts, import_directory
from marketplace.providers.directory.files import fingerprint, newest_file
from marketplace.providers.events import EVERYWHERE, DirectoryFailed, DirectoryImported
from marketplace.providers.models import DirectoryImport
from marketplace.providers.repository.directory_imports import FAILED, DirectoryImportRepository

NIGHT: Final = (time(2), time(5))
"""Hours in Europe/London in which a file is read, half-open: few people search then."""

SETTLED: Final = timedelta(minutes=5)
"""A file that changed less than this ago may still be being copied."""


class DirectoryFileMissing(Exception):
    """No file fits `DIRECTORY_FILE`."""


def is_night(now: datetime) -> bool:
    """Whether the register's file may be read now."""
    return NIGHT[0] <= local(now).time() < NIGHT[1]


async def read_newest(maker: SessionMaker, pattern: str, *, is_complete: bool) -> DirectoryCounts | None:
    """Import the newest file that fits, unless it was the last one read. Returns None when there is nothing to do.

    Args:
        maker: Where sessions come from: the import is one transaction, the note of its failure another.
        pattern: A path, a folder or a pattern.
        is_complete: The file lists every registered location, so what it lacks is closed.

    Raises:
        DirectoryFileMissing: Nothing fits the pattern; noted, and told once.
        UnreadableFile: The file is damaged or of an unknown layout; noted, and told once. It is not tried again.
        Exception: Anything else, noted and told once; it is tried again.
    """
    async with transaction(maker) as db:
        now = clock_of(db).now()
        last = await DirectoryImportRepository(db).newest()
    path = await asyncio.to_thread(newest_file, pattern, (now - SETTLED).timestamp())
    if path is None:
        message = "No file fits DIRECTORY_FILE."
        await _note(maker, last, pattern, "", message)
        raise DirectoryFileMissing(message)
    # One opened file for both: one that takes its place meanwhile is for the next night.
    with path.open("rb") as file:
        content = await asyncio.to_thread(fingerprint, file)
        if last is not None and last.counts.get("file_sha256") == content:
            return None
        try:
            async with transaction(maker, "every") as db:
                counts = await import_directory(db, file, file_name=path.name, is_complete=is_complete)
                publish(db, DirectoryImported(council_id=EVERYWHERE, import_id=counts.import_id))
        except UnreadableFile as error:
            await _note(maker, last, path.name, content, error.detail or error.title)
            raise
        except Exception as error:
            # Without its fingerprint, so that the next try reads it; words of the database may quote rows.
            await _note(maker, last, path.name, "", f"It stopped with an unexpected {type(error).__name__}.")
            raise
    return counts


async def _note(maker: SessionMaker, last: DirectoryImport | None, name: str, content: str, message: str) -> None:
    name = Path(name).name[:200]
    if last is not None and last.file_name == name and last.counts.get(FAILED) == message:
        return
    async with transaction(maker, "every") as db:
        await note_failure(db, name, content, message)


async def note_failure(db: AsyncSession, name: str, content: str, message: str) -> DirectoryImport:
    """Write down that a file could not be read, for operations and for each council's log, and have it told."""
    now = clock_of(db).now()
    counts: dict[str, Any] = {FAILED: message, "file_sha256": content}
    row = DirectoryImport(id=new_id(), file_name=name, layout="", started_at=now, finished_at=now, counts=counts)
    db.add(row)
    await db.flush()
    for council in await AccountRepository(db).councils():
        audit.record(
            db,
            None,
            "providers.fail_directory_import",
            council_id=council.id,
            subject_kind="directory_import",
            subject_id=row.id,
            after={"file": name},
            why=message,
        )
    publish(db, DirectoryFailed(council_id=EVERYWHERE, import_id=row.id))
    return row


class ImportWords(msgspec.Struct, frozen=True):
    """The state of the register, for the operations page."""

    file_name: str
    read_at: datetime | None
    figures: list[tuple[str, str, str]]
    failed_file: str
    failed_at: datetime | None
    failed_why: str


async def import_words(db: AsyncSession) -> ImportWords:
    """Say what was read last and what could not be read since."""
    good, failed = await DirectoryImportRepository(db).state()
    labels = ("rows", "created", "updated", "unchanged", "closed", "refused")
    return ImportWords(
        file_name=(good.file_name or "A file without a name") if good else "",
        read_at=good.finished_at if good else None,
        figures=[(label.capitalize(), f"{int(good.counts.get(label, 0)):,}", "") for label in labels] if good else [],
        failed_file=failed.file_name if failed else "",
        failed_at=failed.finished_at if failed else None,
        failed_why=str(failed.counts[FAILED]) if failed else "",
    )
