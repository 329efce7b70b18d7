"""Working days in England, as finance counts them."""

from datetime import date, timedelta

from marketplace.payments.bacs import is_processing_day

_DAY = timedelta(days=1)


def working_days_after(day: date, days: int) -> date:
    """Return the working day that lies `days` working days after a day.

    Args:
        day: Any day; it does not count itself.
        days: 1 or more; weekends and bank holidays in England do not count.
    """
    found = day
    for _ in range(days):
        found += _DAY
        while not is_processing_day(found):
            found += _DAY
    return found
