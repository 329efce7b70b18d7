"""Questions about who was asked."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, and_, func, select

from marketplace.accounts.models import Council
from marketplace.core.repository import Repository
from marketplace.matching.models import Requirement, RequirementInvitation, RequirementOffer
from marketplace.matching.repository.care.offers import LIVE_OFFERS
from marketplace.matching.states import RequirementStatus
from marketplace.providers.models import Organisation


class InvitationRepository(Repository[RequirementInvitation]):
    """Who was asked: of a council, or of an organisation in every council."""

    model_type = RequirementInvitation

    async def of_requirement(
        self, council_id: UUID, requirement_id: UUID
    ) -> Sequence[Row[RequirementInvitation, Organisation]]:
        """Return who was asked, by their place in the ranking."""
        rows = await self.db.execute(
            select(RequirementInvitation, Organisation)
            .join(Organisation, Organisation.id == RequirementInvitation.organisation_id)
            .where(
                RequirementInvitation.council_id == council_id, RequirementInvitation.requirement_id == requirement_id
            )
            .order_by(RequirementInvitation.rank.nulls_last(), Organisation.name)
        )
        return rows.all()

    async def own(self, organisation_id: UUID, requirement_id: UUID) -> RequirementInvitation:
        """Return an organisation's invitation in whatever council; the transaction must reach that council.

        Raises:
            NotFound: It was not asked.
        """
        return await self.one(
            select(RequirementInvitation).where(
                RequirementInvitation.organisation_id == organisation_id,
                RequirementInvitation.requirement_id == requirement_id,
            )
        )

    async def inbox(
        self, organisation_id: UUID, tab: str, now: datetime, *, after: UUID | None = None, limit: int = 25
    ) -> Sequence[Row[RequirementInvitation, Requirement, Council, RequirementOffer]]:
        """Return what an organisation was asked in every council, newest first, with its live or last offer.

        Args:
            organisation_id: Who was asked.
            tab: "open" (an answer is wanted), "answered" (the clock runs on, or the award is out), "past".
            now: The present.
            after: Id of the last invitation of the page before.
            limit: Most rows.
        """
        newest = (
            select(RequirementOffer.id)
            .where(
                RequirementOffer.requirement_id == RequirementInvitation.requirement_id,
                RequirementOffer.organisation_id == organisation_id,
            )
            .order_by(RequirementOffer.made_at.desc(), RequirementOffer.id.desc())
            .limit(1)
            .correlate(RequirementInvitation)
            .scalar_subquery()
        )
        question = (
            select(RequirementInvitation, Requirement, Council, RequirementOffer)
            .join(Requirement, Requirement.id == RequirementInvitation.requirement_id)
            .join(Council, Council.id == RequirementInvitation.council_id)
            .outerjoin(RequirementOffer, RequirementOffer.id == newest)
            .where(RequirementInvitation.organisation_id == organisation_id)
        )
        has_offer = func.coalesce(RequirementOffer.status.in_(LIVE_OFFERS), False)
        this_round = RequirementInvitation.round == Requirement.round
        is_open = and_(
            Requirement.status == RequirementStatus.OPEN,
            Requirement.answer_by > now,
            this_round,
            RequirementInvitation.declined_at.is_(None),
        )
        running = Requirement.status.in_([RequirementStatus.OPEN, RequirementStatus.CLOSED])
        answered = and_(running, has_offer)
        if tab == "open":
            question = question.where(is_open, ~has_offer).order_by(Requirement.answer_by, RequirementInvitation.id)
            return (await self.db.execute(question.limit(100))).all()
        question = question.where(answered) if tab == "answered" else question.where(~answered, ~is_open)
        if after is not None:
            question = question.where(RequirementInvitation.id < after)
        return (await self.db.execute(question.order_by(RequirementInvitation.id.desc()).limit(limit))).all()

    async def to_remind(self, now: datetime, until: datetime, limit: int) -> Sequence[Row[UUID, UUID]]:
        """Return council and id of invitations of every council that were not answered and end soon."""
        answered = (
            select(RequirementOffer.id)
            .where(
                RequirementOffer.requirement_id == RequirementInvitation.requirement_id,
                RequirementOffer.organisation_id == RequirementInvitation.organisation_id,
                RequirementOffer.status.in_(LIVE_OFFERS),
            )
            .correlate(RequirementInvitation)
            .exists()
        )
        rows = await self.db.execute(
            select(RequirementInvitation.council_id, RequirementInvitation.id)
            .join(Requirement, Requirement.id == RequirementInvitation.requirement_id)
            .where(
                Requirement.status == RequirementStatus.OPEN,
                Requirement.answer_by > now,
                Requirement.answer_by <= until,
                RequirementInvitation.round == Requirement.round,
                RequirementInvitation.declined_at.is_(None),
                RequirementInvitation.reminded_at.is_(None),
                ~answered,
            )
            .order_by(RequirementInvitation.id)
            .limit(limit)
        )
        return rows.all()
