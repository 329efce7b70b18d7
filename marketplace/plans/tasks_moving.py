"""What follows from a move to another council: asking the person, passing the case on, telling the new council."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import AccountRepository, Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.core.settings import site_address
from marketplace.messaging import MessagingService
from marketplace.people import PeopleRepository
from marketplace.plans.events_moving import (
    CaseCameIn,
    CaseDayCame,
    MoveAnswered,
    MoveCancelled,
    MoveDayCame,
    MoveRecorded,
)
from marketplace.plans.repository.moving import IncomingRepository, MoveRepository
from marketplace.plans.repository.setups import SetupRepository
from marketplace.plans.service.incoming import IncomingService
from marketplace.plans.service.moving_day import MoveDayService


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


@every(timedelta(days=1), "plans.watch_moves")
async def watch_moves() -> None:
    """Tell both councils and the person when the day of a move has come. A run that was missed is made up for."""
    async with transaction(session_maker(), "every") as db:
        service = MoveDayService(db)
        moves, cases = await service.moves(), await service.cases()
    attempts = Attempts()
    for council_id, move_id in moves:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await MoveDayService(db).tell_move(council_id, move_id)
    for council_id, case_id in cases:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await MoveDayService(db).tell_case(council_id, case_id)
    attempts.done()


@task("plans.tell_move_day", on=MoveDayCame)
async def tell_move_day(message_id: UUID, event: MoveDayCame) -> None:
    """Tell the council that is left what is still to do, and the person that support goes on."""
    council_id = event.council_id
    async with transaction(session_maker(), [council_id]) as db:
        if not await first_time(db, "plans.tell_move_day", message_id):
            return
        move = await MoveRepository(db).find(council_id, event.move_id)
        if move.cancelled_at is not None:
            return
        person = await PeopleRepository(db).find(council_id, event.person_id)
        if person.died_on is not None:
            return
        new = await AccountRepository(db).council(move.to_council_id) if move.to_council_id is not None else None
        setup = await SetupRepository(db).running(council_id, person.id)
        context = {
            "reference": person.reference,
            "moves_on": move.moves_on,
            "to": new.name if new is not None else move.to_name,
            "is_here": new is not None,
            "phone": new.contact_phone if new is not None else "",
            "consent": move.consent,
            "support": move.support,
            "has_payment": setup is not None,
            "link": f"{site_address()}/people/{person.id}/move",
            "my_link": f"{site_address()}/my-move",
        }
        messages = MessagingService(db)
        await messages.tell(council_id, "move_day", context, role=Role.SOCIAL_WORKER)
        await messages.tell(council_id, "move_day_person", context, person_id=person.id)


@task("plans.tell_case_day", on=CaseDayCame)
async def tell_case_day(message_id: UUID, event: CaseDayCame) -> None:
    """Tell the new council's social workers that it is responsible, unless it has assessed. It names nobody."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_case_day", message_id):
            return
        cases = IncomingRepository(db)
        case = await cases.find(event.council_id, event.case_id)
        if case.withdrawn_at is not None or await cases.assessed(event.council_id, [case]):
            return
        context = {
            "council": case.from_name,
            "moves_on": case.moves_on,
            "is_started": case.started_at is not None,
            "link": f"{site_address()}/incoming-cases/{case.id}",
        }
        await MessagingService(db).tell(event.council_id, "case_day", context, role=Role.SOCIAL_WORKER)
