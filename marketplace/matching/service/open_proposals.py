"""What becomes of proposals and late news that nobody has decided about when their referral goes another way."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.core.database import clock_of
from marketplace.matching.models import Offer, RematchAlert
from marketplace.matching.repository.alerts import AlertRepository
from marketplace.matching.repository.runs import ProposalRepository
from marketplace.matching.states import ALERT, PROPOSAL, AlertStatus, ProposalStatus

NO_LONGER_WAITS = "The referral no longer waits for a planner"


class OpenAlerts:
    """Open late news of a referral."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.alerts = AlertRepository(db)

    async def settle(self, principal: Principal, offer: Offer, planner: str) -> None:
        """Note that a broker offered the referral, which answers whatever was open about it."""
        for alert in await self.alerts.open_of(offer.council_id, offer.referral_id):
            close_alert(self.db, principal, alert, f"Offered to {planner}")


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


def close_alert(db: AsyncSession, principal: Principal, alert: RematchAlert, how: str) -> None:
    """Note that a broker dealt with an alert."""
    ALERT.move(db, alert, AlertStatus.HANDLED, by=principal.user_id, why=how)
    alert.handled_at = clock_of(db).now()
    alert.handled_by_user_id = principal.user_id
    alert.handled_how = how
    audit.record(
        db,
        principal,
        "matching.handle_alert",
        council_id=alert.council_id,
        subject_kind="rematch_alert",
        subject_id=alert.id,
        after={"status": alert.status, "cause": alert.cause},
        why=how,
    )
