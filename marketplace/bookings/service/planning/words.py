"""What changes and weekly visits are called, for pages and e-mails."""

from datetime import time

from marketplace.bookings.models import Booking, ChangeScope, VisitPattern, VisitProposal
from marketplace.bookings.service.planning.patterns import WEEKDAYS, name_of, span_of
from marketplace.bookings.service.planning.proposals import read_wanted
from marketplace.core.formats import duration, uk_date, uk_datetime, uk_time

NOT_PLANNED_WORDS = {
    "no_money": "The direct payment does not reach. Visits are written again as soon as there is money for them.",
    "not_accredited": "The council does not pay this provider on some of these days.",
    "budget_ended": "The direct payment ends before that.",
    "not_allowed": "The council has to allow these visits first. The person can ask it.",
    "activity_full": "The activity has no place left on some days.",
}


def pattern_words(pattern: VisitPattern) -> str:
    """Write a weekly visit: "Every second Monday at 9am, 45 minutes"."""
    return f"{name_of(pattern.every_weeks, pattern.weekday)} at {time_words(pattern.starts_local, pattern.minutes)}"


def time_words(start: time, minutes: int) -> str:
    """Write a start and a length: "9am, 45 minutes"."""
    return f"{uk_time(start)}, {duration(minutes)}"


def proposal_words(row: VisitProposal, visit: Booking | None, pattern: VisitPattern | None) -> str:
    """Write what is asked for, in a sentence."""
    wanted = read_wanted(row.wanted)
    if visit is not None and wanted.visit_on is not None:
        new = span_of(wanted.visit_on, wanted.starts_local, wanted.minutes)
        return (
            f"The visit on {uk_datetime(visit.starts_at)} would be on {uk_datetime(new.starts_at)} instead, "
            f"for {duration(wanted.minutes)}."
        )
    weekday = wanted.weekday if wanted.weekday is not None else (pattern.weekday if pattern else 0)
    rhythm = name_of(wanted.every_weeks, weekday)
    before = f"“{pattern_words(pattern)}” would be " if pattern else "The visits would be "
    since = "from now on" if row.scope is ChangeScope.ALL else f"from {uk_date(row.from_on)} on"
    return f"{before}“{rhythm} at {time_words(wanted.starts_local, wanted.minutes)}” {since}."


__all__ = ["NOT_PLANNED_WORDS", "WEEKDAYS", "pattern_words", "proposal_words", "time_words"]
