"""Background tasks of messaging: sending what waits, and telling people about their password."""

from uuid import UUID

import structlog

from marketplace.accounts.events import PasswordChanged, PasswordResetRequested
from marketplace.accounts.models import PasswordReset, User
from marketplace.accounts.service import reset_token
from marketplace.core import outbox
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.messaging import delivery
from marketplace.messaging.delivery import DeliveryRefused, Envelope
from marketplace.messaging.events import MessageQueued
from marketplace.messaging.models import Channel, Message, MessageStatus
from marketplace.messaging.repository import MessageRepository
from marketplace.messaging.service import MessagingService, write

log = structlog.get_logger(__name__)

NOT_KEPT = "(The link was sent to you. It is not kept here.)"


@outbox.task("messaging.deliver", on=MessageQueued)
async def deliver(message_id: UUID, event: MessageQueued) -> None:
    """Send a message that waits. It calls out, so it claims nothing: a message that is sent is left alone."""
    async with transaction(session_maker(), [event.council_id]) as db:
        messages = MessageRepository(db)
        message = await messages.maybe(messages.of(event.council_id).where(Message.id == event.message_id))
        if message is None or message.status is not MessageStatus.QUEUED:
            return
        envelope = _envelope(message, message.body)
    await _send_and_note(envelope, event.council_id)


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
        envelope = _envelope(message, write("password_reset", {**context, "reset_link": link})[1])
    await _send_and_note(envelope, event.council_id)


@outbox.task("messaging.tell_password_changed", on=PasswordChanged)
async def tell_password_changed(message_id: UUID, event: PasswordChanged) -> None:
    """Tell somebody that their password was changed, so that a thief does not go unnoticed."""
    context = {"forgotten_link": f"{delivery.settings().public_url}/forgotten-password"}
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "messaging.tell_password_changed", message_id):
            await MessagingService(db).tell(event.council_id, "password_changed", context, user_id=event.user_id)


def _envelope(message: Message, body: str) -> Envelope:
    return Envelope(
        message_id=message.id,
        channel=message.channel,
        to_address=message.to_address,
        subject=message.subject,
        body=body,
        created_at=message.created_at,
    )


async def _send_and_note(envelope: Envelope, council_id: UUID) -> None:
    """Send outside any transaction, then write down how it went."""
    outcome = MessageStatus.SENT
    try:
        await delivery.carrier().send(envelope)
    except DeliveryRefused as error:
        log.warning("message-refused", message_id=str(envelope.message_id), reason=str(error))
        outcome = MessageStatus.FAILED
    async with transaction(session_maker(), [council_id]) as db:
        message = await MessageRepository(db).find(council_id, envelope.message_id, locked=True)
        if message.status is MessageStatus.QUEUED:
            message.status = outcome
            if outcome is MessageStatus.SENT:
                message.sent_at = clock_of(db).now()
