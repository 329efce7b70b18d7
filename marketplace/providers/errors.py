"""What can go wrong on the market and when a provider joins it."""

from uuid import UUID

from marketplace.core.errors import Conflict, InvalidInput, NotFound, PlatformError, TooMany


class OutsideCouncils(PlatformError):
    """The base is in a district that no council of this installation serves. The join pages answer it themselves."""

    code = "outside-councils"
    title = "We do not cover this place yet"


class JoinLinkDead(NotFound):
    """A link to confirm a registration that was used, is too old or never was."""

    code = "join-link-dead"
    title = "This link no longer works"


class HereAlready(Conflict):
    """The organisation is here already: its number is, or its name at its postcode (V15)."""

    code = "organisation-here"
    title = "This organisation is here already"

    def __init__(self, organisation_id: UUID, name: str, by: str) -> None:
        super().__init__(f"{name} is here already.")
        self.organisation_id, self.name, self.by = organisation_id, name, by


class NotKeeper(NotFound):
    """One assistant among several of a service asks for what its people keep."""

    code = "not-keeper"
    title = "Ask the people who look after your organisation here"


class LastOne(Conflict):
    """Nobody would be left who can sign in for the organisation."""

    code = "last-one"
    title = "This is the last person who can sign in for the organisation"


class InvitationDead(NotFound):
    """An invitation that was used, withdrawn, is too old or never was: `why` says which, in a word."""

    code = "invitation-dead"
    title = "This invitation no longer works"

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class OtherAddress(Conflict):
    """Somebody is signed in with another e-mail address than the invited one."""

    code = "other-address"
    title = "This invitation is for another e-mail address"


class TooManyInvitations(TooMany):
    """More invitations in a day than an organisation sends."""

    code = "too-many-invitations"
    title = "Your organisation has sent many invitations today"


class MergeRefused(Conflict):
    """Two organisations cannot be made one: the message says why."""

    code = "merge-refused"
    title = "These organisations cannot be joined into one"


class CannotBeAsked(Conflict):
    """Nobody of the provider works with the person's council on this site, so nobody would read the question."""

    code = "cannot-be-asked"
    title = "You cannot ask this provider here"


class TooManyEnquiries(TooMany):
    """More questions in a day than somebody who chooses support needs."""

    code = "too-many-enquiries"
    title = "You have asked many questions today"


class ThreadChanged(Conflict):
    """The other side wrote or decided since the page was opened."""

    code = "thread-changed"
    title = "There is something new in this conversation"


class ThreadFull(Conflict):
    """A conversation has as many messages as one may have."""

    code = "thread-full"
    title = "This conversation is full"


class TimeGone(Conflict):
    """The time in question has passed: nobody did anything, the clock went on."""

    code = "time-gone"
    title = "This time has passed"


class DecidedMeanwhile(Conflict):
    """Somebody else decided about the same thing since the page was opened."""

    code = "decided-meanwhile"
    title = "Somebody else has decided since you opened this page"


class ReplyClosed(Conflict):
    """The time to reply to a decision has ended, or the reply was given."""

    code = "reply-closed"
    title = "You can no longer reply to this"


class WorkerChanged(Conflict):
    """Somebody else changed the same worker since the page was opened."""

    code = "worker-changed"
    title = "Somebody else has changed this since you opened the page"


class NumberTaken(InvalidInput):
    """Another organisation here stands for this entry of the register: who works for it can ask to join it."""

    code = "number-taken"

    def __init__(self, words: str, organisation_id: UUID) -> None:
        super().__init__({"number": words})
        self.organisation_id = organisation_id


class DeclareFirst(Conflict):
    """Who was asked to score an application says first whether they have an interest in it."""

    code = "declare-first"
    title = "Say first whether you have an interest in this application"

    def __init__(self, evaluation_id: UUID) -> None:
        super().__init__("You were asked to score it. You see it when you have said that you have no interest.")
        self.evaluation_id = evaluation_id


class HasInterest(Conflict):
    """Somebody who works or worked for an organisation, or declared an interest, is to judge it."""

    code = "conflict-of-interest"
    title = "Somebody else must do this"


class AlreadyDecided(Conflict):
    """Two people decided at once; the first decision stands."""

    code = "already-decided"
    title = "Somebody else has decided this already"


class ScoresUnseen(Conflict):
    """Scores are looked at before every evaluator has sent theirs."""

    code = "scores-unseen"
    title = "Not all scores are in yet"


class SameHand(Conflict):
    """One person would do two steps that two people must do."""

    code = "same-hand"
    title = "A second person must do this"


class VersionPublished(Conflict):
    """A published specification never changes: organisations applied under it."""

    code = "version-published"
    title = "This version is published and cannot be changed"

    def __init__(self, detail: str = "Organisations apply under it as it is. Make the next version instead.") -> None:
        super().__init__(detail)


class NotReady(Conflict):
    """Something is missing before a specification can be published."""

    code = "not-ready"
    title = "This version is not ready to publish"


class ChangedMeanwhile(Conflict):
    """A colleague saved the same thing since the page was opened. The page shows both."""

    code = "changed-meanwhile"
    title = "Somebody else saved this while you were writing"


class QuestionsClosed(Conflict):
    """The time for questions about a round is over, or the round is cancelled."""

    code = "questions-closed"
    title = "Questions about this round have closed"


class RoundMoved(Conflict):
    """The clock went on: what could be done with a round before can no longer be done."""

    code = "round-moved"
    title = "This round can no longer be changed in this way"


class TooManyQuestions(TooMany):
    """More questions or ideas in a day than one organisation needs."""

    code = "too-many-questions"
    title = "You have sent many in one day"


class RoundClosed(Conflict):
    """An application for a round that takes none now: not open yet, closed, or called off."""

    code = "round-closed"
    title = "This round is closed"


class AnswerChanged(Conflict):
    """Somebody else of the organisation changed an answer since the page was opened. The page shows both texts."""

    code = "answer-changed"
    title = "Somebody else has changed this answer"


class AppealRefused(Conflict):
    """There is nothing to appeal against, the time for it is over, or there is an appeal already."""

    code = "appeal-refused"
    title = "You cannot appeal now"
