"""When a worker is free: weekly hours less absences less visits, as instants, so that clock changes come out right."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from marketplace.core.clock import instant, local

MINUTE = timedelta(minutes=1)
STEP_MINUTES = 30


class Span(NamedTuple):
    """A stretch of time, half-open, UTC."""

    starts_at: datetime
    ends_at: datetime


class Hours(NamedTuple):
    """Usual working time on a weekday (0 is Monday), wall clock."""

    weekday: int
    starts_local: time
    ends_local: time


class Away(NamedTuple):
    """Days of absence, half-open."""

    starts_on: date
    ends_on: date

    def holds(self, day: date) -> bool:
        """Whether a day falls into the absence."""
        return self.starts_on <= day < self.ends_on


class WorkerCalendar(NamedTuple):
    """What is known about one worker's time."""

    hours: Sequence[Hours]
    absences: Sequence[Away]
    busy: Sequence[Span]
    starts_on: date
    ends_on: date | None

    def is_away(self, day: date) -> bool:
        """Whether the worker is absent on a day, or not (or no longer) working there."""
        is_employed = self.starts_on <= day and (self.ends_on is None or day < self.ends_on)
        return not is_employed or any(away.holds(day) for away in self.absences)

    def working(self, first: date, until: date) -> list[Span]:
        """Working time on the days [first, until), merged, in order.

        A day's end is written 23:59 at the latest, so a gap of a minute at midnight is none.
        """
        spans = []
        day = first
        while day < until:
            if not self.is_away(day):
                spans += [
                    Span(instant(day, item.starts_local), instant(day, item.ends_local))
                    for item in self.hours
                    if item.weekday == day.weekday()
                ]
            day += timedelta(days=1)
        return merged(spans)

    def is_working(self, visit: Span) -> bool:
        """Whether a visit lies within working time."""
        first = local(visit.starts_at).date() - timedelta(days=1)
        until = local(visit.ends_at).date() + timedelta(days=2)
        return any(
            span.starts_at <= visit.starts_at and visit.ends_at <= span.ends_at for span in self.working(first, until)
        )

    def is_busy(self, visit: Span) -> bool:
        """Whether another visit overlaps."""
        return any(span.starts_at < visit.ends_at and visit.starts_at < span.ends_at for span in self.busy)

    def free(self, day: date, after: datetime, minutes: int) -> list[Span]:
        """Free stretches of at least `minutes` that start on a day (London), not before an instant."""
        least = timedelta(minutes=minutes)
        from_at = max(after, instant(day, time(0)))
        # The day before counts, too: somebody who works nights is at work when the day begins.
        working = self.working(day - timedelta(days=1), day + timedelta(days=2))
        left = [Span(max(span.starts_at, from_at), span.ends_at) for span in working if span.ends_at > from_at]
        for taken in sorted(self.busy):
            left = [part for span in left for part in without(span, taken)]
        midnight = instant(day + timedelta(days=1), time(0))
        return [span for span in left if span.ends_at - span.starts_at >= least and span.starts_at < midnight]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Join stretches that touch, overlap or are a minute apart."""
    found: list[Span] = []
    for span in sorted(spans):
        if span.ends_at <= span.starts_at:
            continue
        if found and span.starts_at <= found[-1].ends_at + MINUTE:
            found[-1] = Span(found[-1].starts_at, max(found[-1].ends_at, span.ends_at))
        else:
            found.append(span)
    return found


def without(span: Span, taken: Span) -> list[Span]:
    """What is left of a stretch when another is taken out of it."""
    if taken.ends_at <= span.starts_at or taken.starts_at >= span.ends_at:
        return [span]
    parts = [Span(span.starts_at, taken.starts_at), Span(taken.ends_at, span.ends_at)]
    return [part for part in parts if part.starts_at < part.ends_at]


def start_times(spans: Iterable[Span], day: date, minutes: int, limit: int = 12) -> list[datetime]:
    """Starts to offer on a day (London) within free stretches: on the half hour, a few, in order."""
    least = timedelta(minutes=minutes)
    step = timedelta(minutes=STEP_MINUTES)
    found: set[datetime] = set()
    for span in spans:
        # London is whole hours away from UTC, so half hours are the same on both clocks.
        start = span.starts_at.replace(second=0, microsecond=0)
        rest = start.minute % STEP_MINUTES
        if rest or start < span.starts_at:
            start += timedelta(minutes=STEP_MINUTES - rest)
        while start + least <= span.ends_at and local(start).date() == day:
            found.add(start)
            start += step
    return sorted(found)[:limit]
