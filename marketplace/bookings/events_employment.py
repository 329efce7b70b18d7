"""Facts about employment that bookings publishes."""

from datetime import date
from uuid import UUID

from marketplace.core.events import Event


class FamilyExceptionEvent(Event, frozen=True, kw_only=True):
    """Something happened to a question whether a relative may be paid."""

    exception_id: UUID
    employment_id: UUID
    person_id: UUID


class FamilyExceptionAsked(FamilyExceptionEvent, frozen=True, kw_only=True):
    """A person asked; managers decide."""


class FamilyExceptionDecided(FamilyExceptionEvent, frozen=True, kw_only=True):
    """A manager decided, or took an earlier leave back."""

    is_allowed: bool


class EmploymentEvent(Event, frozen=True, kw_only=True):
    """Something happened to a person's job for an assistant."""

    employment_id: UUID
    person_id: UUID


class EmploymentStarted(EmploymentEvent, frozen=True, kw_only=True):
    """The first shift may come; what was still to do then."""

    open_keys: tuple[str, ...]


class DutiesDue(EmploymentEvent, frozen=True, kw_only=True):
    """Duties come due or end soon, or are over: the person is reminded. Once a day at most."""

    keys: tuple[str, ...]
    on: date


class DutiesEscalated(EmploymentEvent, frozen=True, kw_only=True):
    """Duties have been open too long: the council is told, so that somebody helps. Pay is never held back."""

    keys: tuple[str, ...]


class TimesheetSent(EmploymentEvent, frozen=True, kw_only=True):
    """The hours of a pay period were closed for the payroll."""

    timesheet_id: UUID
