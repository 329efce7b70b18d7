"""What a round is at an instant. Nothing is stored: it follows from its times and the clock."""

from datetime import datetime
from typing import Literal

from marketplace.providers.models import LateRule, Round

RoundState = Literal["coming", "open", "late", "closed", "cancelled"]

STATE_LABELS: dict[RoundState, str] = {
    "coming": "Opens soon",
    "open": "Open",
    "late": "Late only",
    "closed": "Closed",
    "cancelled": "Cancelled",
}


def round_state(round: Round, now: datetime) -> RoundState:
    """Say where a round stands.

    A round is open from `opens_at` up to, not including, `closes_at`: what comes in at the minute of closing is late.

    Args:
        round: The round.
        now: An aware instant, from the injected clock.

    Returns:
        "late" between closing and `late_until`, where late applications are taken with a reason.
    """
    if round.cancelled_at is not None:
        return "cancelled"
    if now < round.opens_at:
        return "coming"
    if now < round.closes_at:
        return "open"
    is_late = round.late_rule is LateRule.ACCEPT_WITH_REASON and round.late_until is not None
    return "late" if is_late and round.late_until is not None and now < round.late_until else "closed"


def takes_applications(round: Round, now: datetime) -> bool:
    """Whether an application may be sent in now, be it late with a reason."""
    return round_state(round, now) in ("open", "late")


def takes_questions(round: Round, now: datetime) -> bool:
    """Whether a question asked now is answered: from its announcement up to, not including, `questions_until`."""
    return round.cancelled_at is None and now < round.questions_until
