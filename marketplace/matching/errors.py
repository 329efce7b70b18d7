"""What can go wrong on the way from a referral to a planner."""

from marketplace.core.errors import Conflict


class ReferralChanged(Conflict):
    """Somebody else changed the referral since the form was drawn."""

    code = "referral-changed"
    title = "Somebody else has changed this referral"


class ReferralNotOpen(Conflict):
    """The referral is not waiting for a planner."""

    code = "referral-not-open"
    title = "This referral is not waiting for a planner"


class PlanningWaits(Conflict):
    """The person is in a crisis, or the stages before long-term support are not done (B1, B2)."""

    code = "planning-waits"
    title = "Long-term planning has to wait"


class PlaceTaken(Conflict):
    """Somebody else took the planner's last place in that week."""

    code = "place-taken"
    title = "That place has just been taken"


class RankingChanged(Conflict):
    """The planner no longer stands where the page showed."""

    code = "ranking-changed"
    title = "The shortlist has changed since you opened it"


class NotAccredited(Conflict):
    """The organisation may not plan for this council today (invariant 6)."""

    code = "not-accredited"
    title = "This organisation is not accredited today"


class InConflict(Conflict):
    """A conflict of interest was declared since the offer was made."""

    code = "in-conflict"
    title = "A conflict of interest stands in the way"


class CannotRank(Conflict):
    """There is no shortlist for this referral."""

    code = "cannot-rank"
    title = "There is no shortlist for this referral yet"


class AnswerTooLate(Conflict):
    """The time to answer has ended."""

    code = "answer-too-late"
    title = "The time to answer this offer has ended"


class OfferClosed(Conflict):
    """The offer was answered, taken back or has ended."""

    code = "offer-closed"
    title = "This offer is no longer open"


class RunUnderWay(Conflict):
    """The council has a run that is not done yet."""

    code = "run-under-way"
    title = "Another proposal is being worked out"


class RunOver(Conflict):
    """The run has ended, so there is nothing to stop."""

    code = "run-over"
    title = "This proposal is no longer being worked out"


class RunNotDone(Conflict):
    """The run has no result that could be acted on."""

    code = "run-not-done"
    title = "This proposal is not ready"


class RunReplaced(Conflict):
    """A newer run took over."""

    code = "run-replaced"
    title = "A newer proposal has taken the place of this one"


class BreaksRule(Conflict):
    """Somebody asked for a pair that breaks a rule."""

    code = "breaks-rule"
    title = "This planner cannot take this referral"


class ProposalDecided(Conflict):
    """Somebody has decided about the proposal already."""

    code = "proposal-decided"
    title = "Somebody has already decided about this"


class AlertClosed(Conflict):
    """The alert was dealt with, or its cause has ended."""

    code = "alert-closed"
    title = "This has been dealt with already"


class AlreadyPlanned(Conflict):
    """The plan is signed off, so the referral cannot go back."""

    code = "already-planned"
    title = "The plan of this referral is already signed off"


class AgainstChoice(Conflict):
    """The person chose somebody else, who can take the referral."""

    code = "against-choice"
    title = "The person has chosen somebody else"


class ContestOpen(Conflict):
    """A contest of the decision waits for its answer."""

    code = "contest-open"
    title = "The council is looking at this already"


class NothingToContest(Conflict):
    """There is no proposal or decision that could be contested."""

    code = "nothing-to-contest"
    title = "There is no proposal to look at again"


class ContestClosed(Conflict):
    """The contest was answered or taken back."""

    code = "contest-closed"
    title = "This has been answered"


class OwnDecision(Conflict):
    """Who decided may not answer the contest of the decision."""

    code = "own-decision"
    title = "Somebody else answers this"


class WeightsChanged(Conflict):
    """Somebody else changed the draft since the form was drawn."""

    code = "weights-changed"
    title = "Somebody else has changed this draft"


class WeightsPublished(Conflict):
    """Published weights never change."""

    code = "weights-published"
    title = "These weights are published and never change"


class ConflictEnded(Conflict):
    """The declared conflict of interest has ended."""

    code = "conflict-ended"
    title = "This conflict of interest has ended already"
