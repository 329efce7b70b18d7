"""After-commit work as rows: what is published in a transaction is delivered at least once, or visibly parked.

`publish` writes a row beside the change it tells of. The relay (in the scheduler) turns it into one delivery per
listening task and hands those to the queue. The queue may lose everything: a sweep hands out again what stayed
unhandled. A task claims its delivery in its own transaction, so that a second copy does nothing.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.core.events import Event, encode
from marketplace.core.ids import new_id
from marketplace.core.models import OutboxDelivery, OutboxMessage

E = TypeVar("E", bound=Event)
TaskFunction = Callable[[UUID, Any], Awaitable[None]]

RELAY_BATCH = 200
RETRY_AFTER = timedelta(seconds=45)
"""A delivery handed to the queue and not handled for this long is handed out again."""

PARK_AFTER_ATTEMPTS = 8


class Listener(NamedTuple):
    """A task that wants to hear of an event."""

    name: str
    event: str
    function: TaskFunction


LISTENERS: dict[str, Listener] = {}
"""Every task by its name, which never changes once deployed."""


def task(
    name: str, *, on: type[E]
) -> Callable[[Callable[[UUID, E], Awaitable[None]]], Callable[[UUID, E], Awaitable[None]]]:
    """Register a background task that listens to an event.

    The task may be called twice with one message id. One that writes claims the message with `first_time` in the
    transaction it writes in; one that calls out reads its row first and leaves when that is done.
    """

    def register(function: Callable[[UUID, E], Awaitable[None]]) -> Callable[[UUID, E], Awaitable[None]]:
        if name in LISTENERS:
            raise ValueError(f"Two tasks are called {name}")
        LISTENERS[name] = Listener(name, on.__name__, function)
        return function

    return register


def publish(db: AsyncSession, event: Event) -> UUID:
    """Write an event into the outbox, in the caller's transaction. Returns the message id."""
    message_id = new_id()
    db.add(
        OutboxMessage(
            id=message_id,
            council_id=event.council_id,
            event=type(event).__name__,
            body=encode(event),
            created_at=clock_of(db).now(),
        )
    )
    return message_id


async def first_time(db: AsyncSession, task_name: str, message_id: UUID) -> bool:
    """Claim a message for a task in this transaction; False when it was handled before.

    A second worker with the same message waits here until the first one commits or rolls back.
    """
    now = clock_of(db).now()
    claim = (
        insert(OutboxDelivery)
        .values(message_id=message_id, task=task_name, enqueued_at=now, attempts=1, handled_at=now)
        .on_conflict_do_update(
            index_elements=["message_id", "task"],
            set_={"handled_at": now, "parked_at": None, "error": None},
            where=OutboxDelivery.handled_at.is_(None),
        )
        .returning(OutboxDelivery.task)
    )
    return (await db.execute(claim)).first() is not None


class Delivery(NamedTuple):
    """One message on its way to one task."""

    message_id: UUID
    task: str
    event: str
    body: dict[str, Any]


async def relay(db: AsyncSession, limit: int = RELAY_BATCH) -> list[Delivery]:
    """Take waiting messages, write their deliveries, and return those for the queue.

    Several relays may run at once: each takes rows that no other holds.
    """
    waiting = (
        await db.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.relayed_at.is_(None))
            .order_by(OutboxMessage.number)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    ).all()
    if not waiting:
        return []
    now = clock_of(db).now()
    deliveries = [
        Delivery(message.id, listener.name, message.event, message.body)
        for message in waiting
        for listener in LISTENERS.values()
        if listener.event == message.event
    ]
    if deliveries:
        await db.execute(
            insert(OutboxDelivery)
            .values(
                [
                    {"message_id": item.message_id, "task": item.task, "enqueued_at": now, "attempts": 0}
                    for item in deliveries
                ]
            )
            .on_conflict_do_nothing()
        )
    for message in waiting:
        message.relayed_at = now
    return deliveries


async def sweep(db: AsyncSession, limit: int = RELAY_BATCH) -> list[Delivery]:
    """Return deliveries that stayed unhandled too long: the queue lost them, or a worker died. They go out again."""
    now = clock_of(db).now()
    rows = (
        await db.execute(
            select(OutboxDelivery, OutboxMessage)
            .join(OutboxMessage, OutboxMessage.id == OutboxDelivery.message_id)
            .where(
                OutboxDelivery.handled_at.is_(None),
                OutboxDelivery.parked_at.is_(None),
                OutboxDelivery.enqueued_at < now - RETRY_AFTER,
            )
            .order_by(OutboxDelivery.enqueued_at)
            .limit(limit)
            .with_for_update(of=OutboxDelivery, skip_locked=True)
        )
    ).all()
    for delivery, _ in rows:
        delivery.enqueued_at = now
    return [Delivery(delivery.message_id, delivery.task, message.event, message.body) for delivery, message in rows]


async def note_failure(db: AsyncSession, message_id: UUID, task_name: str, error: str) -> None:
    """Count a failed try; after too many the delivery is parked, where `marketplace check` sees it."""
    now: datetime = clock_of(db).now()
    await db.execute(
        update(OutboxDelivery)
        .where(
            OutboxDelivery.message_id == message_id,
            OutboxDelivery.task == task_name,
            OutboxDelivery.handled_at.is_(None),
        )
        .values(attempts=OutboxDelivery.attempts + 1, error=error[:500])
    )
    await db.execute(
        update(OutboxDelivery)
        .where(
            OutboxDelivery.message_id == message_id,
            OutboxDelivery.task == task_name,
            OutboxDelivery.handled_at.is_(None),
            OutboxDelivery.attempts >= PARK_AFTER_ATTEMPTS,
        )
        .values(parked_at=now)
    )


async def unpark(db: AsyncSession, message_id: UUID, task_name: str) -> None:
    """Give a parked delivery another round of tries."""
    await db.execute(
        update(OutboxDelivery)
        .where(OutboxDelivery.message_id == message_id, OutboxDelivery.task == task_name)
        .values(parked_at=None, attempts=0, enqueued_at=clock_of(db).now() - 2 * RETRY_AFTER)
    )
