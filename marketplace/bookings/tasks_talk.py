"""Telling the other side, and the council, that something was written or reported. What was written is read on the
site alone."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from marketplace.accounts import Role
from marketplace.bookings.models import SupportAgreement
from marketplace.bookings.repository_talk import AGREEMENT, TalkRepository
from marketplace.core.database import session_maker, transaction
from marketplace.core.files.events import FileInfected
from marketplace.core.outbox import first_time, task
from marketplace.messaging import MessagingService, delivery
from marketplace.messaging.events import ThreadReported, ThreadWritten
from marketplace.messaging.models import Thread, ThreadMessage
from marketplace.messaging.threads import ThreadService

TOLD_AGAIN_AFTER: Final = timedelta(days=1)
"""Somebody who has not read what they were told of is told once a day of what comes after it, not each time."""


@task("bookings.tell_talk", on=ThreadWritten)
async def tell_talk(message_id: UUID, event: ThreadWritten) -> None:
    """Tell the other side of an agreement that something is new."""
    if event.subject_kind != AGREEMENT:
        return
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.tell_talk", message_id):
            return
        thread = await db.get_one(Thread, event.thread_id)
        message = await db.get_one(ThreadMessage, event.message_id)
        if await ThreadService(db).threads.was_told(thread, message, message.written_at - TOLD_AGAIN_AFTER):
            return
        talk = TalkRepository(db)
        row = await talk.row(
            talk.of_person(event.council_id, thread.person_id).where(SupportAgreement.id == thread.subject_id)
        )
        if row is None:
            return
        site, messaging = delivery.settings().public_url, MessagingService(db)
        context: dict[str, Any] = {"reference": row.agreement.reference, "organisation": row.organisation.name}
        if not event.for_provider:
            context["link"] = f"{site}/agreements/{row.agreement.id}/talk"
            await messaging.tell(event.council_id, "talk_person", context, person_id=thread.person_id)
            return
        context["link"] = f"{site}/provider/clients/{row.agreement.id}/talk"
        await messaging.tell(
            event.council_id,
            "talk_provider",
            context,
            organisation_id=thread.organisation_id,
            worker_id=thread.worker_id,
        )


@task("bookings.tell_reported_talk", on=ThreadReported)
async def tell_reported_talk(message_id: UUID, event: ThreadReported) -> None:
    """Tell the council's brokers that a message was reported."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "bookings.tell_reported_talk", message_id):
            link = f"{delivery.settings().public_url}/reported-talk/{event.thread_id}"
            await MessagingService(db).tell(event.council_id, "talk_reported", {"link": link}, role=Role.BROKER)


@task("bookings.tell_talk_file_infected", on=FileInfected)
async def tell_talk_file_infected(message_id: UUID, event: FileInfected) -> None:
    """Tell who sent a file that it held a virus. Files of others are no concern of this task."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "bookings.tell_talk_file_infected", message_id):
            return
        message = await ThreadService(db).note_infected(event.file_id)
        if message is not None:
            await MessagingService(db).tell(
                message.council_id, "talk_file_infected", {}, user_id=message.written_by_user_id
            )
