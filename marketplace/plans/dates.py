"""When reviews are due. Dates only: no clock, no time zone, no daylight saving."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from marketplace.plans.models import Review, ReviewKind
from marketplace.plans.states import ReviewStatus

ANNUAL_MONTHS = 12
"""A plan is reviewed at least every 12 months (Care and support statutory guidance, chapter 13)."""
ANNUAL_WINDOW = timedelta(days=56)
"""How long before its last day an annual review may be held."""
REMINDER = timedelta(days=14)
"""How long before the window ends the facilitator is reminded of a review without a date."""
SOON = timedelta(days=28)
"""How far ahead a review counts as due soon."""

UNSIGNED = timedelta(days=14)
"""How long a written review may wait for its signatures before those who have not signed are reminded."""

OPEN = (ReviewStatus.DUE, ReviewStatus.BOOKED)


class ReviewDates(NamedTuple):
    """The window of a review, both ends included, and the day it should be held by."""

    starts_on: date
    due_on: date
    ends_on: date


def add_months(day: date, months: int) -> date:
    """Return the same day some months on, or the last of that month: 29 February 2028 and 12 gives 28 February 2029."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def first_review(in_place_on: date, days: Mapping[str, int]) -> ReviewDates:
    """Return the window of the first review, counted from the day the plan is in place.

    Args:
        in_place_on: Day of the sign-off.
        days: The council's setting: `from`, `due` and `until`, days, rising (Lancashire 42, 56, 84; L15).
    """
    return ReviewDates(*(in_place_on + timedelta(days=days[name]) for name in ("from", "due", "until")))


def annual_review(after: date) -> ReviewDates:
    """Return the window of the annual review that follows a sign-off or an earlier annual review."""
    last = add_months(after, ANNUAL_MONTHS)
    return ReviewDates(last - ANNUAL_WINDOW, last, last)


def direct_payment_review(
    started_on: date, last_held_on: date | None, months: Mapping[str, int], today: date
) -> ReviewDates:
    """Return the window of the next review of a direct payment.

    Args:
        started_on: First day of the payment.
        last_held_on: Day of the last such review, where there was one.
        months: The council's setting: `first` months after the start at most, `then` months between two.
        today: A day that has passed already moves to four weeks from today: late is late, but it can still be met.

    Source: Care and Support (Direct Payments) Regulations 2014, regulation 7: once within six months, then at gaps
    of twelve months at most.
    """
    last = add_months(started_on, months["first"]) if last_held_on is None else add_months(last_held_on, months["then"])
    last = max(last, today + SOON)
    return ReviewDates(max(last - ANNUAL_WINDOW, started_on), last, last)


def asked_review(today: date) -> ReviewDates:
    """Return the window of a review that somebody asked for: from today, within four weeks."""
    return ReviewDates(today, today + SOON, today + SOON)


def is_overdue(review: Review, today: date) -> bool:
    """Whether a review was not held although its window is over."""
    return review.status in OPEN and review.window_ends_on < today


def is_due_soon(review: Review, today: date) -> bool:
    """Whether a review without a date should be booked now."""
    return review.status is ReviewStatus.DUE and not is_overdue(review, today) and review.due_on <= today + SOON


def warning_on(review: Review, warning_day: int) -> date | None:
    """Return the last day that national guidance gives for a first review; None for an annual one.

    Args:
        review: The review.
        warning_day: The council's setting, days after the plan is in place (56: guidance says 6 to 8 weeks).
    """
    return review.plan_in_place_on + timedelta(days=warning_day) if review.kind is ReviewKind.WELFARE_CHECK else None
