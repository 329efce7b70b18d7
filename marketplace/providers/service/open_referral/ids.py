"""Ids of the feed: the same on every reading, made from the ids of the rows, with no table of their own."""

import hashlib
from typing import Final
from uuid import UUID

_PLACE_MARK: Final = 0x5EA1_0CA7_10F5
"""Turns the id of a service into that of the service at its place, and back: it changes random bits alone."""


def stable_id(*parts: object) -> UUID:
    """Make an id from what it stands for: a UUID of version 8 (RFC 9562) from a digest."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    value = int.from_bytes(digest[:16])
    value &= ~(0xF << 76 | 0x3 << 62)
    return UUID(int=value | 8 << 76 | 2 << 62)


def place_id(service_id: UUID) -> UUID:
    """Give the id of "this service at its place"; the same function leads back."""
    return UUID(int=service_id.int ^ _PLACE_MARK)
