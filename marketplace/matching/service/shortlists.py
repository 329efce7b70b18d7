"""Asking the engine who is best placed, and storing what was acted on so that it can be repeated."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, settings_of
from marketplace.core.clock import local, today, week_start
from marketplace.core.database import clock_of
from marketplace.matching import engine
from marketplace.matching.engine import (
    Accreditation,
    Candidate,
    CandidateTable,
    Case,
    RankedCandidate,
    Ranking,
    Weights,
    grid_metres,
)
from marketplace.matching.errors import CannotRank
from marketplace.matching.models import Referral, Shortlist, Urgency
from marketplace.matching.repository import OfferRepository
from marketplace.matching.states import OfferStatus
from marketplace.matching.words import engine_labels
from marketplace.people.models import Person
from marketplace.providers.models import ServiceLine
from marketplace.providers.service.planners import Planner, PlannerService, PlannerWeek

LONGEST_SHORTLIST = 50
LONGEST_LEFT_OUT = 300
_URGENCY_TIER = {Urgency.CRISIS: 0, Urgency.URGENT: 1, Urgency.STANDARD: 2}


class Shortlisted(msgspec.Struct, frozen=True, kw_only=True):
    """A ranking of today's planners for a referral, and what it was made from."""

    case: Case
    weights: Weights
    salt: str
    candidates: tuple[Candidate, ...]
    ranking: Ranking
    planners: dict[str, Planner]
    """By worker id."""
    declined: dict[str, date]
    """Day on which a planner said no to this referral, by worker id."""
    without_base: tuple[str, ...]
    """Worker ids that cannot be ranked because nobody recorded where they start from."""

    def entry(self, worker_id: UUID) -> RankedCandidate | None:
        """Return a planner's line of the shortlist, or None."""
        return next((entry for entry in self.ranking.entries if entry.id == str(worker_id)), None)

    def week(self, entry: RankedCandidate) -> PlannerWeek:
        """Return the week in which a ranked planner can start."""
        monday = week_start(date.fromordinal(entry.first_day))
        return next(week for week in self.planners[entry.id].weeks if week.week_on == monday)

    def what_would_make_first(self, worker_id: str) -> str:
        """Say what would bring a planner of the shortlist to the top."""
        table = CandidateTable.from_candidates(self.candidates)
        return engine.what_would_make_first(self.case, table, worker_id, self.weights, salt=self.salt).text


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """What ranking the stored inputs once more gave."""

    is_same: bool
    fingerprint: str
    ranking: Ranking


def earliest_start(urgency: Urgency, on: date) -> date:
    """First day on which a place is looked for: today in a crisis, else the next Monday.

    A planner has working days to answer, so a place in the present week would mostly be gone by then.
    """
    return on if urgency is Urgency.CRISIS else week_start(on) + timedelta(days=7)


class ShortlistService:
    """Rankings of planners for referrals."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.offers = OfferRepository(db)

    async def rank(self, referral: Referral, person: Person, council_name: str) -> Shortlisted:
        """Rank the council's planners for a referral as things stand now.

        Raises:
            CannotRank: Nobody knows where the person lives.
        """
        if person.lat is None or person.lon is None:
            raise CannotRank("The person's postcode is not in the directory, so distances cannot be measured.")
        on = today(clock_of(self.db))
        settings = await settings_of(self.db, referral.council_id, on)
        start = earliest_start(referral.urgency, on)
        weeks = int(settings["matching.horizon_weeks"])
        planners = await PlannerService(self.db).candidates(
            referral.council_id,
            from_day=start,
            weeks=weeks,
            plans_per_week=int(settings["matching.plans_per_week"]),
        )
        declined = {
            str(offer.worker_id): local(offer.answered_at).date()
            for offer in await self.offers.of_referral(referral.council_id, referral.id)
            if offer.status is OfferStatus.DECLINED and offer.answered_at is not None
        }
        case = _case(referral, person, start, weeks, declined, council_name)
        weights = weights_of(settings["matching.weights"])
        open_cases = await self.offers.open_cases(referral.council_id)
        candidates = tuple(_candidate(planner, open_cases) for planner in planners if planner.worker.lat is not None)
        return Shortlisted(
            case=case,
            weights=weights,
            salt=referral.reference,
            candidates=candidates,
            ranking=_rank(case, candidates, weights, referral.reference),
            planners={str(planner.worker.id): planner for planner in planners},
            declined=declined,
            without_base=tuple(str(planner.worker.id) for planner in planners if planner.worker.lat is None),
        )

    def store(self, principal: Principal, referral: Referral, made: Shortlisted) -> Shortlist:
        """Keep a ranking that is acted on, with all that is needed to repeat it (K3)."""
        row = Shortlist(
            council_id=referral.council_id,
            referral_id=referral.id,
            made_at=clock_of(self.db).now(),
            made_by_user_id=principal.user_id,
            weights_version=made.weights.version,
            inputs=engine.dump_inputs(made.case, made.candidates, made.weights, made.salt),
            ranking={
                "result": _plain(made.ranking),
                "declined": {worker_id: day.isoformat() for worker_id, day in made.declined.items()},
                "without_base": list(made.without_base),
            },
            fingerprint=made.ranking.fingerprint,
        )
        self.db.add(row)
        return row

    def repeat(self, stored: Shortlist) -> Repeat:
        """Rank the stored inputs once more and compare: the same inputs give the same ranking, or something is wrong.

        Raises:
            CannotRank: The inputs were written by another version of the engine.
        """
        try:
            inputs = engine.load_inputs(stored.inputs)
        except ValueError as error:
            raise CannotRank("This shortlist was made by an earlier version of the engine.") from error
        ranking = _rank(inputs.case, inputs.candidates, inputs.weights, inputs.salt)
        is_same = ranking.fingerprint == stored.fingerprint and _plain(ranking) == stored.ranking["result"]
        return Repeat(is_same=is_same, fingerprint=ranking.fingerprint, ranking=ranking)


def stored_ranking(stored: Shortlist) -> Ranking:
    """Read a stored ranking as it was."""
    return msgspec.convert(stored.ranking["result"], Ranking)


def weights_of(published: Mapping[str, Any]) -> Weights:
    """Return the weights a council published; the engine's own for what it does not name."""
    return msgspec.convert({**msgspec.to_builtins(engine.DEFAULT_WEIGHTS), **published}, Weights)


def _rank(case: Case, candidates: Sequence[Candidate], weights: Weights, salt: str) -> Ranking:
    table = CandidateTable.from_candidates(candidates)
    return engine.rank(case, table, weights, limit=LONGEST_SHORTLIST, left_out_limit=LONGEST_LEFT_OUT, salt=salt)


def _plain(ranking: Ranking) -> Any:
    """Return a ranking as it comes back from JSON."""
    return msgspec.json.decode(msgspec.json.encode(ranking))


def _case(
    referral: Referral,
    person: Person,
    start: date,
    weeks: int,
    declined: Mapping[str, date],
    council_name: str,
) -> Case:
    x_metres, y_metres = grid_metres(person.lat or 0.0, person.lon or 0.0)
    essential = frozenset({referral.essential_language} if referral.essential_language else ())
    council = str(referral.council_id)
    return Case(
        id=str(referral.id),
        service=ServiceLine.SUPPORT_PLANNING.value,
        council=council,
        start_day=start.toordinal(),
        x_metres=x_metres,
        y_metres=y_metres,
        window_days=weeks * 7,
        required_gender=referral.required_gender,
        essential_languages=essential,
        # The engine has one list for "not this worker"; the page tells a refusal by the person from one by the planner.
        excluded_worker_ids=frozenset(declined),
        excluded_organisation_ids=frozenset(referral.excluded_organisation_ids),
        chosen_worker_id=str(referral.chosen_worker_id) if referral.chosen_worker_id else None,
        wished_languages=frozenset(person.languages) - {"English"} - essential,
        needs=frozenset(referral.needs),
        interests=frozenset(person.interests),
        previous_worker_id=str(referral.previous_worker_id) if referral.previous_worker_id else None,
        urgency_tier=_URGENCY_TIER[referral.urgency],
        labels=engine_labels(council, council_name),
    )


def _candidate(planner: Planner, open_cases: Mapping[UUID, int]) -> Candidate:
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
        interests=frozenset(worker.interests),
        first_free_day=planner.first_day.toordinal(),
        places_from_week=engine.week_of(planner.weeks[0].week_on.toordinal()),
        free_places_by_week=tuple(week.free for week in planner.weeks),
        week_capacity=planner.plans_per_week,
        open_cases=open_cases.get(worker.id, 0),
    )
