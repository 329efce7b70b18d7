"""Asking the engine who is best placed, and storing what was acted on so that it can be repeated."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, settings_of
from marketplace.core.clock import today, week_start
from marketplace.core.database import clock_of
from marketplace.matching import engine
from marketplace.matching.engine import Candidate, CandidateTable, Case, LeftOut, RankedCandidate, Ranking, Weights
from marketplace.matching.errors import CannotRank
from marketplace.matching.models import Referral, Shortlist, WeightPurpose
from marketplace.matching.service.inputs import InputService, KnownPlanner, case_of, earliest_start
from marketplace.matching.service.weights import WeightService, weights_of
from marketplace.people.models import Person
from marketplace.providers.service.planners import PlannerWeek

__all__ = ["Repeat", "ShortlistService", "Shortlisted", "earliest_start", "stored_ranking", "weights_of"]

LONGEST_SHORTLIST = 50
LONGEST_LEFT_OUT = 300


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the person chose: a planner, or an organisation alone."""

    worker_id: str | None = None
    organisation_id: str | None = None
    cannot: str = ""
    """Why the choice cannot be followed today; "" when it is followed. The ranking then shows the others."""

    def is_met_by(self, worker_id: str, organisation_id: str) -> bool:
        """Whether a planner is the one, or of the organisation, that the person chose."""
        return worker_id == self.worker_id if self.worker_id else organisation_id == self.organisation_id


class Shortlisted(msgspec.Struct, frozen=True, kw_only=True):
    """A ranking of today's planners for a referral, and what it was made from."""

    case: Case
    weights: Weights
    salt: str
    candidates: tuple[Candidate, ...]
    table: CandidateTable
    """The candidates as columns; shared with other rankings, so never changed."""
    ranking: Ranking
    planners: Mapping[str, KnownPlanner]
    """By worker id."""
    declined: dict[str, date]
    """Day on which a planner said no to this referral, by worker id."""
    without_base: tuple[str, ...]
    """Worker ids that cannot be ranked because nobody recorded where they start from."""
    choice: Choice | None = None

    def entry(self, worker_id: UUID) -> RankedCandidate | None:
        """Return a planner's line of the shortlist, or None."""
        return next((entry for entry in self.ranking.entries if entry.id == str(worker_id)), None)

    def standing(self, worker_id: UUID) -> RankedCandidate | None:
        """Return a planner's line wherever they stand, also below the shortlist; None when they break a rule."""
        found = self.entry(worker_id)
        if found is not None or self.ranking.eligible <= len(self.ranking.entries):
            return found
        whole = engine.rank(self.case, self.table, self.weights, left_out_limit=0, salt=self.salt)
        return next((entry for entry in whole.entries if entry.id == str(worker_id)), None)

    def why_left_out(self, worker_id: UUID) -> LeftOut | None:
        """Return which rules a planner breaks; None when none, or nobody knows them."""
        if str(worker_id) not in self.table.row_of:
            return None
        return engine.why_left_out(self.case, self.table, str(worker_id))

    def what_would_let_in(self, worker_ids: Iterable[str]) -> dict[str, str]:
        """Say by worker id what would let planners in whom one rule alone leaves out."""
        found = {}
        for worker_id in worker_ids:
            lifted = engine.what_if_lifted(self.case, self.table, worker_id, self.weights, salt=self.salt)
            if lifted is not None:
                found[worker_id] = lifted.text
        return found

    @property
    def names(self) -> dict[str, tuple[str, str]]:
        """Name and organisation of every planner, by worker id."""
        return {key: (item.name, item.organisation_name) for key, item in self.planners.items()}

    def week(self, entry: RankedCandidate) -> PlannerWeek:
        """Return the week in which a ranked planner can start."""
        monday = week_start(date.fromordinal(entry.first_day))
        return next(week for week in self.planners[entry.id].weeks if week.week_on == monday)

    def what_would_make_first(self, worker_ids: Iterable[str]) -> dict[str, str]:
        """Say by worker id what would bring planners of the shortlist to the top."""
        return {
            worker_id: engine.what_would_make_first(self.case, self.table, worker_id, self.weights, salt=self.salt).text
            for worker_id in worker_ids
        }

    def everybody_left_out(self) -> Sequence[LeftOut]:
        """Return every planner who breaks a rule, however many there are."""
        return engine.rank(self.case, self.table, self.weights, limit=0, salt=self.salt).left_out


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

        A planner or an organisation whom the person chose is the only one put forward. When the choice cannot be
        followed, the others are ranked and `choice.cannot` says why: somebody talks with the person first.

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
        weights, _ = await WeightService(self.db).in_force(council_id, WeightPurpose.PLANNING, on, settings)
        ranking = _rank(case, pool.table, weights, referral.reference)
        choice = _choice(case)
        if choice is not None and not ranking.eligible:
            cannot = _why_not_chosen(case, pool.candidates, choice)
            choice = msgspec.structs.replace(choice, cannot=cannot)
            case = msgspec.structs.replace(case, chosen_worker_id=None, chosen_organisation_id=None)
            ranking = _rank(case, pool.table, weights, referral.reference)
        return Shortlisted(
            case=case,
            weights=weights,
            salt=referral.reference,
            candidates=pool.candidates,
            table=pool.table,
            ranking=ranking,
            planners=pool.planners,
            declined=facts.declined,
            without_base=pool.without_base,
            choice=choice,
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
                "choice": msgspec.to_builtins(made.choice),
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
        table = CandidateTable.from_candidates(inputs.candidates)
        ranking = _rank(inputs.case, table, inputs.weights, inputs.salt)
        is_same = ranking.fingerprint == stored.fingerprint and _plain(ranking) == stored.ranking["result"]
        return Repeat(is_same=is_same, fingerprint=ranking.fingerprint, ranking=ranking)


def stored_ranking(stored: Shortlist) -> Ranking:
    """Read a stored ranking as it was."""
    return msgspec.convert(stored.ranking["result"], Ranking)


def _rank(case: Case, table: CandidateTable, weights: Weights, salt: str) -> Ranking:
    return engine.rank(case, table, weights, limit=LONGEST_SHORTLIST, left_out_limit=LONGEST_LEFT_OUT, salt=salt)


def _choice(case: Case) -> Choice | None:
    if case.chosen_worker_id is None and case.chosen_organisation_id is None:
        return None
    return Choice(worker_id=case.chosen_worker_id, organisation_id=case.chosen_organisation_id)


def _why_not_chosen(case: Case, candidates: Sequence[Candidate], choice: Choice) -> str:
    """Say which rules stand between the person and their choice."""
    chosen = [one for one in candidates if choice.is_met_by(one.id, one.organisation_id)]
    if not chosen:
        return "No planner who can be ranked belongs to the choice any more"
    table = CandidateTable.from_candidates(chosen)
    found: dict[str, None] = {}
    for one in chosen:
        left_out = engine.why_left_out(case, table, one.id)
        found.update(dict.fromkeys(left_out.reasons if left_out else ()))
    return "; ".join(list(found)[:3])


def _plain(ranking: Ranking) -> Any:
    """Return a ranking as it comes back from JSON."""
    return msgspec.json.decode(msgspec.json.encode(ranking))
