"""A browser and a site for journeys: headless Chromium walks what a person would."""

import asyncio
import fcntl
import multiprocessing
import os
import shutil
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import LONDON, Clock
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.web.app import BUILT_ASSETS
from tests.chromium import CHROMIUM, FLAGS
from tests.conftest import admin, clone_database
from tests.journeys import forked
from tests.journeys.walker import Walker

Made = TypeVar("Made")
FORKS = multiprocessing.get_context("forkserver")
"""Sites start from one process of this worker that has imported all they need: that takes three seconds each time."""
FORKS.set_forkserver_preload(["tests.journeys.site", "tests.journeys.forked"])
READY_SECONDS = 120
"""Longest wait for a site to start on a busy machine."""
MAIL_SECONDS = 180
"""Longest wait for a message: when the clock was moved, all recurring work comes first, which a busy machine takes
minutes for."""
LISTENING_TRIES = 600
"""Looks whether a site that is ready also listens: thirty seconds."""
WARMING_TRIES = 5
DEMO = "journeys_demo"
"""Template database with the demo in it, copied for each site."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MovedClock:
    """The clock of a site that was moved on."""

    def __init__(self, moved: timedelta) -> None:
        self.moved = moved

    def now(self) -> datetime:
        """Return the present instant of the site."""
        return datetime.now(UTC) + self.moved


def run_apart(work: Coroutine[Any, Any, Made]) -> Made:
    """Do what is asynchronous in a thread of its own: the browser runs an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


class Site:
    """Where the site runs, and a hand on its clock."""

    def __init__(self, address: str, data_dir: Path, database_url: str) -> None:
        self.address = address
        self.data_dir = data_dir
        self.database_url = database_url
        self.moved = timedelta()
        self.mail: dict[Path, tuple[str, str]] = {}
        """Address and subject of each message so far."""

    @property
    def now(self) -> datetime:
        """The site's present instant, in London."""
        return datetime.now(LONDON) + self.moved

    @property
    def today(self) -> date:
        """Day in London by the site's clock."""
        return self.now.date()

    def move_clock(self, *, hours: float) -> None:
        """Let time pass."""
        self.moved += timedelta(hours=hours)
        httpx.post(f"{self.address}/test-clock", json={"seconds": int(hours * 3600)}).raise_for_status()

    def arrange(self, make: Callable[[AsyncSession], Awaitable[Made]], clock: Clock | None = None) -> Made:
        """Write rows beside the running site: what a journey needs but does not click through.

        Args:
            make: Writes them.
            clock: Another clock than the site's, for what happened in the past.
        """

        async def write() -> Made:
            engine = make_engine(self.database_url, pool_size=1)
            try:
                async with transaction(make_session_maker(engine, clock or MovedClock(self.moved)), "every") as db:
                    return await make(db)
            finally:
                await engine.dispose()

        return run_apart(write())

    def wait_for_mail(self, to_address: str, words: str) -> None:
        """Wait until a message to an address has some words in its subject."""
        deadline = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < deadline:
            self._read_mail()
            subjects = [subject for to, subject in self.mail.values() if to_address in to]
            if any(words in subject for subject in subjects):
                return
            time.sleep(0.1)
        raise AssertionError(f"No {words!r} to {to_address} among {sorted(set(subjects))}")

    def _read_mail(self) -> None:
        """Read what has come since the last look: reading all of it at each look would take the site's processor."""
        for path in (self.data_dir / "outbox").glob("*.eml"):
            if path not in self.mail:
                message = message_from_bytes(path.read_bytes(), policy=policy.default)
                self.mail[path] = str(message["To"]), str(message["Subject"])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """The demo, served in a process of its own."""
    with serving(tmp_path_factory.mktemp("site"), f"journeys_{worker_id}") as served:
        yield served


def start_site(*arguments: Any) -> tuple[BaseProcess, Connection]:
    """Start `tests/journeys/site.py` in a process of its own; it says on the connection when it serves."""
    here, there = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=forked.run, args=([str(word) for word in arguments], there))
    process.start()
    there.close()
    return process, here


def prepared_demo(shared: Path) -> Path:
    """Return a data folder with the demo's search index; its rows are the template database `DEMO`.

    The first file that asks has both made, under a lock, as files of journeys run in several workers at once: loading
    the demo takes some six seconds, a copy less than one.
    """
    folder = shared / "journeys-demo"
    with (shared / "journeys-demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = shared / "journeys-demo-in-the-making"
            url = run_apart(clone_database(DEMO))
            process, _ = start_site("--database", url, "--data-dir", making)
            process.join()
            assert process.exitcode == 0, "the demo could not be loaded"
            making.rename(folder)
    return folder


@contextmanager
def serving(data_dir: Path, name: str) -> Generator[Site, None, None]:
    """Serve the demo from a database of its own until the caller is done.

    Args:
        data_dir: An empty folder right below pytest's folder of this worker.
        name: A name of the database that nobody else uses.
    """
    if not (BUILT_ASSETS / "manifest.json").exists():
        pytest.skip("the style sheets are not built: run `make assets`")
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    demo = prepared_demo(data_dir.parents[1] if is_worker else data_dir.parent)
    shutil.copytree(demo, data_dir, dirs_exist_ok=True)
    url = run_apart(clone_database(name, DEMO))
    port, sandbox_port = free_port(), free_port()
    arguments = ["--database", url, "--data-dir", data_dir, "--port", port, "--sandbox-port", sandbox_port]
    process, ready = start_site(*arguments)
    try:
        assert ready.poll(READY_SECONDS), "the site did not start in time"
        assert ready.recv() == "ready"
        address = f"http://localhost:{port}"
        with httpx.Client() as client:
            for _ in range(LISTENING_TRIES):
                try:
                    if client.get(f"{address}/health").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
            # The first page of a cold process on a busy machine may take longer than a request is given.
            for _ in range(WARMING_TRIES):
                if client.get(f"{address}/sign-in", timeout=60).status_code == 200:
                    break
        yield Site(address, data_dir, url)
    finally:
        process.terminate()
        process.join(20)
        if process.is_alive():
            process.kill()
            process.join()
        ready.close()
        run_apart(admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture(scope="module")
def chromium() -> Generator[Any, None, None]:
    """Debian's Chromium under Playwright, which runs an event loop in this thread: it ends with each file."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: browser journeys are skipped")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def walk(site: Site, chromium: Any) -> Generator[Any, None, None]:
    """Make walkers; all leave at the end."""
    walkers: list[Walker] = []

    def make(*, scripts: bool, width: int = 1280) -> Walker:
        made = Walker(chromium, site.address, scripts=scripts, width=width)
        walkers.append(made)
        return made

    yield make
    for walker in walkers:
        walker.close()
