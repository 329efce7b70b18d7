"""Kept files: rows and bytes together, opened, removed; what was refused is written down though all else is undone."""

import hashlib

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core.database import SessionMaker, transaction
from marketplace.core.errors import NotFound
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.kinds import CleanFile, FileRefused, Kind
from marketplace.core.files.scanner import Verdict
from marketplace.core.files.store import FileStore, NotReady
from marketplace.core.ids import new_id
from marketplace.core.models import ScanState, StoredFile
from tests.browser import count, events
from tests.factories import make_council
from tests.files_corpus import phone_photo


def checked(content: bytes = b"hello", *, is_scanned: bool = True) -> CheckedFile:
    return CheckedFile(clean=CleanFile(name="a.txt", media_type=Kind.TEXT, content=content), is_scanned=is_scanned)


async def test_a_file_is_kept_as_it_was_cleaned(db: AsyncSession) -> None:
    somebody = new_id()
    row = await FileStore(db).keep("IMG.jpeg", phone_photo(), by_user_id=somebody)
    stored, content = await FileStore(db).open(row.id)
    assert (stored.name, stored.media_type, stored.scan) == ("IMG.jpeg", "image/jpeg", ScanState.CLEAN)
    assert stored.size == len(content)
    assert stored.sha256 == hashlib.sha256(content).digest()
    assert "The place where the picture was taken" in stored.changes
    assert stored.stored_by_user_id == somebody


async def test_a_file_that_is_refused_leaves_no_row(db: AsyncSession) -> None:
    with pytest.raises(FileRefused):
        await FileStore(db).keep("a.exe", b"MZ" + bytes(50), by_user_id=None)
    assert await count(db, "stored_files") == await count(db, "file_contents") == 0


async def test_bytes_and_row_come_and_go_together(db: AsyncSession, maker: SessionMaker) -> None:
    async def break_off() -> None:
        async with transaction(maker) as other:
            await FileStore(other).keep_checked(checked(), by_user_id=None)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await break_off()
    assert await count(db, "stored_files") == await count(db, "file_contents") == 0
    row = await FileStore(db).keep_checked(checked(), by_user_id=None)
    await FileStore(db).remove(row.id)
    assert await count(db, "file_contents") == 0
    assert await count(db, "stored_files", "removed_at IS NOT NULL") == 1
    assert await FileStore(db).rows([row.id]) == []
    for again in (FileStore(db).open(row.id), FileStore(db).remove(row.id), FileStore(db).open(new_id())):
        with pytest.raises(NotFound):
            await again


async def test_a_waiting_file_is_opened_by_nobody_until_the_scanner_speaks(db: AsyncSession) -> None:
    store = FileStore(db)
    row = await store.keep_checked(checked(is_scanned=False), by_user_id=None)
    with pytest.raises(NotReady):
        await store.open(row.id)
    assert await store.waiting() == [row.id]
    await store.settle(row.id, Verdict.UNKNOWN)
    assert await store.waiting() == [row.id]
    await store.settle(row.id, Verdict.CLEAN)
    assert (await store.open(row.id))[1] == b"hello"
    # What was decided stays decided.
    await store.settle(row.id, Verdict.INFECTED)
    assert (await store.open(row.id))[1] == b"hello"
    assert await events(db) == []


async def test_a_waiting_file_that_was_removed_is_not_scanned(db: AsyncSession) -> None:
    store = FileStore(db)
    row = await store.keep_checked(checked(is_scanned=False), by_user_id=None)
    await store.remove(row.id)
    assert await store.waiting() == []


async def test_a_virus_deletes_the_content_and_tells(db: AsyncSession) -> None:
    store = FileStore(db)
    row = await store.keep_checked(checked(is_scanned=False), by_user_id=None)
    await store.settle(row.id, Verdict.INFECTED)
    assert await count(db, "file_contents") == 0
    assert (await db.get(StoredFile, row.id)).scan is ScanState.INFECTED  # type: ignore[union-attr]
    with pytest.raises(NotFound):
        await store.open(row.id)
    assert await events(db) == ["FileInfected"]


async def test_a_refusal_is_written_down_though_its_transaction_is_undone(
    db: AsyncSession, maker: SessionMaker
) -> None:
    council_id = (await make_council(db)).id
    subject = new_id()

    async def refuse() -> None:
        async with transaction(maker, "every") as other:
            await FileStore(other).keep_checked(checked(), by_user_id=None)
            raise FileRefused("kind", "No")

    with pytest.raises(FileRefused):
        await refuse()
    await audit.record_refusal(
        None,
        "providers.refuse_upload",
        council_id=council_id,
        subject_kind="organisation",
        subject_id=subject,
        why="kind",
        detail={"file_id": subject},
        maker=maker,
    )
    row = (await db.execute(text("SELECT action, why, after, subject_id FROM audit_entries"))).one()
    assert (row.action, row.why, row.after, row.subject_id) == (
        "providers.refuse_upload",
        "kind",
        {"file_id": str(subject)},
        subject,
    )
    assert await count(db, "stored_files") == 0
