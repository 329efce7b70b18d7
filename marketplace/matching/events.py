"""Facts that matching publishes."""

from uuid import UUID

from marketplace.core.events import Event


class ReferralRecorded(Event, frozen=True, kw_only=True):
    """A referral came in."""

    referral_id: UUID


class OfferMade(Event, frozen=True, kw_only=True):
    """A referral was offered to a planner."""

    offer_id: UUID
    referral_id: UUID
    worker_id: UUID
    organisation_id: UUID


class OfferAccepted(Event, frozen=True, kw_only=True):
    """A planner took a referral."""

    offer_id: UUID
    referral_id: UUID
    person_id: UUID
    worker_id: UUID
    organisation_id: UUID


class OfferDeclined(Event, frozen=True, kw_only=True):
    """A planner said no; the referral is back in the queue."""

    offer_id: UUID
    referral_id: UUID
    worker_id: UUID
    organisation_id: UUID


class OfferWithdrawn(Event, frozen=True, kw_only=True):
    """A broker took an open offer back; the referral is back in the queue."""

    offer_id: UUID
    referral_id: UUID
    worker_id: UUID
    organisation_id: UUID


class OfferLapsed(Event, frozen=True, kw_only=True):
    """Nobody answered in time; the referral is back in the queue."""

    offer_id: UUID
    referral_id: UUID
    worker_id: UUID
    organisation_id: UUID


class ReferralWaits(Event, frozen=True, kw_only=True):
    """A referral is back in the queue, or came into it."""

    referral_id: UUID


class OfferHandedBack(Event, frozen=True, kw_only=True):
    """A planner who had accepted handed the referral back; it is in the queue again."""

    offer_id: UUID
    referral_id: UUID
    person_id: UUID
    worker_id: UUID
    organisation_id: UUID


class RunAsked(Event, frozen=True, kw_only=True):
    """A proposal for the waiting list was asked for."""

    run_id: UUID


class RunRepeatAsked(Event, frozen=True, kw_only=True):
    """Somebody wants to see that the stored inputs of a run give the same proposal again."""

    run_id: UUID


class RunFinished(Event, frozen=True, kw_only=True):
    """A waiting-list run ended: done, failed or cancelled."""

    run_id: UUID
    status: str


class DecisionTold(Event, frozen=True, kw_only=True):
    """A named person decided who is asked to plan for somebody; the person is to be told and may contest."""

    referral_id: UUID
    offer_id: UUID
    person_id: UUID


class ContestMade(Event, frozen=True, kw_only=True):
    """A person contests a decision."""

    contest_id: UUID
    person_id: UUID


class ContestAnswered(Event, frozen=True, kw_only=True):
    """A contest was answered."""

    contest_id: UUID
    person_id: UUID
    status: str


class AlertRaised(Event, frozen=True, kw_only=True):
    """Late news: a planner or provider may not hold."""

    alert_id: UUID


class RequirementOpened(Event, frozen=True, kw_only=True):
    """Providers are asked for offers."""

    requirement_id: UUID
    round: int


class RequirementClosed(Event, frozen=True, kw_only=True):
    """The time for offers has ended: with offers ("closed") or without ("no_offers")."""

    requirement_id: UUID
    status: str


class RequirementWithdrawn(Event, frozen=True, kw_only=True):
    """A requirement is no longer wanted."""

    requirement_id: UUID


class RequirementOfferMade(Event, frozen=True, kw_only=True):
    """A provider sent an offer for a requirement."""

    requirement_id: UUID
    offer_id: UUID
    organisation_id: UUID


class RequirementAwarded(Event, frozen=True, kw_only=True):
    """A requirement, or some of its visits, was awarded."""

    requirement_id: UUID
    award_id: UUID
    offer_id: UUID
    organisation_id: UUID
    person_id: UUID
    weekly_pence: int


class RequirementAwardTakenBack(Event, frozen=True, kw_only=True):
    """An award was taken back: who had won does not deliver the care."""

    requirement_id: UUID
    award_id: UUID
    organisation_id: UUID
    person_id: UUID
    others_stand: bool
    """Whether offers that had lost stand again by it."""


class CareHoursChanged(Event, frozen=True, kw_only=True):
    """An organisation said anew how many hours of care it has free."""

    organisation_id: UUID
