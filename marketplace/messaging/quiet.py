"""Quiet hours: when a text that can wait is not sent."""

from datetime import datetime, time, timedelta

from marketplace.core.clock import instant, local


def quiet_until(now: datetime, from_hour: int, until_hour: int) -> datetime | None:
    """Return when the quiet hours end that an instant lies in, or None outside them.

    Args:
        now: An instant, aware.
        from_hour: First quiet hour on the wall in London, 0 to 23.
        until_hour: First hour that is not quiet; the same as `from_hour` for no quiet hours, earlier for hours over
            midnight.

    Returns:
        An instant after `now`. The hours are those of the wall, so a night of a clock change is an hour longer or
        shorter; an end in the hour that spring leaves out is an hour later on the wall.
    """
    wall = local(now)
    is_over_midnight = from_hour > until_hour
    if from_hour == until_hour:
        return None
    if is_over_midnight:
        if until_hour <= wall.hour < from_hour:
            return None
    elif not from_hour <= wall.hour < until_hour:
        return None
    day = wall.date() + timedelta(days=1) if is_over_midnight and wall.hour >= from_hour else wall.date()
    return instant(day, time(until_hour))
