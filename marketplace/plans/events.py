"""Facts that plans publishes."""

from datetime import date
from uuid import UUID

from marketplace.core.events import Event


class PlanSubmitted(Event, frozen=True, kw_only=True):
    """A planner sent a version for its quality check."""

    plan_id: UUID
    plan_version_id: UUID


class PlanReturned(Event, frozen=True, kw_only=True):
    """A version went back to who writes it, with comments."""

    plan_id: UUID
    plan_version_id: UUID
    worker_id: UUID | None
    """The planner; None: the person writes it."""


class PlanReadyToAgree(Event, frozen=True, kw_only=True):
    """A version passed its check: the person is asked."""

    plan_id: UUID
    plan_version_id: UUID
    person_id: UUID


class PlanSignedOff(Event, frozen=True, kw_only=True):
    """A version is complete: checked, agreed by the person and signed off. This is what earns the tariff."""

    plan_id: UUID
    plan_version_id: UUID
    person_id: UUID
    worker_id: UUID
    organisation_id: UUID
    visit_minutes: int
    completed_on: date


class PlanInPlace(Event, frozen=True, kw_only=True):
    """A version is signed off and in place, whoever wrote it. `PlanSignedOff` comes with it where a planner did."""

    plan_id: UUID
    plan_version_id: UUID
    person_id: UUID
    in_place_on: date


class ReviewSigned(Event, frozen=True, kw_only=True):
    """Both sides signed a review that a planner held: what earns the review tariff."""

    review_id: UUID
    plan_id: UUID
    person_id: UUID
    worker_id: UUID
    organisation_id: UUID
    held_on: date


class ReviewBooked(Event, frozen=True, kw_only=True):
    """A review has a day, or a new one."""

    review_id: UUID
    person_id: UUID
    booked_on: date


class ReviewHeld(Event, frozen=True, kw_only=True):
    """A review was written down, or its record was put right: both sides are asked to sign."""

    review_id: UUID
    person_id: UUID


class ReviewQuestioned(Event, frozen=True, kw_only=True):
    """The person says that the record of a review is not right."""

    review_id: UUID
    person_id: UUID


class ReviewSettled(Event, frozen=True, kw_only=True):
    """Both sides signed a review, whoever held it. `ReviewSigned` comes with it where a planner did."""

    review_id: UUID
    plan_id: UUID
    person_id: UUID
    outcome: str
    """A member of `ReviewOutcome`; "" for one that was recorded without."""
    changes_from: date | None


class ReviewAsked(Event, frozen=True, kw_only=True):
    """Somebody asked for a review out of turn."""

    review_id: UUID
    person_id: UUID


class ReviewHandedOn(Event, frozen=True, kw_only=True):
    """A review went to another facilitator, or to nobody."""

    review_id: UUID
    person_id: UUID


class PlanSubmittedForCheck(Event, frozen=True, kw_only=True):
    """A version went to its quality check for the first time: a stage that some tariffs pay."""

    plan_id: UUID
    plan_version_id: UUID
    person_id: UUID
    organisation_id: UUID
    visit_minutes: int
    submitted_on: date


class StoryNominated(Event, frozen=True, kw_only=True):
    """A plan was told as a story for the plan of the month, or told anew: the person is asked."""

    story_id: UUID
    plan_id: UUID
    person_id: UUID


class StoryAnswered(Event, frozen=True, kw_only=True):
    """The person answered whether the story of their plan may be shown, or took their yes back."""

    story_id: UUID
    nominated_by_user_id: UUID
    is_yes: bool


class PlanHelperAsked(Event, frozen=True, kw_only=True):
    """Somebody was asked to help with a plan and is to get the link by e-mail."""

    helper_id: UUID


class PlanTakenBack(Event, frozen=True, kw_only=True):
    """A person took their plan back from the planner who had it."""

    plan_id: UUID
    worker_id: UUID


class SectionWrittenTwice(Event, frozen=True, kw_only=True):
    """Two people wrote in one section at once; the second decided which words stand, and both are kept."""

    plan_id: UUID
    plan_version_id: UUID
    person_id: UUID
    key: str
    """Key of the section."""
    first_user_id: UUID | None
    """Who had saved first, where they are signed in."""
    first_helper_id: UUID | None
    """The same for a helper."""


class PlanPassedOn(Event, frozen=True, kw_only=True):
    """A plan is beyond the limit of who looked at it: a manager decides."""

    plan_id: UUID
    plan_version_id: UUID


class PanelCaseMoved(Event, frozen=True, kw_only=True):
    """The risk panel was asked about a plan, has a day for it, has decided, or the case was taken back."""

    case_id: UUID
    plan_id: UUID
    person_id: UUID
    status: str
    """A member of `PanelStatus`."""
    by_user_id: UUID | None


class PlanAskMoved(Event, frozen=True, kw_only=True):
    """Somebody asked for more than the budget, or the council answered."""

    ask_id: UUID
    plan_id: UUID
    person_id: UUID
    status: str
    """A member of `AskStatus`."""


class SetupMoved(Event, frozen=True, kw_only=True):
    """The way to a direct payment took a step."""

    setup_id: UUID
    person_id: UUID
    status: str
    """A member of `SetupStatus`."""
    by_user_id: UUID | None
    action: str = ""
    """The verb as the audit log has it: a draft can come from a no, or from the council that took it back."""


class EarlyStartMoved(Event, frozen=True, kw_only=True):
    """A direct payment started before the plan is signed, its deadline was put off, or it ended."""

    early_start_id: UUID
    person_id: UUID
    what: str
    """One of "agreed", "extended", "signed", "stopped", "died"."""
