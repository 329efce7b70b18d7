"""The virus scanner: a small clamd on a socket of this machine, and one that is away, silent or odd."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from marketplace.core.files.scanner import Clamd, NoScanner, Verdict, scanner_of
from marketplace.core.files.sniffing import EICAR
from marketplace.core.settings import Settings, SettingsError, read_settings

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_file(reader: asyncio.StreamReader) -> bytes:
    """Read an INSTREAM command as clamd does."""
    assert await reader.readexactly(10) == b"zINSTREAM\0"
    content = b""
    while length := int.from_bytes(await reader.readexactly(4), "big"):
        content += await reader.readexactly(length)
    return content


async def judge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as clamd does."""
    content = await read_file(reader)
    writer.write(b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0")
    await writer.drain()
    writer.close()


@asynccontextmanager
async def serving(answer: Streams) -> AsyncGenerator[str, None]:
    """A server on a free port; gives its address."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


def scanner_at(url: str) -> Clamd:
    return Clamd(url, connect_seconds=1, answer_seconds=0.3)


async def test_a_scanner_says_clean_or_infected() -> None:
    async with serving(judge) as url:
        assert await scanner_at(url).scan(b"a clean file" * 100_000) is Verdict.CLEAN
        assert await scanner_at(url).scan(b"x" * 300_000 + EICAR) is Verdict.INFECTED
        assert await scanner_at(url).scan(b"") is Verdict.CLEAN


async def test_a_scanner_may_stand_at_a_unix_socket(tmp_path: Path) -> None:
    server = await asyncio.start_unix_server(judge, str(tmp_path / "clamd"))
    try:
        assert await scanner_at(f"unix://{tmp_path}/clamd").scan(EICAR) is Verdict.INFECTED
    finally:
        server.close()
        await server.wait_closed()


async def test_a_scanner_that_is_away_knows_nothing(tmp_path: Path) -> None:
    async with serving(judge) as url:
        pass
    assert await scanner_at(url).scan(b"x") is Verdict.UNKNOWN
    assert await scanner_at(f"unix://{tmp_path}/none").scan(b"x") is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "said", [b"", b"INSTREAM size limit exceeded. ERROR\0", b"hello\0", b"\xff\xfe\0", b"y" * 10_000]
)
async def test_an_odd_answer_means_nothing(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_file(reader)
        writer.write(said)
        writer.close()

    async with serving(answer) as url:
        assert await scanner_at(url).scan(b"x") is Verdict.UNKNOWN


async def test_a_scanner_that_is_silent_or_hangs_up_is_not_waited_for() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with serving(silent) as url:
        assert await scanner_at(url).scan(b"x") is Verdict.UNKNOWN
    async with serving(hang_up) as url:
        assert await scanner_at(url).scan(b"x" * 2_000_000) is Verdict.UNKNOWN


async def test_without_a_scanner_files_are_clean(settings: Settings) -> None:
    assert isinstance(scanner_of(settings), NoScanner)
    assert await scanner_of(settings).scan(b"x") is Verdict.CLEAN


@pytest.mark.parametrize(
    "url", ["http://host:3310", "tcp://", "unix://", "clamd", "tcp://host:99999999", "unix:relative"]
)
def test_an_address_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="CLAMD_URL"):
        Clamd(url)


def test_the_address_comes_from_the_environment(tmp_path: Path) -> None:
    found = read_settings({"MARKETPLACE_DATA_DIR": str(tmp_path), "CLAMD_URL": "tcp://scanner"})
    made = scanner_of(found)
    assert isinstance(made, Clamd)
    assert (made.host, made.port) == ("scanner", 3310)
