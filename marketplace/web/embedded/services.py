"""The embedded servers by name, as the keeper and the leases see them."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from marketplace.web.embedded.postgres import EmbeddedPostgres
from marketplace.web.embedded.valkey import EmbeddedValkey

READY = "ready"  # First word of a keeper whose server is up.


class Service(Protocol):
    """What the keeper needs to know of a server."""

    home: Path

    @property
    def is_running(self) -> bool:
        """Whether the server is there."""

    def answers(self) -> bool:
        """Whether it takes connections, whoever started it."""

    def url(self) -> str:
        """Where clients find it."""

    def start(self) -> None:
        """Start it; return when it is ready."""

    def stop(self) -> None:
        """Stop it."""


SERVICES: dict[str, Callable[[Path, bool], Service]] = {
    "postgres": lambda data_dir, durable: EmbeddedPostgres(data_dir, durable=durable),
    "valkey": lambda data_dir, durable: EmbeddedValkey(data_dir, durable=durable),
}
