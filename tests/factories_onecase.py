"""Rows round one referral for tests: weights, contests, conflicts, what people said."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.database import clock_of, scope_to
from marketplace.core.queue import deliver
from marketplace.matching import tasks, tasks_contests
from marketplace.matching.engine import DEFAULT_WEIGHTS
from marketplace.matching.models import (
    Conflict,
    ConflictKind,
    Offer,
    Referral,
    WeightPurpose,
    WeightSet,
)
from marketplace.matching.states import WEIGHT_SET, WeightStatus
from marketplace.people.models import Person
from marketplace.providers.models import Worker
from tests.factories import Member, make_member
from tests.factories_brokerage import make_broker, make_case, make_offer, make_planner

LISTENERS = (tasks, tasks_contests)
"""Imported so that their tasks are known, as in the worker."""


async def make_weights(db: AsyncSession, manager: Member, **given: Any) -> WeightSet:
    """A version of weights: a draft, or a published one when `starts_on` is given."""
    points = given.pop("points", {})
    values = {name: getattr(DEFAULT_WEIGHTS, name) for name in DEFAULT_WEIGHTS.__struct_fields__ if name != "version"}
    starts_on = given.get("starts_on")
    row = WeightSet(
        **{
            "council_id": manager.council.id,
            "purpose": WeightPurpose.PLANNING,
            "number": 1,
            "status": WeightStatus.PUBLISHED if starts_on else WeightStatus.DRAFT,
            "values": {**values, **points},
            "drafted_by_user_id": manager.user.id,
            "drafted_at": clock_of(db).now(),
            "published_by_user_id": manager.user.id if starts_on else None,
            "published_at": clock_of(db).now() if starts_on else None,
            **given,
        }
    )
    db.add(row)
    await db.flush()
    WEIGHT_SET.begin(db, row, by=manager.user.id)
    await db.flush()
    return row


async def make_conflict(db: AsyncSession, broker: Member, **given: Any) -> Conflict:
    """A conflict of interest that counts."""
    row = Conflict(
        **{
            "council_id": broker.council.id,
            "kind": ConflictKind.FAMILY,
            "declared_by_user_id": broker.user.id,
            "declared_at": clock_of(db).now(),
            **given,
        }
    )
    db.add(row)
    await db.flush()
    return row


class Decided:
    """A referral that was offered to a planner, with everybody round it."""

    broker: Member
    manager: Member
    planner: Member
    worker: Worker
    reader: Member
    referral: Referral
    person: Person
    offer: Offer
    referral_id: UUID
    offer_id: UUID


async def make_decided(db: AsyncSession, **given: Any) -> Decided:
    """A referral offered to its best-placed planner; the person can sign in."""
    found = Decided()
    found.broker = await make_broker(db)
    council = found.broker.council
    found.manager = await make_member(db, Role.MANAGER, council, name="Mo Manager")
    found.worker, found.planner = await make_planner(db, council, name="Pia Planner", specialisms=["older"])
    found.referral, found.person = await make_case(db, found.broker, **given)
    found.reader = await make_member(db, Role.PERSON, council, name="Rae Reader", person_id=found.person.id)
    found.offer = await make_offer(db, found.broker, found.referral, found.person, found.worker)
    found.referral_id, found.offer_id = found.referral.id, found.offer.id
    return found


async def deliver_matching(db: AsyncSession) -> None:
    """Run the tasks of matching that wait, until none do."""
    for _ in range(3):
        await db.flush()
        for delivery in await outbox.relay(db):
            if delivery.task.startswith("matching."):
                await db.flush()
                await deliver(delivery)
        # The tests' sessions share one connection, and a task narrows what it reaches.
        await scope_to(db, "every")
    assert list(await db.scalars(text("SELECT error FROM outbox_deliveries WHERE error IS NOT NULL"))) == []
