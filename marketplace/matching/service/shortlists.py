"""Asking the engine who is best placed, and storing what was acted on so that it can be repeated."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, settings_of
from marketplace.core.clock import today, week_start
from marketplace.core.database import clock_of
from marketplace.matching import engine
from marketplace.matching.engine import Candidate, CandidateTable, Case, RankedCandidate, Ranking, Weights
from marketplace.matching.errors import CannotRank
from marketplace.matching.models import Referral, Shortlist, WeightPurpose
from marketplace.matching.service.inputs import InputService, case_of, earliest_start
from marketplace.matching.service.weights import WeightService, weights_of
from marketplace.people.models import Person
from marketplace.providers.service.planners import Planner, PlannerWeek

__all__ = ["Repeat", "ShortlistService", "Shortlisted", "earliest_start", "stored_ranking", "weights_of"]

LONGEST_SHORTLIST = 50
LONGEST_LEFT_OUT = 300


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


class ShortlistService:
    """Rankings of planners for referrals."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def rank(self, referral: Referral, person: Person, council_name: str) -> Shortlisted:
        """Rank the council's planners for a referral as things stand now.

        Raises:
            CannotRank: Nobody knows where the person lives.
        """
        if person.lat is None or person.lon is None:
            raise CannotRank("The person's postcode is not in the directory, so distances cannot be measured.")
        council_id, on = referral.council_id, today(clock_of(self.db))
        settings = await settings_of(self.db, council_id, on)
        start = earliest_start(referral.urgency, on)
        inputs = InputService(self.db)
        pool = await inputs.candidates_of(council_id, start, int(settings["matching.horizon_weeks"]), settings=settings)
        facts = (await inputs.facts_of(council_id, [referral]))[referral.id]
        case = case_of(referral, person, facts, settings, council_name, start)
        weights, _ = await WeightService(self.db).in_force(council_id, WeightPurpose.PLANNING, on)
        return Shortlisted(
            case=case,
            weights=weights,
            salt=referral.reference,
            candidates=pool.candidates,
            ranking=_rank(case, pool.candidates, weights, referral.reference),
            planners=pool.planners,
            declined=facts.declined,
            without_base=pool.without_base,
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


def _rank(case: Case, candidates: Sequence[Candidate], weights: Weights, salt: str) -> Ranking:
    table = CandidateTable.from_candidates(candidates)
    return engine.rank(case, table, weights, limit=LONGEST_SHORTLIST, left_out_limit=LONGEST_LEFT_OUT, salt=salt)


def _plain(ranking: Ranking) -> Any:
    """Return a ranking as it comes back from JSON."""
    return msgspec.json.decode(msgspec.json.encode(ranking))
