"""Facts that the resource allocation system publishes."""

from uuid import UUID

from marketplace.core.events import Event


class RasProposed(Event, frozen=True, kw_only=True):
    """A version waits for somebody of another role to publish it."""

    ras_version_id: UUID


class RasPublished(Event, frozen=True, kw_only=True):
    """A version counts from its first day."""

    ras_version_id: UUID


class RasAlarmRaised(Event, frozen=True, kw_only=True):
    """At a month's end a version was beyond a threshold (R27)."""

    ras_month_id: UUID
