"""The schema: migrations go up, down and up, the models match it, and the database holds its walls by itself."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from datetime import timedelta
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from marketplace.accounts import audit
from marketplace.core.database import APP_ROLE, SessionMaker, make_engine, make_session_maker, scope_to, transaction
from marketplace.core.errors import broken_constraint
from marketplace.core.ids import new_id
from marketplace.core.migrate import alembic_config, downgrade, upgrade
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.web.cli.installation import newest_revision, revision_of
from marketplace.web.invariants import WITHOUT_ROW_SECURITY
from tests.browser import count
from tests.conftest import admin, clone_database, url_of
from tests.factories import make_council, make_person
from tests.factories_ops import make_booking

EXCEPTIONS = frozenset({"outbox_messages", "bank_accounts"})
"""Tables with a council_id and no wall. Never add one: put the wall up instead."""

APPEND_ONLY = ("ledger_entries", "ledger_lines", "audit_entries", "audit_seals", "steps")

SHAPE = """
    SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT format('%s.%s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid)) AS line
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT format('%s %s %s %s', tablename, policyname, qual, with_check) FROM pg_policies
        UNION ALL SELECT format('%s rls %s %s', relname, relrowsecurity, relforcerowsecurity) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT format('%s %s', oid::regprocedure, md5(prosrc)) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT format('%s %s %s', table_name, privilege_type, grantee)
        FROM information_schema.role_table_grants WHERE grantee = 'marketplace_app' AND table_schema = 'public'
    ) parts
"""


@pytest.fixture(scope="module")
def own_database(worker_id: str) -> Generator[str, None, None]:
    """An empty database of this module's own."""
    name = f"schema_{worker_id}"
    asyncio.run(admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    asyncio.run(admin(f"CREATE DATABASE {name}"))
    yield url_of(name)
    asyncio.run(admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def _ask(url: str, statement: str) -> str:
    async def ask() -> str:
        engine = make_engine(url, app_role=False, pool_size=1)
        try:
            async with engine.connect() as connection:
                return str(await connection.scalar(text(statement)))
        finally:
            await engine.dispose()

    return asyncio.run(ask())


def test_migrations_go_up_and_down_and_up_again_to_the_same_schema(own_database: str) -> None:
    upgrade(own_database)
    first = _ask(own_database, SHAPE)
    assert asyncio.run(revision_of(own_database)) == newest_revision()
    downgrade(own_database, "base")
    left = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    assert _ask(own_database, left) == "1"  # alembic's own table.
    upgrade(own_database)
    assert _ask(own_database, SHAPE) == first
    assert len(first) > 10_000


async def _do(url: str, *statements: str) -> None:
    engine = make_engine(url, app_role=False, pool_size=1)
    try:
        async with engine.begin() as connection:
            # Rows of one table alone: what they point at does not matter here.
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()


REJECTED_RUN = """
    INSERT INTO payment_runs (id, council_id, number, status, is_rehearsal, pay_on, total_pence, line_count,
        made_by_user_id, made_at, released_by_user_id, released_at, export_count, submission_reference, cancel_reason)
    VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'rejected', false, '2027-03-05', 100, 1,
        gen_random_uuid(), now(), gen_random_uuid(), now(), 0, '', 'Refused')
"""


@pytest.mark.parametrize("start", ["head", "0014"])
def test_going_back_is_refused_while_money_rows_need_the_newer_schema(own_database: str, start: str) -> None:
    upgrade(own_database)
    if start != "head":
        downgrade(own_database, start)
    asyncio.run(_do(own_database, REJECTED_RUN))
    before = _ask(own_database, SHAPE)
    with pytest.raises(RuntimeError, match="1 payment runs that the bank refused whole"):
        downgrade(own_database, "0013")
    # Nothing is half done: no table lost its wall, no column is gone, the revision is the same.
    assert _ask(own_database, SHAPE) == before
    asyncio.run(_do(own_database, "DELETE FROM payment_runs"))
    downgrade(own_database, "0013")
    assert asyncio.run(revision_of(own_database)) == "0013"


def test_the_models_and_the_migrations_say_the_same(own_database: str) -> None:
    upgrade(own_database)
    command.check(alembic_config(own_database))


async def test_every_table_of_a_council_is_behind_a_forced_wall(db: AsyncSession) -> None:
    rows = await db.execute(
        text(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS is_walled FROM pg_class c"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'council_id' AND a.attnum > 0"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
        )
    )
    walled = {row.relname: row.is_walled for row in rows}
    assert {name for name, is_walled in walled.items() if not is_walled} == set(WITHOUT_ROW_SECURITY)
    assert WITHOUT_ROW_SECURITY <= EXCEPTIONS
    assert len(walled) > 25


async def test_the_platform_works_as_a_role_that_cannot_get_round_the_walls(db: AsyncSession) -> None:
    role = (
        await db.execute(text("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"))
    ).one()
    assert tuple(role) == (APP_ROLE, False, False)


async def test_rows_of_another_council_cannot_be_seen_changed_or_written(db: AsyncSession) -> None:
    ours, theirs = await make_council(db), await make_council(db)
    person = await make_person(db, theirs)
    await scope_to(db, [ours.id])
    assert await count(db, "people") == 0
    changed = await db.execute(text("UPDATE people SET given_name = 'X' WHERE id = :id"), {"id": person.id})
    assert changed.rowcount == 0  # type: ignore[attr-defined]
    deleted = await db.execute(text("DELETE FROM people WHERE id = :id"), {"id": person.id})
    assert deleted.rowcount == 0  # type: ignore[attr-defined]
    with pytest.raises(DBAPIError, match="row-level security"):
        async with db.begin_nested():
            await make_person(db, theirs)
    mine = await make_person(db, ours)
    move = text("UPDATE people SET council_id = :c WHERE id = :id")
    with pytest.raises(DBAPIError, match="row-level security"):
        async with db.begin_nested():
            await db.execute(move, {"c": theirs.id, "id": mine.id})
    await scope_to(db, [theirs.id])
    assert await count(db, "people") == 1


async def test_without_a_council_no_row_of_a_council_is_in_reach(db: AsyncSession) -> None:
    await make_person(db, await make_council(db))
    await scope_to(db, ())
    assert await count(db, "people") == 0
    await scope_to(db, "every")
    assert await count(db, "people") == 1


@pytest.fixture
async def superuser(database_url: str) -> AsyncGenerator[AsyncEngine, None]:
    engine = make_engine(database_url, app_role=False, pool_size=1)
    yield engine
    await engine.dispose()


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE {} SET council_id = council_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_what_is_only_ever_added_cannot_be_changed(
    db: AsyncSession, maker: SessionMaker, table: str, verb: str
) -> None:
    council = await make_council(db)
    await _fill_append_only(db, council.id)
    assert await count(db, table) > 0
    statement = text(verb.format(table))
    with pytest.raises(DBAPIError, match=r"permission denied|only ever added"):
        async with db.begin_nested():
            await db.execute(statement)
    # Not even the owner of the tables, who has the right, gets past the trigger.
    await db.execute(text("SET LOCAL ROLE postgres"))
    with pytest.raises(DBAPIError, match="only ever added"):
        async with db.begin_nested():
            await db.execute(statement)


async def _fill_append_only(db: AsyncSession, council_id: UUID) -> None:
    lines = [debit(Purpose.PLAN_SPEND, 100), credit(Purpose.BANK_CLEARING, 100)]
    await LedgerService(db).post(council_id, "test", new_id(), lines)
    audit.record(db, None, "tests.do", council_id=council_id, subject_kind="lamp", subject_id=new_id())
    await db.flush()
    await audit.seal(db, council_id)
    await make_booking(db)
    await db.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


async def test_an_entry_that_does_not_balance_is_refused_at_the_commit(worker_id: str) -> None:
    name = f"unbalanced_{worker_id}"
    url = await clone_database(name)
    engine = make_engine(url, pool_size=1)
    try:
        maker = make_session_maker(engine)
        async with transaction(maker, "every") as db:
            council_id = (await make_council(db)).id
        with pytest.raises(IntegrityError) as refused:
            await _post_half(maker, council_id)
        assert broken_constraint(refused.value) == "ledger_entry_balances"
        async with transaction(maker, "every") as db:
            assert await count(db, "ledger_entries") == 0
    finally:
        await engine.dispose()
        await admin(f"DROP DATABASE {name} WITH (FORCE)")


async def _post_half(maker: SessionMaker, council_id: UUID) -> None:
    """Write an entry with a single line, without the service, and commit as plainly as possible."""
    async with maker() as db, db.begin():
        await scope_to(db, [council_id])
        account, entry = new_id(), new_id()
        values = {"council": council_id, "account": account, "entry": entry, "line": new_id(), "source": new_id()}
        for statement in (
            "INSERT INTO ledger_accounts (id, council_id, purpose, is_debit_normal, is_tracked, balance_pence)"
            " VALUES (:account, :council, 'plan_spend', true, false, 0)",
            "INSERT INTO ledger_entries (id, council_id, kind, source_id, memo, effective_on, posted_at)"
            " VALUES (:entry, :council, 'test', :source, '', '2027-03-03', now())",
            "INSERT INTO ledger_lines (id, council_id, entry_id, account_id, side, amount_pence)"
            " VALUES (:line, :council, :entry, :account, 'debit', 100)",
        ):
            await db.execute(text(statement), {key: v for key, v in values.items() if f":{key}" in statement})


async def test_a_worker_cannot_be_booked_twice_whichever_councils_ask(db: AsyncSession) -> None:
    first = await make_booking(db)
    other = await make_booking(db, starts_at=first.starts_at + timedelta(minutes=30))
    with pytest.raises(IntegrityError) as refused:
        async with db.begin_nested():
            await db.execute(
                text("UPDATE bookings SET worker_id = :worker WHERE id = :id"),
                {"worker": first.worker_id, "id": other.id},
            )
    assert broken_constraint(refused.value) == "ex_visit_workers_time"
    after = await make_booking(db, starts_at=first.ends_at)
    await db.execute(
        text("UPDATE bookings SET worker_id = :worker WHERE id = :id"), {"worker": first.worker_id, "id": after.id}
    )
