"""When the database stalls or goes away: a 503 page within five seconds, and a good answer as soon as it is back."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketplace.core.database import make_engine, make_session_maker, use_session_maker
from marketplace.core.settings import Settings
from marketplace.web.app import build_app, surround
from tests.conftest import SOCKETS, url_of

SOCKET = ".s.PGSQL.5432"


class Proxy:
    """Stands between the application and the server's socket; may pass, stall or refuse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open = asyncio.Event()
        self.open.set()
        self.writers: list[asyncio.StreamWriter] = []
        self.server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self.server = await asyncio.start_unix_server(self._serve, str(self.folder / SOCKET))

    async def stop(self) -> None:
        """Refuse new connections and cut the open ones."""
        if self.server is not None:
            self.server.close()
        for writer in self.writers:
            writer.close()
        self.writers.clear()
        (self.folder / SOCKET).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(f"{os.environ[SOCKETS]}/{SOCKET}")
        self.writers += [writer, there_writer]
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while data := await source.read(65_536):
                await self.open.wait()
                target.write(data)
                await target.drain()
        target.close()


@pytest.fixture
async def proxied(
    database_url: str, settings: Settings, tmp_path: Path
) -> AsyncGenerator[tuple[Proxy, httpx.AsyncClient], None]:
    """The application, reaching its database through a proxy."""
    proxy = Proxy(tmp_path)
    await proxy.start()
    database = database_url.partition("@/")[2].partition("?")[0]
    engine = make_engine(url_of(database, str(tmp_path)), pool_size=2, command_seconds=4)
    app = build_app(settings, maker=make_session_maker(engine))
    transport: Any = httpx.ASGITransport(app=surround(app, settings), raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver", timeout=30) as client:
            yield proxy, client
    finally:
        proxy.open.set()
        await proxy.stop()
        with contextlib.suppress(Exception):
            await engine.dispose()
        use_session_maker(None)


@pytest.mark.slow
async def test_a_stalled_database_is_a_503_within_five_seconds_and_heals(
    proxied: tuple[Proxy, httpx.AsyncClient],
) -> None:
    proxy, client = proxied
    assert (await client.get("/sign-in")).status_code == 200
    proxy.open.clear()
    started = time.monotonic()
    response = await client.get("/sign-in", headers={"accept": "text/html"})
    assert response.status_code == 503
    assert time.monotonic() - started < 5
    assert "<h1" in response.text
    assert response.headers["retry-after"]
    proxy.open.set()
    assert (await client.get("/sign-in")).status_code == 200


async def test_a_database_that_goes_away_is_a_503_at_once_and_heals(proxied: tuple[Proxy, httpx.AsyncClient]) -> None:
    proxy, client = proxied
    assert (await client.get("/sign-in")).status_code == 200
    await proxy.stop()
    started = time.monotonic()
    assert (await client.get("/sign-in")).status_code == 503
    assert (await client.get("/ready")).status_code == 503
    assert (await client.get("/health")).status_code == 200
    assert time.monotonic() - started < 5
    await proxy.start()
    assert (await client.get("/sign-in")).status_code == 200
