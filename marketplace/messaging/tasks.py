"""Background tasks of messaging: sending what waits, and telling people about their password."""

from uuid import UUID

from marketplace.accounts.events import PasswordChanged, PasswordResetRequested
from marketplace.accounts.models import PasswordReset, User
from marketplace.accounts.service import reset_token
from marketplace.core import outbox
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.messaging import delivery
from marketplace.messaging.events import MessageQueued
from marketplace.messaging.models import Message, MessageStatus
from marketplace.messaging.repository import MessageRepository
from marketplace.messaging.sending import envelope_of, send_and_note, send_secret
from marketplace.messaging.service import MessagingService


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
        to_address, user_id = user.email, user.id
    link = f"{settings.public_url}/new-password/{reset_token(settings.secret_key, event.reset_id)}"
    await send_secret(
        event.reset_id, event.council_id, to_address, "password_reset", context, {"reset_link": link}, user_id=user_id
    )


@outbox.task("messaging.tell_password_changed", on=PasswordChanged)
async def tell_password_changed(message_id: UUID, event: PasswordChanged) -> None:
    """Tell somebody that their password was changed, so that a thief does not go unnoticed."""
    context = {"forgotten_link": f"{delivery.settings().public_url}/forgotten-password"}
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "messaging.tell_password_changed", message_id):
            await MessagingService(db).tell(event.council_id, "password_changed", context, user_id=event.user_id)
