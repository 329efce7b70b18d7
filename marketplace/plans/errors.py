"""What can go wrong with plans and reviews."""

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
