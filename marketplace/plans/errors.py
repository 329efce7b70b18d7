"""What can go wrong with plans and reviews."""

from datetime import datetime

from marketplace.core.errors import Conflict, Forbidden


class PlanChanged(Conflict):
    """The plan was saved by somebody else, or in another window, since the page was opened."""

    code = "plan-changed"
    title = "This plan has changed since you opened it"


class PlanNotEditable(Conflict):
    """The plan has been submitted: it is written again only when it comes back."""

    code = "plan-not-editable"
    title = "This plan cannot be changed now"


class CheckerIsSubmitter(Forbidden):
    """The person who submitted a plan may not check it."""

    code = "checker-is-submitter"
    title = "Somebody else must check this plan"


class ReviewNotOpen(Conflict):
    """The review has been held or cancelled."""

    code = "review-not-open"
    title = "This review is not open any more"


class ReviewChanged(Conflict):
    """The record of the review was changed, signed or called wrong since the page was opened."""

    code = "review-changed"
    title = "This review has changed since you opened it"


class AlreadySigned(Conflict):
    """This side has signed the review already."""

    code = "review-already-signed"
    title = "This review is signed already"


class SignsForBoth(Forbidden):
    """Nobody signs a review for both sides."""

    code = "signs-for-both-sides"
    title = "Somebody else must sign for this side"


class NotFacilitator(Forbidden):
    """Only who facilitates a review books and records it."""

    code = "not-the-facilitator"
    title = "Somebody else holds this review"


class StoryChanged(Conflict):
    """The story of a plan moved on since the page was drawn."""

    code = "story-changed"
    title = "This story has changed since you opened it"


class StoryUnderWay(Conflict):
    """A plan has a story already."""

    code = "story-under-way"
    title = "There is a story about this plan already"


class NoConsent(Conflict):
    """The person has not said yes to the story of their plan."""

    code = "no-consent"
    title = "The person has not said yes to this story"


class MonthTaken(Conflict):
    """The council has a plan of this month."""

    code = "month-taken"
    title = "There is a plan of this month already"


class SectionClash(Conflict):
    """Somebody else saved other words in this section while these were being written. Both are kept."""

    code = "section-clash"
    title = "Two people wrote here at the same time"

    def __init__(self, saved: str, author: str, at: datetime) -> None:
        super().__init__("Nothing is lost. Choose which words to keep, or keep both.")
        self.saved = saved
        self.author = author
        self.at = at


class BeyondLimit(Forbidden):
    """The plan costs more than the role signs off by itself."""

    code = "beyond-limit"
    title = "This plan is beyond what you can sign off"


class AskNotOpen(Conflict):
    """The ask for more was answered or taken back."""

    code = "ask-not-open"
    title = "This request has been answered"


class SetupChanged(Conflict):
    """The set-up was changed by somebody else, or in another window, since the page was opened."""

    code = "setup-changed"
    title = "This has changed since you opened it"
