"""One parent for the parts of the platform on one machine: starts them, watches them, stops them in order.

Every part is an own process in an own process group. Ctrl-C in a terminal therefore reaches the supervisor alone, and
the parts stop in the reverse order of their start: the web server before the worker. A second Ctrl-C kills them.
If the supervisor itself is killed, its children get SIGTERM from the kernel (Linux), or notice by themselves when they
call `exit_when_orphaned`.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from marketplace.web.embedded import ServiceError
from marketplace.web.embedded.process import ends_with_parent, exit_when_orphaned
from marketplace.web.services import Running, ServiceSettings, Serving, claim_serving, ensure_services, serving

__all__ = [
    "Child", "Running", "ServiceError", "ServiceSettings", "Serving", "Supervisor", "claim_serving", "ensure_services",
    "exit_when_orphaned", "http_ready", "serving",
]  # fmt: skip

HEALTHY_SECONDS = 60.0  # A child that ran this long starts again without a pause.
LONGEST_PAUSE_SECONDS = 30.0
HEARTBEAT_SECONDS = 2.0
# Set by `make run`: without it the platform would go on, unseen, after a kill of make.
ENDS_WITH_PARENT = "MARKETPLACE_ENDS_WITH_PARENT"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Ready = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Child:
    """A part of the platform."""

    name: str
    """Stands before its log lines."""
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment."""
    ready: Ready | None = None
    """Asked again and again until true; None means ready at once."""
    is_essential: bool = True
    """Whether everything ends when this one cannot be kept running; others are tried again for ever."""
    restarts_per_minute: int = 5
    """How often it may be started again; 0 for one that must not end at all."""
    stop_seconds: float = 15.0
    """How long it may take to stop before it is killed."""


class _Part:
    """A child while it is supervised."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: asyncio.subprocess.Process | None = None
        self.restarts: deque[float] = deque()
        self.started_at = 0.0
        self.readers: list[asyncio.Task[None]] = []

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def signal_group(self, signum: signal.Signals) -> None:
        """Signal the child and whatever it started in its group, even if it is gone itself."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signum)


class Supervisor:
    """Runs children until a signal arrives or one that matters cannot be kept up."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        on_ready: Callable[[], None] | None = None,
        heartbeat: Callable[[], None] | None = None,
        ready_seconds: float = 120.0,
        restart_pause_seconds: float = 0.5,
        output: TextIO | None = None,
        is_prefixed: bool = True,
    ) -> None:
        """Nothing is started yet.

        Args:
            children: In the order of their start.
            on_ready: Called once, when all are ready.
            heartbeat: Called every two seconds in a thread, such as `Running.ensure`; its errors are reported.
            ready_seconds: Time for all to become ready, else everything ends.
            restart_pause_seconds: Pause before the first restart; doubles with each further one.
            output: Where log lines go; standard output by default.
            is_prefixed: Whether lines carry the child's name, which keeps them apart but is not JSON.
        """
        self._parts = [_Part(child) for child in children]
        self._on_ready = on_ready
        self._heartbeat = heartbeat
        self._ready_seconds = ready_seconds
        self._restart_pause_seconds = restart_pause_seconds
        self._output = output or sys.stdout
        self._is_prefixed = is_prefixed
        self._width = max((len(child.name) for child in children), default=0)
        self._stopping = asyncio.Event()
        self._forced = asyncio.Event()
        self._exit_code = 0
        self._has_been_ready = False

    def run(self) -> int:
        """Run in this (main) thread until everything has stopped.

        Returns:
            Exit code: 0 after a signal or `stop`, 1 when a child failed for good, 130 when the end was forced.
        """
        if os.environ.get(ENDS_WITH_PARENT) == "1":
            exit_when_orphaned(grace_seconds=60.0)
        return asyncio.run(self.run_async())

    def stop(self) -> None:
        """Ask for a clean stop; from the loop's own thread."""
        self._stopping.set()

    async def run_async(self) -> int:
        """As `run`, inside a running loop of the main thread."""
        loop = asyncio.get_running_loop()
        for signum in STOP_SIGNALS:
            loop.add_signal_handler(signum, self._on_signal, signum)
        tasks: list[asyncio.Task[None]] = []
        try:
            for part in self._parts:
                await self._start(part)
                tasks.append(asyncio.create_task(self._watch(part)))
            tasks.append(asyncio.create_task(self._wait_until_ready()))
            if self._heartbeat is not None:
                tasks.append(asyncio.create_task(self._beat(self._heartbeat)))
            await self._stopping.wait()
        finally:
            self._stopping.set()
            for task in tasks:
                task.cancel()
            # Started children must not survive any error in here, so their end comes before all else.
            await self._stop_all()
            await asyncio.gather(*tasks, return_exceptions=True)
            for signum in STOP_SIGNALS:
                loop.remove_signal_handler(signum)
        return 130 if self._forced.is_set() else self._exit_code

    def _on_signal(self, signum: signal.Signals) -> None:
        if not self._stopping.is_set():
            self._say(f"{signal.Signals(signum).name} received, stopping. Once more ends everything at once.")
            self._stopping.set()
        elif signum != signal.SIGHUP:  # A closing terminal sends this besides the others.
            self._forced.set()
            for part in self._parts:
                part.signal_group(signal.SIGKILL)

    async def _start(self, part: _Part) -> None:
        child = part.child
        part.started_at = time.monotonic()
        # A pipe of our own: asyncio's would make `wait` wait for everyone who inherited it, not only for the child.
        read_end, write_end = os.pipe()
        try:
            part.process = await asyncio.create_subprocess_exec(
                *child.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **child.env},
                process_group=0,
                preexec_fn=ends_with_parent(signal.SIGTERM),
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        part.readers.append(asyncio.create_task(self._relay_lines(child.name, read_end)))

    async def _watch(self, part: _Part) -> None:
        """Start the child again when it ends, until that happens too often."""
        child = part.child
        pause = self._restart_pause_seconds
        while part.process is not None:
            code = await part.process.wait()
            if self._stopping.is_set():
                return
            part.signal_group(signal.SIGKILL)  # What it left behind must not meet its successor.
            now = time.monotonic()
            while part.restarts and part.restarts[0] < now - 60:
                part.restarts.popleft()
            if now - part.started_at > HEALTHY_SECONDS:
                pause = self._restart_pause_seconds
            # One that ends while everything starts has a wrong setting, which trying again does not heal.
            is_hopeless = len(part.restarts) >= child.restarts_per_minute or not self._has_been_ready
            if is_hopeless and child.is_essential:
                self._say(f"{child.name} {_end(code)} and cannot be kept running. Everything stops.")
                self._exit_code = 1
                self._stopping.set()
                return
            self._say(f"{child.name} {_end(code)}, starts again in {pause:.1f} s.")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            part.restarts.append(time.monotonic())
            part.readers = [reader for reader in part.readers if not reader.done()]
            await self._start(part)

    async def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._ready_seconds
        for part in self._parts:
            while part.child.ready is not None and not await part.child.ready():
                if time.monotonic() > deadline:
                    self._say(f"{part.child.name} was not ready within {self._ready_seconds:g} s. Everything stops.")
                    self._exit_code = 1
                    self._stopping.set()
                    return
                await asyncio.sleep(0.05)
        self._has_been_ready = True
        if self._on_ready is not None and not self._stopping.is_set():
            self._on_ready()

    async def _beat(self, heartbeat: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                await asyncio.to_thread(heartbeat)
            except (ServiceError, OSError) as error:
                self._say(f"A service is not in order: {error}")

    async def _stop_all(self) -> None:
        for part in reversed(self._parts):
            if part.is_running and part.process is not None:
                # Only the leader is asked: it knows in which order its own children have to end.
                with contextlib.suppress(ProcessLookupError):
                    part.process.terminate()
                try:
                    await asyncio.wait_for(part.process.wait(), part.child.stop_seconds)
                except TimeoutError:
                    self._say(f"{part.child.name} did not stop within {part.child.stop_seconds:g} s and is killed.")
            part.signal_group(signal.SIGKILL)
            if part.process is not None:
                await part.process.wait()
            if part.readers:
                _, unfinished = await asyncio.wait(part.readers, timeout=1.0)  # Its last lines.
                for reader in unfinished:
                    reader.cancel()
                await asyncio.gather(*unfinished, return_exceptions=True)

    async def _relay_lines(self, name: str, descriptor: int) -> None:
        """Pass a child's output on, line by line. Read in pieces: a line longer than a buffer must not stop it."""
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(descriptor, "rb")
        )
        rest = b""
        try:
            while piece := await stream.read(65536):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._write(name, line)
                if len(rest) > 1_000_000:
                    self._write(name, rest)
                    rest = b""
        finally:
            transport.close()
            if rest:
                self._write(name, rest)

    def _say(self, text: str) -> None:
        self._write("serve", text.encode())

    def _write(self, name: str, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        with contextlib.suppress(OSError, ValueError):  # A closed pipe is no reason to stop the platform.
            self._output.write(f"{name:<{self._width}} | {text}\n" if self._is_prefixed else f"{text}\n")
            self._output.flush()


def _end(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"


def http_ready(host: str, port: int, path: str = "/ready", timeout_seconds: float = 5.0) -> Ready:
    """A check that asks an HTTP server on this machine for a page and takes a 2xx or 3xx answer for ready.

    Args:
        host: Where it listens; "all addresses" is asked on loopback.
        port: Its port.
        path: Page to ask for.
        timeout_seconds: For one question.
    """
    target = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - replaced, not bound

    async def is_ready() -> bool:
        try:
            async with asyncio.timeout(timeout_seconds):
                reader, writer = await asyncio.open_connection(target, port)
                try:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                    words = (await reader.readline()).split()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return len(words) > 1 and words[1][:1] in (b"2", b"3")

    return is_ready
