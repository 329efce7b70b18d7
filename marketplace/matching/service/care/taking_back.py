"""The winner falls through: an award is taken back with a reason, and offers that are still valid stand again."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.matching.errors_care import AwardOver
from marketplace.matching.events import RequirementAwardTakenBack
from marketplace.matching.models import Requirement, RequirementAward, RequirementOffer
from marketplace.matching.repository.alerts import AlertRepository
from marketplace.matching.repository.care import AwardRepository, CareOfferRepository
from marketplace.matching.service.care.requirements import RequirementService
from marketplace.matching.service.open_proposals import close_alert
from marketplace.matching.states import REQUIREMENT, REQUIREMENT_OFFER, RequirementOfferStatus, RequirementStatus


class TakingBackService:
    """Ends awards, before or after their first day."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.awards = AwardRepository(db)
        self.offers = CareOfferRepository(db)

    async def take_back(
        self, principal: Principal, requirement_id: UUID, version: int, award_id: UUID, why: str
    ) -> Requirement:
        """Take one award back. The offers of the round are compared again; without any, providers are asked again.

        Other awards of a shared week stay.

        Raises:
            Forbidden: Not the role.
            NotFound: Another council's, or not of this requirement.
            RequirementChanged: Somebody else saved it since the page was drawn.
            AwardOver: It was taken back before.
        """
        principal.require(Permission.REQUIREMENTS_WRITE)
        row = await RequirementService(self.db).locked_as_shown(principal, requirement_id, version)
        award = await self.awards.find(row.council_id, award_id, locked=True)
        if award.requirement_id != row.id:
            raise NotFound
        await self._end(principal, row, award, why)
        return row

    async def take_all_back(self, principal: Principal, requirement_id: UUID, why: str) -> int:
        """Take back every award in force, for a contest that is upheld. The caller has checked who may.

        Returns how many there were.
        """
        row = await RequirementService(self.db).requirements.find(principal.council_id, requirement_id, locked=True)
        awards = await self.awards.of_requirement(row.council_id, row.id, locked=True)
        for award in awards:
            await self._end(principal, row, award, why)
        return len(awards)

    async def _end(self, principal: Principal, row: Requirement, award: RequirementAward, why: str) -> None:
        """End an award. The requirement and the award are locked."""
        if award.taken_back_at is not None:
            raise AwardOver("Look at the requirement again.")
        offers = await self.offers.of_requirement(row.council_id, row.id, live=False, locked=True)
        won = next(offer for offer in offers if offer.id == award.offer_id)
        REQUIREMENT_OFFER.move(self.db, won, RequirementOfferStatus.WITHDRAWN, by=principal.user_id, why=why)
        award.taken_back_at = self.clock.now()
        award.taken_back_by_user_id = principal.user_id
        award.taken_back_why = why
        revived = []
        if row.status is RequirementStatus.AWARDED:
            revived = [offer for offer in offers if self._stands(row, offer)]
            for offer in revived:
                REQUIREMENT_OFFER.move(
                    self.db,
                    offer,
                    RequirementOfferStatus.SHORTLISTED,
                    by=principal.user_id,
                    why="The winner fell through",
                )
            REQUIREMENT.move(self.db, row, RequirementStatus.CLOSED, by=principal.user_id, why=why)
        # The version goes on even when the state stays, so that two brokers notice each other.
        flag_modified(row, "closed_reason")
        for alert in await AlertRepository(self.db).open_of_requirement(row.council_id, row.id):
            close_alert(self.db, principal, alert, "The award was taken back")
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "matching.take_award_back",
            council_id=row.council_id,
            subject_kind="requirement",
            subject_id=row.id,
            before={"award_id": award.id, "organisation_id": award.organisation_id},
            after={"status": row.status, "stand_again": sorted(str(offer.id) for offer in revived)},
            why=why,
        )
        outbox.publish(
            self.db,
            RequirementAwardTakenBack(
                council_id=row.council_id,
                requirement_id=row.id,
                award_id=award.id,
                organisation_id=award.organisation_id,
                person_id=row.person_id,
                others_stand=bool(revived),
            ),
        )

    def _stands(self, row: Requirement, offer: RequirementOffer) -> bool:
        """Whether an offer of this round that lost could still be awarded."""
        on = today(self.clock)
        return (
            offer.status is RequirementOfferStatus.LOST
            and row.opened_at is not None
            and offer.submitted_at is not None
            and offer.submitted_at >= row.opened_at
            and "score" in offer.scores
            and offer.valid_until >= on
            and offer.starts_on >= on
            and str(offer.organisation_id) not in row.excluded_organisation_ids
        )
