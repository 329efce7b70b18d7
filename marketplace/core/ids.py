"""Ids: UUIDv7, sortable by time of making."""

from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

CouncilId = NewType("CouncilId", UUID)


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return uuid7()


def parse_id(text: str) -> UUID | None:
    """Read a UUID as it stands in an address or a form; None for anything else."""
    try:
        return UUID(text) if len(text) in (32, 36) else None
    except ValueError:
        return None
