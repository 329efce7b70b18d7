"""Forms of weekly visits, changes, extra visits and pauses."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from marketplace.bookings.models import Booking, ChangeScope, PauseKind, VisitPattern
from marketplace.bookings.schemas import LONGEST_MINUTES, LONGEST_NOTE, SHORTEST_MINUTES
from marketplace.bookings.service.planning.change import Wanted
from marketplace.bookings.service.planning.one_offs import Extra
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader

RHYTHMS = ("1", "2", "3", "4")
LONGEST_NIGHT = 24 * 60


class ChangeForm(msgspec.Struct, frozen=True, kw_only=True):
    """Another time, and for how many visits."""

    scope: ChangeScope
    wanted: Wanted
    reason: str
    version: int
    pattern_version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], pattern: VisitPattern | None) -> "ChangeForm":
        """Read the form. Without a weekly visit behind it only this one visit can change.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        scope = ChangeScope.ONE
        if pattern is not None:
            scope = form.choice("scope", "which visits change", ChangeScope) or ChangeScope.ONE
        day = form.day("visit_on", "the new day")
        starts = form.clock_time("starts_local", "the new time")
        most = LONGEST_NIGHT if pattern is not None and pattern.is_sleep_in else LONGEST_MINUTES
        minutes = form.number("minutes", "the length in minutes", least=SHORTEST_MINUTES, most=most)
        every = "1"
        if scope is not ChangeScope.ONE:
            every = form.option("every_weeks", "how often", RHYTHMS) or "1"
        reason = form.text("reason", "your reason", required=False, longest=500)
        version = form.number("version", "the version", least=0, most=1_000_000_000, required=False)
        of_pattern = form.number("pattern_version", "the version", least=0, most=1_000_000_000, required=False)
        form.done()
        if day is None or starts is None:
            raise InvalidInput(form.errors)
        is_one = scope is ChangeScope.ONE
        wanted = Wanted(
            visit_on=day if is_one else None,
            weekday=None if is_one else day.weekday(),
            starts_local=starts,
            minutes=minutes,
            every_weeks=int(every),
        )
        return cls(scope=scope, wanted=wanted, reason=reason, version=version, pattern_version=of_pattern)


def change_values(visit: Booking, pattern: VisitPattern | None) -> dict[str, Any]:
    """Return the fields of a change before anything was typed."""
    return {
        **_day_fields("visit_on", visit.visit_on),
        "starts_local": f"{visit.starts_local:%H:%M}",
        "minutes": visit.minutes,
        "every_weeks": str(pattern.every_weeks if pattern else 1),
        "scope": ChangeScope.ONE.value,
        "version": visit.version,
        "pattern_version": pattern.version if pattern else 0,
    }


def _day_fields(name: str, day: date) -> dict[str, Any]:
    return {f"{name}-day": day.day, f"{name}-month": day.month, f"{name}-year": day.year}


class PauseForm(msgspec.Struct, frozen=True, kw_only=True):
    """Days without visits."""

    kind: PauseKind
    starts_on: date
    ends_on: date | None
    note: str


def pause_form(data: Mapping[str, Any]) -> PauseForm:
    """Read the form of a pause.

    Raises:
        InvalidInput: With every message, by field.
    """
    form = FormReader(data)
    kind = form.choice("kind", "why visits pause", PauseKind)
    starts_on = form.day("starts_on", "the first day without visits")
    ends_on = form.day("ends_on", "the first day with visits again", required=False)
    note = form.text("note", "your note", required=False, longest=LONGEST_NOTE)
    if starts_on is not None and ends_on is not None and ends_on <= starts_on:
        form.wrong("ends_on", "The first day with visits again must be after the first day of the pause")
    form.done()
    if kind is None or starts_on is None:
        raise InvalidInput(form.errors)
    return PauseForm(kind=kind, starts_on=starts_on, ends_on=ends_on, note=note)


def extra_form(data: Mapping[str, Any]) -> Extra:
    """Read the form of one visit more.

    Raises:
        InvalidInput: With every message, by field.
    """
    form = FormReader(data)
    day = form.day("visit_on", "the day")
    starts = form.clock_time("starts_local", "the start time")
    minutes = form.number("minutes", "the length in minutes", least=SHORTEST_MINUTES, most=LONGEST_MINUTES)
    note = form.text("note", "your note", required=False, longest=LONGEST_NOTE)
    form.done()
    if day is None or starts is None:
        raise InvalidInput(form.errors)
    return Extra(visit_on=day, starts_local=starts, minutes=minutes, note=note)


def weekly_form(data: Mapping[str, Any]) -> list[VisitPattern]:
    """Read the form of new weekly visits: a row for each day that was ticked.

    Raises:
        InvalidInput: With every message, by field.
    """
    form = FormReader(data)
    days = form.options("weekdays", "at least one day", [str(number) for number in range(7)], required=True)
    starts = form.clock_time("starts_local", "the start time")
    is_sleep_in = form.ticked("is_sleep_in")
    minutes = form.number("minutes", "the length in minutes", least=SHORTEST_MINUTES, most=LONGEST_NIGHT)
    every = form.option("every_weeks", "how often", RHYTHMS)
    workers = form.option("workers_needed", "how many people come", ("1", "2"))
    starts_on = form.day("starts_on", "the first day")
    note = form.text("note", "what is done on this visit", required=False, longest=LONGEST_NOTE)
    form.done()
    if starts is None or starts_on is None:
        raise InvalidInput(form.errors)
    return [
        VisitPattern(
            weekday=int(day),
            starts_local=starts,
            minutes=minutes,
            every_weeks=int(every),
            starts_on=starts_on,
            workers_needed=int(workers),
            is_sleep_in=is_sleep_in,
            note=note,
        )
        for day in days
    ]
