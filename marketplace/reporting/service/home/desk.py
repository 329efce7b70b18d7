"""What the dashboard of every role is made with: the day, the questions, words for what was found."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import plural
from marketplace.reporting.repository.home import HomeRepository
from marketplace.reporting.schemas import Need

EXPIRY_NOTICE = timedelta(days=30)
ALERTS_SHOWN = timedelta(days=7)
"""How long after a visit an alert that nobody settled stays on the dashboard."""


class Desk:
    """Where the dashboards are made: the transaction, its day, and the questions."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.today = today(self.clock)
        self.home = HomeRepository(db)


def need_list(*found: tuple[int, str, str, str, str, bool]) -> tuple[Need, ...]:
    """Put what was found into words, leaving out what there is none of.

    Each is number, noun (with its plural after a bar where an s does not make it), what, where, note, urgent.
    """
    return tuple(
        Need(f"{plural(number, *noun.split('|'))} {what}", href, note, is_urgent)
        for number, noun, what, href, note, is_urgent in found
        if number
    )
