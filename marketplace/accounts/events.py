"""Facts that accounts publishes."""

from uuid import UUID

from marketplace.core.events import Event


class PasswordResetRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for a link to choose a new password."""

    reset_id: UUID


class PasswordChanged(Event, frozen=True, kw_only=True):
    """A password was changed; its owner is told."""

    user_id: UUID
