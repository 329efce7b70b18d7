"""Facts about plans that are shared with organisations."""

from datetime import date
from uuid import UUID

from marketplace.core.events import Event


class PlanShared(Event, frozen=True, kw_only=True):
    """A person lets an organisation read parts of their plan."""

    share_id: UUID
    person_id: UUID
    organisation_id: UUID
    ends_on: date


class PlannerLeft(Event, frozen=True, kw_only=True):
    """A plan went from an organisation that planned it to another one, or back to the person."""

    plan_id: UUID
    person_id: UUID
    organisation_id: UUID
    """Who planned it before."""


class PlanShareEnded(Event, frozen=True, kw_only=True):
    """An organisation may not read a plan any more, before the day that was set.

    `by_itself`: its role ended; else the person took it back.
    """

    share_id: UUID
    person_id: UUID
    organisation_id: UUID
    by_itself: bool
