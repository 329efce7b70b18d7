"""Facts about people who move to another council."""

from datetime import date
from uuid import UUID

from marketplace.core.events import Event


class MoveRecorded(Event, frozen=True, kw_only=True):
    """The council recorded that somebody moves away: they are asked what may be passed on."""

    move_id: UUID
    person_id: UUID


class MoveAnswered(Event, frozen=True, kw_only=True):
    """The person said what may be passed on and what becomes of their support, or changed their mind."""

    move_id: UUID
    person_id: UUID
    moves_on: date
    to_council_id: UUID | None
    consents: bool
    support: str
    """A key of `moving_words.SUPPORT`."""


class MoveCancelled(Event, frozen=True, kw_only=True):
    """The move does not take place, or was recorded by mistake: nothing of it is passed on any more."""

    move_id: UUID
    person_id: UUID
    to_council_id: UUID | None


class CaseCameIn(Event, frozen=True, kw_only=True):
    """Another council passed on a case; `council_id` is the new council."""

    case_id: UUID


class MoveDayCame(Event, frozen=True, kw_only=True):
    """The day of a move is here, at the council that is left."""

    move_id: UUID
    person_id: UUID
    moves_on: date


class CaseDayCame(Event, frozen=True, kw_only=True):
    """The day of a move is here, at the new council (`council_id`): it is responsible from now on."""

    case_id: UUID
