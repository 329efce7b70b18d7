"""Questions asked of the councils' own groups of words that mean the same."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from marketplace.core.repository import Repository
from marketplace.providers.models import SynonymGroup


class SynonymRepository(Repository[SynonymGroup]):
    """Groups. They are written by their council and read by all, since one index serves everybody."""

    model_type = SynonymGroup

    async def own(self, council_id: UUID) -> Sequence[SynonymGroup]:
        """Return the groups of a council by their first phrase, those that are switched off too."""
        return await self.every(self.of(council_id).order_by(SynonymGroup.phrases, SynonymGroup.id))

    async def number_of(self, council_id: UUID) -> int:
        """Count the groups of a council."""
        question = select(func.count()).select_from(SynonymGroup).where(SynonymGroup.council_id == council_id)
        return await self.db.scalar(question) or 0

    async def in_use(self, *, without_council: UUID | None = None) -> Sequence[SynonymGroup]:
        """Return the groups of all councils that are not switched off, in a settled order."""
        question = select(SynonymGroup).where(SynonymGroup.is_off.is_(False)).order_by(SynonymGroup.id)
        if without_council is not None:
            question = question.where(SynonymGroup.council_id != without_council)
        return await self.every(question)

    async def phrases_in_use(self) -> list[tuple[str, ...]]:
        """Return what `in_use` holds as plain groups of phrases, for an index."""
        question = select(SynonymGroup.phrases).where(SynonymGroup.is_off.is_(False)).order_by(SynonymGroup.id)
        return [tuple(phrases) for phrases in await self.db.scalars(question)]
