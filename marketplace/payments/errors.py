"""What can go wrong in payments."""

from marketplace.core.errors import Conflict, Forbidden


class NoTariff(Conflict):
    """Work was done on a day for which the council has set no tariff. Never guessed: the message waits, visibly."""

    code = "no-tariff"
    title = "There is no tariff for that day"


class MakerCannotRelease(Forbidden):
    """Two people: who makes a payment run does not release it."""

    code = "maker-cannot-release"
    title = "Someone else must release this payment run"


class OwnDetails(Forbidden):
    """Two people: who enters bank details does not check them."""

    code = "own-bank-details"
    title = "Someone else must check these bank details"


class TooLateToRelease(Conflict):
    """The bank's cut-off for the payment day has passed."""

    code = "too-late-to-release"
    title = "It is too late to pay on that day"


class NoPayingAccount(Conflict):
    """The council's own account is not known."""

    code = "no-paying-account"
    title = "The council’s bank account is not set up"


class FileDiffers(Conflict):
    """A released file can no longer be made as it was: nothing is handed out."""

    code = "file-differs"
    title = "The file no longer equals the one that was released"


class NotReleased(Conflict):
    """A file exists only of a released run."""

    code = "not-released"
    title = "This payment run has not been released"


class TakenBackAlready(Conflict):
    """A movement is taken back once; a correction never."""

    code = "taken-back-already"
    title = "This was taken back before"


class AuditClosed(Conflict):
    """Nothing is asked or answered in an audit that is closed."""

    code = "audit-closed"
    title = "This check of the money is closed"
