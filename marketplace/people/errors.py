"""What can go wrong with a person's record."""

from marketplace.core.errors import Conflict, NotFound


class RecordChanged(Conflict):
    """Two people had the record open; the other one saved first."""

    code = "record-changed"
    title = "Somebody else has changed this record"


class AskedAlready(Conflict):
    """Somebody acts for the person already, or was asked to."""

    code = "asked-already"
    title = "You have asked them already"


class EnoughHelpers(Conflict):
    """More people than anybody can keep an eye on."""

    code = "enough-helpers"
    title = "Five people may act for you at most"


class AskDead(NotFound):
    """A link that was used, taken back, is too old, or never was."""

    code = "ask-dead"
    title = "This link no longer works"


class NotTheOneAsked(Conflict):
    """The link was sent to another e-mail address."""

    code = "not-the-one-asked"
    title = "This is for somebody else"
