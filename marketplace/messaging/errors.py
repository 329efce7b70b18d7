"""What can go wrong between two sides that write to each other."""

from marketplace.core.errors import Conflict, TooMany


class ThreadClosed(Conflict):
    """It is too late, or too early, to write."""

    code = "thread-closed"
    title = "You cannot write here any more"


class NobodyReads(Conflict):
    """The other side does not use the site."""

    code = "nobody-reads"
    title = "They do not read messages here"


class TooManyMessages(TooMany):
    """More than a day's share."""

    code = "too-many-messages"
    title = "You have written a lot today"
