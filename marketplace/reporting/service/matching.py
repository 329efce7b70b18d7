"""The first page of matching: what waits, what was proposed last, and where the rest is."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import plural
from marketplace.matching.models import WeightPurpose
from marketplace.matching.states import RequirementStatus
from marketplace.matching.words import URGENCY_LABELS
from marketplace.reporting.repository.matching import MatchingDesk


class LastRun(msgspec.Struct, frozen=True, kw_only=True):
    """The newest finished proposal for the waiting list."""

    href: str
    reference: str
    asked_at: datetime
    cases: int
    placed: int
    is_optimal: bool


class MatchingPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows."""

    waiting: Sequence[tuple[str, str]]
    """What waits, in words, with its address."""
    by_urgency: Sequence[tuple[str, int, str]]
    last_run: LastRun | None
    planning_weights_from: date | None


class MatchingDeskService:
    """Reads the council's desk of matching."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.desk = MatchingDesk(db)

    async def page(self, principal: Principal) -> MatchingPage:
        """Return what waits for the reader's council, most pressing first."""
        principal.require(Permission.MATCH_READ)
        council_id, on = principal.council_id, today(clock_of(self.db))
        urgencies = await self.desk.waiting(council_id)
        requirements = await self.desk.requirements(council_id)
        run = await self.desk.last_run(council_id)
        counts = (
            (await self.desk.alerts(council_id), "piece of late news", "pieces of late news", "/matching/alerts"),
            (await self.desk.contests(council_id), "decision contested", "decisions contested", "/contests"),
            (await self.desk.proposals(council_id), "proposal to decide", "proposals to decide", "/matching/runs"),
            (
                requirements.get(RequirementStatus.NO_OFFERS, 0),
                "requirement for care without offers",
                "requirements for care without offers",
                "/requirements?tab=unmet",
            ),
            (
                requirements.get(RequirementStatus.CLOSED, 0),
                "requirement for care with offers to compare",
                "requirements for care with offers to compare",
                "/requirements?tab=compare",
            ),
            (sum(urgencies.values()), "referral without a planner", "referrals without a planner", "/referrals"),
        )
        return MatchingPage(
            waiting=[(plural(count, one, many), href) for count, one, many, href in counts if count],
            by_urgency=[
                (label, urgencies.get(urgency, 0), f"{urgencies.get(urgency, 0):,}")
                for urgency, label in URGENCY_LABELS.items()
            ],
            last_run=None
            if run is None
            else LastRun(
                href=f"/matching/runs/{run.id}",
                reference=run.reference,
                asked_at=run.asked_at,
                cases=run.cases,
                placed=run.placed,
                is_optimal=run.is_optimal,
            ),
            planning_weights_from=(await self.desk.weights(council_id, on)).get(WeightPurpose.PLANNING),
        )
