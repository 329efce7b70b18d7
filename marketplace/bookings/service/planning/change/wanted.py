"""Another time, and what it would come to."""

from datetime import date, time

import msgspec


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Another time: of one visit on a day, or of a weekly visit on a weekday."""

    starts_local: time
    minutes: int
    visit_on: date | None = None
    weekday: int | None = None
    every_weeks: int = 1


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a change would come to, before it is made."""

    first_on: date
    """The first day that is different."""
    visits: int
    """How many written visits move."""
    before_pence: int
    after_pence: int
    """Cost of the visit, or of one usual visit of a weekly one."""
    all_before_pence: int
    all_after_pence: int
    """Cost of all written visits that move."""
