"""Questions about people who move to another council, and cases that come in from one."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select

from marketplace.accounts.models import Council
from marketplace.core.repository import Repository
from marketplace.plans.models import CouncilMove, IncomingCase

MOST_SHOWN: Final = 200


class MoveRepository(Repository[CouncilMove]):
    """Moves away from a council."""

    model_type = CouncilMove

    async def open_of(self, council_id: UUID, person_id: UUID, *, locked: bool = False) -> CouncilMove | None:
        """Return the move that counts for a person."""
        question = self.of(council_id).where(CouncilMove.person_id == person_id, CouncilMove.cancelled_at.is_(None))
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return await self.maybe(question)

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[CouncilMove]:
        """Return all moves of a person, those that were called off, too."""
        question = self.of(council_id).where(CouncilMove.person_id == person_id)
        return await self.every(question.order_by(CouncilMove.recorded_at, CouncilMove.id))

    async def others(self, council_id: UUID) -> Sequence[Council]:
        """Return the other councils on the platform, by name."""
        return (await self.db.scalars(select(Council).where(Council.id != council_id).order_by(Council.name))).all()


class IncomingRepository(Repository[IncomingCase]):
    """Cases that other councils passed on."""

    model_type = IncomingCase

    async def latest(self, council_id: UUID) -> Sequence[IncomingCase]:
        """Return cases: those nobody started first, by the day of the move."""
        order = (IncomingCase.started_at.is_not(None), IncomingCase.moves_on, IncomingCase.id)
        return await self.every(self.of(council_id).order_by(*order).limit(MOST_SHOWN))

    async def of_move(self, council_id: UUID, move_id: UUID) -> IncomingCase | None:
        """Return the case of a move, locked."""
        question = self.of(council_id).where(IncomingCase.move_id == move_id).with_for_update()
        return await self.maybe(question.execution_options(populate_existing=True))

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[IncomingCase]:
        """Return the cases with which a person came."""
        return await self.every(self.of(council_id).where(IncomingCase.person_id == person_id))
