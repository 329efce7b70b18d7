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
    """Who enters bank details, or calls about them, does not accept them."""

    code = "own-bank-details"
    title = "Someone else must check these bank details"


class TooLateToRelease(Conflict):
    """The bank's cut-off for the payment day has passed."""

    code = "too-late-to-release"
    title = "It is too late to pay on that day"


class RehearsalOnly(Conflict):
    """A rehearsal moves no money, so it is neither released nor sent."""

    code = "rehearsal-only"
    title = "This payment run is a rehearsal"


class DetailsReplaced(Conflict):
    """A payee's bank details changed, or were stopped, between making a run and releasing it."""

    code = "details-replaced"
    title = "Bank details have changed"


class NotTaken(Conflict):
    """The bank cannot have a file that nobody took."""

    code = "file-not-taken"
    title = "Nobody has downloaded the file of this run"


class NotProcessedYet(Conflict):
    """A run is confirmed on the bank's processing day at the earliest."""

    code = "not-processed-yet"
    title = "The bank has not processed this run yet"


class ReturnedBefore(Conflict):
    """A payment comes back once."""

    code = "returned-before"
    title = "This returned payment was entered before"


class CallBackNeeded(Conflict):
    """Bank details count only after a call to a number known from before (domain.md 4.6)."""

    code = "call-back-needed"
    title = "Call the organisation first"


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


class NothingToRefund(Conflict):
    """All of a card payment has gone back, is on its way, or is held by a bank."""

    code = "nothing-to-refund"
    title = "Nothing of this payment can be given back"


class OwnRefund(Forbidden):
    """Two people: who asks for a refund above the limit does not agree to it."""

    code = "own-refund"
    title = "Someone else must agree to this refund"


class NotYourAnswer(Conflict):
    """Two people: who asks for more money does not answer it."""

    code = "not-your-answer"
    title = "Somebody else answers this"


class VisitsChanged(Conflict):
    """A visit of the list was paid or changed since the page was opened."""

    code = "visits-changed"
    title = "Your list of visits to pay has changed"


class NoCards(Conflict):
    """The organisation cannot be paid by card."""

    code = "no-cards"
    title = "This provider does not take cards here yet"


class BookChanged(Conflict):
    """Somebody changed the draft since the page was opened."""

    code = "tariff-book-changed"
    title = "This price list has changed since you opened it"


class BookPublished(Conflict):
    """A published book never changes; a new one takes its place."""

    code = "tariff-book-published"
    title = "This price list is published and cannot be changed"


class OwnClaim(Forbidden):
    """Two people: who claims a tariff does not decide on it."""

    code = "own-claim"
    title = "Someone else must decide on this claim"


class PartlyTaken(Conflict):
    """A run of which a payment came back was not refused whole."""

    code = "run-partly-taken"
    title = "The bank has processed this payment run"
