"""Questions about the entries of a one page profile."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func

from marketplace.core.repository import Repository
from marketplace.people.models import ProfileEntry, ProfileTool


class ProfileRepository(Repository[ProfileEntry]):
    """Entries of the people of a council."""

    model_type = ProfileEntry

    async def of_person(
        self, council_id: UUID, person_id: UUID, *, with_private: bool, tool: ProfileTool | None = None
    ) -> Sequence[ProfileEntry]:
        """Return a person's entries by tool and place; what they keep to themselves only where asked for."""
        question = self._visible(council_id, person_id, with_private=with_private)
        if tool is not None:
            question = question.where(ProfileEntry.tool == tool)
        return await self.every(question.order_by(ProfileEntry.tool, ProfileEntry.position, ProfileEntry.id))

    async def entry(
        self, council_id: UUID, person_id: UUID, entry_id: UUID, *, with_private: bool, locked: bool = False
    ) -> ProfileEntry:
        """Return one entry of a person.

        Raises:
            NotFound: There is none, it is somebody else's, or it is kept private from this reader.
        """
        question = self._visible(council_id, person_id, with_private=with_private).where(ProfileEntry.id == entry_id)
        return await self.one(question, locked=locked)

    async def places(self, council_id: UUID, person_id: UUID, tool: ProfileTool) -> tuple[int, int]:
        """Return how many entries a tool holds, private ones too, and the last place taken; (0, 0) when empty."""
        row = (
            await self.db.execute(
                self.of(council_id)
                .where(ProfileEntry.person_id == person_id, ProfileEntry.tool == tool)
                .with_only_columns(func.count(), func.coalesce(func.max(ProfileEntry.position), 0))
            )
        ).one()
        return int(row[0]), int(row[1])

    def _visible(self, council_id: UUID, person_id: UUID, *, with_private: bool) -> Select[ProfileEntry]:
        question = self.of(council_id).where(ProfileEntry.person_id == person_id)
        return question if with_private else question.where(ProfileEntry.is_private.is_(False))
