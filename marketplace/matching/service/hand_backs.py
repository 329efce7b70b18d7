"""Accepted offers that come back: handed back by the planner, or taken back by a broker. The person is told."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.matching.errors import AlreadyPlanned, OfferClosed
from marketplace.matching.events import OfferHandedBack, OfferWithdrawn
from marketplace.matching.models import Offer, Referral
from marketplace.matching.repository import OfferRepository, ReferralRepository
from marketplace.matching.states import OFFER, REFERRAL, OfferStatus, ReferralStatus
from marketplace.matching.words import OFFER_LABELS


class HandBackService:
    """Ends what a planner holds."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.offers = OfferRepository(db)
        self.referrals = ReferralRepository(db)

    async def hand_back(self, principal: Principal, offer_id: UUID, why: str) -> Offer:
        """Hand back a referral that the planner accepted: the place is free and the referral waits again.

        Raises:
            NotFound: The offer is not the planner's.
            OfferClosed: It is not accepted, or was handed back before.
            AlreadyPlanned: The plan is signed off.
        """
        principal.require(Permission.OFFERS_ANSWER)
        if principal.worker_id is None:
            raise NotFound
        seen = await self.offers.for_worker(offer_id, principal.worker_id, principal.councils)
        referral = await self.referrals.find(seen.council_id, seen.referral_id, locked=True)
        offer = await self.offers.for_worker(offer_id, principal.worker_id, principal.councils, locked=True)
        if offer.status is not OfferStatus.ACCEPTED:
            raise OfferClosed(f"Its state is now: {OFFER_LABELS[offer.status].lower()}.")
        offer.decline_reason = why  # They have said no: rankings leave them out of this referral from now on.
        await self._end(principal, offer, referral, why, "matching.hand_back_offer")
        return offer

    async def take_back(self, principal: Principal, offer_id: UUID, why: str) -> Referral:
        """Take back what a planner holds, open or accepted, because late news says that it may not hold.

        Returns:
            The referral, locked, which waits again.

        Raises:
            NotFound: The offer is another council's.
            OfferClosed: The planner does not hold it any more.
            AlreadyPlanned: The plan is signed off.
        """
        principal.require(Permission.REFERRALS_MATCH)
        seen = await self.offers.find(principal.council_id, offer_id)
        referral = await self.referrals.find(principal.council_id, seen.referral_id, locked=True)
        offer = await self.offers.find(principal.council_id, offer_id, locked=True)
        if offer.status not in (OfferStatus.OFFERED, OfferStatus.ACCEPTED):
            raise OfferClosed(f"Its state is now: {OFFER_LABELS[offer.status].lower()}.")
        await self._end(principal, offer, referral, why, "matching.take_back_offer")
        return referral

    async def _end(self, principal: Principal, offer: Offer, referral: Referral, why: str, action: str) -> None:
        if referral.planned_at is not None:
            raise AlreadyPlanned("What was agreed is in place. Talk with the council about changes to the plan.")
        was_accepted, now = offer.status is OfferStatus.ACCEPTED, clock_of(self.db).now()
        OFFER.move(self.db, offer, OfferStatus.WITHDRAWN, by=principal.user_id, why=why)
        await self.offers.free_place(offer.council_id, offer.id)
        REFERRAL.move(self.db, referral, ReferralStatus.RECEIVED, by=principal.user_id, why=why)
        if was_accepted:
            offer.handed_back_at, offer.hand_back_reason = now, why
        else:
            offer.answered_at = now
        audit.record(
            self.db,
            principal,
            action,
            council_id=offer.council_id,
            subject_kind="offer",
            subject_id=offer.id,
            after={"status": offer.status, "referral_id": referral.id},
            why=why,
        )
        await self.db.flush()
        if was_accepted:
            outbox.publish(
                self.db,
                OfferHandedBack(
                    council_id=offer.council_id,
                    offer_id=offer.id,
                    referral_id=referral.id,
                    person_id=referral.person_id,
                    worker_id=offer.worker_id,
                    organisation_id=offer.organisation_id,
                ),
            )
            return
        outbox.publish(
            self.db,
            OfferWithdrawn(
                council_id=offer.council_id,
                offer_id=offer.id,
                referral_id=referral.id,
                worker_id=offer.worker_id,
                organisation_id=offer.organisation_id,
            ),
        )
