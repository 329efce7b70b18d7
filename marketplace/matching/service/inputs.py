"""What the engine is told about a council: its planners as candidates and its referrals as cases.

One ranking and a run over the whole waiting list are fed by the same functions, so that a planner who is left out of
one is left out of the other.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import settings_of
from marketplace.core.clock import local, today, week_start
from marketplace.core.database import clock_of
from marketplace.matching import engine
from marketplace.matching.engine import (
    Accreditation,
    Candidate,
    CandidateStore,
    CandidateTable,
    Case,
    Reading,
    Stamps,
    grid_metres,
)
from marketplace.matching.engine.model import ConflictKind as EngineKind
from marketplace.matching.models import Complexity, Conflict, ConflictKind, Referral, Urgency
from marketplace.matching.repository import ConflictRepository, FactRepository
from marketplace.matching.repository.stamps import StampRepository
from marketplace.matching.words import engine_labels, skill_code
from marketplace.people.models import Person
from marketplace.providers.models import ServiceLine
from marketplace.providers.service.planners import Planner, PlannerService, PlannerWeek

URGENCY_TIER = {Urgency.CRISIS: 0, Urgency.URGENT: 1, Urgency.STANDARD: 2}
KIND_CODES = {
    ConflictKind.SELLS_CARE: EngineKind.SELLS_CARE,
    ConflictKind.FAMILY: EngineKind.FAMILY,
    ConflictKind.EVALUATOR: EngineKind.EVALUATOR,
    ConflictKind.OTHER: EngineKind.OTHER,
}
CARE_LINES = frozenset({ServiceLine.HOME_CARE, ServiceLine.PERSONAL_ASSISTANCE, ServiceLine.COMMUNITY_SUPPORT})
"""Services whose sellers may have an interest in what a plan says."""
STORE = CandidateStore()
"""Planners of the councils that this process ranked last."""
SELLS_CARE_NO, SELLS_CARE_OWN = "no", "not_for_own_customers"
"""Values of the setting `matching.planner_sells_care`; the third, "yes", sets no rule."""


class KnownPlanner(msgspec.Struct, frozen=True, kw_only=True):
    """What pages say of a planner; kept between rankings, so it holds no more than they need."""

    worker_id: UUID
    name: str
    organisation_id: UUID
    organisation_name: str
    weeks: tuple[PlannerWeek, ...]


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A council's planners as they stand now, for cases that start on `start` or later."""

    settings: dict[str, Any]
    start: date
    weeks: int
    candidates: tuple[Candidate, ...]
    table: CandidateTable
    """The candidates as columns; shared with other rankings, so never changed."""
    planners: Mapping[str, KnownPlanner]
    """By worker id."""
    without_base: tuple[str, ...]
    """Worker ids that cannot be ranked because nobody recorded where they start from."""


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a referral besides its own row and its person's."""

    declined: dict[str, date] = {}
    """Day on which a planner said no to it, by worker id."""
    sellers: frozenset[UUID] = frozenset()
    """Organisations that were awarded the person's care."""
    chosen_organisation_id: UUID | None = None
    """The organisation the person chose, when they named no planner."""


def earliest_start(urgency: Urgency, on: date) -> date:
    """First day on which a place is looked for: today in a crisis, else the next Monday.

    A planner has working days to answer, so a place in the present week would mostly be gone by then.
    """
    return on if urgency is Urgency.CRISIS else week_start(on) + timedelta(days=7)


def road_factors(settings: Mapping[str, Any]) -> tuple[float, dict[str, float]]:
    """Return the council's usual factor of roads against straight lines, and those of districts by their code."""
    published: Mapping[str, float] = settings["matching.road_factor"]
    factors = {code: float(factor) for code, factor in published.items() if code != "default"}
    return float(published.get("default", 1.3)), factors


def case_of(
    referral: Referral,
    person: Person,
    facts: CaseFacts,
    settings: Mapping[str, Any],
    council_name: str,
    start: date,
) -> Case:
    """Return a referral as the engine's case.

    Args:
        referral: The referral.
        person: Whose it is; must have a position.
        facts: What else is known.
        settings: The council's settings on the day.
        council_name: For the words of the reasons.
        start: First day on which a place is looked for.
    """
    x_metres, y_metres = grid_metres(person.lat or 0.0, person.lon or 0.0)
    essential = frozenset({referral.essential_language} if referral.essential_language else ())
    council = str(referral.council_id)
    chosen_worker = str(referral.chosen_worker_id) if referral.chosen_worker_id else None
    chosen_organisation = None if chosen_worker else facts.chosen_organisation_id
    rule = settings["matching.planner_sells_care"]
    sellers = facts.sellers if rule in (SELLS_CARE_NO, SELLS_CARE_OWN) else frozenset()
    usual_factor, factors = road_factors(settings)
    most_minutes = settings["matching.most_travel_minutes"]
    stays = referral.complexity is Complexity.COMPLEX and bool(settings["matching.retain_complex"])
    return Case(
        id=str(referral.id),
        service=ServiceLine.SUPPORT_PLANNING.value,
        council=council,
        start_day=start.toordinal(),
        x_metres=x_metres,
        y_metres=y_metres,
        window_days=int(settings["matching.horizon_weeks"]) * 7,
        road_factor=usual_factor,
        district_type=person.lad_code if person.lad_code in factors else None,
        road_factors=factors if person.lad_code in factors else {},
        most_minutes=int(most_minutes) if most_minutes is not None else None,
        complex_stays=stays,
        required_gender=referral.required_gender,
        essential_languages=essential,
        required_skills=frozenset(skill_code(code) for code in referral.required_skills),
        # Met with the candidates' conflicts: the person, and everybody of the council.
        party_ids=frozenset({str(person.id), council}),
        care_organisation_ids=frozenset(str(item) for item in sellers),
        # The engine has one list for "not this worker"; the page tells a refusal by the person from one by the planner.
        excluded_worker_ids=frozenset(facts.declined),
        excluded_organisation_ids=frozenset(referral.excluded_organisation_ids),
        chosen_worker_id=chosen_worker,
        chosen_organisation_id=str(chosen_organisation) if chosen_organisation else None,
        wished_languages=frozenset(person.languages) - {"English"} - essential,
        needs=frozenset(referral.needs),
        interests=frozenset(person.interests),
        previous_worker_id=str(referral.previous_worker_id) if referral.previous_worker_id else None,
        urgency_tier=URGENCY_TIER[referral.urgency],
        labels=engine_labels(council, council_name),
    )


def candidate_of(planner: Planner, *, open_cases: int, conflicts: Mapping[str, str]) -> Candidate:
    """Return a planner as the engine's candidate. The planner must have a base.

    `conflicts` are kinds by the id of whom they must not plan for.
    """
    worker = planner.worker
    x_metres, y_metres = grid_metres(worker.lat or 0.0, worker.lon or 0.0)
    return Candidate(
        id=str(worker.id),
        organisation_id=str(planner.organisation_id),
        x_metres=x_metres,
        y_metres=y_metres,
        accreditations=tuple(
            Accreditation(
                service=row.service_line.value,
                council=str(row.council_id),
                from_day=row.from_day.toordinal(),
                until_day=row.until_day.toordinal(),
            )
            for row in sorted(planner.accredited, key=lambda row: (row.from_day, row.service_line, row.until_day))
        ),
        radius_metres=worker.radius_metres,
        gender=worker.gender.value,
        languages=frozenset(worker.languages),
        specialisms=frozenset(worker.specialisms),
        skills=frozenset(skill_code(code) for code in worker.skills),
        interests=frozenset(worker.interests),
        conflicts=frozenset(conflicts),
        conflict_kinds=dict(conflicts),
        first_free_day=planner.first_day.toordinal(),
        places_from_week=engine.week_of(planner.weeks[0].week_on.toordinal()),
        free_places_by_week=tuple(week.free for week in planner.weeks),
        week_capacity=planner.plans_per_week,
        open_cases=open_cases,
    )


def conflicts_by_planner(
    council_id: UUID, planners: Sequence[Planner], conflicts: Sequence[Conflict], settings: Mapping[str, Any]
) -> dict[UUID, dict[str, str]]:
    """Return by worker whom they must not plan for and why: ids of people, and the council's for everybody of it."""
    by_worker: dict[UUID, dict[str, str]] = {}
    by_organisation: dict[UUID, dict[str, str]] = {}
    for conflict in conflicts:
        party = {str(conflict.person_id or council_id): KIND_CODES[conflict.kind].value}
        if conflict.worker_id is not None:
            by_worker.setdefault(conflict.worker_id, {}).update(party)
        elif conflict.organisation_id is not None:
            by_organisation.setdefault(conflict.organisation_id, {}).update(party)
    no_sellers = settings["matching.planner_sells_care"] == SELLS_CARE_NO
    found = {}
    for planner in planners:
        parties = {**by_organisation.get(planner.organisation_id, {}), **by_worker.get(planner.worker.id, {})}
        if no_sellers and any(row.service_line in CARE_LINES for row in planner.accredited):
            parties[str(council_id)] = EngineKind.SELLS_CARE.value
        found[planner.worker.id] = parties
    return found


class PlannerSource:
    """Reads a council's planners for the store; see `repository.stamps` for what a stamp stands for."""

    def __init__(
        self, db: AsyncSession, council_id: UUID, start: date, weeks: int, settings: Mapping[str, Any]
    ) -> None:
        self.db = db
        self.council_id = council_id
        self.start, self.weeks, self.settings = start, weeks, settings
        self._open_cases: Mapping[UUID, int] = {}

    @property
    def key(self) -> tuple[Any, ...]:
        """All that planners depend on besides their own rows."""
        used = (self.settings["matching.plans_per_week"], self.settings["matching.planner_sells_care"])
        return (self.council_id, today(clock_of(self.db)), self.start, self.weeks, *used)

    async def stamps(self) -> Stamps:
        """Every planner with a stamp of now."""
        found = await StampRepository(self.db).of_planners(self.council_id, self.start, self.weeks)
        self._open_cases = found.open_cases
        # What this transaction wrote may still be undone, so what it sees is for itself alone.
        return Stamps(of={str(id): stamp for id, stamp in found.of.items()}, may_keep=not found.sees_unfinished)

    async def read(self, ids: Collection[str] | None) -> Reading:
        """Planners as candidates, and what pages say of them."""
        planners = await PlannerService(self.db).candidates(
            self.council_id,
            from_day=self.start,
            weeks=self.weeks,
            plans_per_week=int(self.settings["matching.plans_per_week"]),
            worker_ids=None if ids is None else [UUID(id) for id in ids],
        )
        live = await ConflictRepository(self.db).live(self.council_id)
        conflicts = conflicts_by_planner(self.council_id, planners, live, self.settings)
        return Reading(
            candidates=[
                candidate_of(
                    planner,
                    open_cases=self._open_cases.get(planner.worker.id, 0),
                    conflicts=conflicts[planner.worker.id],
                )
                for planner in planners
                if planner.worker.lat is not None
            ],
            notes={
                str(planner.worker.id): KnownPlanner(
                    worker_id=planner.worker.id,
                    name=planner.worker.name,
                    organisation_id=planner.organisation_id,
                    organisation_name=planner.organisation_name,
                    weeks=planner.weeks,
                )
                for planner in planners
            },
        )


class InputService:
    """Inputs of rankings and runs, read from rows."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def candidates_of(
        self, council_id: UUID, start: date, weeks: int, *, settings: dict[str, Any] | None = None
    ) -> Pool:
        """Return a council's planners with their free places from a day on.

        Those who have not changed since the last ranking come from the store; one question tells who has.

        Args:
            council_id: Whose planners.
            start: First day of interest: the earliest start of any case.
            weeks: How many weeks of places, 1 or more.
            settings: The council's settings, when the caller has read them already.
        """
        found = settings or await settings_of(self.db, council_id, today(clock_of(self.db)))
        source = PlannerSource(self.db, council_id, start, weeks, found)
        snapshot = await STORE.fresh(source.key, source)
        return Pool(
            settings=found,
            start=start,
            weeks=weeks,
            candidates=snapshot.candidates(),
            table=snapshot.table,
            planners=snapshot.notes,
            without_base=tuple(id for id in snapshot.notes if id not in snapshot.table.row_of),
        )

    async def facts_of(self, council_id: UUID, referrals: Sequence[Referral]) -> dict[UUID, CaseFacts]:
        """Return by referral what else is known, in one question however many there are."""
        declined: dict[UUID, dict[str, date]] = {}
        sellers: dict[UUID, set[UUID]] = {}
        chosen: dict[UUID, UUID | None] = {}
        rows = await FactRepository(self.db).of_referrals(council_id, [referral.id for referral in referrals])
        for kind, referral_id, found, at in rows:
            match kind:
                case "declined":
                    declined.setdefault(referral_id, {})[str(found)] = local(at).date()
                case "seller" if found is not None:
                    sellers.setdefault(referral_id, set()).add(found)
                case _:
                    chosen[referral_id] = found
        return {
            referral.id: CaseFacts(
                declined=declined.get(referral.id, {}),
                sellers=frozenset(sellers.get(referral.id, ())),
                chosen_organisation_id=chosen.get(referral.id),
            )
            for referral in referrals
        }
