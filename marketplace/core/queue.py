"""The queue: dramatiq on Redis or Valkey carries deliveries of the outbox to workers.

The queue is only a carrier. Every message stands in PostgreSQL until it is handled, so a lost or emptied queue costs a
delay and nothing else.
"""

from uuid import UUID

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, default_middleware

from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.core.events import decode

log = structlog.get_logger(__name__)

QUEUE = "marketplace"
ACTOR = "marketplace.deliver"


def make_broker(url: str) -> RedisBroker:
    """Connect dramatiq to Redis or Valkey and register the one actor.

    The defaults would take minutes to notice a dead worker on a quiet site: heartbeats of 10 s and maintenance on one
    command in twenty bring that to seconds.
    """
    middleware = [kind() for kind in default_middleware if kind.__name__ not in {"Prometheus", "Retries"}]
    broker = RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq ships no types here
        url=url, middleware=[*middleware, AsyncIO()], heartbeat_timeout=10_000, maintenance_chance=50_000
    )
    dramatiq.set_broker(broker)
    broker.declare_actor(
        dramatiq.Actor(
            _deliver,
            broker=broker,
            actor_name=ACTOR,
            queue_name=QUEUE,
            priority=0,
            options={"time_limit": 600_000},
        )
    )
    return broker


def send(broker: RedisBroker, delivery: outbox.Delivery) -> None:
    """Hand one delivery to the queue."""
    broker.get_actor(ACTOR).send(str(delivery.message_id), delivery.task, delivery.event, delivery.body)


async def deliver(delivery: outbox.Delivery) -> None:
    """Run one task for one message and note how it ended. Never raises: the sweep is what tries again."""
    listener = outbox.LISTENERS.get(delivery.task)
    try:
        if listener is None:
            raise LookupError(f"No task is called {delivery.task}")
        await listener.function(delivery.message_id, decode(delivery.event, delivery.body))
        async with transaction(session_maker()) as db:
            await outbox.first_time(db, delivery.task, delivery.message_id)
    except Exception as error:
        log.exception("task-failed", task=delivery.task, message_id=str(delivery.message_id))
        async with transaction(session_maker()) as db:
            await outbox.note_failure(db, delivery.message_id, delivery.task, f"{type(error).__name__}: {error}")


async def _deliver(message_id: str, task: str, event: str, body: dict[str, object]) -> None:
    await deliver(outbox.Delivery(UUID(message_id), task, event, body))
