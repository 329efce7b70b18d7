"""Runs the solver in a process of its own, reports how far it is, and ends it when it is told to."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

import marketplace
from marketplace.matching.run_engine import Progress, RunRefused
from marketplace.matching.solver_child import HEAD

MODULE = "marketplace.matching.solver_child"
TICK_SECONDS = 0.5
"""How often whoever waits is asked whether to go on."""
LONGEST_SECONDS = 540.0
"""The queue gives a task ten minutes; storing the answer needs some of them."""
LOG_BYTES = 4_000


class SolverBroke(Exception):
    """The solver ended by itself without an answer."""


class TookTooLong(Exception):
    """The solver was ended because its time was up."""


Step = Progress | bytes | None
"""How far it is; the answer, at last; or None, when there is nothing new."""


async def steps(inputs: bytes, *, longest_seconds: float = LONGEST_SECONDS) -> AsyncGenerator[Step, None]:
    """Work in a child process; yields what comes, and None every half second when nothing does.

    Whoever listens stops it by closing the generator: the child is killed at once.

    Args:
        inputs: What `run_engine.pack` gave.
        longest_seconds: Then it is ended.

    Raises:
        RunRefused: It cannot be done as asked; the words are for people.
        TookTooLong: The time was up.
        SolverBroke: It ended without an answer.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": _python_path()},
    )
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise AssertionError("the pipes were asked for")
    log = asyncio.ensure_future(_tail(process.stderr))
    feed = asyncio.ensure_future(_feed(process.stdin, inputs))
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + longest_seconds
    message = asyncio.ensure_future(_message(process.stdout))
    try:
        while True:
            await asyncio.wait({message}, timeout=TICK_SECONDS)
            if not message.done():
                if loop.time() > ends_at:
                    raise TookTooLong
                yield None
                continue
            try:
                letter, body = message.result()
            except asyncio.IncompleteReadError as error:
                await process.wait()
                raise SolverBroke(f"exit {process.returncode}: {await log}") from error
            if letter == b"F":
                raise RunRefused(body.decode())
            if letter == b"R":
                yield body
                return
            yield msgspec.json.decode(body, type=Progress)
            message = asyncio.ensure_future(_message(process.stdout))
    finally:
        for waiting in (message, feed, log):
            waiting.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _message(stream: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await stream.readexactly(HEAD)
    return head[:1], await stream.readexactly(int.from_bytes(head[1:], "big"))


async def _feed(stream: asyncio.StreamWriter, inputs: bytes) -> None:
    """Hand the inputs over. The pipe stays open: its end tells the child that we are gone."""
    with contextlib.suppress(ConnectionError):
        stream.write(b"I" + len(inputs).to_bytes(HEAD - 1, "big"))
        stream.write(inputs)
        await stream.drain()


async def _tail(stream: asyncio.StreamReader) -> str:
    """Read all that is written to the log and keep its end."""
    kept = b""
    while chunk := await stream.read(LOG_BYTES):
        kept = (kept + chunk)[-LOG_BYTES:]
    return kept.decode(errors="replace")


def _python_path() -> str:
    """Where the child finds the package, wherever it is started."""
    home = str(Path(marketplace.__file__).resolve().parent.parent)
    given = os.environ.get("PYTHONPATH", "")
    return f"{home}{os.pathsep}{given}" if given else home
