"""Questions about commitments: which still stand, and which have come in or fallen away."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

COMMITTED_PLAN = "plan-committed"
RELEASED = "commitment-released"


class CommitmentRepository:
    """Commitments for plans: one entry for each offer that a planner accepted."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def stands(self, council_id: UUID, offer_id: UUID) -> bool:
        """Whether an offer is accepted and its plan not complete yet, held until the transaction ends."""
        found = await self.db.scalar(
            text(
                """
                SELECT 1 FROM offers o JOIN referrals r ON r.id = o.referral_id
                WHERE o.council_id = :council_id AND o.id = :offer_id AND o.status = 'accepted'
                    AND r.status <> 'closed'
                    AND NOT EXISTS (SELECT 1 FROM plans p JOIN plan_versions v ON v.plan_id = p.id
                        WHERE p.referral_id = r.id AND v.signed_off_at IS NOT NULL)
                FOR SHARE OF o
                """
            ),
            {"council_id": council_id, "offer_id": offer_id},
        )
        return found is not None

    async def over(self, council_id: UUID, limit: int) -> Sequence[UUID]:
        """Return offers whose commitment is open and which are no longer accepted, closed, or complete."""
        found = await self.db.scalars(
            text(
                """
                SELECT o.id FROM ledger_entries e
                JOIN offers o ON o.id = e.source_id JOIN referrals r ON r.id = o.referral_id
                WHERE e.council_id = :council_id AND e.kind = :committed
                    AND NOT EXISTS (SELECT 1 FROM ledger_entries x WHERE x.kind = :released AND x.source_id = o.id)
                    AND (o.status <> 'accepted' OR r.status = 'closed' OR EXISTS (
                        SELECT 1 FROM plans p JOIN plan_versions v ON v.plan_id = p.id
                        WHERE p.referral_id = r.id AND v.signed_off_at IS NOT NULL))
                ORDER BY e.posted_at LIMIT :limit
                """
            ),
            {"council_id": council_id, "committed": COMMITTED_PLAN, "released": RELEASED, "limit": limit},
        )
        return found.all()

    async def council_ids(self) -> Sequence[UUID]:
        """Return the councils that have committed anything."""
        found = await self.db.scalars(
            text("SELECT DISTINCT council_id FROM ledger_accounts WHERE purpose = 'commitment' ORDER BY council_id")
        )
        return found.all()
