"""Commitments: what a team has promised for plans in the making, before anything is earned (D17)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.matching.events import OfferAccepted
from marketplace.payments.models import TariffEvent
from marketplace.payments.repository.commitments import COMMITTED_PLAN, RELEASED, CommitmentRepository
from marketplace.payments.service.accruals import priced
from marketplace.payments.service.teams import team_of

LONGEST_MINUTES = 100_000
"""A plan in the making is committed at the price of its longest visits: a budget is warned rather too early."""
AT_ONCE = 500


class CommitmentService:
    """Posts what is promised and takes it back once it has come in or fallen away. Repeating it does nothing."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.commitments = CommitmentRepository(db)
        self.ledger = LedgerService(db)

    async def commit_plan(self, event: OfferAccepted) -> bool:
        """Commit the price of a plan that a planner has taken on, by the tariff of today.

        Returns:
            Whether it was new. Nothing is committed without a tariff, nor for a case that was handed back since.
        """
        day = today(clock_of(self.db))
        if not await self.commitments.stands(event.council_id, event.offer_id):
            return False
        found = await priced(
            self.db,
            event.council_id,
            event.organisation_id,
            TariffEvent.PLAN_COMPLETED,
            day,
            minutes=LONGEST_MINUTES,
        )
        if found is None or found.pence < 1:
            return False
        team_id = await team_of(self.db, event.council_id, event.person_id, day)
        posted = await self.ledger.post(
            event.council_id,
            COMMITTED_PLAN,
            event.offer_id,
            [debit(Purpose.COMMITMENT, found.pence, team_id), credit(Purpose.COMMITTED, found.pence)],
            memo="Support plan taken on",
            effective_on=day,
        )
        return posted is not None

    async def release(self, council_id: UUID) -> int:
        """Take back the commitments of a council that have come in or fallen away.

        Returns:
            How many there were.
        """
        count = 0
        for offer_id in await self.commitments.over(council_id, AT_ONCE):
            count += (
                await self.ledger.reverse(
                    council_id, COMMITTED_PLAN, offer_id, as_kind=RELEASED, memo="Came in or fell away"
                )
                is not None
            )
        return count
