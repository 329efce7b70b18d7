"""The audit log: sealed in a chain that shows any tampering."""

import random
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.accounts.permissions import Role
from marketplace.core.ids import new_id
from tests.factories import make_council, make_member


async def _entries(db: AsyncSession, n: int) -> UUID:
    member = await make_member(db, Role.MANAGER)
    for index in range(n):
        audit.record(
            db,
            member.principal,
            "tests.change_thing",
            council_id=member.council.id,
            subject_kind="thing",
            subject_id=new_id(),
            before={"value": index},
            after={"value": index + 1},
            why="because",
        )
    await db.flush()
    return member.council.id


async def test_sealed_entries_verify_and_waiting_ones_are_counted(db: AsyncSession) -> None:
    council_id = await _entries(db, 5)
    assert await audit.seal(db, council_id) == 5
    audit.record(db, None, "tests.late", council_id=council_id, subject_kind="t", subject_id=new_id())
    await db.flush()
    report = await audit.verify(db, council_id)
    assert (report.entries, report.unsealed, report.broken_at) == (5, 1, None)
    assert await audit.seal(db, council_id) == 1


async def test_councils_have_chains_of_their_own(db: AsyncSession) -> None:
    first, second = await _entries(db, 2), (await make_council(db)).id
    await audit.seal(db, first)
    assert (await audit.verify(db, second)).entries == 0


@pytest.mark.parametrize("kind", ["edit", "delete", "swap", "reason"])
async def test_tampering_is_found(db: AsyncSession, kind: str) -> None:
    """The owner of the tables switches the triggers off and edits: the chain still shows it."""
    council_id = await _entries(db, 8)
    await audit.seal(db, council_id)
    place = random.Random(kind).randint(2, 7)
    numbers = list(await db.scalars(text("SELECT number FROM audit_entries ORDER BY number")))
    target, other = numbers[place - 1], numbers[place]
    await db.execute(text("RESET ROLE"))
    await db.execute(text("SET LOCAL ROLE postgres"))
    await db.execute(text("SET LOCAL session_replication_role = 'replica'"))
    statement = {
        "edit": f"UPDATE audit_entries SET after = '{{\"value\": 99}}' WHERE number = {target}",
        "delete": f"DELETE FROM audit_entries WHERE number = {target}",
        "swap": f"UPDATE audit_seals SET entry_number = CASE entry_number WHEN {target} THEN -1 ELSE entry_number END",
        "reason": f"UPDATE audit_entries SET why = 'another reason' WHERE number = {target}",
    }[kind]
    await db.execute(text(statement))
    if kind == "swap":
        await db.execute(text(f"UPDATE audit_seals SET entry_number = {target} WHERE entry_number = {other}"))
        await db.execute(text(f"UPDATE audit_seals SET entry_number = {other} WHERE entry_number = -1"))
    db.expire_all()
    report = await audit.verify(db, council_id)
    assert report.broken_at == place
