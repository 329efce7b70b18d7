"""Background tasks of messaging: sending what waits, and telling people about their password."""

from uuid import UUID

from marketplace.accounts.events import PasswordChanged, PasswordResetRequested
from marketplace.accounts.models import PasswordReset, User
from marketplace.accounts.service import reset_token
from marketplace.core import outbox
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.messaging import delivery
from marketplace.messaging.events import MessageQueued
from marketplace.messaging.models import Channel, Message, MessageStatus
from marketplace.messaging.repository import MessageRepository
from marketplace.messaging.sending import NOT_KEPT, envelope_of, send_and_note
from marketplace.messaging.service import MessagingService, write


@outbox.task("messaging.deliver", on=MessageQueued)
async def deliver(message_id: UUID, event: MessageQueued) -> None:
    """Send a message that waits. It calls out, so it claims nothing: a message that is sent is left alone."""
    async with transaction(session_maker(), [event.council_id]) as db:
        messages = MessageRepository(db)
        message = await messages.maybe(messages.of(event.council_id).where(Message.id == event.message_id))
        if message is None or message.status is not MessageStatus.QUEUED:
            return
        envelope = envelope_of(message, message.body)
    await send_and_note(envelope, event.council_id)


@outbox.task("messaging.send_reset_link", on=PasswordResetRequested)
async def send_reset_link(message_id: UUID, event: PasswordResetRequested) -> None:
    """Send the link to choose a new password. What is kept of the message does not hold the link, which is a secret."""
    settings = delivery.settings()
    async with transaction(session_maker(), [event.council_id]) as db:
        now = clock_of(db).now()
        reset = await db.get(PasswordReset, event.reset_id)
        if reset is None or reset.used_at is not None or reset.expires_at <= now:
            return
        user = await db.get(User, reset.user_id)
        if user is None:
            return
        context = {"reader_name": user.name, "expires_at": reset.expires_at}
        message = await db.get(Message, reset.id)
        if message is None:
            subject, body = write("password_reset", {**context, "reset_link": NOT_KEPT})
            message = Message(
                id=reset.id,  # One message for a link, however often this runs.
                council_id=event.council_id,
                user_id=user.id,
                channel=Channel.EMAIL,
                to_address=user.email,
                template="password_reset",
                subject=subject,
                body=body,
                status=MessageStatus.QUEUED,
                created_at=now,
            )
            db.add(message)
        elif message.status is not MessageStatus.QUEUED:
            return
        link = f"{settings.public_url}/new-password/{reset_token(settings.secret_key, reset.id)}"
        envelope = envelope_of(message, write("password_reset", {**context, "reset_link": link})[1])
    await send_and_note(envelope, event.council_id)


@outbox.task("messaging.tell_password_changed", on=PasswordChanged)
async def tell_password_changed(message_id: UUID, event: PasswordChanged) -> None:
    """Tell somebody that their password was changed, so that a thief does not go unnoticed."""
    context = {"forgotten_link": f"{delivery.settings().public_url}/forgotten-password"}
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "messaging.tell_password_changed", message_id):
            await MessagingService(db).tell(event.council_id, "password_changed", context, user_id=event.user_id)
