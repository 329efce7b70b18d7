"""What becomes of proposals that nobody has decided about when their referral goes another way."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.core.database import clock_of
from marketplace.matching.models import Offer
from marketplace.matching.repository.runs import ProposalRepository
from marketplace.matching.states import PROPOSAL, ProposalStatus

NO_LONGER_WAITS = "The referral no longer waits for a planner"


class OpenProposals:
    """Open proposals of a referral."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.proposals = ProposalRepository(db)

    async def settle(self, principal: Principal, offer: Offer) -> None:
        """Note that a broker offered the referral from its own page: as proposed, or to somebody else."""
        for proposal in await self.proposals.open_of_referral(offer.council_id, offer.referral_id):
            is_same = proposal.worker_id == offer.worker_id
            to = ProposalStatus.ACCEPTED if is_same else ProposalStatus.CHANGED
            PROPOSAL.move(self.db, proposal, to, by=principal.user_id, why=offer.override_reason)
            proposal.offer_id = offer.id
            proposal.decided_by_user_id = principal.user_id
            proposal.decided_at = clock_of(self.db).now()
            proposal.why = offer.override_reason
            if is_same and offer.proposal_id is None:
                offer.proposal_id = proposal.id

    async def put_aside(self, council_id: UUID, referral_id: UUID, why: str = NO_LONGER_WAITS) -> None:
        """Note that nobody needs to decide any more."""
        for proposal in await self.proposals.open_of_referral(council_id, referral_id):
            PROPOSAL.move(self.db, proposal, ProposalStatus.OUTDATED, by=None, why=why)
            proposal.why = why
