"""Facts that accounts publishes."""

from datetime import date
from uuid import UUID

from marketplace.core.events import Event


class PasswordResetRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for a link to choose a new password."""

    reset_id: UUID


class PasswordChanged(Event, frozen=True, kw_only=True):
    """A password was changed; its owner is told."""

    user_id: UUID


class CouncilSettingDecided(Event, frozen=True, kw_only=True):
    """What a council decides for itself changes from a day on, or a later change was taken back; others are told."""

    key: str
    starts_on: date
    before: str
    """What counted, or would have counted, on that day; in words."""
    after: str
    why: str
    user_id: UUID
