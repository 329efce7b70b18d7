"""The weekly visits as simple rows of a form: weekdays, time, length, how many come, every how many weeks, sleep-in.

Shared by the form of a new agreement and by later changes of its visits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import combinations
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.bookings.models import VisitPattern
from marketplace.core.clock import week_start
from marketplace.core.formats import duration, plural, uk_time
from marketplace.core.forms import FormReader
from marketplace.providers.models import CONCESSIONS

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY_WORDS: Final = {1: "every week", 2: "every second week", 3: "every third week", 4: "every fourth week"}
MOST_LINES: Final = 14
FIRST_LINES: Final = 3
"""How many rows an empty form shows."""
SHORTEST_MINUTES: Final = 15
LONGEST_MINUTES: Final = 24 * 60
LONGEST_NOTE: Final = 300
_DAY_MINUTES: Final = 24 * 60
_WEEK_MINUTES: Final = 7 * _DAY_MINUTES


class PatternLine(msgspec.Struct, frozen=True, kw_only=True):
    """A visit on one or more weekdays, as somebody would say it: "Mondays and Fridays at 8am for 45 minutes"."""

    weekdays: tuple[int, ...]
    """0 is Monday; in order, at least one."""
    starts_local: time
    """Wall clock, Europe/London."""
    minutes: int
    workers_needed: int = 1
    """1, or 2 for a double-up; 0 for a place at an activity."""
    every_weeks: int = 1
    is_sleep_in: bool = False
    note: str = ""
    concession: str = ""
    """Key of one of the listing's concessions that the person asks for; only for a place at an activity."""

    @property
    def days_words(self) -> str:
        """The weekdays in words: "Every day", "Monday to Friday", "Monday and Thursday"."""
        if self.weekdays == tuple(range(7)):
            return "Every day"
        if self.weekdays == tuple(range(5)):
            return "Monday to Friday"
        names = [WEEKDAYS[day] for day in self.weekdays]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

    @property
    def words(self) -> str:
        """All but the weekdays in words: "8am, 45 minutes, two workers, every second week"."""
        parts = [uk_time(self.starts_local), duration(self.minutes)]
        if self.is_sleep_in:
            parts.append("sleep-in")
        if self.workers_needed == 2:
            parts.append("two workers")
        if self.every_weeks > 1:
            parts.append(EVERY_WORDS[self.every_weeks])
        if self.concession:
            parts.append(f"concession: {CONCESSIONS.get(self.concession, self.concession).lower()}")
        return ", ".join(parts)

    @property
    def runs_over_midnight(self) -> bool:
        """Whether it ends on the next day."""
        return self.starts_local.hour * 60 + self.starts_local.minute + self.minutes > _DAY_MINUTES


def read_lines(
    form: FormReader,
    *,
    least_minutes: int = SHORTEST_MINUTES,
    is_place: bool = False,
    required: bool = True,
    concessions: Sequence[str] = (),
    is_alone: bool = False,
) -> tuple[PatternLine, ...]:
    """Read the rows of a form; wrong fields are noted in it. Rows in which nothing was entered are left out.

    Args:
        form: The form; its row 1 has the fields visit-1-days, -time, -minutes, -workers, -every, -sleep and -note.
        least_minutes: The shortest visit of the listing.
        is_place: Whether it is a place at an activity, for which no worker is counted.
        required: Whether at least one row is needed.
        concessions: Keys of the concessions that the listing offers; asked for places alone.
        is_alone: Whether one assistant alone offers it, so that no second can come.
    """
    lines, places = [], []
    for number in range(1, MOST_LINES + 1):
        if _is_empty(form, number):
            continue
        line = _read_line(
            form, number, max(SHORTEST_MINUTES, least_minutes), is_place=is_place, concessions=concessions
        )
        if line is not None and is_alone and line.workers_needed > 1:
            # The page does not ask how many come, so the words stand where the visit begins.
            form.wrong(f"visit-{number}-days", "This agreement is with one assistant alone, so nobody second can come")
        if line is not None:
            lines.append(line)
            places.append(number)
    if required and not lines and not form.errors:
        form.wrong("visit-1-days", "Choose the days of at least one visit")
    for (first, a), (second, b) in combinations(zip(places, lines, strict=True), 2):
        day = _overlap(a, b)
        if day is not None:
            form.wrong(f"visit-{second}-time", f"Visit {second} overlaps visit {first} on {WEEKDAYS[day]}")
    return tuple(lines)


def _is_empty(form: FormReader, number: int) -> bool:
    return not any(form.raw(f"visit-{number}-{name}") for name in ("days", "time", "minutes", "note"))


def _read_line(
    form: FormReader, number: int, least_minutes: int, *, is_place: bool, concessions: Sequence[str]
) -> PatternLine | None:
    of = f" of visit {number}"
    days = form.options(f"visit-{number}-days", f"the days{of}", [str(day) for day in range(7)], required=True)
    starts = form.clock_time(f"visit-{number}-time", f"the start time{of}")
    minutes = form.number(
        f"visit-{number}-minutes", f"the length in minutes{of}", least=least_minutes, most=LONGEST_MINUTES
    )
    workers = 0
    if not is_place:
        choices = ("1", "2")
        workers = int(form.option(f"visit-{number}-workers", f"how many come{of}", choices, required=False) or 1)
    every = int(
        form.option(f"visit-{number}-every", f"how often{of}", [str(n) for n in EVERY_WORDS], required=False) or 1
    )
    note = form.text(f"visit-{number}-note", f"the note{of}", required=False, longest=LONGEST_NOTE)
    concession = ""
    if is_place and concessions:
        concession = form.option(f"visit-{number}-concession", f"the concession{of}", concessions, required=False)
    if not days or starts is None:
        return None
    return PatternLine(
        weekdays=tuple(int(day) for day in days),
        starts_local=starts,
        minutes=minutes,
        workers_needed=workers,
        every_weeks=every,
        is_sleep_in=form.ticked(f"visit-{number}-sleep"),
        note=note,
        concession=concession,
    )


def _overlap(a: PatternLine, b: PatternLine) -> int | None:
    """Return a weekday on which two lines overlap; None when they never need to (or not in each week)."""
    if a.every_weeks != b.every_weeks and 1 not in (a.every_weeks, b.every_weeks):
        return None  # They may be in different weeks; planning looks at the days themselves.
    for first in a.weekdays:
        for second in b.weekdays:
            starts = first * _DAY_MINUTES + a.starts_local.hour * 60 + a.starts_local.minute
            other = second * _DAY_MINUTES + b.starts_local.hour * 60 + b.starts_local.minute
            # Sunday night runs into Monday morning.
            if any(
                starts < other + shift + b.minutes and other + shift < starts + a.minutes
                for shift in (-_WEEK_MINUTES, 0, _WEEK_MINUTES)
            ):
                return second
    return None


def line_fields(lines: Sequence[PatternLine]) -> dict[str, Any]:
    """Write lines as the fields of the form."""
    fields: dict[str, Any] = {}
    for number, line in enumerate(lines, 1):
        fields[f"visit-{number}-days"] = [str(day) for day in line.weekdays]
        # Not "midnight" or "midday", which nobody has to be able to type.
        fields[f"visit-{number}-time"] = f"{line.starts_local:%H:%M}"
        fields[f"visit-{number}-minutes"] = str(line.minutes)
        fields[f"visit-{number}-workers"] = str(line.workers_needed)
        fields[f"visit-{number}-every"] = str(line.every_weeks)
        fields[f"visit-{number}-sleep"] = "yes" if line.is_sleep_in else ""
        fields[f"visit-{number}-note"] = line.note
        fields[f"visit-{number}-concession"] = line.concession
    return fields


def rows_shown(data: Mapping[str, Any], *, more: bool = False) -> int:
    """Return how many rows a form shows: those with anything in them and some empty ones; `more` adds one."""
    form = FormReader(data)
    used = max((number for number in range(1, MOST_LINES + 1) if not _is_empty(form, number)), default=0)
    shown = form.number("rows", "", least=FIRST_LINES, most=MOST_LINES, required=False)
    return min(MOST_LINES, max(FIRST_LINES, used, shown) + (1 if more else 0))


def rows_of(
    lines: Iterable[PatternLine],
    *,
    council_id: UUID,
    agreement_id: UUID,
    starts_on: date,
    created_at: datetime,
    worker_id: UUID | None = None,
) -> list[VisitPattern]:
    """Return the rows of lines, one a weekday. Weeks are counted from the week of `starts_on`."""
    return [
        VisitPattern(
            council_id=council_id,
            agreement_id=agreement_id,
            weekday=weekday,
            starts_local=line.starts_local,
            minutes=line.minutes,
            every_weeks=line.every_weeks,
            anchor_on=first_week(weekday, starts_on),
            starts_on=starts_on,
            workers_needed=line.workers_needed,
            worker_id=worker_id if line.workers_needed else None,
            is_sleep_in=line.is_sleep_in,
            note=line.note,
            concession=line.concession,
            created_at=created_at,
        )
        for line in lines
        for weekday in line.weekdays
    ]


def first_week(weekday: int, starts_on: date) -> date:
    """Return the Monday of the first week with that weekday on or after a day.

    An agreement that begins on a Thursday with a visit every second Monday has its first visit on the next Monday.
    """
    monday = week_start(starts_on)
    return monday if weekday >= starts_on.weekday() else monday + timedelta(days=7)


def lines_of(patterns: Iterable[VisitPattern]) -> tuple[PatternLine, ...]:
    """Gather rows into lines: those that differ in nothing but the weekday are one, the earliest in the day first."""
    found: dict[tuple[Any, ...], set[int]] = {}
    for row in patterns:
        # Weeks that do not fall together are told apart, so that every second Monday and the Mondays between are two.
        phase = (row.anchor_on.toordinal() // 7) % row.every_weeks
        key = (
            row.starts_local,
            row.minutes,
            row.workers_needed,
            row.every_weeks,
            row.is_sleep_in,
            row.note,
            row.concession,
            phase,
        )
        found.setdefault(key, set()).add(row.weekday)
    return tuple(
        PatternLine(
            weekdays=tuple(sorted(days)),
            starts_local=key[0],
            minutes=key[1],
            workers_needed=key[2],
            every_weeks=key[3],
            is_sleep_in=key[4],
            note=key[5],
            concession=key[6] or "",
        )
        for key, days in sorted(found.items(), key=lambda item: (item[0][:2], min(item[1])))
    )


def counting_on(patterns: Sequence[VisitPattern], day: date) -> list[VisitPattern]:
    """Return the rows that count on a day: a change from a day on has ended one and begun another."""
    return [row for row in patterns if row.starts_on <= day and (row.ends_on is None or day < row.ends_on)]


def visits_words(lines: Sequence[PatternLine]) -> str:
    """Say how many visits a usual week has: "7 visits a week"; every second week counts half."""
    number = sum(len(line.weekdays) / line.every_weeks for line in lines)
    if number == int(number):
        return f"{plural(int(number), 'visit')} a week"
    return f"about {number:.1f} visits a week"
