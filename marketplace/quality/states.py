"""Life cycle of feedback."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class FeedbackStatus(StrEnum):
    """Where a piece of feedback is."""

    WAITING = "waiting"
    """Somebody at the council looks whether it may be published as it is."""
    PUBLISHED = "published"
    REFUSED = "refused"
    """Not published: it names people, insults, or is about something else. Never because it is bad."""
    WITHDRAWN = "withdrawn"
    """The writer took it back."""


FEEDBACK = Lifecycle(
    "feedback",
    "feedback",
    {
        FeedbackStatus.WAITING: frozenset({FeedbackStatus.PUBLISHED, FeedbackStatus.REFUSED, FeedbackStatus.WITHDRAWN}),
        FeedbackStatus.PUBLISHED: frozenset({FeedbackStatus.REFUSED, FeedbackStatus.WITHDRAWN}),
        # Who wrote it may write it anew, and the council may think better of it.
        FeedbackStatus.REFUSED: frozenset({FeedbackStatus.WAITING, FeedbackStatus.PUBLISHED, FeedbackStatus.WITHDRAWN}),
        FeedbackStatus.WITHDRAWN: frozenset(),
    },
)
