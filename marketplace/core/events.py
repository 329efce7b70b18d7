"""Facts that packages publish: small frozen structs of ids and values, named in the past tense."""

from typing import Any
from uuid import UUID

import msgspec

EVENTS: dict[str, type["Event"]] = {}
"""Every event by the name it is stored under."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that happened in a council."""

    council_id: UUID

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        EVENTS[cls.__name__] = cls


def encode(event: Event) -> dict[str, Any]:
    """Return an event's body as plain JSON values."""
    body: dict[str, Any] = msgspec.to_builtins(event)
    return body


def decode(name: str, body: dict[str, Any]) -> Event:
    """Read an event back.

    Raises:
        KeyError: No event of that name is known to this release.
        msgspec.ValidationError: The body does not fit.
    """
    return msgspec.convert(body, EVENTS[name])
