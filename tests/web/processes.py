"""Looking at, waiting for and cleaning up processes in the tests of the services and the supervisor."""

import asyncio
import contextlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    """Whether the condition becomes true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def python(code: str, *arguments: object, **options: Any) -> "subprocess.Popen[str]":
    """Run a piece of Python beside the test; its output is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **options,
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    """The next line that the process says; empty at its end."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextlib.contextmanager
def ended(process: "subprocess.Popen[str]") -> Generator["subprocess.Popen[str]"]:
    """Kill and collect the process at the end of the test, if it is still there."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def processes_naming(text: str) -> list[int]:
    """Living processes whose command line holds the text, such as a folder of this test."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if text in (entry / "cmdline").read_text(errors="replace") and state != "Z":
                    found.append(int(entry.name))
    return found


def fetch(url: str, statement: str) -> Any:
    """Ask PostgreSQL for one value, through the driver and the URL form of the application."""
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    async def ask() -> Any:
        engine = create_async_engine(url)
        try:
            async with engine.begin() as connection:
                answer = await connection.execute(text(statement))
                return answer.scalar() if answer.returns_rows else None
        finally:
            await engine.dispose()

    return asyncio.run(ask())
