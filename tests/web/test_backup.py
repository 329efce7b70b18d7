"""A backup holds everything, walls included; reading it back is all or nothing and never by mistake."""

import asyncio
import stat
from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.web.backup import _PREPARE, SEAL_BYTES, NotABackup, NotEmpty, read_backup, write_backup
from marketplace.web.checks import run_checks
from marketplace.web.embedded import ServiceError
from tests.conftest import NOW, admin, clone_database, url_of
from tests.factories import make_council
from tests.factories_ops import make_booking, make_offer

TABLES = """
    SELECT string_agg(relname, ' ' ORDER BY relname)
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
WALLS = """
    SELECT string_agg(format('%s %s %s %s', relname, relrowsecurity, relforcerowsecurity,
        (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT tgisinternal)), E'\\n' ORDER BY relname)
    FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
GRANTS = """
    SELECT string_agg(format('%s %s', table_name, privilege_type), E'\\n' ORDER BY table_name, privilege_type)
    FROM information_schema.role_table_grants WHERE grantee = 'marketplace_app'
"""


def _ask(url: str, statement: str) -> str:
    async def ask() -> str:
        engine = make_engine(url, app_role=False, pool_size=1)
        try:
            async with engine.connect() as connection:
                return str(await connection.scalar(text(statement)))
        finally:
            await engine.dispose()

    return asyncio.run(ask())


def _contents(url: str) -> dict[str, tuple[int, str]]:
    """Rows of each table and a hash over them all."""

    async def look() -> dict[str, tuple[int, str]]:
        engine = make_engine(url, app_role=False, pool_size=1)
        try:
            async with engine.connect() as connection:
                found = {}
                for table in str(await connection.scalar(text(TABLES))).split():
                    statement = f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
                    found[table] = tuple((await connection.execute(text(statement))).one())
                return found
        finally:
            await engine.dispose()

    return asyncio.run(look())


async def _fill(db: AsyncSession) -> None:
    council = await make_council(db)
    await make_booking(db, council)
    await make_offer(db, council)
    lines = [debit(Purpose.DIRECT_PAYMENT_SPEND, 5_000), credit(Purpose.DIRECT_PAYMENT, 5_000, new_id())]
    await LedgerService(db).post(council.id, "test", new_id(), lines)
    audit.record(db, None, "tests.do", council_id=council.id, subject_kind="lamp", subject_id=new_id())
    await db.flush()
    await audit.seal(db, council.id)


async def _with_maker(url: str, work: object) -> object:
    engine = make_engine(url, pool_size=2)
    try:
        return await work(make_session_maker(engine, FixedClock(NOW)))  # type: ignore[operator]
    finally:
        await engine.dispose()


@pytest.fixture(scope="module")
def full(worker_id: str) -> Generator[str, None, None]:
    """A database with a little of everything."""
    name = f"backup_from_{worker_id}"
    url = asyncio.run(clone_database(name))

    async def fill(maker: SessionMaker) -> None:
        async with transaction(maker, "every") as db:
            await _fill(db)

    asyncio.run(_with_maker(url, fill))
    yield url
    asyncio.run(admin(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def empty(worker_id: str) -> Generator[str, None, None]:
    """A database without any table."""
    name = f"backup_to_{worker_id}"
    asyncio.run(admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    asyncio.run(admin(f"CREATE DATABASE {name}"))
    yield url_of(name)
    asyncio.run(admin(f"DROP DATABASE {name} WITH (FORCE)"))


def test_a_backup_comes_back_with_every_row_wall_and_right(full: str, empty: str, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    assert write_backup(full, path) == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    read_backup(empty, path)
    for statement in (WALLS, GRANTS):
        assert _ask(empty, statement) == _ask(full, statement)
    contents = _contents(empty)
    assert contents == _contents(full)
    assert contents["bookings"][0] == 1
    findings = asyncio.run(_with_maker(empty, run_checks))
    assert [finding for finding in findings if not finding.ok] == []  # type: ignore[attr-defined]


def test_a_database_that_holds_data_is_only_replaced_when_told_to(full: str, empty: str, tmp_path: Path) -> None:
    write_backup(full, tmp_path / "backup")
    read_backup(empty, tmp_path / "backup")
    before = _contents(empty)
    with pytest.raises(NotEmpty):
        read_backup(empty, tmp_path / "backup")
    read_backup(empty, tmp_path / "backup", force=True)
    assert _contents(empty) == before


@pytest.mark.parametrize("damage", ["cut off", "one byte"])
def test_a_damaged_backup_changes_nothing(full: str, empty: str, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "backup"
    write_backup(full, path)
    read_backup(empty, path)
    before = _contents(empty)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole if damage == "one byte" else path.read_bytes()[:-1])
    with pytest.raises(NotABackup, match="damaged"):
        read_backup(empty, path, force=True)
    assert _contents(empty) == before


def test_a_restore_that_breaks_off_changes_nothing(
    full: str, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "backup"
    write_backup(full, path)
    read_backup(empty, path)
    before = _contents(empty)
    # The seal is right and the inside is not: psql must not commit what came before the break.
    path.write_bytes(path.read_bytes()[: -SEAL_BYTES - 100_000])
    monkeypatch.setattr("marketplace.web.backup._check_seal", lambda path: None)
    monkeypatch.setattr("marketplace.web.backup._PREPARE", f"{_PREPARE}; SELECT 1/0;")
    with pytest.raises(ServiceError, match="nothing was changed"):
        read_backup(empty, path, force=True)
    assert _contents(empty) == before


def test_another_kind_of_file_is_no_backup(empty: str, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear reader")
    with pytest.raises(NotABackup, match="not a backup"):
        read_backup(empty, tmp_path / "letter")


def test_a_backup_that_fails_leaves_the_older_one_and_no_half_file(full: str, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_text("the older one")
    with pytest.raises((ServiceError, OSError)):
        write_backup(full.replace("/backup_from", "/nowhere"), path)
    assert path.read_text() == "the older one"
    assert list(tmp_path.iterdir()) == [path]
