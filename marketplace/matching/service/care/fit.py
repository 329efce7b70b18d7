"""Who could take a week of care: the whole of it, or shared over two or three, and what stands in the way.

Nothing here asks anybody or decides anything. Sharing a week needs the person's consent; without it the pages only say
what sharing would bring.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, settings_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import miles, uk_time
from marketplace.matching.bands import BANDS, SLOTS, WEEKDAYS, quarters_by_slot, slot, slot_label
from marketplace.matching.care.week import visit_words
from marketplace.matching.engine.package import (
    PackageProvider,
    PackageVisit,
    Plan,
    nobody_for,
    plan_packages,
    spare_after,
    workers_for,
)
from marketplace.matching.forms_hours import hours_words
from marketplace.matching.models import CareHours, Requirement, RequirementVisit
from marketplace.matching.repository.care import RequirementRepository
from marketplace.matching.service.care.candidates import CareRankingService
from marketplace.matching.service.care.hours import FreeHours, free_hours
from marketplace.matching.service.care.ranking import Provider, RankedProviders, travel_quarters
from marketplace.people import PeopleRepository

MOST_SHARED = 3
"""A week is looked at for up to so many providers, whatever more the person agreed to."""
LETTERS = "ABC"
_NIGHT = len(BANDS) - 1


class Taker(msgspec.Struct, frozen=True, kw_only=True):
    """A provider who fits the requirement, and how much of the week it could take alone."""

    id: UUID
    name: str
    rank: int
    points: int
    maximum: int
    visits: int
    """Visits of the week that its free hours cover; all of them where nothing is known against it."""
    said_at: datetime | None
    is_stale: bool


class Helper(msgspec.Struct, frozen=True, kw_only=True):
    """Another time at which a visit that nobody takes could be covered."""

    visit: str
    to: str
    name: str


class Block(msgspec.Struct, frozen=True):
    """A visit in the drawn week."""

    letters: str
    """Who comes, a letter for each worker; empty: nobody."""
    series: int
    """Colour of the first of them; 0: nobody."""
    words: str


class DrawnRow(msgspec.Struct, frozen=True):
    """A part of the day in the drawn week."""

    label: str
    hours: str
    depth: int
    """Most visits in one of its fields."""
    cells: list[list[Block]]


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as the page shows it."""

    providers: int
    """Most that may take part."""
    plan: Plan
    names: list[tuple[str, UUID, str, str]]
    """Letter, id, name and hours a week of each who takes part."""
    week: list[DrawnRow]
    lines: list[tuple[str, str]]
    """Visit and who comes, in words."""
    more: int
    """Visits that it covers beyond the best with fewer providers."""

    @property
    def ids(self) -> list[UUID]:
        """Who takes part."""
        return [item[1] for item in self.names]


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page of a week says."""

    total: int
    """Visits of the week."""
    agreed: int
    """How many providers may share it, as things stand: 1 without the person's consent."""
    whole: list[Taker]
    """Who has said hours that cover all of it, best placed first."""
    part: list[Taker]
    """Who has said hours that cover some of it, or none."""
    not_said: list[Taker]
    shared: list[Shared]
    """The best for at most 1, 2 and 3 providers; those that cover no more than one before are left out."""
    nobody: list[str]
    helpers: list[Helper]
    travel_minutes: int
    left_out: int


class FitService:
    """Looks at one requirement against the free hours of providers."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.requirements = RequirementRepository(db)

    async def of(self, principal: Principal, row: Requirement) -> Fit:
        """Return who could take the week of a requirement.

        Raises:
            CannotRank: The place is not known, or there is no visit.
        """
        principal.require(Permission.REQUIREMENTS_READ)
        visits = await self.requirements.visits(row.council_id, row.id)
        person = await PeopleRepository(self.db).find(row.council_id, row.person_id)
        ranked = await CareRankingService(self.db).rank(row, visits, person, principal.council_name, with_hours=False)
        settings = await settings_of(self.db, row.council_id, today(self.clock))
        said = hours_by_organisation(
            await self.requirements.free_hours([line.id for line in ranked.lines], row.service_line), self.clock.now()
        )
        return fit(
            row, visits, ranked, said, travel_quarters(settings), int(settings["matching.travel_minutes_per_visit"])
        )


def hours_by_organisation(rows: Sequence[CareHours], now: datetime) -> dict[UUID, FreeHours]:
    """Put rows of one service together by organisation."""
    found: dict[UUID, list[CareHours]] = {}
    for row in rows:
        found.setdefault(row.organisation_id, []).append(row)
    return {key: hours for key, items in found.items() if (hours := free_hours(items, now)) is not None}


def package_visit(visit: RequirementVisit, *, may_share: bool) -> PackageVisit:
    """Write a visit as the engine reads it. Where a week may be shared, the workers of a visit may be, too."""
    uses = quarters_by_slot(visit.weekday, visit.starts_local, visit.minutes)
    return PackageVisit(id=str(visit.id), uses=tuple(uses.items()), workers=visit.workers, may_share=may_share)


def package_provider(line: Provider, hours: FreeHours | None, travel: int) -> PackageProvider:
    """Write a provider as the engine reads it."""
    free = None if hours is None else tuple(hours.quarters.get(number, 0) for number in range(SLOTS))
    return PackageProvider(id=str(line.id), free=free, points=line.total, travel_quarters=travel)


def fit(
    row: Requirement,
    visits: Sequence[RequirementVisit],
    ranked: RankedProviders,
    said: Mapping[UUID, FreeHours],
    travel: int,
    travel_minutes: int,
) -> Fit:
    """Work out who could take a week, from a ranking that left nobody out for hours, and what was said of hours."""
    agreed = min(MOST_SHARED, row.most_providers) if row.split_agreed else 1
    week = [package_visit(visit, may_share=False) for visit in visits]
    shareable = [package_visit(visit, may_share=True) for visit in visits]
    providers = [package_provider(line, said.get(line.id), travel) for line in ranked.lines]
    known = [item for item in providers if item.free is not None]
    takers = {
        line.id: _taker(line, said.get(line.id), week, provider)
        for line, provider in zip(ranked.lines, providers, strict=True)
    }
    plans = plan_packages(shareable, known, most_providers=MOST_SHARED, salt=row.reference)
    names = {str(line.id): line.name for line in ranked.lines}
    shown: list[Shared] = []
    before = 0
    for plan in plans:
        if plan.covered > before:
            shown.append(_shared(plan, visits, shareable, names, plan.covered - before))
            before = plan.covered
    best = max((plan for plan in plans if plan.most_providers <= agreed), key=lambda plan: plan.covered)
    missing = {str(visit.id): visit for visit in visits if str(visit.id) in best.missing}
    nobody = nobody_for(shareable if agreed > 1 else week, known)
    where = f"within {miles(row.radius_metres)}" if row.radius_metres else "who covers the place"
    return Fit(
        total=len(visits),
        agreed=agreed,
        whole=[item for item in takers.values() if item.said_at and item.visits == len(visits)],
        part=[item for item in takers.values() if item.said_at and item.visits < len(visits)],
        not_said=[item for item in takers.values() if item.said_at is None],
        shared=shown,
        nobody=_nobody_words([visit for visit in visits if str(visit.id) in nobody], where),
        helpers=_helpers(best, missing, shareable, known, names, agreed),
        travel_minutes=travel_minutes,
        left_out=len(ranked.left_out),
    )


def _taker(line: Provider, hours: FreeHours | None, week: Sequence[PackageVisit], provider: PackageProvider) -> Taker:
    (alone,) = plan_packages(week, [provider], most_providers=1)
    return Taker(
        id=line.id,
        name=line.name,
        rank=line.rank,
        points=line.total,
        maximum=line.maximum,
        visits=alone.covered,
        said_at=hours.said_at if hours else None,
        is_stale=bool(hours and hours.is_stale),
    )


def _shared(
    plan: Plan,
    visits: Sequence[RequirementVisit],
    week: Sequence[PackageVisit],
    names: Mapping[str, str],
    more: int,
) -> Shared:
    letter = {key: LETTERS[place] for place, key in enumerate(plan.provider_ids)}
    quarters: dict[str, int] = {}
    for item in week:
        for key in plan.who.get(item.id, ()):
            quarters[key] = quarters.get(key, 0) + item.quarters // item.workers
    lines = []
    cells: dict[int, list[Block]] = {}
    for visit in visits:
        who = plan.who.get(str(visit.id), ())
        together = list(dict.fromkeys(who))
        words = " and ".join(f"{names[key]} ({letter[key]})" for key in together) or "Nobody"
        lines.append((visit_words(visit), words))
        number = next(iter(quarters_by_slot(visit.weekday, visit.starts_local, visit.minutes)))
        letters = "".join(letter[key] for key in who)
        series = LETTERS.index(letters[0]) + 1 if letters else 0
        cells.setdefault(number, []).append(
            Block(letters, series, f"{uk_time(visit.starts_local)} {letters or 'nobody'}")
        )
    return Shared(
        providers=plan.most_providers,
        plan=plan,
        names=[(letter[key], UUID(key), names[key], hours_words(quarters[key])) for key in plan.provider_ids],
        week=_drawn(cells),
        lines=lines,
        more=more,
    )


def _drawn(cells: Mapping[int, list[Block]]) -> list[DrawnRow]:
    rows = []
    for index, band in enumerate(BANDS):
        here = [cells.get(slot(day, index), []) for day in range(len(WEEKDAYS))]
        if any(here):
            rows.append(DrawnRow(band.label, band.hours, max(len(cell) for cell in here), here))
    return rows


def _helpers(
    best: Plan,
    missing: Mapping[str, RequirementVisit],
    week: Sequence[PackageVisit],
    providers: Sequence[PackageProvider],
    names: Mapping[str, str],
    agreed: int,
) -> list[Helper]:
    """Find neighbouring parts of the day at which a visit that nobody takes could be covered, the rest as planned."""
    by_id = {item.id: item for item in providers}
    taking = [by_id[key] for key in best.provider_ids]
    others = [item for item in providers if item.id not in best.provider_ids] if len(taking) < agreed else []
    left = [*(spare_after(best, week, item) for item in taking), *others]
    found = []
    for item in week:
        if item.id not in missing:
            continue
        visit = missing[item.id]
        number = item.uses[0][0]
        weekday, band = divmod(number, len(BANDS))
        quarters = item.quarters // item.workers
        for beside in (band - 1, band + 1):
            if not 0 <= beside < _NIGHT:
                continue
            moved = msgspec.structs.replace(item, uses=((slot(weekday, beside), quarters),))
            able = [provider for provider in left if workers_for(moved, provider) >= item.workers]
            if able:
                to = slot_label(slot(weekday, beside))
                found.append(Helper(visit=visit_words(visit), to=to, name=names[able[0].id]))
                break
    return found


def _nobody_words(visits: Sequence[RequirementVisit], where: str) -> list[str]:
    """Write which visits nobody can take, the same visit of several days in one line."""
    found: dict[tuple[int, time, int], list[int]] = {}
    for visit in visits:
        weekday, band = divmod(
            next(iter(quarters_by_slot(visit.weekday, visit.starts_local, visit.minutes))), len(BANDS)
        )
        found.setdefault((band, visit.starts_local, visit.workers), []).append(weekday)
    return [
        f"{_days_words(days)} {'midday' if band == 1 else BANDS[band].label.lower()}, {uk_time(starts)}"
        f"{f', {workers} workers at once' if workers > 1 else ''}: nobody {where} has said that it has the hours"
        for (band, starts, workers), days in found.items()
    ]


def _days_words(days: Sequence[int]) -> str:
    if len(days) == len(WEEKDAYS):
        return "Every"
    *first, last = (WEEKDAYS[day] for day in sorted(days))
    return f"{', '.join(first)} and {last}" if first else last
