"""Facts that messaging publishes."""

from uuid import UUID

from marketplace.core.events import Event


class MessageQueued(Event, frozen=True, kw_only=True):
    """A message waits to be sent."""

    message_id: UUID


class ThreadWritten(Event, frozen=True, kw_only=True):
    """One side of a thread wrote something."""

    thread_id: UUID
    message_id: UUID
    subject_kind: str
    """What the thread is about: "agreement"."""
    subject_id: UUID
    for_provider: bool
    """Whether the provider's side is to hear of it."""


class ThreadReported(Event, frozen=True, kw_only=True):
    """One side reported a message of the other to the council."""

    thread_id: UUID
    message_id: UUID
