"""Questions about needs that nobody met."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, select

from marketplace.core.repository import Repository
from marketplace.matching.models import Requirement, UnmetRequirement


class UnmetRepository(Repository[UnmetRequirement]):
    """Needs that the market of a council did not meet. No row says whose."""

    model_type = UnmetRequirement

    async def since(self, council_id: UUID, first: datetime) -> Sequence[UnmetRequirement]:
        """Return what was logged from an instant on."""
        question = self.of(council_id).where(UnmetRequirement.logged_at >= first)
        return await self.every(question.order_by(UnmetRequirement.logged_at.desc()).limit(20_000))

    async def page(
        self, council_id: UUID, *, after: UUID | None = None, limit: int = 25
    ) -> Sequence[Row[UnmetRequirement, str]]:
        """Return rows with the reference of their requirement, newest first."""
        question = (
            select(UnmetRequirement, Requirement.reference)
            .join(Requirement, Requirement.id == UnmetRequirement.requirement_id)
            .where(UnmetRequirement.council_id == council_id)
            .order_by(UnmetRequirement.id.desc())
            .limit(limit)
        )
        if after is not None:
            question = question.where(UnmetRequirement.id < after)
        return (await self.db.execute(question)).all()

    async def of_requirement(
        self, council_id: UUID, requirement_id: UUID, *, locked: bool = False
    ) -> UnmetRequirement | None:
        """Return what was logged last for a requirement."""
        question = self.of(council_id).where(UnmetRequirement.requirement_id == requirement_id)
        return await self.maybe(question.order_by(UnmetRequirement.round.desc()), locked=locked)
