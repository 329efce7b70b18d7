"""Time: instants are UTC from the injected clock, promises to people are wall-clock time in Europe/London."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


class Clock(Protocol):
    """Where the time comes from. Nothing else in the platform asks the machine."""

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved: tests and the demo's history."""

    def __init__(self, at: datetime) -> None:
        self.at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant the clock stands at."""
        return self.at

    def move_to(self, at: datetime) -> None:
        """Set the clock."""
        self.at = at.astimezone(UTC)

    def advance(self, step: timedelta) -> None:
        """Move the clock on."""
        self.at += step


def today(clock: Clock) -> date:
    """Return the calendar day in Europe/London."""
    return clock.now().astimezone(LONDON).date()


def local(instant: datetime) -> datetime:
    """Return the wall-clock time in Europe/London of an instant."""
    return instant.astimezone(LONDON)


def instant(day: date, at: time) -> datetime:
    """Turn a wall-clock promise into an instant (UTC).

    In the spring gap the clock has jumped past the promised time: the promise is kept at the same distance from
    midnight, which is an hour later on the wall (01:30 becomes 02:30). In the doubled autumn hour the first one counts.
    """
    return datetime.combine(day, at, tzinfo=LONDON).replace(fold=0).astimezone(UTC)


def week_start(day: date) -> date:
    """Return the Monday of the week of a day."""
    return day - timedelta(days=day.weekday())


def parse_day(text: str) -> date | None:
    """Read an ISO date (2026-11-21); None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
