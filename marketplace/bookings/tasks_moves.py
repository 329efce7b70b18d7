"""What becomes of support when somebody moves to another council."""

from uuid import UUID

from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import task
from marketplace.plans.events_moving import MoveAnswered
from marketplace.plans.repository.moving import MoveRepository


@task("bookings.end_for_move", on=MoveAnswered)
async def end_for_move(message_id: UUID, event: MoveAnswered) -> None:
    """End agreements where the person wants it. Claims nothing: the move as it stands counts, twice changes nothing."""
    async with transaction(session_maker(), [event.council_id]) as db:
        move = await MoveRepository(db).open_of(event.council_id, event.person_id, locked=True)
        if move is not None and move.id == event.move_id and move.support == "ends":
            await SupportAgreementService(db).end_for_move(event.council_id, event.person_id, move.moves_on)
