"""The database and the queue that a command works with: those of the settings, or embedded ones while they are used."""

import contextlib
import json
import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol

from marketplace.web.embedded import ServiceError, ServiceLease
from marketplace.web.embedded.process import FileLock


class ServiceSettings(Protocol):
    """The part of the settings that says where the services are."""

    @property
    def data_dir(self) -> Path:
        """Folder for everything this installation writes."""

    @property
    def database_url(self) -> str | None:
        """A PostgreSQL server, or None for the embedded one."""

    @property
    def redis_url(self) -> str | None:
        """A Redis or Valkey server, or None for the embedded one."""


@dataclass
class Running:
    """Services that are up, and stay up until `stop`.

    If the process ends without calling it, by a signal or a kill, the embedded services notice and stop by themselves.
    """

    database_url: str
    redis_url: str
    leases: list[ServiceLease] = field(default_factory=list)

    def ensure(self) -> None:
        """Bring back an embedded service whose keeper was killed. Long-lived commands call this now and then."""
        for lease in self.leases:
            lease.ensure()

    def stop(self) -> None:
        """Give the services back; what nobody else uses has stopped when this returns. Harmless when repeated."""
        for lease in self.leases:
            lease.release()

    def __enter__(self) -> "Running":
        """Nothing more to do: they are running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the services back."""
        self.stop()


def ensure_services(settings: ServiceSettings, *, durable: bool = True) -> Running:
    """Start what the settings name no address for, or join it when another command runs it already.

    Every command uses this, `serve` too: they can start and end in any order, at the same moment, and the last one
    stops the embedded services. Use it as `with ensure_services(settings) as running:`.

    Args:
        settings: Where the services are.
        durable: False for tests only: faster, unsafe against a crash of the machine.

    Returns:
        Addresses. That of the embedded database is for its superuser.

    Raises:
        ServiceError: A service cannot be started; those already started are given back.
    """
    wanted = {
        name: ServiceLease(name, settings.data_dir, durable=durable)
        for name, url in (("postgres", settings.database_url), ("valkey", settings.redis_url))
        if not url
    }
    with contextlib.ExitStack() as undo, ThreadPoolExecutor(max_workers=2) as starters:
        starting = {name: starters.submit(lease.acquire) for name, lease in wanted.items()}
        for lease in wanted.values():
            undo.callback(lease.release)
        urls = {name: future.result() for name, future in starting.items()}
        undo.pop_all()
    return Running(
        database_url=settings.database_url or urls["postgres"],
        redis_url=settings.redis_url or urls["valkey"],
        leases=list(wanted.values()),
    )


@dataclass(frozen=True)
class Serving:
    """The `serve` that runs on a data directory."""

    pid: int
    url: str


@contextlib.contextmanager
def claim_serving(data_dir: Path, url: str) -> Generator[None]:
    """Be the one `serve` of this data directory.

    Args:
        data_dir: The installation's data directory.
        url: Where it will answer; told to the next one that tries.

    Raises:
        ServiceError: Another one is running.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data_dir / "serve.lock")
    if not lock.try_acquire():
        other = serving(data_dir)
        known = f" (process {other.pid}, {other.url})" if other else ""
        raise ServiceError(f"The platform is already running on {data_dir}{known}.")
    record = data_dir / "serve.json"
    try:
        record.write_text(json.dumps({"pid": os.getpid(), "url": url}))
        yield
    finally:
        record.unlink(missing_ok=True)
        lock.release()


def serving(data_dir: Path) -> Serving | None:
    """The `serve` that runs on this data directory now, if one does."""
    lock = FileLock(data_dir / "serve.lock")
    if not lock.path.exists() or lock.is_free():
        return None
    try:
        record = json.loads((data_dir / "serve.json").read_text())
        return Serving(pid=int(record["pid"]), url=str(record["url"]))
    except (OSError, ValueError, KeyError):
        return None
