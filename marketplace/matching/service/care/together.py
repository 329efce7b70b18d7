"""All requirements that wait, together, against the free hours that providers said: who would be best for whom.

A whole week goes to one provider here; sharing one is looked at on its own page. Nothing is asked, kept or awarded.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec
import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, settings_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.matching.bands import SLOTS
from marketplace.matching.care.week import quarters
from marketplace.matching.engine.solve.apart import Answer, solve_apart
from marketplace.matching.engine.solve.instance import build
from marketplace.matching.models import Requirement, RequirementVisit, Urgency, WeightPurpose
from marketplace.matching.repository import WeightRepository
from marketplace.matching.repository.care import RequirementRepository
from marketplace.matching.repository.hours import CareHoursRepository
from marketplace.matching.repository.together import TogetherRepository
from marketplace.matching.service.care.candidates import quality_of
from marketplace.matching.service.care.fit import hours_by_organisation
from marketplace.matching.service.care.hours import FreeHours
from marketplace.matching.service.care.ranking import Market, RankedProviders, rank_in, travel_quarters
from marketplace.matching.service.weights import weights_in, weights_of
from marketplace.people.models import Person
from marketplace.providers.models import ServiceLine
from marketplace.providers.repository.care import CareFacts

MOST_TOGETHER: Final = 200
"""Requirements that are planned at once; the most urgent and oldest come first."""
SEARCH_SECONDS: Final = 2.0
_TIER = {Urgency.CRISIS: 0, Urgency.URGENT: 1, Urgency.STANDARD: 2}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement in the plan."""

    id: UUID
    reference: str
    urgency: Urgency
    service: ServiceLine
    outward: str
    status: str
    quarters: int
    """Quarter hours of care a week, every worker counted."""
    name: str
    """Who would take it; empty: nobody."""
    points: int
    able: int
    """Providers who have said hours for the whole week, if it were the only one."""
    why_not: str


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """A plan for all requirements that wait."""

    lines: list[Line]
    waiting: int
    """All that wait; more than there are lines when there are too many."""
    is_worked_out: bool
    """Whether the search answered in time."""
    is_proven: bool
    most_placed: int
    gap: float
    seconds: float

    @property
    def placed(self) -> list[Line]:
        """Requirements for which somebody has the hours."""
        return [line for line in self.lines if line.name]

    @property
    def placed_quarters(self) -> int:
        """Quarter hours a week that are covered."""
        return sum(line.quarters for line in self.placed)

    @property
    def quarters(self) -> int:
        """Quarter hours a week in all."""
        return sum(line.quarters for line in self.lines)


class _Case(msgspec.Struct, frozen=True):
    row: Requirement
    visits: Sequence[RequirementVisit]
    ranked: RankedProviders | None
    needs: dict[int, int]
    able: list[tuple[UUID, int]]
    """Who has the hours for all of it, and its points."""


class TogetherService:
    """Plans the requirements of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.waiting = TogetherRepository(db)

    async def count(self, principal: Principal) -> int:
        """Return how many requirements wait."""
        principal.require(Permission.REQUIREMENTS_READ)
        return await self.waiting.count(principal.council_id)

    async def plan(self, principal: Principal) -> Together:
        """Work out who would be best for whom now. Kept nowhere."""
        principal.require(Permission.REQUIREMENTS_READ)
        council_id = principal.council_id
        total = await self.waiting.count(council_id)
        rows = [(row[0], row[1]) for row in await self.waiting.waiting(council_id, MOST_TOGETHER)]
        hours: dict[ServiceLine, dict[UUID, FreeHours]] = {}
        cases = await self._cases(principal, rows, hours) if rows else []
        answer, owners = await _solved(cases, hours)
        names = {line.id: line.name for case in cases if case.ranked for line in case.ranked.lines}
        lines = [
            _line(case, owner, names, is_worked_out=answer is not None)
            for case, owner in zip(cases, owners, strict=True)
        ]
        return Together(
            lines=lines,
            waiting=total,
            is_worked_out=answer is not None,
            is_proven=answer is not None and answer.is_proven,
            most_placed=answer.most_placed if answer else len(lines),
            gap=answer.gap if answer else 1.0,
            seconds=answer.seconds if answer else 0.0,
        )

    async def _cases(
        self,
        principal: Principal,
        rows: Sequence[tuple[Requirement, Person]],
        hours: dict[ServiceLine, dict[UUID, FreeHours]],
    ) -> list[_Case]:
        council_id, on = principal.council_id, today(self.clock)
        visits = await RequirementRepository(self.db).visits_of([row.id for row, _ in rows])
        organisations = await self.waiting.organisations(council_id, [row.id for row, _ in rows], on)
        ids = sorted({item.id for found in organisations.values() for item, _ in found})
        services = sorted({row.service_line for row, _ in rows})
        said = await CareHoursRepository(self.db).of_services(ids, services)
        for service in services:
            theirs = [item for item in said if item.service_line is service]
            hours[service] = hours_by_organisation(theirs, self.clock.now())
        markets = await self._markets(principal, rows, ids, hours)
        conflicts = await self.waiting.conflicts(council_id)
        carers = await self.waiting.carers(council_id, {person.id for _, person in rows})
        cases = []
        for row, person in rows:
            week = visits.get(row.id, [])
            market = markets[row.service_line]
            needs = quarters(week, travel_quarters(market.settings))
            ranked = None
            if week and person.lat is not None:
                ranked = rank_in(
                    market,
                    row,
                    week,
                    person,
                    organisations.get(row.id, []),
                    conflicts={item for who, item in conflicts if who in (None, person.id)},
                    known={UUID(item) for item in row.known_organisation_ids} | carers.get(person.id, set()),
                    with_hours=False,
                )
            cases.append(_Case(row, week, ranked, needs, _able(ranked, needs, hours[row.service_line])))
        return cases

    async def _markets(
        self,
        principal: Principal,
        rows: Sequence[tuple[Requirement, Person]],
        ids: Sequence[UUID],
        hours: Mapping[ServiceLine, Mapping[UUID, FreeHours]],
    ) -> dict[ServiceLine, Market]:
        """Read what is known of organisations, once for all services but their listings."""
        facts, on = CareFacts(self.db), today(self.clock)
        settings = await settings_of(self.db, principal.council_id, on)
        published = await WeightRepository(self.db).in_force(principal.council_id, WeightPurpose.CARE, on)
        weights = weights_in(published) if published else weights_of(settings["matching.weights"])
        # The latest start of all: who leaves before then brings nothing to any of them.
        teams = await facts.teams(ids, max(row.starts_on for row, _ in rows))
        quality = await quality_of(facts, ids)
        return {
            service: Market(
                council_name=principal.council_name,
                settings=settings,
                weights=weights,
                listings=await facts.listings(ids, service),
                teams=teams,
                hours={key: item.quarters for key, item in said.items()},
                quality=quality,
            )
            for service, said in hours.items()
        }


def _able(
    ranked: RankedProviders | None, needs: Mapping[int, int], said: Mapping[UUID, FreeHours]
) -> list[tuple[UUID, int]]:
    return [
        (line.id, line.total)
        for line in (ranked.lines if ranked else ())
        if line.id in said and all(said[line.id].quarters.get(slot, 0) >= count for slot, count in needs.items())
    ]


async def _solved(
    cases: Sequence[_Case], hours: Mapping[ServiceLine, Mapping[UUID, FreeHours]]
) -> tuple[Answer | None, list[tuple[UUID, int] | None]]:
    """Return the answer, and for each requirement who takes it with its points."""
    candidates = sorted(
        {(item, case.row.service_line.value) for case in cases for item, _ in case.able},
        key=lambda key: (str(key[0]), key[1]),
    )
    place = {key: number for number, key in enumerate(candidates)}
    pairs = [
        (number, place[item, case.row.service_line.value], points)
        for number, case in enumerate(cases)
        for item, points in case.able
    ]
    if not pairs:
        empty = Answer(is_proven=True, assignment=[], score=0, gap=0.0, most_placed=0, seconds=0.0)
        return empty, [None] * len(cases)
    capacity = np.zeros((len(candidates), SLOTS), np.int64)
    for (item, service), number in place.items():
        for slot, count in hours[ServiceLine(service)][item].quarters.items():
            capacity[number, slot] = count
    needs = np.zeros((len(cases), SLOTS), np.int64)
    for number, case in enumerate(cases):
        for slot, count in case.needs.items():
            needs[number, slot] = count
    columns = np.array(pairs, np.int64)
    instance = build(
        [str(case.row.id) for case in cases],
        np.array([_TIER[case.row.urgency] for case in cases], np.int64),
        [f"{item} {service}" for item, service in candidates],
        capacity,
        [None] * len(candidates),
        columns[:, 0],
        columns[:, 1],
        columns[:, 2],
        needs[columns[:, 0]],
    )
    answer = await solve_apart(instance, time_limit=SEARCH_SECONDS)
    if answer is None:
        return None, [None] * len(cases)
    takes = {
        case_id: UUID(instance.candidate_ids[index].split(" ")[0])
        for case_id, index in zip(instance.case_ids, answer.assignment, strict=True)
        if index >= 0
    }
    return answer, [
        next((able for able in case.able if able[0] == takes.get(str(case.row.id))), None) for case in cases
    ]


def _line(case: _Case, owner: tuple[UUID, int] | None, names: Mapping[UUID, str], *, is_worked_out: bool) -> Line:
    row = case.row
    return Line(
        id=row.id,
        reference=row.reference,
        urgency=row.urgency,
        service=row.service_line,
        outward=row.outward,
        status=row.status.value,
        quarters=sum(quarters(case.visits).values()),
        name=names[owner[0]] if owner else "",
        points=owner[1] if owner else 0,
        able=len(case.able),
        why_not="" if owner else _why_not(case, is_worked_out=is_worked_out),
    )


def _why_not(case: _Case, *, is_worked_out: bool) -> str:
    if not case.visits:
        return "There is no visit in the week yet"
    if case.ranked is None:
        return "The place is not known"
    if not case.ranked.lines:
        return "Every provider breaks another rule, such as the area"
    if not case.able:
        return "Nobody has said hours for the whole week"
    if not is_worked_out:
        return "Not worked out in time"
    return "Who could take it is needed for others, or for somebody more urgent"
