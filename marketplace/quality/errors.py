"""What can go wrong with feedback."""

from marketplace.core.errors import Conflict


class NotToBeRated(Conflict):
    """Only a visit that was confirmed, and not long ago, can be spoken about."""

    code = "not-to-be-rated"
    title = "You cannot say how this visit was"


class AlreadyGiven(Conflict):
    """Something was said about this visit before."""

    code = "feedback-already-given"
    title = "You have already said how this visit was"


class ReplyStands(Conflict):
    """A reply can be changed for some days only."""

    code = "reply-stands"
    title = "This reply can no longer be changed"


class FeedbackChanged(Conflict):
    """Somebody decided or the writer changed it since the page was opened."""

    code = "feedback-changed"
    title = "This feedback has changed since you opened it"
