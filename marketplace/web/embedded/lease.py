"""Using an embedded server together with other processes: it starts with the first user and ends with the last.

Two locks besides the keeper's own: `leases.lock` is held shared by every user, `start.lock` alone by whoever checks
for a keeper and starts one. All are file locks, so a user that is killed has given its lease back.
"""

import contextlib
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import marketplace
from marketplace.web.embedded import places
from marketplace.web.embedded.errors import ServiceError
from marketplace.web.embedded.process import FileLock, tail, wait_until
from marketplace.web.embedded.services import READY, SERVICES


class ServiceLease:
    """A claim on one embedded server. While it is held, the server runs."""

    def __init__(self, service: str, data_dir: Path, *, durable: bool = True) -> None:
        """Nothing is started yet.

        Args:
            service: `postgres` or `valkey`.
            data_dir: The installation's data directory.
            durable: False for tests: no safety against a crash of the machine. The first user decides.
        """
        self._service = service
        self._data_dir = data_dir.resolve()
        self._durable = durable
        self._home = self._data_dir / service
        self._lease = FileLock(self._home / "leases.lock")
        self._starting = FileLock(self._home / "start.lock")
        self._keeper = FileLock(self._home / "keeper.lock")
        self._process: subprocess.Popen[bytes] | None = None  # The keeper, if we started it.

    def acquire(self, deadline_seconds: float = 180.0) -> str:
        """Take the lease and start the server if it does not run yet.

        Returns:
            The server's address, for the driver we use.

        Raises:
            ServiceError: It cannot be started, or not in time.
        """
        account = places.service_account() if self._service == "postgres" else None
        places.make_private(self._home, mode=0o711 if account else 0o700)
        self._lease.acquire(deadline_seconds, shared=True)  # Waits for a server that is just being stopped.
        try:
            return self.ensure(deadline_seconds)
        except BaseException:
            self._lease.release()
            raise

    def ensure(self, deadline_seconds: float = 180.0) -> str:
        """Make sure that somebody keeps the server; only needed again when a keeper may have been killed."""
        if not self._lease.is_held:
            raise RuntimeError("ensure() needs the lease")
        self._starting.acquire(deadline_seconds)
        try:
            server = SERVICES[self._service](self._data_dir, self._durable)
            # A keeper whose starter was killed may still be waiting for its server, as may one that starts it again.
            wait_until(lambda: self._keeper.is_free() or server.answers(), deadline_seconds)
            if self._keeper.is_free():
                return self._start_keeper(deadline_seconds)
            if not server.answers():
                raise ServiceError(f"The running {self._service} service did not answer in time.")
            return server.url()
        finally:
            self._starting.release()

    def release(self, deadline_seconds: float = 60.0) -> None:
        """Give the lease back; if it was the last one, wait until the server has stopped. Harmless when not held."""
        if not self._lease.is_held:
            return
        self._lease.release()
        # Either the keeper ends, or another user keeps it up and there is nothing to wait for.
        wait_until(lambda: self._keeper.is_free() or self._is_used_by_others(), deadline_seconds)
        keeper, self._process = self._process, None
        if keeper is not None:
            if self._keeper.is_free():
                keeper.wait()
            elif keeper.poll() is None:
                keeper.returncode = 0  # It goes on for somebody else and is not ours to wait for.

    def _is_used_by_others(self) -> bool:
        """Whether somebody shares the lease. Two users that leave together may each be taken for one by the other;
        then one of them does not wait for the server's end, which harms nothing.
        """
        probe = FileLock(self._lease.path)
        # Refused alone but granted shared: it is a user that holds it, not the keeper that is stopping the server.
        alone = probe.try_acquire()
        shared = not alone and probe.try_acquire(shared=True)
        probe.release()
        return shared

    def _start_keeper(self, deadline_seconds: float) -> str:
        """Start a keeper in its own session, so that neither Ctrl-C nor the end of our terminal reaches it."""
        root = str(Path(marketplace.__file__).resolve().parent.parent)
        paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "marketplace.web.embedded.keeper", self._service, str(self._data_dir)]
        if not self._durable:
            command.append("--fast-and-unsafe")
        log_path = self._home / "keeper.log"
        with log_path.open("wb") as log:
            keeper = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd="/", start_new_session=True,
                env=os.environ | {"PYTHONPATH": paths},
            )  # fmt: skip
        if self._process is not None:
            self._process.wait()  # The keeper that we started earlier has ended, or there were no need of this one.
        self._process = keeper
        said = _read_line(keeper, deadline_seconds)
        word, _, url = said.partition(" ")
        if word == READY:
            return url.strip()
        keeper.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            keeper.wait(5.0)
        raise ServiceError(said or f"The {self._service} service did not start in time.\n{tail(log_path)}")


def _read_line(keeper: "subprocess.Popen[bytes]", deadline_seconds: float) -> str:
    """What the keeper says until it closes its output; empty when it says nothing in time."""
    if keeper.stdout is None:
        return ""
    said = b""
    deadline = time.monotonic() + deadline_seconds
    with keeper.stdout as pipe:
        while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            piece = os.read(pipe.fileno(), 65536)
            if not piece:
                return said.decode(errors="replace").strip()
            said += piece
    return ""
