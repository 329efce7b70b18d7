"""A process that dies before any statement of a step: nothing is half done, and doing it again ends right."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from marketplace.bookings.checks import CHECKS
from marketplace.bookings.service import BookingService
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import FixedClock
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.payments.checks import ledger_equals_open_items
from tests.conftest import admin, clone_database
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_booking, make_scene

STAND = """
SELECT (SELECT string_agg(status, ',' ORDER BY id) FROM bookings), (SELECT count(*) FROM ledger_entries),
    (SELECT sum(balance_pence) FROM ledger_accounts), (SELECT count(*) FROM outbox_messages),
    (SELECT count(*) FROM steps), (SELECT count(*) FROM audit_entries), (SELECT count(*) FROM visit_workers)
"""


class Killed(BaseException):
    """As `kill -9`: nothing catches it."""


class Fuse:
    """Dies before the number-th statement that is sent after it was lit."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.left = 0
        event.listen(engine.sync_engine, "before_cursor_execute", self._sent)

    def _sent(self, *_: Any) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                raise Killed


@pytest.fixture
async def own_engine(worker_id: str) -> AsyncGenerator[AsyncEngine, None]:
    name = f"kills_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=2)
    yield engine
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.mark.parametrize("what", ["approve", "plan"])
async def test_whoever_dies_between_two_statements_leaves_nothing_and_the_next_finishes(
    own_engine: AsyncEngine, clock: FixedClock, what: str
) -> None:
    maker, fuse = make_session_maker(own_engine, clock), Fuse(own_engine)
    async with transaction(maker, "every") as db:
        scene = await make_scene(db)
        visit = await make_booking(db, scene, BookingStatus.CLAIMED)
        await make_agreement(db, scene, starts_on=visit.visit_on.replace(day=8))
    if what == "approve":
        clock.move_to(visit.ends_at)

    async def stand() -> Any:
        async with transaction(maker, "every") as db:
            return tuple((await db.execute(text(STAND))).one())

    async def approve(db: AsyncSession) -> Any:
        return await BookingService(db).approve(scene.member.principal, visit.id)

    async def plan(db: AsyncSession) -> Any:
        return await Planner(db).plan(scene.council.id, [scene.person.id])

    work: Callable[[AsyncSession], Awaitable[Any]] = {"approve": approve, "plan": plan}[what]
    before, deaths = await stand(), 0
    while True:
        fuse.left = deaths + 1
        try:
            async with transaction(maker, [scene.council.id]) as db:
                await work(db)
        except Killed:
            deaths += 1
            assert deaths < 200
            if deaths % 4 == 1:
                assert await stand() == before
            continue
        break
    fuse.left = 0
    assert deaths > 10
    after = await stand()
    assert after != before
    async with transaction(maker, "every") as db:
        if what == "plan":
            assert (await plan(db)).written == 0
            assert await db.scalar(text("SELECT count(*) FROM bookings WHERE pattern_id IS NOT NULL")) == 8
        else:
            assert await db.scalar(text("SELECT count(*) FROM ledger_entries WHERE kind = 'visit-approved'")) == 1
        for check in (*CHECKS, ledger_equals_open_items):
            found = await check(db)
            assert found.ok, found
