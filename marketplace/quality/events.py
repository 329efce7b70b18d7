"""Facts that quality publishes."""

from uuid import UUID

from marketplace.core.events import Event


class FeedbackEvent(Event, frozen=True, kw_only=True):
    """Something happened to a piece of feedback."""

    feedback_id: UUID
    organisation_id: UUID
    listing_id: UUID


class FeedbackGiven(FeedbackEvent, frozen=True, kw_only=True):
    """A person said how a delivered visit was."""


class FeedbackDecided(FeedbackEvent, frozen=True, kw_only=True):
    """The council published it, or refused it with a reason."""

    status: str


class FeedbackReplied(FeedbackEvent, frozen=True, kw_only=True):
    """The provider replied."""


class ReturnMoved(Event, frozen=True, kw_only=True):
    """A monitoring return is to be checked by its organisation, was sent, reviewed or queried."""

    return_id: UUID
    organisation_id: UUID
    status: str
