"""The register's file is read by night, once, whole or not at all; what cannot be read is told."""

import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, transaction
from marketplace.core.settings import Settings, read_settings
from marketplace.core.textfiles import UnreadableFile
from marketplace.messaging import delivery
from marketplace.providers.directory.files import newest_file
from marketplace.providers.service import directory_file
from marketplace.providers.service.directory_file import DirectoryFileMissing, is_night, read_newest
from marketplace.providers.tasks.register import read_directory_file
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories import make_council, make_member
from tests.factories_join import run_tasks
from tests.providers.directory_samples import joined, joined_row

pytestmark = pytest.mark.anyio


def write(folder: Path, name: str, content: str | bytes, *, changed: datetime | None = None) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    at = (changed or datetime(2027, 3, 1, tzinfo=UTC)).timestamp()
    os.utime(path, (at, at))
    return path


async def read(maker: SessionMaker, pattern: Path | str) -> Any:
    try:
        return await read_newest(maker, str(pattern), is_complete=False)
    finally:
        # Transactions share the test's connection and leave their own scope on it.
        async with transaction(maker, "every"):
            pass


async def names(db: AsyncSession) -> list[str]:
    return list(await db.scalars(text("SELECT name FROM regulator_locations ORDER BY location_id")))


async def test_a_new_file_is_read_once(db: AsyncSession, maker: SessionMaker, tmp_path: Path) -> None:
    write(tmp_path, "old.csv", joined(), changed=datetime(2027, 2, 1, tzinfo=UTC))
    write(tmp_path, "new.csv.gz", gzip.compress(joined(name="Rose House").encode()))
    counts = await read(maker, tmp_path / "*.csv*")
    assert (counts.created, len(counts.file_sha256)) == (1, 64)
    assert await names(db) == ["Rose House"]
    assert await events(db) == ["DirectoryImported"]
    assert await read(maker, tmp_path / "*.csv*") is None
    # The same content under another name is the same file.
    write(tmp_path, "again.csv.gz", (tmp_path / "new.csv.gz").read_bytes(), changed=datetime(2027, 3, 2, tzinfo=UTC))
    assert await read(maker, tmp_path) is None
    assert await count(db, "directory_imports") == 1


async def test_a_changed_file_is_read_again(db: AsyncSession, maker: SessionMaker, tmp_path: Path) -> None:
    write(tmp_path, "register.csv", joined())
    await read(maker, tmp_path / "register.csv")
    write(tmp_path, "register.csv", joined(rating_overall="Inadequate"))
    counts = await read(maker, tmp_path / "register.csv")
    assert (counts.created, counts.updated) == (0, 1)


async def test_a_complete_file_closes_what_it_lacks(db: AsyncSession, maker: SessionMaker, tmp_path: Path) -> None:
    rows = [joined_row(), joined_row(location_id="1-1000000002", name="Home 2")]
    write(tmp_path, "register.csv", joined(*rows))
    await read(maker, tmp_path)
    write(tmp_path, "register.csv", joined(rows[0]))
    counts = await read_newest(maker, str(tmp_path), is_complete=True)
    assert counts is not None
    assert counts.closed == 1


def test_a_file_on_its_way_and_a_hidden_one_wait(tmp_path: Path) -> None:
    now = datetime(2027, 3, 3, 3, tzinfo=UTC)
    done = write(tmp_path, "done.csv", "x", changed=now - timedelta(hours=1))
    write(tmp_path, "growing.csv", "x", changed=now - timedelta(minutes=1))
    write(tmp_path, ".copying.csv", "x", changed=now - timedelta(minutes=30))
    (tmp_path / "folder.csv").mkdir()
    settled = (now - directory_file.SETTLED).timestamp()
    assert newest_file(str(tmp_path / "*.csv"), settled) == done
    assert newest_file(str(tmp_path), settled) == done
    assert newest_file(str(tmp_path / "*.json"), settled) is None
    assert newest_file(str(tmp_path / "none" / "at all.csv"), settled) is None


@pytest.fixture
async def council_of_admin(db: AsyncSession) -> str:
    council = await make_council(db)
    await make_member(db, Role.ADMIN, council, email="admin@test.example")
    return council.slug


async def test_a_damaged_file_changes_nothing_and_is_told_once(
    db: AsyncSession, maker: SessionMaker, tmp_path: Path, council_of_admin: str, mailbox: Mailbox
) -> None:
    write(tmp_path, "good.csv", joined())
    await read(maker, tmp_path)
    rows = [joined_row(location_id=f"1-3{n:09}", name=f"Home {n}") for n in range(3_000)]
    packed = gzip.compress(joined(*rows).encode())
    write(tmp_path, "register.csv.gz", packed[:-30], changed=datetime(2027, 3, 2, tzinfo=UTC))
    with pytest.raises(UnreadableFile):
        await read(maker, tmp_path)
    assert await names(db) == ["Rose Cottage"]
    assert await count(db, "audit_entries", "action = 'providers.fail_directory_import'") == 1
    await run_tasks()
    told = [item for item in mailbox.envelopes if item.subject == "The register could not be read"]
    assert [item.to_address for item in told] == ["admin@test.example"]
    assert "cut short or damaged" in told[0].body

    # The same file is not tried again, nor told again; a whole one is read.
    assert await read(maker, tmp_path) is None
    assert await count(db, "audit_entries", "action = 'providers.fail_directory_import'") == 1
    write(tmp_path, "register.csv.gz", packed, changed=datetime(2027, 3, 2, tzinfo=UTC))
    counts = await read(maker, tmp_path)
    assert counts.created == 3_000


async def test_a_missing_file_is_told_once(
    db: AsyncSession, maker: SessionMaker, tmp_path: Path, council_of_admin: str
) -> None:
    for _ in range(3):
        with pytest.raises(DirectoryFileMissing):
            await read(maker, tmp_path / "*.csv")
    assert await count(db, "audit_entries", "action = 'providers.fail_directory_import'") == 1
    assert await count(db, "directory_imports") == 1


async def test_what_fails_for_another_reason_is_tried_again(
    db: AsyncSession, maker: SessionMaker, tmp_path: Path, council_of_admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "register.csv", joined())

    async def fail(*_: Any, **__: Any) -> None:
        raise TimeoutError("lock")

    with monkeypatch.context() as patched:
        patched.setattr(directory_file, "import_directory", fail)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await read(maker, tmp_path)
    assert await count(db, "audit_entries", "action = 'providers.fail_directory_import'") == 1
    assert (await read(maker, tmp_path)).created == 1


async def test_operations_show_the_last_import_and_its_failure(
    browser: Browser, db: AsyncSession, maker: SessionMaker, tmp_path: Path
) -> None:
    admin = await browser.signed_in(await make_member(db, Role.ADMIN, await make_council(db)))
    assert "No file of the register was read yet" in (await admin.open("/operations")).words
    write(tmp_path, "good.csv", joined())
    await read(maker, tmp_path)
    page = await admin.open("/operations")
    assert "good.csv was read on Wednesday 3 March 2027" in page.words
    assert "could not be read" not in page.words
    write(tmp_path, "wrong.csv", "a,b\n1,2\n", changed=datetime(2027, 3, 2, tzinfo=UTC))
    with pytest.raises(UnreadableFile):
        await read(maker, tmp_path)
    page = await admin.open("/operations")
    assert "The file wrong.csv could not be read on Wednesday 3 March 2027" in page.words
    assert "good.csv was read on Wednesday 3 March 2027" in page.words


@pytest.fixture
def register_settings(settings: Settings, mailbox: Mailbox, tmp_path: Path) -> Settings:
    """Settings that name a file; the fixture of the mailbox puts the others back."""
    made = msgspec.structs.replace(settings, directory_file=str(tmp_path / "register.csv"))
    delivery.use_settings(made, mailbox)
    return made


async def test_the_job_works_by_night_only(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock, tmp_path: Path, register_settings: Settings
) -> None:
    write(tmp_path, "register.csv", joined())
    await read_directory_file()
    assert await count(db, "directory_imports") == 0
    clock.move_to(datetime(2027, 3, 4, 3, 30, tzinfo=UTC))
    await read_directory_file()
    await read_directory_file()
    assert await count(db, "directory_imports") == 1


async def test_without_the_setting_the_job_does_nothing(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock, mailbox: Mailbox
) -> None:
    clock.move_to(datetime(2027, 3, 4, 3, 30, tzinfo=UTC))
    await read_directory_file()
    assert await count(db, "directory_imports") == 0


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2027, 1, 5, 1, 59, tzinfo=UTC), False),
        (datetime(2027, 1, 5, 2, 0, tzinfo=UTC), True),
        (datetime(2027, 1, 5, 4, 59, tzinfo=UTC), True),
        (datetime(2027, 1, 5, 5, 0, tzinfo=UTC), False),
        # In summer London is an hour ahead.
        (datetime(2027, 7, 5, 1, 0, tzinfo=UTC), True),
        (datetime(2027, 7, 5, 4, 0, tzinfo=UTC), False),
    ],
)
def test_night_is_from_two_to_five_in_london(now: datetime, expected: bool) -> None:
    assert is_night(now) is expected


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    base = {"MARKETPLACE_DATA_DIR": str(tmp_path), "SECRET_KEY": "x" * 40}
    assert read_settings(base).directory_file is None
    read = read_settings({**base, "DIRECTORY_FILE": "/data/*.csv", "DIRECTORY_COMPLETE": "1"})
    assert (read.directory_file, read.directory_is_complete) == ("/data/*.csv", True)
