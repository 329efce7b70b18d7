"""Life cycles of feedback and of monitoring returns."""

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


class ReturnStatus(StrEnum):
    """Where a monitoring return is."""

    OPEN = "open"
    """The platform filled it in; the organisation checks it and adds its words."""
    SENT = "sent"
    REVIEWED = "reviewed"
    QUERIED = "queried"
    """The council asks something about it."""


RETURN = Lifecycle(
    "monitoring_return",
    "monitoring_returns",
    {
        ReturnStatus.OPEN: frozenset({ReturnStatus.SENT}),
        ReturnStatus.SENT: frozenset({ReturnStatus.REVIEWED, ReturnStatus.QUERIED}),
        ReturnStatus.QUERIED: frozenset({ReturnStatus.SENT, ReturnStatus.REVIEWED}),
        ReturnStatus.REVIEWED: frozenset({ReturnStatus.QUERIED}),
    },
)
"""Light-touch contract monitoring (B16)."""
