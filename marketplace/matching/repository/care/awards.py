"""Questions about awards."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Row, func, select

from marketplace.core.repository import Repository
from marketplace.matching.models import Preference, Requirement, RequirementAward, RequirementOffer


class AwardRepository(Repository[RequirementAward]):
    """Awards of a council."""

    model_type = RequirementAward

    async def of_requirement(
        self, council_id: UUID, requirement_id: UUID, *, in_force: bool = True, locked: bool = False
    ) -> Sequence[RequirementAward]:
        """Return the awards of a requirement that are in force, or those that were taken back, too."""
        question = self.of(council_id).where(RequirementAward.requirement_id == requirement_id)
        if in_force:
            question = question.where(RequirementAward.taken_back_at.is_(None))
        question = question.order_by(RequirementAward.id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return await self.every(question)

    async def of_person(
        self, council_id: UUID, person_id: UUID
    ) -> Sequence[Row[RequirementAward, Requirement, RequirementOffer, Preference]]:
        """Return a person's awards, newest first: with requirement, offer, and what they had said before."""
        rows = await self.db.execute(
            select(RequirementAward, Requirement, RequirementOffer, Preference)
            .join(Requirement, Requirement.id == RequirementAward.requirement_id)
            .join(RequirementOffer, RequirementOffer.id == RequirementAward.offer_id)
            .join(Preference, Preference.id == RequirementAward.preference_id)
            .where(RequirementAward.council_id == council_id, Requirement.person_id == person_id)
            .order_by(RequirementAward.awarded_at.desc(), RequirementAward.id.desc())
            .limit(20)
        )
        return rows.all()

    async def last_taken_back(self, council_id: UUID, requirement_id: UUID) -> datetime | None:
        """Return when an award of a requirement was last taken back."""
        return await self.db.scalar(
            select(func.max(RequirementAward.taken_back_at)).where(
                RequirementAward.council_id == council_id, RequirementAward.requirement_id == requirement_id
            )
        )

    async def own_taken_back(self, organisation_id: UUID, offer_id: UUID) -> RequirementAward | None:
        """Return an organisation's award for an offer if it was taken back."""
        return await self.maybe(
            select(RequirementAward).where(
                RequirementAward.offer_id == offer_id,
                RequirementAward.organisation_id == organisation_id,
                RequirementAward.taken_back_at.is_not(None),
            )
        )

    async def to_start(self, council_id: UUID, on: date, organisation_id: UUID | None = None) -> Sequence[UUID]:
        """Return requirements with an award in force whose first day is not behind us."""
        question = (
            select(RequirementAward.requirement_id)
            .where(
                RequirementAward.council_id == council_id,
                RequirementAward.taken_back_at.is_(None),
                RequirementAward.starts_on >= on,
            )
            .distinct()
        )
        if organisation_id is not None:
            question = question.where(RequirementAward.organisation_id == organisation_id)
        return (await self.db.scalars(question.order_by(RequirementAward.requirement_id))).all()

    async def councils_to_start(self, on: date) -> Sequence[UUID]:
        """Return the councils with an award in force whose first day is not behind us."""
        question = select(RequirementAward.council_id).where(
            RequirementAward.taken_back_at.is_(None), RequirementAward.starts_on >= on
        )
        return (await self.db.scalars(question.distinct().order_by(RequirementAward.council_id))).all()

    async def totals(self, offer_ids: Iterable[UUID]) -> list[int]:
        """Return the points of offers, without whose they are."""
        rows = await self.db.scalars(
            select(RequirementOffer.total).where(
                RequirementOffer.id.in_(list(offer_ids)), RequirementOffer.total.is_not(None)
            )
        )
        return [int(row) for row in rows if row is not None]
