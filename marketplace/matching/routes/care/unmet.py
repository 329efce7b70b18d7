"""The page of unmet need: what the market did not deliver, by place, time of day and reason (K6, C13)."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Annotated, Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, settings_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.formats import duration
from marketplace.core.ids import parse_id
from marketplace.matching.bands import BANDS, QUARTER_MINUTES, WEEKDAYS
from marketplace.matching.models import UnmetRequirement
from marketplace.matching.repository.care import UnmetRepository
from marketplace.matching.routes.care.pages import page
from marketplace.matching.words_care import CARE_SERVICES, UNMET_LABELS

PAGE = 25
PERIODS = {"90": "Last 3 months", "180": "Last 6 months", "365": "Last year"}


class UnmetController(Controller):
    """Unmet need of a council."""

    @get("/requirements/unmet", permission=Permission.REQUIREMENTS_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        days: Annotated[str, QueryParameter(name="days", max_length=4)] = "180",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Show what was not met, by place, time and reason, and the list. Small numbers are not shown."""
        if days not in PERIODS:
            raise NotFound
        unmet = UnmetRepository(db)
        now = clock_of(db).now()
        rows = await unmet.since(principal.council_id, now - timedelta(days=int(days)))
        settings = await settings_of(db, principal.council_id, today(clock_of(db)))
        least = int(settings["reporting.least_shown"])
        listed = await unmet.page(principal.council_id, after=parse_id(after), limit=PAGE + 1)
        by_band = Counter(band for row in rows for band in {_band(slot) for slot in row.bands})
        by_day = Counter(day for row in rows for day in {_weekday(slot) for slot in row.bands})
        context = {
            "days": days,
            "periods": list(PERIODS.items()),
            "total": written(len(rows), least),
            "hours": duration(sum(row.quarters for row in rows) * QUARTER_MINUTES) if len(rows) >= least else "",
            "least": least,
            "figures": [
                ("area", "By place", "First half of the postcode", count_by(rows, lambda row: row.outward, least)),
                (
                    "reason",
                    "By reason",
                    "Reason",
                    count_by(rows, lambda row: UNMET_LABELS[row.reason], least),
                ),
                ("band", "By time of day", "Time of day", shown(by_band, least)),
                ("day", "By weekday", "Weekday", shown(by_day, least, order=list(WEEKDAYS))),
                (
                    "service",
                    "By service",
                    "Service",
                    count_by(rows, lambda row: CARE_SERVICES.get(row.service_line, row.service_line.value), least),
                ),
            ]
            if rows
            else [],
            "rows": [(row[0], row[1], UNMET_LABELS[row[0].reason]) for row in listed[:PAGE]],
            "next": listed[PAGE - 1][0].id if len(listed) > PAGE else None,
            "minutes": QUARTER_MINUTES,
        }
        return page("unmet", context)


def count_by(
    rows: Iterable[UnmetRequirement], key: Callable[[UnmetRequirement], str], least: int
) -> list[tuple[str, int, str]]:
    """Count rows by a key, the most first, small numbers not shown."""
    return shown(Counter(key(row) or "Not known" for row in rows), least)


def shown(counts: Counter[str], least: int, order: list[str] | None = None) -> list[tuple[str, int, str]]:
    """Return `(label, value, written)` for a chart: a number from 1 to below `least` is 0 wide and "fewer than"."""
    items: list[tuple[str, int]] = (
        [(label, counts[label]) for label in order if counts[label]]
        if order
        # Small groups are in the order of their names, so that their order tells nothing.
        else sorted(counts.items(), key=lambda item: (-item[1] if item[1] >= least else 0, item[0]))[:20]
    )
    return [(label, number if number >= least else 0, written(number, least)) for label, number in items]


def written(number: int, least: int) -> str:
    """Write a count; one from 1 to below `least` as "fewer than 5"."""
    return str(number) if number == 0 or number >= least else f"fewer than {least}"


def _band(slot: str) -> str:
    return BANDS[int(slot.split("-")[1])].label


def _weekday(slot: str) -> Any:
    return WEEKDAYS[int(slot.split("-")[0])]
