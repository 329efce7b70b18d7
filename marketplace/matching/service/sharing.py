"""Links that show a stored shortlist to somebody without an account, for two weeks and to read only.

A link is its own proof: council, shortlist, last day and a keyed hash of them. Nothing is kept, so a link cannot be
called back before its day; making one is written down.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import msgspec

LIFE: Final = timedelta(days=14)
_MARK_BYTES: Final = 16
_DAY_BYTES: Final = 4
_PURPOSE: Final = b"shared-shortlist:"


class Shared(msgspec.Struct, frozen=True):
    """What a link leads to."""

    council_id: UUID
    shortlist_id: UUID
    last_day: date


def share_token(secret_key: str, shared: Shared) -> str:
    """Return the secret part of a link."""
    body = shared.council_id.bytes + shared.shortlist_id.bytes + shared.last_day.toordinal().to_bytes(_DAY_BYTES, "big")
    return base64.urlsafe_b64encode(body + _mark(secret_key, body)).decode().rstrip("=")


def read_token(secret_key: str, token: str, on: date) -> Shared | None:
    """Return what a link leads to; None when it is not one of ours or its day has passed."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    body, mark = raw[:-_MARK_BYTES], raw[-_MARK_BYTES:]
    if len(body) != 32 + _DAY_BYTES or not hmac.compare_digest(mark, _mark(secret_key, body)):
        return None
    last_day = date.fromordinal(int.from_bytes(body[32:], "big"))
    shared = Shared(UUID(bytes=body[:16]), UUID(bytes=body[16:32]), last_day)
    return shared if on <= last_day else None


def _mark(secret_key: str, body: bytes) -> bytes:
    return hmac.new(secret_key.encode(), _PURPOSE + body, hashlib.sha256).digest()[:_MARK_BYTES]
