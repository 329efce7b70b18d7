"""A whole site for browser journeys, in a process of its own: real pages, database, outbox and card sandbox.

Started by `tests/journeys/conftest.py`. It differs from `marketplace serve` in two
things only: its clock can be moved (POST /test-clock with a number of seconds), and the outbox is delivered inside the
process instead of through the queue, so that a journey can wait for it.
"""

import argparse
import asyncio
import ctypes
import gc
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import post
from pwdlib.hashers.argon2 import Argon2Hasher

from marketplace.accounts.service import use_hasher
from marketplace.core import log, outbox, schedule
from marketplace.core.database import make_engine, make_session_maker, session_maker, transaction, use_session_maker
from marketplace.core.models import PostcodeRow
from marketplace.core.queue import deliver
from marketplace.core.settings import Settings
from marketplace.messaging import delivery
from marketplace.providers.service.market_index import rebuild_index
from marketplace.reporting.demo import load_demo
from marketplace.web.app import BUILT_ASSETS, build_app, surround
from marketplace.web.pages import load_manifest
from marketplace.web.parts import open_parts
from marketplace.web.tasks import import_tasks
from tests.compiled_templates import share_templates

PAUSE_SECONDS = 0.25
"""Between two looks at the outbox when nothing waited."""


class OffsetClock:
    """The machine's clock, moved on by as much as a journey wants."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """Return the present instant of the site."""
        return datetime.now(UTC) + self.offset


async def deliver_waiting() -> bool:
    """Relay and deliver messages, and run the scheduled jobs that are due; returns whether there was anything."""
    async with transaction(session_maker(), "every") as db:
        deliveries = await outbox.relay(db)
        jobs = await schedule.due(db)
        for job in jobs:
            await schedule.note_start(db, job)
    for waiting in deliveries:
        await deliver(waiting)
    for job in jobs:
        await job.run()
    return bool(deliveries or jobs)


async def deliver_for_ever(stop: asyncio.Event) -> None:
    """Do what waits in the background until told to stop."""
    while not stop.is_set():
        if not await deliver_waiting():
            await asyncio.sleep(PAUSE_SECONDS)


def settings_of(data_dir: Path, port: int = 0, sandbox_port: int = 0) -> Settings:
    """Settings of a site of the journeys."""
    return Settings(
        data_dir=data_dir,
        secret_key="a secret of the journeys that is long enough",
        public_url=f"http://localhost:{port}",
        port=port,
        stripe_secret_key="sk_test_marketplace_sandbox",
        stripe_webhook_secret="whsec_journeys",
        stripe_api_base=f"http://localhost:{sandbox_port}",
        demo=True,
    )


async def prepare(database_url: str, data_dir: Path) -> None:
    """Load the demo into an empty database, index it and do all that waits: what every site of a run begins with."""
    settings = settings_of(data_dir)
    clock = OffsetClock()
    engine = make_engine(database_url, pool_size=2)
    maker = make_session_maker(engine, clock)
    use_session_maker(maker)
    await load_demo(maker, clock)
    async with transaction(maker) as db:
        # The directory of postcodes is large and not read in here; a provider that joins needs one that is known.
        db.add(PostcodeRow(postcode="PR1 2HE", lat=53.7593, lon=-2.6993, lad_code="E07000123"))
    import_tasks()
    await rebuild_index(open_parts(settings)["search"].backend, maker)
    delivery.use_settings(settings)
    while await deliver_waiting():
        pass
    await engine.dispose()


async def serve(database_url: str, data_dir: Path, port: int, sandbox_port: int, ready: Connection) -> None:
    """Serve what was prepared until SIGTERM."""
    settings = settings_of(data_dir, port, sandbox_port)
    clock = OffsetClock()
    engine = make_engine(database_url, pool_size=8)
    maker = make_session_maker(engine, clock)
    use_session_maker(maker)
    import_tasks()
    parts = open_parts(settings)
    delivery.use_settings(settings)

    @post("/test-clock", permission=None, csrf=False, status_code=204)
    async def move_clock(data: dict[str, int]) -> None:
        clock.offset += timedelta(seconds=data["seconds"])

    app = build_app(settings, maker=maker, clock=clock, manifest=load_manifest(BUILT_ASSETS), state=parts)
    app.register(move_clock)
    share_templates(app)
    stop = asyncio.Event()
    server = Server(
        surround(app, settings), address="127.0.0.1", port=port, interface=Interfaces.ASGI, websockets=False
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    background = asyncio.create_task(deliver_for_ever(stop))
    ready.send("ready")
    await server.serve()
    stop.set()
    await background
    await engine.dispose()


def _end_with_parent() -> None:
    """Have the kernel end this process when its parent is gone (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def start_sandbox(port: int, site_port: int, data_dir: Path) -> "subprocess.Popen[bytes]":
    """Start the card sandbox beside the site."""
    environment = {
        **os.environ,
        "SANDBOX_HOST": "127.0.0.1",
        "SANDBOX_PORT": str(port),
        "SANDBOX_WEBHOOK_URL": f"http://localhost:{site_port}/webhooks/stripe",
        "SANDBOX_WEBHOOK_SECRET": "whsec_journeys",
        "SANDBOX_PUBLIC_URL": f"http://localhost:{port}",
        "SANDBOX_API_KEY": "sk_test_marketplace_sandbox",
        "SANDBOX_STATE_FILE": str(data_dir / "sandbox.sqlite"),
    }
    command = [sys.executable, "-m", "marketplace.payments.sandbox"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, preexec_fn=_end_with_parent)


def main(words: list[str], ready: Connection) -> None:
    """Run the site as the words of its command line say, and tell when it is ready."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="without one the demo is loaded and nothing is served")
    parser.add_argument("--sandbox-port", type=int, default=0)
    given = parser.parse_args(words)
    _end_with_parent()
    # What is imported stays until the end: half a million objects that the collector need not look at.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    use_hasher(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    log.configure(level=50)
    if not given.port:
        asyncio.run(prepare(given.database, given.data_dir))
        return
    sandbox = start_sandbox(given.sandbox_port, given.port, given.data_dir)
    try:
        asyncio.run(serve(given.database, given.data_dir, given.port, given.sandbox_port, ready))
    finally:
        sandbox.terminate()
        sandbox.wait(10)
    # The embedded server may abort at interpreter shutdown; everything is stored by now.
    os._exit(0)
