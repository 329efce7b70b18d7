"""Facts that plans publishes."""

from datetime import date
from uuid import UUID

from marketplace.core.events import Event


class PlanSubmitted(Event, frozen=True, kw_only=True):
    """A planner sent a version for its quality check."""

    plan_id: UUID
    plan_version_id: UUID


class PlanReturned(Event, frozen=True, kw_only=True):
    """A version went back to its planner with comments."""

    plan_id: UUID
    plan_version_id: UUID
    worker_id: UUID


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


class ReviewSigned(Event, frozen=True, kw_only=True):
    """A review was held and written down: what earns the review tariff."""

    review_id: UUID
    plan_id: UUID
    person_id: UUID
    worker_id: UUID
    organisation_id: UUID
    held_on: date


class PlanSubmittedForCheck(Event, frozen=True, kw_only=True):
    """A version went to its quality check for the first time: a stage that some tariffs pay."""

    plan_id: UUID
    plan_version_id: UUID
    person_id: UUID
    organisation_id: UUID
    visit_minutes: int
    submitted_on: date
