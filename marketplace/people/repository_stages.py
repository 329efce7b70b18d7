"""Questions about the stages people are in, and their times of crisis."""

from collections.abc import Sequence
from uuid import UUID

from marketplace.core.repository import Repository
from marketplace.people.models import Crisis, PersonStage

LONGEST_LIST = 100


class StageRepository(Repository[PersonStage]):
    """Stages of people of a council."""

    model_type = PersonStage

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[PersonStage]:
        """Return somebody's stages, the latest first."""
        question = self.of(council_id).where(PersonStage.person_id == person_id)
        latest = (PersonStage.started_on.desc(), PersonStage.id.desc())
        return await self.every(question.order_by(*latest).limit(LONGEST_LIST))


class CrisisRepository(Repository[Crisis]):
    """Times of crisis of people of a council."""

    model_type = Crisis

    async def open_of(self, council_id: UUID, person_id: UUID, *, locked: bool = False) -> Crisis | None:
        """Return the crisis somebody is in, if any."""
        question = self.of(council_id).where(Crisis.person_id == person_id, Crisis.ended_on.is_(None))
        return await self.maybe(question, locked=locked)

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[Crisis]:
        """Return somebody's times of crisis, the latest first."""
        question = self.of(council_id).where(Crisis.person_id == person_id)
        return await self.every(question.order_by(Crisis.started_on.desc(), Crisis.id.desc()).limit(LONGEST_LIST))
