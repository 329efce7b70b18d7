"""Questions about offers for requirements."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select

from marketplace.core.repository import Repository
from marketplace.matching.models import OfferedVisit, RequirementOffer
from marketplace.matching.states import RequirementOfferStatus

LIVE_OFFERS = (RequirementOfferStatus.SUBMITTED, RequirementOfferStatus.SHORTLISTED, RequirementOfferStatus.WON)
"""Offers that stand: sent, and neither lost nor taken back."""


class CareOfferRepository(Repository[RequirementOffer]):
    """Offers for requirements: a council's, or an organisation's in every council."""

    model_type = RequirementOffer

    async def of_requirement(
        self, council_id: UUID, requirement_id: UUID, *, live: bool = True, locked: bool = False
    ) -> Sequence[RequirementOffer]:
        """Return the offers for a requirement in the order in which they were made."""
        question = self.of(council_id).where(RequirementOffer.requirement_id == requirement_id)
        if live:
            question = question.where(RequirementOffer.status.in_(LIVE_OFFERS))
        question = question.order_by(RequirementOffer.id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return await self.every(question)

    async def own(
        self, organisation_id: UUID, requirement_id: UUID, *, locked: bool = False
    ) -> RequirementOffer | None:
        """Return an organisation's newest offer for a requirement, in whatever council."""
        question = (
            select(RequirementOffer)
            .where(
                RequirementOffer.organisation_id == organisation_id, RequirementOffer.requirement_id == requirement_id
            )
            .order_by(RequirementOffer.made_at.desc(), RequirementOffer.id.desc())
        )
        return await self.maybe(question, locked=locked)

    async def visit_ids(self, offer_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
        """Return by offer the visits it covers; an offer that is not named covers them all."""
        found: dict[UUID, set[UUID]] = {}
        rows = await self.db.execute(
            select(OfferedVisit.offer_id, OfferedVisit.visit_id).where(OfferedVisit.offer_id.in_(list(offer_ids)))
        )
        for offer_id, visit_id in rows:
            found.setdefault(offer_id, set()).add(visit_id)
        return found

    async def clear_visits(self, offer_id: UUID) -> None:
        """Forget which visits an offer covers, before they are written anew."""
        await self.db.execute(delete(OfferedVisit).where(OfferedVisit.offer_id == offer_id))

    async def count_live(self, council_id: UUID, requirement_id: UUID) -> int:
        """Return how many offers stand: all that anybody sees of them before the clock has ended."""
        found = await self.db.scalar(
            select(func.count()).where(
                RequirementOffer.council_id == council_id,
                RequirementOffer.requirement_id == requirement_id,
                RequirementOffer.status.in_(LIVE_OFFERS),
            )
        )
        return found or 0
