"""Working days in England, and the time somebody has to answer."""

from datetime import date, datetime, time, timedelta

from marketplace.core.clock import instant, local
from marketplace.core.holidays import SATURDAY, bank_holidays

_DAY = timedelta(days=1)


def is_working_day(day: date) -> bool:
    """Whether offices in England are open: no weekend, no bank holiday."""
    return day.weekday() < SATURDAY and day not in bank_holidays(day.year)


def answer_deadline(start: datetime, hours: int) -> datetime:
    """Return when the time to answer ends: `hours` later, counting working days only.

    Args:
        start: When the offer is made, an instant.
        hours: Hours that count, 1 or more. A working day has 24 of them: 48 from Friday at 10am end on Tuesday at 10am.

    Returns:
        An instant on a working day.
    """
    at = start
    if not is_working_day(local(at).date()):
        at = _next_working_day(local(at).date())
    left = timedelta(hours=hours)
    while True:
        day = local(at).date()
        midnight = instant(day + _DAY, time(0))
        if left < midnight - at:
            return at + left
        left -= midnight - at
        at = _next_working_day(day)


def _next_working_day(day: date) -> datetime:
    """Midnight at which the next working day after `day` begins."""
    found = day + _DAY
    while not is_working_day(found):
        found += _DAY
    return instant(found, time(0))
