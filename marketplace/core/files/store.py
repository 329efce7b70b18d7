"""Kept files: rows and bytes in PostgreSQL, so that a file and what refers to it are committed and backed up together.

Why not a folder: docs/decisions/0009-files-in-the-database.md.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.files.checking import CheckedFile, check
from marketplace.core.files.events import NO_COUNCIL, FileInfected
from marketplace.core.files.scanner import Verdict, scanner
from marketplace.core.ids import new_id
from marketplace.core.models import FileContent, ScanState, StoredFile
from marketplace.core.outbox import publish

RESCAN_BATCH: Final = 200


class NotReady(Conflict):
    """The virus scanner has not looked at it yet."""

    code = "file-not-ready"
    title = "We are still checking this file"


class FileStore:
    """Keeps files and hands them out. Whether somebody may have one is asked before, by whoever links to it."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)

    async def keep(self, name: str, content: bytes, *, by_user_id: UUID | None) -> StoredFile:
        """Look at a file and keep it. For pages `check` before the transaction and `keep_checked` in it is better:
        this holds the transaction open while the file is looked at.

        Raises:
            FileRefused: It is not taken.
            Unavailable: Too many others wait for the same.
        """
        return await self.keep_checked(await check(name, content), by_user_id=by_user_id)

    async def keep_checked(self, checked: CheckedFile, *, by_user_id: UUID | None) -> StoredFile:
        """Keep a file that was looked at. It is there when the transaction is committed."""
        clean, now = checked.clean, self.clock.now()
        row = StoredFile(
            id=new_id(),
            name=clean.name,
            media_type=clean.media_type.value,
            size=len(clean.content),
            sha256=hashlib.sha256(clean.content).digest(),
            pages=clean.pages,
            changes=list(clean.changes),
            scan=ScanState.CLEAN if checked.is_scanned else ScanState.WAITING,
            scanned_at=now if checked.is_scanned else None,
            stored_by_user_id=by_user_id,
            stored_at=now,
        )
        self.db.add(row)
        await self.db.flush()
        self.db.add(FileContent(file_id=row.id, content=clean.content))
        await self.db.flush()
        return row

    async def rows(self, file_ids: Collection[UUID]) -> Sequence[StoredFile]:
        """Return some files that are there, without their content, the oldest first."""
        question = (
            select(StoredFile)
            .where(StoredFile.id.in_(file_ids), StoredFile.removed_at.is_(None))
            .order_by(StoredFile.stored_at, StoredFile.id)
        )
        return (await self.db.scalars(question)).all()

    async def open(self, file_id: UUID) -> tuple[StoredFile, bytes]:
        """Return a file and its content.

        Raises:
            NotFound: There is none, or it was removed.
            NotReady: The scanner has not looked at it yet.
        """
        row = await self.db.get(StoredFile, file_id)
        if row is None or row.removed_at is not None or row.scan is ScanState.INFECTED:
            raise NotFound
        if row.scan is ScanState.WAITING:
            raise NotReady("We are checking this file for viruses. Try again in a few minutes.")
        content = await self.db.scalar(select(FileContent.content).where(FileContent.file_id == file_id))
        if content is None:
            raise NotFound
        return row, content

    async def remove(self, file_id: UUID) -> StoredFile:
        """Delete a file's content; its row stays and says what was there.

        Raises:
            NotFound: There is none, or it was removed before.
        """
        row = await self._locked(file_id)
        if row is None or row.removed_at is not None:
            raise NotFound
        await self._delete_content(row)
        return row

    async def settle(self, file_id: UUID, verdict: Verdict) -> None:
        """Note what the scanner says of a file that waited for it."""
        row = await self._locked(file_id)
        if row is None or row.scan is not ScanState.WAITING or row.removed_at is not None:
            return
        if verdict is Verdict.CLEAN:
            row.scan, row.scanned_at = ScanState.CLEAN, self.clock.now()
        elif verdict is Verdict.INFECTED:
            row.scan, row.scanned_at = ScanState.INFECTED, self.clock.now()
            await self._delete_content(row)
            publish(self.db, FileInfected(council_id=NO_COUNCIL, file_id=row.id))
        await self.db.flush()

    async def waiting(self) -> Sequence[UUID]:
        """Return files that wait for the scanner, the oldest first."""
        question = (
            select(StoredFile.id)
            .where(StoredFile.scan == ScanState.WAITING, StoredFile.removed_at.is_(None))
            .order_by(StoredFile.stored_at)
            .limit(RESCAN_BATCH)
        )
        return (await self.db.scalars(question)).all()

    async def content(self, file_id: UUID) -> bytes | None:
        """Return the bytes of a file whatever the scanner says: for the scanner alone."""
        found: bytes | None = await self.db.scalar(select(FileContent.content).where(FileContent.file_id == file_id))
        return found

    async def _locked(self, file_id: UUID) -> StoredFile | None:
        question = select(StoredFile).where(StoredFile.id == file_id).with_for_update()
        return (await self.db.scalars(question.execution_options(populate_existing=True))).first()

    async def _delete_content(self, row: StoredFile) -> None:
        row.removed_at = self.clock.now()
        await self.db.execute(delete(FileContent).where(FileContent.file_id == row.id))
        await self.db.flush()


async def scan_again() -> int:
    """Ask the scanner about files that wait for it, until it does not answer. Returns how many are settled.

    No transaction is open while the scanner works.
    """
    async with transaction(session_maker()) as db:
        waiting = await FileStore(db).waiting()
    settled = 0
    for file_id in waiting:
        async with transaction(session_maker()) as db:
            content = await FileStore(db).content(file_id)
        if content is None:
            continue
        verdict = await scanner().scan(content)
        if verdict is Verdict.UNKNOWN:
            break
        async with transaction(session_maker()) as db:
            await FileStore(db).settle(file_id, verdict)
        settled += 1
    return settled
