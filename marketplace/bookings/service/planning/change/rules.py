"""When a visit may still move, and on which days a weekly visit falls."""

from datetime import date, datetime, timedelta

from marketplace.bookings.models import Booking, VisitPattern
from marketplace.bookings.service.agreements.prices import terms_on
from marketplace.bookings.service.planning.moving import Mover
from marketplace.bookings.service.planning.patterns import WEEK, next_day
from marketplace.bookings.states import TO_COME
from marketplace.core.errors import Conflict
from marketplace.core.holidays import bank_holidays


def next_weekday(day: date, weekday: int) -> date:
    """Return the first day from a day on that is a weekday (0 is Monday)."""
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def usual_day(pattern: VisitPattern, first: date) -> date:
    """Return a day of a pattern that is no bank holiday, for a price that stands for the usual visit."""
    day = next_day(pattern, first) or next_weekday(first, pattern.weekday)
    while day in bank_holidays(day.year):
        day += WEEK
    return day


def need_unchanged(version: int, shown: int) -> None:
    """Refuse a row that somebody changed since a page showed it; `shown` is 0 where none did.

    Raises:
        Conflict: It changed.
    """
    if shown and version != shown:
        raise Conflict("Somebody changed this since you opened it. Open it again, then make your change.")


def free_until(mover: Mover, visit: Booking) -> datetime:
    """Return until when the person may change or call off a visit without owing for it."""
    view = terms_on(mover.views, visit.visit_on)
    return visit.starts_at - timedelta(hours=view.terms.free_cancel_hours if view else 0)


def is_waiting(visit: Booking, now: datetime) -> bool:
    """Say whether a visit is still to come."""
    return visit.status in TO_COME and visit.called_off_at is None and visit.starts_at > now


def is_as_planned(visit: Booking, pattern: VisitPattern) -> bool:
    """Say whether a visit stands where its weekly visit put it."""
    return (visit.visit_on, visit.starts_local, visit.minutes) == (
        visit.pattern_on,
        pattern.starts_local,
        pattern.minutes,
    )
