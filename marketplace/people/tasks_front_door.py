"""Telling the front door of who wrote online and waits for a call."""

from uuid import UUID

from marketplace.accounts import Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.messaging import MessagingService, delivery
from marketplace.people.events import CallAsked
from marketplace.people.front_door import first_contact
from marketplace.people.models import ContactOutcome, FrontDoorContact


@task("people.tell_front_door", on=CallAsked)
async def tell_front_door(message_id: UUID, event: CallAsked) -> None:
    """Tell the council's first contact, or the social workers where it has none, that somebody waits.

    The message holds a link only: who asks, and for what, stands behind the sign-in.
    """
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_front_door", message_id):
            return
        row = await db.get_one(FrontDoorContact, event.contact_id)
        if row.outcome is not ContactOutcome.PASSED_ON:
            return  # Somebody has called already and wrote down what came of it.
        messages, context = MessagingService(db), {"link": f"{delivery.settings().public_url}/contacts/{row.id}"}
        first = await first_contact(db, event.council_id, today(clock_of(db)))
        if first.address:
            await messages.write_to(
                event.council_id, "call_asked", context, address=first.address, reader_name=first.team
            )
        else:
            await messages.tell(event.council_id, "call_asked", context, role=Role.SOCIAL_WORKER)
