"""Fixtures of the tests of plans."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.plans import tasks, tasks_agreeing, tasks_reviews, tasks_showcase  # noqa: F401 - they listen
from tests.factories_plans import PlanWorld, make_plan_world


@pytest.fixture
async def world(db: AsyncSession) -> PlanWorld:
    """A council with everybody a plan needs."""
    return await make_plan_world(db)


@pytest.fixture
def drain(db: AsyncSession) -> Callable[[], Awaitable[list[tuple[str, str]]]]:
    """Carry every waiting event to its tasks; returns the messages queued so far as (template, address)."""

    async def run() -> list[tuple[str, str]]:
        while deliveries := await outbox.relay(db):
            await db.flush()
            for delivery in deliveries:
                # Other packages listen, too, when their tasks are imported; their work is their own tests' matter.
                if delivery.task.startswith("plans."):
                    await deliver(delivery)
        # The tasks share the test's connection and left their own scope on it.
        await scope_to(db, "every")
        failed = (await db.scalars(text("SELECT error FROM outbox_deliveries WHERE error IS NOT NULL"))).all()
        assert failed == []
        rows = await db.execute(text("SELECT template, to_address FROM messages ORDER BY created_at, template, id"))
        return [(row[0], row[1]) for row in rows]

    return run
