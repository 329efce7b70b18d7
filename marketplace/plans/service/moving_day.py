"""The day of a move: both councils are told who is responsible from now on (Care Act s.37-38)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.outbox import publish
from marketplace.plans.events_moving import CaseDayCame, MoveDayCame
from marketplace.plans.repository.moving import IncomingRepository, MoveRepository


class MoveDayService:
    """What comes due on the day. What was told is noted with its event, so a second run repeats nothing."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)

    async def moves(self) -> list[tuple[UUID, UUID]]:
        """Return council and id of each move whose day has come, that day or one on which nothing ran."""
        return list(await MoveRepository(self.db).come(today(self.clock)))

    async def cases(self) -> list[tuple[UUID, UUID]]:
        """Return council and id of each case that came in and whose day has come."""
        return list(await IncomingRepository(self.db).come(today(self.clock)))

    async def tell_move(self, council_id: UUID, move_id: UUID) -> None:
        """Publish once that the day is here, for the council that is left and the person."""
        move = await MoveRepository(self.db).claim_day(council_id, move_id, self.clock.now())
        if move is not None:
            publish(
                self.db,
                MoveDayCame(council_id=council_id, move_id=move.id, person_id=move.person_id, moves_on=move.moves_on),
            )

    async def tell_case(self, council_id: UUID, case_id: UUID) -> None:
        """Publish once that the day is here, for the new council."""
        case = await IncomingRepository(self.db).claim_day(council_id, case_id, self.clock.now())
        if case is not None:
            publish(self.db, CaseDayCame(council_id=council_id, case_id=case.id))
