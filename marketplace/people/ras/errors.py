"""What can go wrong with a version of the points."""

from marketplace.core.errors import Conflict


class RasChanged(Conflict):
    """Two people had the version open; the other one saved first."""

    code = "ras-changed"
    title = "Somebody else has changed this version"


class RasFixed(Conflict):
    """Only drafts change: what is proposed waits for a decision, what is published stays."""

    code = "ras-fixed"
    title = "This version can no longer be changed"


class OwnProposal(Conflict):
    """Publishing takes two people: one proposes, another publishes (C4)."""

    code = "own-ras-proposal"
    title = "Somebody else must publish what you made or proposed"
