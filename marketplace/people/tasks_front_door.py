"""Telling the front door of who wrote online and waits for a call."""

from uuid import UUID

from marketplace.accounts import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.formats import uk_datetime
from marketplace.core.outbox import first_time, task
from marketplace.messaging import MessagingService, delivery
from marketplace.people.events import CallAsked
from marketplace.people.models import ContactOutcome, FrontDoorContact
from marketplace.people.words import TOPICS


@task("people.tell_front_door", on=CallAsked)
async def tell_front_door(message_id: UUID, event: CallAsked) -> None:
    """Tell the social workers, who take contacts, that somebody waits; who it is stands behind the sign-in."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_front_door", message_id):
            return
        row = await db.get_one(FrontDoorContact, event.contact_id)
        if row.outcome is not ContactOutcome.PASSED_ON:
            return  # Somebody has called already and wrote down what came of it.
        context = {
            "topic": TOPICS[row.topic],
            "asked_at": uk_datetime(row.taken_at),
            "link": f"{delivery.settings().public_url}/contacts/{row.id}",
        }
        await MessagingService(db).tell(event.council_id, "call_asked", context, role=Role.SOCIAL_WORKER)
