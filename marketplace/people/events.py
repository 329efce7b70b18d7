"""Facts that people publishes."""

from datetime import date
from uuid import UUID

from marketplace.core.events import Event


class PersonDied(Event, frozen=True, kw_only=True):
    """The council recorded that a person has died: what is to come stops, what was delivered is paid."""

    person_id: UUID
    died_on: date


class DeathUndone(Event, frozen=True, kw_only=True):
    """The council says that a death was recorded by mistake."""

    person_id: UUID
    died_on: date
    """The day that had been recorded."""


class ContactChanged(Event, frozen=True, kw_only=True):
    """A person's address, telephone, e-mail or way of being told things changed."""

    person_id: UUID


class RepresentationMoved(Event, frozen=True, kw_only=True):
    """Somebody was asked to act for a person, may do so now, or does so no longer."""

    representation_id: UUID
    person_id: UUID
    status: str
    """A member of `RepresentationStatus`."""


class ScopesChanged(Event, frozen=True, kw_only=True):
    """The person changed what somebody may do for them, or until when."""

    representation_id: UUID
    person_id: UUID


class CallAsked(Event, frozen=True, kw_only=True):
    """Somebody wrote online that the council should call them."""

    contact_id: UUID


class BudgetSet(Event, frozen=True, kw_only=True):
    """A budget was worked out or agreed, or the person's own share of it changed."""

    budget_id: UUID
    person_id: UUID
    status: str
    """A member of `BudgetStatus`."""


class ProtectionChanged(Event, frozen=True, kw_only=True):
    """What somebody is paid beyond their points was ended, or goes on for longer."""

    protection_id: UUID
    person_id: UUID


class BudgetChallenged(Event, frozen=True, kw_only=True):
    """A person says that a budget is not right, or takes it back, or the council has answered."""

    challenge_id: UUID
    person_id: UUID
    status: str
    """A member of `ChallengeStatus`."""


class ChargeDecided(Event, frozen=True, kw_only=True):
    """The council decided what a person pays, from a day on."""

    financial_assessment_id: UUID
    person_id: UUID


class CarerAsked(Event, frozen=True, kw_only=True):
    """A carer's first stage is complete."""

    assessment_id: UUID
    person_id: UUID
    goes_on: bool
    """Whether the council looks closer in a second stage."""
