"""What a council may count on from its planners: who they are, where, and their free places week by week."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today, week_start
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.providers.models import (
    Accreditation,
    EvidenceKind,
    HoldCause,
    ServiceLine,
    Worker,
    WorkerAbsence,
)
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.repository.planners import PlannerRepository
from marketplace.providers.repository.standing_facts import facts_of
from marketplace.providers.service.standing.explain import Reason, in_words, usable_days, why_not

WEEK = timedelta(days=7)
WORKING_DAYS = 5


class PlannerWeek(msgspec.Struct, frozen=True, kw_only=True):
    """One planner's week: `places` the planner can work, `taken` the numbers of those given away."""

    week_on: date
    places: int
    taken: frozenset[int]

    @property
    def free(self) -> int:
        """Places that are left."""
        return max(0, self.places - len(self.taken))

    @property
    def next_place(self) -> int | None:
        """The smallest free number, or None when the week is full.

        Two brokers who reach for the last place therefore reach for the same number, and the unique key lets one have
        it. A number can only be beyond the smallest one once the reader has seen those before it taken.
        """
        if not self.free:
            return None
        return next(number for number in range(1, self.places + len(self.taken) + 1) if number not in self.taken)


class AccreditedDays(msgspec.Struct, frozen=True, kw_only=True):
    """Days, half-open, for which an organisation may be given work of a service by a council."""

    service_line: ServiceLine
    council_id: UUID
    from_day: date
    until_day: date


class Planner(msgspec.Struct, frozen=True, kw_only=True):
    """A planner as matching sees one."""

    worker: Worker
    organisation_id: UUID
    organisation_name: str
    plans_per_week: int
    accredited: tuple[AccreditedDays, ...]
    """For what and for which days the council's accreditations may be used as things stand today."""
    first_day: date
    weeks: tuple[PlannerWeek, ...]


def full_places(fte_percent: int, plans_per_week: int) -> int:
    """Plans a planner completes in a whole week: 5 for full time, rounded down for part time (L20)."""
    return fte_percent * plans_per_week // 100


def places_in_week(worker: Worker, week_on: date, places: int, absences: Iterable[WorkerAbsence]) -> int:
    """Places of a week after absences: in proportion to the weekdays the planner is there, rounded down.

    Args:
        worker: The planner, whose first and last day bound the week, too.
        week_on: Monday of the week.
        places: Places of a whole week.
        absences: Half-open periods away.
    """
    away = list(absences)
    present = sum(
        1
        for day in (week_on + timedelta(days=offset) for offset in range(WORKING_DAYS))
        if worker.starts_on <= day
        and (worker.ends_on is None or day < worker.ends_on)
        and not any(absence.starts_on <= day < absence.ends_on for absence in away)
    )
    return places * present // WORKING_DAYS


class PlannerService:
    """Planners of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.planners = PlannerRepository(db)

    async def candidates(
        self,
        council_id: UUID,
        *,
        from_day: date,
        weeks: int,
        plans_per_week: int,
        worker_ids: Collection[UUID] | None = None,
    ) -> Sequence[Planner]:
        """Return the council's planners with their weeks.

        Args:
            council_id: Who asks.
            from_day: First day of interest; the first week is the one it is in.
            weeks: How many weeks, 1 or more.
            plans_per_week: Plans of a full-time planner in a week.
            worker_ids: Only these; all unless given.

        Returns:
            Planners by organisation and name. Six questions to the database, however many there are.
        """
        rows = await self.planners.of_council(council_id, from_day, worker_ids)
        ids = [row[0].id for row in rows]
        monday = week_start(from_day)
        until = monday + weeks * WEEK
        accredited = await self._accredited(council_id, {row[1].id for row in rows})
        absences = await self.planners.absences(ids, monday, until)
        taken = await self.planners.places_taken(ids, monday, until)
        mondays = [monday + index * WEEK for index in range(weeks)]
        found = []
        for worker, organisation in rows:
            places = full_places(worker.fte_percent, plans_per_week)
            away = absences.get(worker.id, [])
            found.append(
                Planner(
                    worker=worker,
                    organisation_id=organisation.id,
                    organisation_name=organisation.name,
                    plans_per_week=places,
                    accredited=tuple(accredited.get(organisation.id, ())),
                    first_day=_first_day(worker, from_day, away),
                    weeks=tuple(
                        PlannerWeek(
                            week_on=week,
                            places=places_in_week(worker, week, places, away),
                            taken=taken.get((worker.id, week), frozenset()),
                        )
                        for week in mondays
                    ),
                )
            )
        return found

    async def week(self, worker: Worker, week_on: date, plans_per_week: int) -> PlannerWeek:
        """Return one week of one planner as it stands now."""
        absences = await self.planners.absences([worker.id], week_on, week_on + WEEK)
        taken = await self.planners.places_taken([worker.id], week_on, week_on + WEEK)
        places = full_places(worker.fte_percent, plans_per_week)
        return PlannerWeek(
            week_on=week_on,
            places=places_in_week(worker, week_on, places, absences.get(worker.id, [])),
            taken=taken.get((worker.id, week_on), frozenset()),
        )

    async def _accredited(
        self, council_id: UUID, organisation_ids: Collection[UUID]
    ) -> dict[UUID, list[AccreditedDays]]:
        """Return what may be used today: without what is held, removed, or lacks its evidence or insurance (V4)."""
        on = today(clock_of(self.db))
        repository = AccreditationRepository(self.db)
        able = [row for row, may in await repository.able(council_id, organisation_ids, on) if may]
        planned = await repository.holds([row.id for row in able])
        found: dict[UUID, list[AccreditedDays]] = {}
        for row in able:
            found.setdefault(row.organisation_id, []).extend(
                AccreditedDays(
                    service_line=row.service_line, council_id=row.council_id, from_day=from_day, until_day=until_day
                )
                for from_day, until_day in usable_days(row, planned.get(row.id, ()), on)
            )
        return found

    async def why_not_accredited(self, organisation_id: UUID, council_id: UUID, on: date) -> str | None:
        """Say why an organisation may not do support planning for a council on a day; None when it may."""
        accreditations = AccreditationRepository(self.db)
        if await accreditations.is_live(organisation_id, council_id, ServiceLine.SUPPORT_PLANNING, on):
            return None
        rows = [
            row
            for row in (await accreditations.of_organisations([organisation_id])).get(organisation_id, [])
            if row.council_id == council_id and row.service_line is ServiceLine.SUPPORT_PLANNING
        ]
        if not rows:
            return "has never been accredited for support planning here"
        reasons = why_not((await facts_of(self.db, rows[:1]))[rows[0].id], on)
        return _stopped_words(rows[0], reasons, on)


def _stopped_words(row: Accreditation, reasons: Sequence[Reason], on: date) -> str:
    """Say why an accreditation for support planning does not count, as the end of a sentence on the organisation."""
    codes = {reason.code for reason in reasons}
    if "removed" in codes:
        return "is no longer accredited for support planning"
    if "period" in codes and row.live_from > on:
        return f"is accredited for support planning only from {uk_date(row.live_from)}"
    if "period" in codes:
        return f"was accredited for support planning until {uk_date(row.live_until - timedelta(days=1))}"
    if HoldCause.SUSPENSION.value in codes:
        return "is suspended from support planning"
    if HoldCause.REGISTRATION.value in codes:
        return "is not in the regulator’s register at present, which support planning here needs"
    if EvidenceKind.LIABILITY_INSURANCE.value in codes:
        return "has no liability insurance that counts at present"
    return f"does not count for support planning at present: {in_words(reasons)}"


def _first_day(worker: Worker, from_day: date, absences: Iterable[WorkerAbsence]) -> date:
    """First day from `from_day` on that the planner is there."""
    day = max(from_day, worker.starts_on)
    for absence in sorted(absences, key=lambda item: item.starts_on):
        if absence.starts_on <= day < absence.ends_on:
            day = absence.ends_on
    return day
