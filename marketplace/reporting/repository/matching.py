"""Questions asked for the first page of matching: what waits for a broker or a manager."""

from datetime import date
from uuid import UUID

from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.matching.models import (
    AssignmentRun,
    Contest,
    Proposal,
    Referral,
    RematchAlert,
    Requirement,
    Urgency,
    WeightPurpose,
    WeightSet,
)
from marketplace.matching.states import (
    AlertStatus,
    ContestStatus,
    ProposalStatus,
    ReferralStatus,
    RequirementStatus,
    RunStatus,
    WeightStatus,
)


class MatchingDesk:
    """Counts what stands on a broker's desk. Every question names the council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def waiting(self, council_id: UUID) -> dict[Urgency, int]:
        """Return how many referrals wait for a planner, by urgency."""
        rows = await self.db.execute(
            select(Referral.urgency, func.count())
            .where(Referral.council_id == council_id, Referral.status == ReferralStatus.RECEIVED)
            .group_by(Referral.urgency)
        )
        return {row[0]: row[1] for row in rows}

    async def alerts(self, council_id: UUID) -> int:
        """Return how many referrals and requirements have late news nobody dealt with."""
        return await self._count(RematchAlert, RematchAlert.council_id == council_id, status=AlertStatus.OPEN)

    async def contests(self, council_id: UUID) -> int:
        """Return how many people wait for the answer to their contest."""
        return await self._count(Contest, Contest.council_id == council_id, status=ContestStatus.OPEN)

    async def proposals(self, council_id: UUID) -> int:
        """Return for how many referrals a planner is proposed by a waiting-list run and nobody has decided yet."""
        found = await self.db.scalar(
            select(func.count(distinct(Proposal.referral_id))).where(
                Proposal.council_id == council_id,
                Proposal.status == ProposalStatus.PROPOSED,
                Proposal.worker_id.is_not(None),
            )
        )
        return found or 0

    async def requirements(self, council_id: UUID) -> dict[RequirementStatus, int]:
        """Return how many requirements for care are in each state."""
        rows = await self.db.execute(
            select(Requirement.status, func.count())
            .where(Requirement.council_id == council_id)
            .group_by(Requirement.status)
        )
        return {row[0]: row[1] for row in rows}

    async def last_run(self, council_id: UUID) -> AssignmentRun | None:
        """Return the newest run that is done."""
        found: AssignmentRun | None = await self.db.scalar(
            select(AssignmentRun)
            .where(AssignmentRun.council_id == council_id, AssignmentRun.status == RunStatus.DONE)
            .order_by(AssignmentRun.asked_at.desc(), AssignmentRun.id.desc())
            .limit(1)
        )
        return found

    async def weights(self, council_id: UUID, on: date) -> dict[WeightPurpose, date]:
        """Return by purpose from when the weights in force count."""
        rows = await self.db.execute(
            select(WeightSet.purpose, func.max(WeightSet.starts_on))
            .where(
                WeightSet.council_id == council_id,
                WeightSet.status == WeightStatus.PUBLISHED,
                WeightSet.starts_on <= on,
            )
            .group_by(WeightSet.purpose)
        )
        return {row[0]: row[1] for row in rows if row[1] is not None}

    async def _count(self, model: type[RematchAlert | Contest], mine: object, *, status: object) -> int:
        found = await self.db.scalar(select(func.count()).select_from(model).where(mine, model.status == status))  # type: ignore[arg-type]
        return found or 0
