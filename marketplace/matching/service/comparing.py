"""What other weights would change: for one referral (nothing is saved), or for a few that wait."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import settings_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.matching import engine
from marketplace.matching.engine import Candidate, CandidateTable, Case, Ranking, Weights
from marketplace.matching.models import Referral
from marketplace.matching.repository import ReferralRepository
from marketplace.matching.service.inputs import InputService, case_of, earliest_start
from marketplace.matching.states import ReferralStatus
from marketplace.people.models import Person

PREVIEWED = 8
"""Referrals of a preview."""
COMPARED = 10
"""Places of a comparison that are shown."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """One planner's place now and with the other weights; None: not among the first."""

    id: str
    rank_now: int | None
    rank_then: int | None
    total_now: int | None
    total_then: int | None

    @property
    def words(self) -> str:
        """What happens to them."""
        if self.rank_now is None:
            return "Comes in"
        if self.rank_then is None:
            return "Drops out"
        steps = self.rank_now - self.rank_then
        return "Stays" if not steps else f"Up {steps}" if steps > 0 else f"Down {-steps}"


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two rankings of one case."""

    now: Ranking
    then: Ranking
    moves: list[Moved]

    @property
    def has_new_first(self) -> bool:
        """Whether somebody else would come first."""
        return [entry.id for entry in self.now.entries[:1]] != [entry.id for entry in self.then.entries[:1]]


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """One referral of a preview."""

    referral_id: UUID
    reference: str
    compared: Compared


def compare(case: Case, candidates: Sequence[Candidate], now: Weights, then: Weights, salt: str) -> Compared:
    """Rank a case with two sets of weights: the same candidates, rules and drawing of equals."""
    return _compare(case, CandidateTable.from_candidates(candidates), now, then, salt)


def _compare(case: Case, table: CandidateTable, now: Weights, then: Weights, salt: str) -> Compared:
    before = engine.rank(case, table, now, limit=COMPARED, left_out_limit=0, salt=salt)
    after = engine.rank(case, table, then, limit=COMPARED, left_out_limit=0, salt=salt)
    was = {entry.id: entry for entry in before.entries}
    becomes = {entry.id: entry for entry in after.entries}
    order = [*becomes, *(key for key in was if key not in becomes)]
    moves = [
        Moved(
            id=key,
            rank_now=was[key].rank if key in was else None,
            rank_then=becomes[key].rank if key in becomes else None,
            total_now=was[key].total if key in was else None,
            total_then=becomes[key].total if key in becomes else None,
        )
        for key in order
    ]
    return Compared(now=before, then=after, moves=moves)


class PreviewService:
    """Previews of weights on referrals that wait."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def preview(
        self, council_id: UUID, council_name: str, now: Weights, then: Weights
    ) -> tuple[list[Previewed], dict[str, str]]:
        """Compare two sets of weights on the referrals that are due first. Returns them, and names by worker id."""
        on = today(clock_of(self.db))
        rows = await ReferralRepository(self.db).queue(council_id, ReferralStatus.RECEIVED, limit=PREVIEWED)
        placed: list[tuple[Referral, Person]] = [
            (row[0], row[1]) for row in rows if row[1].lat is not None and row[1].lon is not None
        ]
        if not placed:
            return [], {}
        settings = await settings_of(self.db, council_id, on)
        inputs = InputService(self.db)
        weeks = int(settings["matching.horizon_weeks"]) + 1
        pool = await inputs.candidates_of(council_id, on, weeks, settings=settings)
        facts = await inputs.facts_of(council_id, [referral for referral, _ in placed])
        found = []
        for referral, person in placed:
            start = earliest_start(referral.urgency, on)
            case = case_of(referral, person, facts[referral.id], settings, council_name, start)
            compared = _compare(case, pool.table, now, then, referral.reference)
            found.append(Previewed(referral_id=referral.id, reference=referral.reference, compared=compared))
        return found, {key: planner.name for key, planner in pool.planners.items()}
