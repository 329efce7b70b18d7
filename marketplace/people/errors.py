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


class InCrisisAlready(Conflict):
    """A crisis of the person is open."""

    code = "in-crisis-already"
    title = "The crisis is recorded already"


class NotInCrisis(Conflict):
    """No crisis of the person is open."""

    code = "not-in-crisis"
    title = "The person is not in a crisis"


class EnoughEntries(Conflict):
    """A list of the profile that is as long as anybody reads."""

    code = "enough-entries"
    title = "This list is full"


class AssessmentClosed(Conflict):
    """An assessment that is complete stays as it is."""

    code = "assessment-closed"
    title = "This assessment is complete and stays as it is"


class AssessmentOpen(Conflict):
    """One of the kind is being written."""

    code = "assessment-open"
    title = "An assessment of this kind is being written already"


class ChallengeOpen(Conflict):
    """A challenge waits for its answer."""

    code = "challenge-open"
    title = "You have asked already, and the council will answer"


class ProtectionOver(Conflict):
    """It was ended since the page was opened."""

    code = "protection-over"
    title = "This protection has ended"


class BudgetGone(Conflict):
    """The budget was replaced since the page was opened."""

    code = "budget-gone"
    title = "This budget has been replaced"


class PersonHasDied(Conflict):
    """Nothing new is decided for somebody who has died."""

    code = "person-has-died"
    title = "It is recorded that this person has died"
