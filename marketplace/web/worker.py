"""The worker: takes deliveries from the queue and runs their tasks. Any number of workers may run.

dramatiq's own command is not used: its forked processes outlive a killed parent. Here threads of one process wait on
the queue and one event loop runs the tasks.
"""

import asyncio
import inspect
import os
import signal
import threading
from typing import Any

import dramatiq
import structlog
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.core import log as logs
from marketplace.core.database import make_engine, make_session_maker, use_session_maker
from marketplace.core.queue import make_broker
from marketplace.core.settings import Settings, SettingsError
from marketplace.messaging import delivery
from marketplace.web.parts import open_parts
from marketplace.web.supervisor import ENDS_WITH_PARENT, exit_when_orphaned
from marketplace.web.tasks import import_tasks

log = structlog.get_logger(__name__)

THREADS = 4
"""Tasks in flight: each holds a thread here and shares one event loop."""

STOP_SECONDS = 25
"""How long a running task may go on after SIGTERM. The delivery of one that is cut off goes out again."""


class _Pool(Middleware):
    """Closes the database's pool while the event loop still runs: after the last task, before the loop ends.

    `after_` signals reach middleware from the last to the first, and this is added after dramatiq's AsyncIO.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        loop = get_event_loop_thread()
        if loop is not None:
            loop.run_coroutine(self.engine.dispose())


def run(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT; the task at hand is finished first.

    Returns:
        Exit code: 0 after a signal, 1 when the event loop died.

    Raises:
        SettingsError: The settings name no database or queue, or something that cannot be used.
    """
    if not settings.database_url or not settings.redis_url:
        raise SettingsError("The worker needs DATABASE_URL and REDIS_URL")
    logs.configure()
    if os.environ.get(ENDS_WITH_PARENT) == "1":
        exit_when_orphaned(grace_seconds=STOP_SECONDS + 5)
    stopping = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stopping.set())
    import_tasks()
    delivery.use_settings(settings)
    # The engine opens its first connection in the event loop that runs the tasks, and belongs to that loop from then.
    engine = make_engine(settings.database_url, pool_size=THREADS)
    use_session_maker(make_session_maker(engine))
    parts = open_parts(settings)
    broker = make_broker(settings.redis_url)
    broker.add_middleware(_Pool(engine))
    worker = dramatiq.Worker(broker, worker_threads=THREADS)
    worker.start()
    log.info("worker-started", threads=THREADS)
    is_alive = True
    while is_alive and not stopping.wait(1.0):
        loop = get_event_loop_thread()
        is_alive = loop is not None and loop.is_alive()
    # A task that blocks the loop would keep its thread, and with it this process, for ever.
    last_resort = threading.Timer(STOP_SECONDS + 3, os._exit, (1,))
    last_resort.daemon = True
    last_resort.start()
    worker.stop(timeout=STOP_SECONDS * 1_000)
    broker.close()
    asyncio.run(close_parts(parts))
    log.info("worker-stopped")
    return 0 if is_alive else 1


async def close_parts(parts: dict[str, Any]) -> None:
    """Close what `open_parts` opened and what can be closed."""
    for part in parts.values():
        close = getattr(part, "close", None)
        if callable(close):
            result = close()
            if inspect.isawaitable(result):
                await result
