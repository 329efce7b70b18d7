"""The outbox: published with its change, delivered at least once, effective once, parked where everybody sees it."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, session_maker, transaction
from marketplace.core.events import Event
from marketplace.core.queue import deliver
from tests.browser import count, events
from tests.factories import make_council

HANDLED: list[UUID] = []


class LampLit(Event, frozen=True, kw_only=True):
    """A fact for these tests."""

    lamp: str


@outbox.task("tests.note_lamp", on=LampLit)
async def note_lamp(message_id: UUID, event: LampLit) -> None:
    """Handle the fact once; a lamp called "broken" fails."""
    async with transaction(session_maker()) as db:
        if await outbox.first_time(db, "tests.note_lamp", message_id):
            if event.lamp == "broken":
                raise RuntimeError("no light")
            HANDLED.append(message_id)


@pytest.fixture(autouse=True)
def _forget() -> None:
    HANDLED.clear()


async def test_a_message_is_delivered_and_a_second_copy_does_nothing(db: AsyncSession, maker: SessionMaker) -> None:
    council = await make_council(db)
    message_id = outbox.publish(db, LampLit(council_id=council.id, lamp="hall"))
    await db.flush()
    [delivery] = await outbox.relay(db)
    assert await outbox.relay(db) == []
    await deliver(delivery)
    await deliver(delivery)
    assert [message_id] == HANDLED
    assert await count(db, "outbox_deliveries", "handled_at IS NOT NULL") == 1


async def test_a_change_that_rolls_back_tells_nobody(db: AsyncSession, maker: SessionMaker) -> None:
    council = await make_council(db)

    async def publish_and_fail() -> None:
        async with transaction(maker) as other:
            outbox.publish(other, LampLit(council_id=council.id, lamp="hall"))
            raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError, match="the change failed"):
        await publish_and_fail()
    assert await events(db) == []


async def test_a_delivery_that_the_queue_lost_is_handed_out_again(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    council = await make_council(db)
    outbox.publish(db, LampLit(council_id=council.id, lamp="hall"))
    await db.flush()
    [lost] = await outbox.relay(db)
    await db.flush()
    assert await outbox.sweep(db) == []
    clock.advance(outbox.RETRY_AFTER + timedelta(seconds=1))
    assert await outbox.sweep(db) == [lost]
    await deliver(lost)
    clock.advance(outbox.RETRY_AFTER + timedelta(seconds=1))
    assert await outbox.sweep(db) == []


async def test_a_delivery_that_keeps_failing_is_parked_and_can_be_tried_again(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    council = await make_council(db)
    outbox.publish(db, LampLit(council_id=council.id, lamp="broken"))
    await db.flush()
    [delivery] = await outbox.relay(db)
    for _ in range(outbox.PARK_AFTER_ATTEMPTS):
        await deliver(delivery)
    assert HANDLED == []
    assert await count(db, "outbox_deliveries", "parked_at IS NOT NULL AND error LIKE '%no light%'") == 1
    clock.advance(timedelta(hours=1))
    assert await outbox.sweep(db) == []
    await outbox.unpark(db, delivery.message_id, delivery.task)
    assert await outbox.sweep(db) == [delivery]


async def test_publishing_wakes_the_relay(db: AsyncSession) -> None:
    trigger = await db.scalar(text("SELECT tgname FROM pg_trigger WHERE tgname = 'notify_outbox'"))
    assert trigger == "notify_outbox"
