"""Mixed load over HTTP: people look at pages and ask for visits, on a timetable, at a site of its own.

The site is the application on the server that serves every installation (two processes, loopback), with routing, guard,
sessions, form tokens, search index and templates as everywhere; only its clock stands still, where the made-up people
have their budgets. It shares the machine with PostgreSQL and with whoever asks.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from litestar.types import ASGIApp

from marketplace.accounts.service import AccountService
from marketplace.core import log
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction, use_session_maker
from marketplace.core.settings import Settings
from marketplace.providers.service.market_index import rebuild_index
from marketplace.web.app import build_app, surround
from marketplace.web.context import csrf_token
from marketplace.web.parts import open_parts, open_search
from tests.factories_bookings import Scene

REQUESTS_A_SECOND = 50
SECRET = "a key for measuring, long enough"  # noqa: S105
FIRST_DAY = date(2027, 4, 12)
"""A Monday without a bank holiday near it."""
WARM_UP, WARM_UP_AT_ONCE = 64, 4
CONNECTIONS_A_BROWSER = 8
WEB_PROCESSES = 2
MOST_SECONDS_TO_START = 180
DATABASE, FOLDER, CLOCK = "BENCH_DATABASE_URL", "BENCH_FOLDER", "BENCH_NOW"
"""Environment of the site's processes."""

READS = ("/market?q=visit", "/market/listing", "/bookings/new?listing=", "/bookings", "/calendar", "/money")


def create_app() -> ASGIApp:
    """Make the application of a web process: the target of the server."""
    settings, clock = _settings(Path(os.environ[FOLDER])), FixedClock(datetime.fromisoformat(os.environ[CLOCK]))
    maker = make_session_maker(make_engine(os.environ[DATABASE], pool_size=8), clock)
    use_session_maker(maker)
    log.configure()
    app = build_app(
        settings, maker=maker, clock=clock, state=open_parts(settings),
        compiled_templates=settings.data_dir / "cache" / "templates",
    )  # fmt: skip
    return surround(app, settings)


async def mixed_load(
    folder: Path, address: str, maker: SessionMaker, now: datetime, scenes: list[Scene], seconds: float
) -> dict[str, Any]:
    """Ask for pages and visits; returns milliseconds by kind, and every status that was not expected."""
    search = open_search(_settings(folder))
    await rebuild_index(search.backend, maker)
    await search.close()
    tokens = [await _sign_in(maker, scene) for scene in scenes]
    took: dict[str, list[float]] = {"write": [], "read": []}
    unexpected: Counter[str] = Counter()
    async with _served(folder, address, now) as site, _browsers(site, len(scenes)) as browsers:
        for first in range(0, WARM_UP, WARM_UP_AT_ONCE):
            await asyncio.gather(
                *(_act(browsers, scenes, tokens, number) for number in range(first, first + WARM_UP_AT_ONCE))
            )
        load_before = os.getloadavg()[0]
        started = time.perf_counter()

        async def act(number: int) -> None:
            due = started + number / REQUESTS_A_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            kind, status = await _act(browsers, scenes, tokens, WARM_UP + number)
            took[kind].append(time.perf_counter() - due)
            if status != (303 if kind == "write" else 200):
                unexpected[f"{status} {kind}"] += 1

        await asyncio.gather(*(act(number) for number in range(int(seconds * REQUESTS_A_SECOND))))
    times = {f"{kind}_{name}": value for kind, all_of in took.items() for name, value in _figures(all_of).items()}
    return {
        "requests_a_second": REQUESTS_A_SECOND, **times, "goal_p99_ms": 500, "unexpected": dict(unexpected),
        "load_before": round(load_before, 1),
    }  # fmt: skip


async def _act(
    browsers: list[httpx.AsyncClient], scenes: list[Scene], tokens: list[str], number: int
) -> tuple[str, int]:
    """Do one thing: every fifth asks for a visit, the others look at pages."""
    who = number % len(scenes)
    client = browsers[who]
    scene, cookies = scenes[who], {"cookie": f"session={tokens[who]}"}
    if number % 5:
        path = READS[number // 5 % len(READS)].replace("/market/listing", f"/market/{scene.listing.id}")
        path += str(scene.listing.id) if path.endswith("=") else ""
        return "read", (await client.get(path, headers=cookies)).status_code
    days, slot = divmod(number // len(scenes), 4)
    day = FIRST_DAY + timedelta(days=days // 5 * 7 + days % 5)
    form = scene.form(on=day, starts_local=f"{9 + slot * 2:02}:00", funding="direct_payment")
    form |= {"csrf_token": csrf_token(SECRET, tokens[who]), "form_id": uuid4().hex}
    return "write", (await client.post("/bookings", data=form, headers=cookies)).status_code


async def _sign_in(maker: SessionMaker, scene: Scene) -> str:
    """Open a session for a person, as signing in does once the password fits."""
    async with transaction(maker, "every") as db:
        service = AccountService(db)
        # Not through the password, which takes long to check by design.
        opened = await service._open(scene.member.user, scene.member.membership, scene.council, service.clock.now())
    return opened.token


@asynccontextmanager
async def _browsers(site: str, number: int) -> AsyncGenerator[list[httpx.AsyncClient], None]:
    """Open a browser for each person: one pool for all would look through all of it with each request."""
    limits = httpx.Limits(max_connections=CONNECTIONS_A_BROWSER)
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(httpx.AsyncClient(base_url=site, timeout=60, limits=limits))
            for _ in range(number)
        ]


@asynccontextmanager
async def _served(folder: Path, address: str, now: datetime) -> AsyncGenerator[str, None]:
    """Run the site at a free port and give its address; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    site = await asyncio.create_subprocess_exec(
        *(
            sys.executable, "-m", "marketplace.web.serve_web", "--port", str(port), "--workers", str(WEB_PROCESSES),
            "--log-level", "critical", "--app", f"{__name__}:create_app",
        ),
        env={**os.environ, DATABASE: address, FOLDER: str(folder), CLOCK: now.isoformat()},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    served_at = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=served_at, timeout=60) as client:
            until = time.perf_counter() + MOST_SECONDS_TO_START
            while not await _answers(client):
                if site.returncode is not None or time.perf_counter() > until:
                    raise SystemExit("The site does not start")
                await asyncio.sleep(0.1)
        yield served_at
    finally:
        site.terminate()
        await site.wait()


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/sign-in")).status_code == 200
    except httpx.TransportError:
        return False


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, secret_key=SECRET, public_url="http://127.0.0.1")


def _figures(times: list[float]) -> dict[str, float]:
    """How many there were, and their middle and nearly longest in milliseconds."""
    times.sort()
    return {
        "count": len(times),
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[min(len(times) - 1, int(len(times) * 0.99))] * 1000, 1),
    }
