"""Whether a version is affordable, month by month: what people's points come to, and what went beyond (C5, R27)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.people.models import RasMonth, RasVersion
from marketplace.people.ras.engine import a_year, commitment
from marketplace.people.ras.events import RasAlarmRaised
from marketplace.people.ras.repository import RasRepository, Standing
from marketplace.people.states import RasStatus

LEAST_FOR_MEAN: Final = 20
"""People whose points say something of the others; below it nothing is expected from their mean."""

ALARM_WORDS: Final[Mapping[str, str]] = {
    "committed": "What is committed goes beyond what there is to share out",
    "expected": "If everybody has points like these people, the money does not reach",
    "people": "More people have points than the version reckoned with",
    "protection": "The protected sum is being used up",
    "variance": "Agreed budgets differ from what the points said",
}


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """How a version stands on a day."""

    standing: Standing
    mean_points: Decimal | None
    """Of the people so far; None where there are none."""
    final_annual_pence: int
    committed_percent: Decimal
    """What the points of the people come to, of the allocatable sum."""
    expected_pence: int | None
    """What everybody would cost at this mean; None below twenty people."""
    expected_percent: Decimal | None
    expected_over_pence: int
    pot_used_pence: int
    """Protected sums, and what goes or is expected to go beyond the allocatable sum: both come out of the pot."""
    pot_percent: Decimal | None
    """None where nothing is set aside."""
    variance_percent: Decimal | None
    """By how much agreed budgets are above (or below 0: under) their points; None before the first is agreed."""
    alarms: list[str]


def judge(version: RasVersion, standing: Standing, thresholds: Mapping[str, Any]) -> Watch:
    """Hold how a version stands against the council's thresholds, in per cent (`people.ras_alarms`)."""
    mean = Decimal(standing.points) / standing.people if standing.people else None
    expected = None
    if mean is not None and standing.people >= LEAST_FOR_MEAN:
        everybody = max(standing.people, version.people_count)
        expected = commitment(mean, everybody, version.point_value_pence)
    over = max(0, standing.indicative_annual_pence - version.allocatable_pence)
    expected_over = max(0, (expected or 0) - version.allocatable_pence)
    used = standing.protection_annual_pence + max(over, expected_over)
    final = a_year(standing.final_weekly_pence, version.weeks)
    answered = standing.answered_annual_pence
    committed_percent = _percent(standing.indicative_annual_pence, version.allocatable_pence) or Decimal(0)
    expected_percent = None if expected is None else _percent(expected, version.allocatable_pence)
    pot_percent = _percent(used, version.protection_pence)
    variance = _percent(final - answered, answered)
    alarms = []
    if committed_percent > thresholds["committed"]:
        alarms.append("committed")
    if expected_percent is not None and expected_percent > thresholds["committed"]:
        alarms.append("expected")
    if standing.people > version.people_count:
        alarms.append("people")
    if (pot_percent is None and used > 0) or (pot_percent is not None and pot_percent > thresholds["protection"]):
        alarms.append("protection")
    if variance is not None and abs(variance) > thresholds["variance"]:
        alarms.append("variance")
    return Watch(
        standing=standing,
        mean_points=None if mean is None else round(mean, 2),
        final_annual_pence=final,
        committed_percent=committed_percent,
        expected_pence=expected,
        expected_percent=expected_percent,
        expected_over_pence=expected_over,
        pot_used_pence=used,
        pot_percent=pot_percent,
        variance_percent=variance,
        alarms=alarms,
    )


class WatchService:
    """Looks at published versions at each month's end, and now."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.versions = RasRepository(db)

    async def now(self, version: RasVersion) -> Watch:
        """Return how a version stands today."""
        return await self._on(version, today(clock_of(self.db)))

    async def months(self, version: RasVersion) -> Sequence[RasMonth]:
        """Return the months on record, newest first."""
        return await self.versions.months(version)

    async def note_month(self, council_id: UUID) -> list[RasMonth]:
        """Put the last whole month on record for each version that counted or was used in it, once.

        Returns:
            The months that are new.
        """
        last_day = today(clock_of(self.db)).replace(day=1) - timedelta(days=1)
        month = last_day.replace(day=1)
        await self.versions.hold_numbers(council_id)
        made = []
        for version in await self.versions.versions(council_id):
            if version.status is not RasStatus.PUBLISHED or version.starts_on is None or version.starts_on > last_day:
                continue
            if await self.versions.has_month(version, month):
                continue
            watch = await self._on(version, last_day)
            is_over = version.ends_on is not None and version.ends_on <= month
            if is_over and not watch.standing.people and not watch.standing.protection_annual_pence:
                continue
            made.append(await self._keep(version, month, watch))
        return made

    async def _keep(self, version: RasVersion, month: date, watch: Watch) -> RasMonth:
        row = RasMonth(
            council_id=version.council_id,
            ras_version_id=version.id,
            month=month,
            people=watch.standing.people,
            points=watch.standing.points,
            indicative_annual_pence=watch.standing.indicative_annual_pence,
            final_annual_pence=watch.final_annual_pence,
            answered_annual_pence=watch.standing.answered_annual_pence,
            protection_annual_pence=watch.standing.protection_annual_pence,
            alarms=watch.alarms,
            made_at=clock_of(self.db).now(),
        )
        self.db.add(row)
        await self.db.flush()
        if row.alarms:
            outbox.publish(self.db, RasAlarmRaised(council_id=row.council_id, ras_month_id=row.id))
        return row

    async def _on(self, version: RasVersion, day: date) -> Watch:
        standing = await self.versions.standing(version, day)
        return judge(version, standing, await setting(self.db, version.council_id, "people.ras_alarms", day))


def _percent(part: int, whole: int) -> Decimal | None:
    """Return a share in per cent with one decimal; None of nothing."""
    return round(Decimal(100 * part) / whole, 1) if whole else None
