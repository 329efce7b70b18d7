"""What a broker does about late news: offer to who is proposed, keep the planner with a reason, take the offer back."""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import week_start
from marketplace.matching.errors import AgainstChoice, AlertClosed, RankingChanged
from marketplace.matching.models import Offer, RematchAlert
from marketplace.matching.repository import ReferralRepository
from marketplace.matching.repository.alerts import AlertRepository
from marketplace.matching.repository.care import RequirementRepository
from marketplace.matching.service.alerts import ENDED_CAUSES
from marketplace.matching.service.hand_backs import HandBackService
from marketplace.matching.service.offers import OfferService, not_listed
from marketplace.matching.service.open_proposals import close_alert
from marketplace.matching.states import AlertStatus
from marketplace.matching.words_runs import ALERT_LABELS, CAUSE_LABELS


class ActingService:
    """Decisions about late news."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.alerts = AlertRepository(db)

    async def offer(self, principal: Principal, alert_id: UUID, worker_id: UUID, why: str) -> Offer:
        """Offer the referral to the planner who is proposed; who holds it until now gives it up first.

        Raises:
            NotFound: The alert is another council's.
            AlertClosed: It was dealt with, or its cause has ended.
            RankingChanged: Nobody is proposed, or somebody else by now.
            PlaceTaken, ReferralNotOpen, NotAccredited, AlreadyPlanned, AgainstChoice: Things changed since.
        """
        principal.require(Permission.REFERRALS_MATCH)
        alert = await self._open(principal, alert_id)
        if alert.proposed_worker_id is None or alert.proposed_worker_id != worker_id:
            raise RankingChanged("Somebody else is proposed by now. Look at the page again.")
        if alert.referral_id is None:
            raise AlertClosed("It is not about a referral.")
        if alert.cause not in ENDED_CAUSES and alert.offer_id is not None:
            await HandBackService(self.db).take_back(principal, alert.offer_id, why or alert.detail)
            await self.db.flush()
        offers = OfferService(self.db)
        referral, worker, made = await offers.ready(principal, alert.referral_id, worker_id)
        entry = made.standing(worker.id)
        if entry is None:
            raise not_listed(made, worker.id)
        if made.choice is not None and made.choice.cannot and not why:
            raise AgainstChoice("They chose a planner who cannot take it. Tell them and decide on the referral’s page.")
        reason = why or f"Best placed after: {CAUSE_LABELS[alert.cause].lower()}"
        week_on = week_start(date.fromordinal(entry.first_day))
        # Writing the offer closes the referral's open alerts in the broker's name.
        return await offers.write(
            principal, referral, worker, made, entry, week_on, reason if entry.rank > 1 or why else ""
        )

    async def keep(self, principal: Principal, alert_id: UUID, why: str) -> RematchAlert:
        """Leave things as they are, with the reason. The same cause is not raised again for four weeks.

        Raises:
            NotFound: The alert is another council's.
            AlertClosed: It was dealt with, or its cause has ended.
        """
        principal.require(Permission.REFERRALS_MATCH)
        alert = await self._open(principal, alert_id)
        close_alert(self.db, principal, alert, f"Left as it is: {why}")
        await self.db.flush()
        return alert

    async def take_back(self, principal: Principal, alert_id: UUID, why: str) -> None:
        """Take the offer back; the referral waits again.

        Raises:
            NotFound: The alert is another council's.
            AlertClosed: It was dealt with, its cause has ended, or nobody holds the referral.
            OfferClosed, AlreadyPlanned: Things changed since.
        """
        principal.require(Permission.REFERRALS_MATCH)
        alert = await self._open(principal, alert_id)
        if alert.cause in ENDED_CAUSES or alert.offer_id is None:
            raise AlertClosed("Nobody holds the referral: it waits already.")
        await HandBackService(self.db).take_back(principal, alert.offer_id, why)
        close_alert(self.db, principal, alert, f"Taken back: {why}")
        await self.db.flush()

    async def _open(self, principal: Principal, alert_id: UUID) -> RematchAlert:
        """Lock the referral or the requirement, then the alert."""
        seen = await self.alerts.find(principal.council_id, alert_id)
        if seen.referral_id is not None:
            await ReferralRepository(self.db).find(principal.council_id, seen.referral_id, locked=True)
        if seen.requirement_id is not None:
            await RequirementRepository(self.db).find(principal.council_id, seen.requirement_id, locked=True)
        alert = await self.alerts.find(principal.council_id, alert_id, locked=True)
        if alert.status is not AlertStatus.OPEN:
            raise AlertClosed(f"Its state is now: {ALERT_LABELS[alert.status].lower()}. {alert.handled_how}")
        return alert
