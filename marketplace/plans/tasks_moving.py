"""What follows from a move to another council: asking the person, passing the case on, telling the new council."""

from uuid import UUID

from marketplace.accounts import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.settings import site_address
from marketplace.messaging import MessagingService
from marketplace.plans.events_moving import CaseCameIn, MoveAnswered, MoveCancelled, MoveRecorded
from marketplace.plans.repository.moving import IncomingRepository
from marketplace.plans.service.incoming import IncomingService


@task("plans.ask_about_move", on=MoveRecorded)
async def ask_about_move(message_id: UUID, event: MoveRecorded) -> None:
    """Ask the person what may be passed on, and what becomes of their support."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.ask_about_move", message_id):
            context = {"link": f"{site_address()}/my-move"}
            await MessagingService(db).tell(
                event.council_id, "move_recorded", context, person_id=event.person_id, role=Role.PERSON
            )


@task("plans.pass_case_on", on=MoveAnswered)
async def pass_case_on(message_id: UUID, event: MoveAnswered) -> None:
    """Pass on what the person lets us, or take it back. Claims nothing: what counts is the move as it stands."""
    if event.to_council_id is not None:
        async with transaction(session_maker(), [event.council_id, event.to_council_id]) as db:
            await IncomingService(db).pass_on(event.council_id, event.move_id)


@task("plans.take_case_back", on=MoveCancelled)
async def take_case_back(message_id: UUID, event: MoveCancelled) -> None:
    """Take back what was passed on of a move that does not take place."""
    if event.to_council_id is not None:
        async with transaction(session_maker(), [event.council_id, event.to_council_id]) as db:
            await IncomingService(db).pass_on(event.council_id, event.move_id)


@task("plans.tell_case_came_in", on=CaseCameIn)
async def tell_case_came_in(message_id: UUID, event: CaseCameIn) -> None:
    """Tell the new council's social workers. The message names nobody."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_case_came_in", message_id):
            case = await IncomingRepository(db).find(event.council_id, event.case_id)
            context = {
                "council": case.from_name,
                "moves_on": case.moves_on,
                "link": f"{site_address()}/incoming-cases/{case.id}",
            }
            await MessagingService(db).tell(event.council_id, "case_came_in", context, role=Role.SOCIAL_WORKER)
