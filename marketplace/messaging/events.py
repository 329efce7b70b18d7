"""Facts that messaging publishes."""

from uuid import UUID

from marketplace.core.events import Event


class MessageQueued(Event, frozen=True, kw_only=True):
    """A message waits to be sent."""

    message_id: UUID
