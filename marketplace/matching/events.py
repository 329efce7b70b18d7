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
