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
